"""The policy in force, mapped from the worker's newest snapshot; looked for, never waited for."""

import mmap
import os
from pathlib import Path

from trunkward.admission.snapshot import Snapshot, SnapshotRefused


class PolicyInForce:
    """Follows the link `current`; keeps the snapshot it has when a newer one cannot be used."""

    def __init__(self, directory: Path) -> None:
        """Looks once; there may be no snapshot yet."""
        self._link = directory / "current"
        self._name = ""
        self.snapshot: Snapshot | None = None

    def refresh(self) -> str | None:
        """Maps a newer snapshot if there is one; a sentence when it could not be used."""
        try:
            name = os.readlink(self._link)
            if name == self._name:
                return None
            with (self._link.parent / name).open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self.snapshot = Snapshot(memoryview(mapped))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, SnapshotRefused) as problem:
            return f"{self._link}: {problem}"
        self._name = name
        return None
