"""The worker's process: `python -m trunkward.worker`. The only writer of the records database."""

import argparse
import fcntl
import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from trunkward.engines.exporter import Heartbeat, new_registry, serve
from trunkward.engines.process_log import log_as_json
from trunkward.engines.targets import read_health, read_targets
from trunkward.engines.waiting import Waiting, waiting
from trunkward.live import money
from trunkward.live.ask import Valkey
from trunkward.records.model import Record
from trunkward.settings import WORKER_METRICS_PORT, Paths
from trunkward.store.database import migrate, open_database
from trunkward.store.rated import RatedStore
from trunkward.worker.abandoned import Abandoned
from trunkward.worker.alerts import start_alerts, watched
from trunkward.worker.carriers import Carriers, carriers_seen
from trunkward.worker.compile import PolicyCompiler
from trunkward.worker.delegates import Delegates
from trunkward.worker.heads import Heads
from trunkward.worker.library import FunctionLibrary
from trunkward.worker.metrics import AlertNumbers, CountedStore, WorkerMetrics
from trunkward.worker.resolve import start_resolving
from trunkward.worker.retention import Retention
from trunkward.worker.settle_again import SettlesAgain
from trunkward.worker.ship import ship
from trunkward.worker.show import show
from trunkward.worker.told_ends import take_ends

#: Seconds between two rounds; a record is in the database this much after its call, at most.
ROUND_S = 1.0
_STOP = frozenset({signal.SIGTERM})


def main() -> None:
    """Runs rounds until SIGTERM; a round that fails is logged and the next one tried."""
    paths = _arguments()
    log_as_json()
    log = structlog.get_logger(process="worker")
    # before there are threads, none of which is to get it: it ends the wait between two rounds, no round
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # before there is a policy, without which no gate listens
    compiler = PolicyCompiler(paths.declared, paths.policy, partial(show, paths.shown))

    functions = FunctionLibrary(
        paths, log.warning, lambda: compiler.declared.node if compiler.declared else None
    )
    functions.load_first()
    compiler.round()
    stopped = threading.Event()
    follower = threading.Thread(target=compiler.follow, args=(stopped, log.info), name="policy", daemon=True)
    follower.start()
    # before the database is touched: one writer, also when a worker before this one is slow to go
    held = paths.worker_lock.open("a")
    fcntl.flock(held, fcntl.LOCK_EX)
    held.truncate(0)
    heads = Heads(paths, log.error)
    engine = open_database(paths.records_url)
    if not _at_hand(engine, paths.records_url, heads, log):
        stopped.set()
        functions.close()
        return
    round_done = False

    def waits() -> Waiting | None:
        # before the first round is through, nobody has asked how far each segment has come
        return waiting(paths.segment_directories(), store.known_offset) if round_done else None

    def carriers() -> Carriers | None:
        declared = compiler.declared
        if declared is None:
            return None
        return carriers_seen(declared, read_health(paths), read_targets(paths), time.time())

    alerts, outbox = start_alerts(
        paths,
        lambda: watched(compiler.declared, compiler.capped),
        stopped,
        log.warning,
        lambda: compiler.declared,
        lambda: compiler.traceback_requests,
    )
    counted = WorkerMetrics(
        waits,
        carriers,
        lambda: AlertNumbers(
            raised=alerts.raised,
            delivered=outbox.delivered,
            failures=outbox.failures,
            given_up=outbox.given_up,
            waiting=outbox.waiting,
        ),
    )

    def shipped(records: Sequence[Record]) -> None:
        counted.shipped(records)
        alerts.shipped(records, time.time())

    settles_again = SettlesAgain(RatedStore(engine), paths.records_url, log.warning)

    def settle_again(valkey: Valkey, watched: money.Watched, *, shipped: bool) -> None:
        if compiler.declared is None:
            return
        if shipped:
            take_ends(valkey, compiler.declared.node.ledger_name, store, log.warning)
        settles_again.round(valkey, watched, compiler.declared.node, beat, shipped=shipped)

    name = compiler.declared.node.ledger_name if compiler.declared else ""
    # of a database that is a file nobody else has one
    shared = not paths.records_url.startswith("sqlite")
    store = CountedStore(engine, shipped, name if shared else "")
    retention = Retention(store, log.info)
    delegates = Delegates(paths, log.warning)
    heartbeat = Heartbeat()
    _serve_metrics(counted, heartbeat, log)
    # who holds the lock and has written into it works, as long as its file is touched
    held.write(f"{os.getpid()}\n")
    held.flush()

    def beat() -> None:
        os.utime(held.fileno())
        heartbeat.beat()

    log.info("ready", policy_version=compiler.version)
    abandoned = Abandoned(
        store,
        (paths.edge_records, paths.edge_overflow),
        log.warning,
        is_ours=lambda decision: not shared or decision.node in ("", name),
    )
    start_resolving(paths.targets, lambda: compiler.declared, log.info)
    failed, wait_s = "", 0.0
    while signal.sigtimedwait(_STOP, wait_s) is None:
        wait_s = ROUND_S
        try:
            beat()
            # before the database is asked for anything: they are signed also while it is lost
            heads.round(time.time())
            counted.heads_signed_at = heads.signed_at
            functions.round()
            counted.name_taken = functions.name_taken
            counted.policy_version, counted.compilations_failed = compiler.version, compiler.failed
            # before what is shipped: a note speaks of all that was written until then
            notes = abandoned.notes()
            ship(paths.segment_directories(), store, time.time(), log.warning, beat)
            functions.with_ledger(partial(settle_again, shipped=True))
            abandoned.round(notes, time.time(), beat)
            delegates.round(compiler.declared, compiler.delegates, time.time())
            counted.records_until = compiler.records_until
            counted.traceback_dues = [one.due_at for one in compiler.traceback_requests]
            counted.bad_delegates = len(delegates.bad or ())
            retention.round(compiler.retention, time.time(), beat)
            counted.calls_deleted = retention.calls_deleted
            counted.ladders_deleted = retention.ladders_deleted
            if failed:
                log.info("rounds succeed again")
            failed, round_done = "", True
        except Exception as problem:  # a background round must not end the process; it is seen in the log
            if repr(problem) != failed:  # once, not every second
                log.exception("round failed")
            with suppress(SQLAlchemyError):
                functions.with_ledger(partial(settle_again, shipped=False))
            failed = repr(problem)
            counted.rounds_failed += 1
    stopped.set()
    functions.close()
    engine.dispose()


def _at_hand(engine: sa.Engine, url: str, heads: Heads, log: structlog.stdlib.BoundLogger) -> bool:
    """Waits for the records' database, and brings it to the newest form; False: SIGTERM came before it.

    Heads are signed meanwhile: who takes the database away is to have no time of which nothing speaks.
    """
    told = ""
    while True:
        heads.round(time.time())
        try:
            migrate(engine)
        except DBAPIError as problem:
            if (why := str(problem.orig)) != told:  # once, not every second
                log.error("database cannot be used", database=url, problem=why)
            told = why
        else:
            return True
        if signal.sigtimedwait(_STOP, ROUND_S) is not None:
            return False


def _serve_metrics(counted: WorkerMetrics, heartbeat: Heartbeat, log: structlog.stdlib.BoundLogger) -> None:
    registry = new_registry()
    registry.register(counted)
    registry.register(heartbeat)
    try:
        serve(WORKER_METRICS_PORT, registry)
    except OSError as problem:  # records are worth more than counters
        log.error("no metrics", port=WORKER_METRICS_PORT, problem=str(problem))


def _arguments() -> Paths:
    parser = argparse.ArgumentParser(prog="trunkward.worker")
    parser.add_argument("--database", default="")
    parser.add_argument("--live", default="")
    for name in ("config", "state", "run", "log"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    return Paths(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
