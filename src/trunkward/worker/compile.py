"""Compiling the configuration in force into the snapshot the gates map."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from trunkward.admission.snapshot import compile_snapshot
from trunkward.control.declared import InForce
from trunkward.settings import snapshot_name
from trunkward.trunks.model import Declared

#: The name gates look at; a link to the snapshot in force.
CURRENT = "current"
#: Snapshots kept beside the one in force: a gate may still hold the one before.
_KEPT = 2


class PolicyCompiler:
    """Watches the configuration in force and keeps `current` pointing at its snapshot."""

    def __init__(
        self, declared: Path, policy: Path, tell: Callable[[InForce, Declared, float], None] = lambda *_: None
    ) -> None:
        """`policy` must exist and be writable by the worker alone.

        `tell` hears what has been compiled, and when it was put in force (seconds since the epoch).
        """
        self._tell = tell
        self._declared = declared
        self._policy = policy
        self._seen: tuple[int, int] | None = None
        self.version = 0

    def round(self) -> bool:
        """Compiles if the configuration has changed since; True when it did."""
        state = self._declared.stat()
        seen = (state.st_mtime_ns, state.st_ino)
        if seen == self._seen:
            return False
        in_force = msgspec.json.decode(self._declared.read_bytes(), type=InForce)
        declared = in_force.declared()
        snapshot = compile_snapshot(
            declared,
            {
                (trunk, number): token
                for trunk, numbers in in_force.evidence.items()
                for number, token in numbers.items()
            },
            in_force.version,
        )
        name = snapshot_name(in_force.version)
        part = self._policy / f"{name}.part"
        part.write_bytes(snapshot)
        part.chmod(0o640)
        part.rename(self._policy / name)
        link = self._policy / f"{CURRENT}.part"
        link.unlink(missing_ok=True)
        link.symlink_to(name)
        os.rename(link, self._policy / CURRENT)
        for old in sorted(self._policy.glob("*.snapshot"))[: -_KEPT - 1]:
            old.unlink()
        self._seen, self.version = seen, in_force.version
        self._tell(in_force, declared, state.st_mtime)
        return True
