"""Records of evidence that are not as they were journaled: said, and written down for whoever watches."""

from collections.abc import Sequence
from contextlib import suppress

from trunkward.cli.said import complain
from trunkward.control.evidence_journal import sound
from trunkward.control.traceback_register import register
from trunkward.engines.unsound_state import write_unsound
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration
from trunkward.trunks.evidence import EvidenceRecord


def told_sound(paths: Paths, store: SqlConfiguration) -> Sequence[EvidenceRecord]:
    """The records that are as they were journaled; of others, and of traceback requests, it is said."""
    records, problems = sound(store)
    tell_unsound(paths, problems)
    if doubt := register(store)[1]:
        complain(doubt)
    return records


def tell_unsound(paths: Paths, problems: list[str]) -> None:
    """`problems` as of `control.evidence_journal.sound`."""
    for problem in problems:
        complain(problem)
    note_unsound(paths, problems)


def note_unsound(paths: Paths, problems: list[str]) -> None:
    """The same without a word to whoever is here."""
    with suppress(OSError):  # what is to be put in force waits for no note; the next look writes it
        write_unsound(paths, problems)
