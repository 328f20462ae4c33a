"""One gate's process: `python -m trunkward.gate --index N ...`."""

import argparse
import asyncio
import gc
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog
import uvloop

from trunkward.admission.money import longest_s
from trunkward.engines.behind_calls import stand_back
from trunkward.engines.denied_file import LOOK_S, DeniedToGate
from trunkward.engines.drain import is_draining
from trunkward.engines.exporter import BEAT_S, Heartbeat, new_registry
from trunkward.engines.exporter import serve as serve_metrics
from trunkward.engines.fetcher_client import FetcherClient
from trunkward.engines.pki_files import PkiFiles, read_secret
from trunkward.engines.process_log import log_as_json
from trunkward.engines.trust import TrustFiles
from trunkward.gate.clock import KernelClock
from trunkward.gate.counts import Counts
from trunkward.gate.credentials import Verifier
from trunkward.gate.escrow import EVERY_S
from trunkward.gate.line import Line
from trunkward.gate.metrics import counted
from trunkward.gate.policy import PolicyInForce
from trunkward.gate.recorder import Recorder
from trunkward.gate.server import serve
from trunkward.gate.signing import Signers
from trunkward.gate.verification_counts import VerificationCounts
from trunkward.gate.verifying import Verifying
from trunkward.live.client import LiveClient
from trunkward.settings import METRICS_PORT, Paths

#: Seconds between two looks for a newer policy.
_REFRESH_S = 0.2
#: The same while there is none at all.
_FIRST_LOOK_S = 0.02


def main() -> None:
    """Runs until SIGTERM."""
    options, paths = _arguments()
    log_as_json()
    # what is loaded stays
    gc.freeze()
    uvloop.run(_run(options, paths))


async def _run(options: argparse.Namespace, paths: Paths) -> None:
    index = options.index
    log = structlog.get_logger("gate", gate=index)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    pki = PkiFiles(paths.pki)
    denied = DeniedToGate(paths)
    # before there is a call
    if problem := denied.refresh():
        log.error("list of denied evidence not taken", problem=problem)
    policy = PolicyInForce(paths.policy, lambda: denied.ids)
    signers = Signers(paths.signer_socket_of)
    recorder = Recorder(paths.gate_records(index))
    client = LiveClient(paths.valkey, "gate", paths.valkey_secret("gate"))
    counted.counts = counts = Counts(client, index)
    counted.draining = is_draining(paths)
    clock = KernelClock(trusted=options.unsafe_trusted_clock)
    fetcher, trust, verifications = (
        FetcherClient(paths.fetcher_socket),
        TrustFiles(
            paths, administered=options.policy_administrator, hard=options.hard_revocation, gate=index
        ),
        VerificationCounts(),
    )
    line = Line(
        index=index,
        policy=lambda: policy.snapshot,
        draining=lambda: counted.draining,
        signers=signers,
        origid_secret=read_secret(pki.origid_secret),
        clock=clock,
        recorder=recorder,
        counts=counts,
        verifier=Verifier(read_secret(pki.digest_secret), lambda: client.epoch),
        verifying=Verifying(fetcher, trust, clock, verifications),
        registrar=client,
    )

    loaded = asyncio.Event()
    heartbeat = Heartbeat()
    beside = ThreadPoolExecutor(1, thread_name_prefix="policy", initializer=stand_back)

    async def follow() -> None:
        told: str | None = None
        while True:
            if policy.is_behind():
                problem = await loop.run_in_executor(beside, policy.refresh)
                if problem and problem != told:
                    log.error("policy not taken", problem=problem)
                told = problem
            if trust.is_behind():
                await loop.run_in_executor(beside, trust.refresh)
                verifications.trust, verifications.lists_refused = trust.trust, trust.problems
            if counted.draining != is_draining(paths):
                counted.draining = not counted.draining
                log.warning("no new calls from now on" if counted.draining else "new calls again")
            line.tell_of_strangers()
            if policy.snapshot is not None:
                loaded.set()
                counted.policy_version = policy.snapshot.version
            await asyncio.sleep(_REFRESH_S if loaded.is_set() else _FIRST_LOOK_S)

    async def deny() -> None:
        # by itself: what was revoked waits for no policy that is being read, or cannot be
        while True:
            if problem := denied.refresh():
                log.error("list of denied evidence not taken", problem=problem)
            counted.denied = denied.taken
            await asyncio.sleep(LOOK_S)

    async def beat() -> None:
        # not in the loop above, which waits while a large policy is read, and calls do not
        while True:
            heartbeat.beat()
            await asyncio.sleep(BEAT_S)

    async def lease() -> None:
        while True:
            if policy.snapshot is not None:
                await counts.escrow.round(policy.snapshot, time.time())
            await asyncio.sleep(EVERY_S)

    async def look() -> None:
        # no call may come to this gate, and yet the edge asks it whether the ledger grants nothing: a Valkey
        # that came back without its functions could not tell the new connection, and what thawed it since
        # may have come from another gate. Nor does it thaw before each gate has heard
        while True:
            await counts.look(policy.snapshot.node if policy.snapshot is not None else None)
            await asyncio.sleep(BEAT_S)

    beside_calls = [asyncio.create_task(one) for one in (follow(), deny(), beat(), lease(), look())]
    _serve_metrics(index, heartbeat, verifications, log)
    # without a policy there is nothing to listen for: the edge finds no gate, and does what it does then
    await _first_of(loaded, stop)
    if not stop.is_set():
        if policy.snapshot is not None:
            node = policy.snapshot.node
            client.longest_s, client.currency = longest_s(node), node.currency
        await client.greet()
        log.info("ready", policy=policy.snapshot.version if policy.snapshot else None)
        await serve(paths.gate_socket(index), line, stop)
    for task in beside_calls:
        task.cancel()
    beside.shutdown(wait=False, cancel_futures=True)
    if policy.snapshot is not None:
        await counts.escrow.close()
    line.tell_of_strangers(at_once=True)
    await signers.close()
    await fetcher.close()
    await client.close()
    recorder.close()


def _serve_metrics(
    index: int, heartbeat: Heartbeat, verifications: VerificationCounts, log: structlog.stdlib.BoundLogger
) -> None:
    registry = new_registry()
    registry.register(counted)
    registry.register(heartbeat)
    registry.register(verifications)
    try:
        serve_metrics(METRICS_PORT + index, registry)
    except OSError as problem:  # calls are worth more than counters
        log.error("no metrics", port=METRICS_PORT + index, problem=str(problem))


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def _arguments() -> tuple[argparse.Namespace, Paths]:
    parser = argparse.ArgumentParser(prog="trunkward.gate")
    parser.add_argument("--index", type=int, required=True)
    parser.add_argument("--unsafe-trusted-clock", action="store_true")
    parser.add_argument("--policy-administrator", action="store_true", help="signatures lead to its list")
    parser.add_argument("--hard-revocation", action="store_true", help="and to none without a fresh list")
    parser.add_argument("--live", default="")
    places = ("config", "state", "run", "log")
    for name in places:
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    return options, Paths(**{name: getattr(options, name) for name in (*places, "live")})


if __name__ == "__main__":
    main()
