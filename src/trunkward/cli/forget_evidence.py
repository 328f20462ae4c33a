"""`trunkward evidence forget`: records whose time is over are deleted, with their documents; an act.

`up` does so by itself (`python -m trunkward.cli.forget_evidence`, `engines.retention_look`). Whoever asks for
it, no clock that may be wrong deletes anything, and never more than a week's records a day.
"""

import os
import signal
import sys
import threading
import time

import typer

from trunkward.access.actor import Actor, Source
from trunkward.cli.acting import act
from trunkward.cli.actor import current_actor
from trunkward.cli.changing import configuration_store
from trunkward.cli.deck import declared_by
from trunkward.cli.said import complain, in_words, say
from trunkward.control.acts import put_down
from trunkward.control.configuration import Version
from trunkward.control.evidence import EvidenceActRefused
from trunkward.control.evidence_retention import forgotten, may_next
from trunkward.engines.in_force import read_in_force
from trunkward.engines.live import is_running
from trunkward.engines.sure_clock import doubted
from trunkward.journal.examine import told
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration
from trunkward.trunks.evidence import EvidenceForgotten
from trunkward.trunks.model import Declared

#: Who acts when nobody does.
BY_ITSELF = Actor(name="up", uid=0, source=Source.PROCESS)
_told_to_end = threading.Event()
#: Calls come first.
_NICE = 19


def run_forget(paths: Paths, *, by_itself: bool = False) -> int:
    """0 done, or nothing is to be done now; 1 not everywhere in force; 2 not done, and said why."""
    if os.geteuid() != 0:
        complain("trunkward evidence needs root: the configuration is root's. Use sudo.")
        return 2
    actor, command = current_actor(), "evidence forget"
    if by_itself:
        # whoever has logged in stays in the entry: root at a keyboard can start this, too
        actor, command = (actor, f"{command} (up)") if actor.source is Source.LOGIN else (BY_ITSELF, command)
    now = time.time()
    with configuration_store(paths, make=False) as store:
        if _is_left_half_way(paths, store, command):
            return act(paths, command, _nothing_new, goes_on=True)
        declared = declared_by(store)
        if _over(store, declared, now) is None:
            say("nothing has ended for as long as node.evidence_retention says")
            return 0
        if now < (next_at := may_next(store.history()[1], now)):
            say(f"a week's records go a day, and some went within the last: the next at {told(next_at)}")
            return 0
    try:
        why = doubted(paths.heads, now, trusted=declared.node.unsafe_trusted_clock)
    except OSError as problem:
        why = in_words(problem)
    if why:
        complain(f"records of evidence whose time is over are not deleted: {why}")
        return 2

    def decide(store: SqlConfiguration, declared: Declared, now: float, beyond: int) -> Version:
        over = _over(store, declared, now)
        if _told_to_end.is_set():
            raise EvidenceActRefused("it was told to end")
        if over is None or now < may_next(store.history()[1], now):
            raise EvidenceActRefused("somebody else was faster")
        return put_down(store, over, actor=actor, command=command, at=now, beyond=beyond)

    return act(paths, command, decide)


def _is_left_half_way(paths: Paths, store: SqlConfiguration, command: str) -> bool:
    """Whether one before this was decided on, and killed before it was in force."""
    head, before = store.head(), read_in_force(paths.declared)
    return (
        head is not None
        and before is not None
        and head.command == command
        and head.number != before.version
        and is_running(paths)
    )


def _nothing_new(*_: object) -> Version:
    raise EvidenceActRefused("somebody else was faster")


def _over(store: SqlConfiguration, declared: Declared, now: float) -> EvidenceForgotten | None:
    return forgotten(store.evidence(), store.verifications(), declared.retention.evidence_days, now)


def main() -> None:
    """By itself: exits with the code of `run_forget`. SIGTERM stops what has not begun, nothing half way."""
    os.nice(_NICE)
    signal.signal(signal.SIGTERM, lambda *_: _told_to_end.set())
    try:
        code = run_forget(Paths.from_environment(), by_itself=True)
    except typer.Exit as left:
        code = left.exit_code
    sys.exit(code)


if __name__ == "__main__":
    main()
