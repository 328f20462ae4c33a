"""The policy in force, mapped from the worker's newest snapshot; looked for, never waited for.

A large one takes tenths of a second to be checked. That is done in a thread which has the interpreter to
itself only for moments (hashing gives it up), and which the machine runs after the calls: no decision waits
for it. The check reads every page, so none has to be fetched when a call looks something up.
"""

import mmap
import os
import threading
from pathlib import Path

from trunkward.admission.snapshot import Snapshot, SnapshotRefused

#: How far behind everybody else the thread that checks snapshots stands (nice(2)).
_NICE = 10


class PolicyInForce:
    """Follows the link `current`; keeps the snapshot it has when a newer one cannot be used."""

    def __init__(self, directory: Path) -> None:
        """Looks at nothing yet."""
        self._link = directory / "current"
        self._name = ""
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
            # the one before goes here, too, when the last call that uses it is over
            self.snapshot = Snapshot(memoryview(mapped))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, SnapshotRefused) as problem:
            return f"{self._link}: {problem}"
        self._name = name
        return None


def stand_back() -> None:
    """Lets the thread it is called in run after the process' others."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
