"""What is not as it was journaled: said, and written down for whoever watches."""

from contextlib import suppress

from trunkward.cli.said import complain
from trunkward.control.borne_out import BorneOut, borne_out
from trunkward.control.declared import InForce
from trunkward.control.traceback_register import register
from trunkward.engines.unsound_state import write_unsound
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration


def told_borne_out(paths: Paths, store: SqlConfiguration, before: InForce | None, at: float) -> BorneOut:
    """What may be in force, by `control.borne_out`; what may not is said, and of traceback requests."""
    kept = borne_out(store, before, at)
    tell_unsound(paths, kept.problems)
    if doubt := register(store)[1]:
        complain(doubt)
    return kept


def tell_unsound(paths: Paths, problems: list[str]) -> None:
    """`problems` as of `control.borne_out`."""
    for problem in problems:
        complain(problem)
    note_unsound(paths, problems)


def note_unsound(paths: Paths, problems: list[str]) -> None:
    """The same without a word to whoever is here."""
    with suppress(OSError):  # what is to be put in force waits for no note; the next look writes it
        write_unsound(paths, problems)
