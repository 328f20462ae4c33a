"""Opening a records database and bringing it to the newest form."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event

_MAGIC = b"SQLite format 3\0"
#: Seconds to wait for a database that somebody has locked whole, as at the end of a checkpoint.
_PATIENCE_S = 30.0


def open_database(url: str) -> sa.Engine:
    """An engine for `url` (`sqlite:///...` or `postgresql+psycopg://...`); SQLite in WAL mode."""
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _pragmas)
    return engine


def migrate(engine: sa.Engine) -> None:
    """Brings the database to the newest form; does nothing when it is there, or further.

    Further it is after an upgrade that was taken back. This version can still use it: a migration only
    adds, and what the version before reads or writes is taken away by the version after the next one at
    the earliest (docs/upgrading.md).
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if (found := MigrationContext.configure(connection).get_current_revision()) and found not in known:
            return
        command.upgrade(config, "head")
        connection.commit()


def copy_sqlite(source: Path, copy: Path) -> None:
    """A copy of a database that others use meanwhile: all of it as it is at one moment, nobody waits for it.

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


def _pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    # WAL: readers never wait for the one writer; NORMAL: a power cut may lose the last
    # transactions, which are still in the segments and shipped again
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
