"""A copy of a SQLite database that others use meanwhile, made as its owner.

SQLite opens a database by its name, follows a link that stands there, and may change it and what is beside
it. In a directory of a less trusted user that is nothing for root to do.
"""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

_MAGIC = b"SQLite format 3\0"
#: Seconds to wait for a database that somebody has locked whole, as at the end of a checkpoint.
_PATIENCE_S = 30.0


def copy_as(source: Path, copy: Path, user: int, group: int) -> None:
    """A copy made as another user, who can write there: a process of its own. Raises `OSError`."""
    done = subprocess.run(
        [sys.executable, "-I", "-m", __name__, str(source), str(copy)],
        user=user,
        group=group,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        why = done.stderr.strip().rpartition("\n")[2] or f"ended with {done.returncode}"
        raise OSError(f"{source} cannot be copied: {why}")


def copy_sqlite(source: Path, copy: Path) -> None:
    """All of a database as it is at one moment; nobody waits for it.

    SQLite's own online backup, in one step: it reads one snapshot of the write-ahead log, while the writer
    goes on. (In several steps it would begin anew with each write from another process.) Raises
    `sqlite3.Error`.
    """
    with (
        closing(sqlite3.connect(f"{source.as_uri()}?mode=rw", uri=True, timeout=_PATIENCE_S)) as read,
        closing(sqlite3.connect(copy, isolation_level=None)) as written,
    ):
        read.backup(written)


def is_sqlite(file: BinaryIO) -> bool:
    """Whether this file is a database of SQLite's (its file format, section 1.2)."""
    return file.read(len(_MAGIC)) == _MAGIC


if __name__ == "__main__":
    copy_sqlite(Path(sys.argv[1]), Path(sys.argv[2]))
