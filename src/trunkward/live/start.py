"""Starts Valkey, whatever has become of its file: `python -m trunkward.live.start CONFIGURATION DIRECTORY`.

Valkey goes on with a file whose last command is cut off. Over anything else, such as the zeros a power cut
leaves at the end, it refuses to start, and then nobody can call out until a person comes. What is in it is
calls of this moment, counted anew within a grant: the file is cut off at the first thing that cannot be read,
and one that cannot even be cut off goes.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

_MANIFEST = "aof/appendonly.aof.manifest"


def mend(directory: Path) -> None:
    """Makes the file below a directory one that Valkey reads, or takes it away. Says what it does."""
    manifest = directory / _MANIFEST
    # to its checker a list of nothing is well, and Valkey does not start with it
    if not manifest.exists() or (_can_be_read(manifest) and manifest.stat().st_size):
        return
    print(f"{manifest.parent} cannot be read: taken away, calls are counted anew", flush=True)
    shutil.rmtree(manifest.parent)


def _can_be_read(manifest: Path) -> bool:
    # it asks before it cuts anything off, and says what
    command = [shutil.which("valkey-check-aof") or "/usr/bin/valkey-check-aof", "--fix", str(manifest)]
    checked = subprocess.run(command, input="y\n", capture_output=True, text=True, check=False)
    if checked.returncode or "shrink" in checked.stdout:
        print(checked.stdout + checked.stderr, flush=True)
    return checked.returncode == 0


if __name__ == "__main__":
    mend(Path(sys.argv[2]))
    server = shutil.which("valkey-server") or "/usr/bin/valkey-server"
    os.execv(server, [server, sys.argv[1]])  # noqa: S606  # it takes this process' place
