"""Speaks with the authorities of SHAKEN: `python -m trunkward.certificates.identities`.

Keeps the trusted list, the revocation list, and the certificate of each identity that comes by ACME. Its
user holds keys of accounts, and passwords; no key that signs calls. What it brings are files: signers and
gates check each of them themselves before they rely on it.
"""

import argparse
import os
import signal
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog

from trunkward import __version__
from trunkward.certificates.lists import Lists
from trunkward.certificates.signing import Signing
from trunkward.engines.certificate_state import IdentitiesState, write_state
from trunkward.engines.identity_task import IdentitiesTask
from trunkward.engines.process_log import log_as_json
from trunkward.engines.whole_file import read_plain
from trunkward.fetch.policy_administrator import PolicyAdministrator

#: Seconds between two looks at the clock, and between two signs of life.
ROUND_S = 1.0
#: Seconds a round waits for identities: one whose authority is slow goes on beside the next rounds.
WAITS_S = 10.0
#: Seconds after which what does not end is no work any more: an order has a dozen requests of
#: `fetch.guard.ANSWER_S` at most, and waits `fetch.acme_authority.ORDER_S`.
STUCK_S = 3600.0

log = structlog.get_logger(process="identities")


class Identities:
    """All of a node's.

    A thread fetches the lists, and one for each identity speaks with its authority: none holds up another's.
    Whoever asks how it goes waits for nobody.
    """

    def __init__(self, task: IdentitiesTask, wish: Path | None = None) -> None:
        """`wish`: where a person's wish to renew now is found.

        Raises `OSError`, `ValueError` for a certificate of the administrator that is none.
        """
        self._wish = wish
        #: A wish from before this process: its start asks for what is missing anyway.
        self._renewed = self._heard = self._wished()
        self._since = datetime.now(UTC)
        self._began_s = time.monotonic()
        self._lists = Lists(task, log)
        administrator = PolicyAdministrator(task.administrator, Path(task.trusted))
        self._identities = {
            one.name: Signing(one, self._lists, administrator, log) for one in task.identities
        }
        self._threads = ThreadPoolExecutor(max(1, len(self._identities)), thread_name_prefix="identity")
        #: The round of each that is under way or was the last, and when it began (seconds that pass).
        self._rounds: dict[str, tuple[Future[None], float]] = {}
        #: Those that have not heard of the last wish.
        self._to_hurry: set[str] = set()

    def round(self, now: datetime) -> None:
        """What is due now: lists first, because certificates are judged by them."""
        self._began_s = time.monotonic()
        wished = self._wished()
        if wished != self._heard:
            log.info("renew", wish=wished)
            self._heard, self._to_hurry = wished, set(self._identities)
            self._lists.hurry()
        self._lists.round(now)
        wait([self._begin(name, now) for name in self._identities if not self._under_way(name)], WAITS_S)
        if not self._to_hurry and not any(map(self._under_way, self._identities)):
            self._renewed = self._heard

    def _under_way(self, name: str) -> bool:
        return name in self._rounds and not self._rounds[name][0].done()

    def _begin(self, name: str, now: datetime) -> Future[None]:
        identity = self._identities[name]
        if name in self._to_hurry:
            self._to_hurry.remove(name)
            identity.hurry(now)
        begun = self._threads.submit(_one_round, identity, now)
        self._rounds[name] = (begun, time.monotonic())
        return begun

    def _wished(self) -> str:
        try:
            return read_plain(self._wish, 64).decode(errors="replace") if self._wish else ""
        except OSError:
            return ""

    @property
    def works(self) -> bool:
        """Whether rounds go on: nobody is to take this process for alive when only its signs of life do."""
        under_way = [began for round_, began in list(self._rounds.values()) if not round_.done()]
        return time.monotonic() - min([self._began_s, *under_way]) < STUCK_S

    def state(self, now: datetime) -> IdentitiesState:
        """How it is going."""
        trusted, revocations = self._lists.states
        return IdentitiesState(
            at=now,
            version=__version__,
            since=self._since,
            trusted_list=trusted,
            revocations=revocations,
            identities={name: identity.state for name, identity in self._identities.items()},
            renewed=self._renewed,
        )


def main() -> None:
    """Runs until SIGTERM."""
    log_as_json()
    parser = argparse.ArgumentParser(prog="trunkward.certificates.identities")
    for name in ("task", "state"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    arguments = parser.parse_args()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    task = msgspec.json.decode(arguments.task.read_bytes(), type=IdentitiesTask)
    identities = Identities(task, arguments.task.with_name("renew"))
    threading.Thread(target=_work, args=(identities,), name="work", daemon=True).start()
    log.info("ready")
    while not stop.is_set():
        try:
            if identities.works:
                write_state(arguments.state, identities.state(datetime.now(UTC)))
        except OSError as problem:
            log.error("state not written", file=str(arguments.state), problem=str(problem))
        stop.wait(ROUND_S)
    log.info("stopped")
    # not by way of the interpreter, which would wait for an order that runs; every file here is whole
    os._exit(0)


def _one_round(identity: Signing, now: datetime) -> None:
    try:
        identity.round(now)
    except Exception as problem:  # as in `_work`
        log.error("round not done", problem=f"{type(problem).__name__}: {problem}")


def _work(identities: Identities) -> None:
    while True:
        try:
            identities.round(datetime.now(UTC))
        except Exception as problem:  # each part catches its own; what it did not is no reason to stop all
            log.error("round not done", problem=f"{type(problem).__name__}: {problem}")
        time.sleep(ROUND_S)


if __name__ == "__main__":
    main()
