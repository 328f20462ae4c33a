"""What is not as it was journaled: said, denied, and written down for whoever watches."""

import time
from contextlib import suppress

from trunkward.cli.said import complain
from trunkward.control.borne_out import BorneOut, borne_out
from trunkward.control.declared import InForce
from trunkward.control.traceback_register import register
from trunkward.control.unsound import to_deny
from trunkward.engines.denied_file import deny
from trunkward.engines.unsound_state import write_unsound
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration


def told_borne_out(paths: Paths, store: SqlConfiguration, before: InForce | None, at: float) -> BorneOut:
    """What may be in force, by `control.borne_out`; what may not is said, and of traceback requests."""
    kept = borne_out(store, before, at)
    tell_unsound(paths, store, kept)
    if doubt := register(store)[1]:
        complain(doubt)
    return kept


def tell_unsound(paths: Paths, store: SqlConfiguration, kept: BorneOut, *, warned: bool = False) -> None:
    """For whoever is about to put `kept` in force, under the lock. Raises `OSError`.

    `warned`: whoever is here has read of it. Records of evidence that are not sound are denied: a gate that
    somebody has taken over could keep their tokens.
    """
    for problem in kept.problems if not warned else ():
        complain(problem)
    note_unsound(paths, kept.problems)
    now = time.time()
    if lost := deny(paths, to_deny(store, kept.records, now), now):
        complain(lost)


def note_unsound(paths: Paths, problems: list[str]) -> None:
    """`problems` as of `control.borne_out`; without a word to whoever is here."""
    with suppress(OSError):  # what is to be put in force waits for no note; the next look writes it
        write_unsound(paths, problems)
