"""Records of evidence that are not as they were journaled: said, denied, and written down for who watches."""

import time
from contextlib import suppress

from trunkward.cli.said import complain
from trunkward.control.evidence_journal import sound
from trunkward.control.unsound import to_deny
from trunkward.engines.denied_file import deny
from trunkward.engines.unsound_state import write_unsound
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration
from trunkward.trunks.evidence import EvidenceRecord


def sound_records(paths: Paths, store: SqlConfiguration) -> list[EvidenceRecord]:
    """Those that are as they were journaled, for whoever is about to put something in force, under the lock.

    The others are denied: a gate that somebody has taken over could keep their tokens. Raises `OSError`.
    """
    records, problems = sound(store)
    for problem in problems:
        complain(problem)
    note_unsound(paths, problems)
    now = time.time()
    if lost := deny(paths, to_deny(store, records, now), now):
        complain(lost)
    return records


def note_unsound(paths: Paths, problems: list[str]) -> None:
    """`problems` as of `control.evidence_journal.sound`; without a word to whoever is here."""
    with suppress(OSError):  # what is to be put in force waits for no note; the next look writes it
        write_unsound(paths, problems)
