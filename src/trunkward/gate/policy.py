"""The policy in force, mapped from the worker's newest snapshot; looked for, never waited for.

A large one takes tenths of a second to be checked. That is done in a thread which has the interpreter to
itself only for moments (hashing gives it up), and which the machine runs after the calls: no decision waits
for it. The check reads every page, so none has to be fetched when a call looks something up.
"""

import mmap
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from trunkward.admission.snapshot import Snapshot, SnapshotRefused
from trunkward.spend.table import DeckRefused, DeckTable, deck_name


class PolicyInForce:
    """Follows the link `current`; keeps the snapshot it has when a newer one cannot be used."""

    def __init__(self, directory: Path, denied: Callable[[], frozenset[str] | None] = frozenset) -> None:
        """Looks at nothing yet. `denied`: ids of evidence that is not to count, whatever a snapshot says.

        None: nobody knows them.
        """
        self._denied = denied
        self._link = directory / "current"
        self._name = ""
        #: Those of the snapshot in use, by the SHA-256 of their texts.
        self._decks: dict[str, DeckTable] = {}
        self.snapshot: Snapshot | None = None

    def is_behind(self) -> bool:
        """Whether the link names another snapshot than the one in use."""
        try:
            return os.readlink(self._link) != self._name
        except OSError:
            return False

    def refresh(self) -> str | None:
        """Maps a newer snapshot if there is one; a sentence when it could not be used.

        May run in a thread of its own: the snapshot in use changes in one step, when the new one is good.
        """
        try:
            name = os.readlink(self._link)
            if name == self._name:
                return None
            with (self._link.parent / name).open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            used: dict[str, DeckTable] = {}
            # the one before goes here, too, when the last call that uses it is over
            self.snapshot = Snapshot(memoryview(mapped), partial(self._deck, used), self._denied)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, SnapshotRefused) as problem:
            return f"{self._link}: {problem}"
        self._name, self._decks = name, used
        return None

    def _deck(self, used: dict[str, DeckTable], sha256: str) -> DeckTable:
        """A deck, mapped once however many snapshots name it. Raises `DeckRefused`, a `ValueError`."""
        if sha256 not in used:
            used[sha256] = self._decks.get(sha256) or self._mapped(deck_name(sha256))
        return used[sha256]

    def _mapped(self, name: str) -> DeckTable:
        try:
            with (self._link.parent / name).open("rb") as file:
                return DeckTable(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
        except FileNotFoundError:
            # not as if there were no snapshot: the worker has one, and not what it names
            raise DeckRefused(f"{name} is not there") from None
