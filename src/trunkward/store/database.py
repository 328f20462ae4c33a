"""Opening a database and bringing it to the newest form: SQLite as it comes, PostgreSQL by one setting."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event

#: Seconds a connection to a PostgreSQL may take.
_CONNECT_S = 5
#: Names two migrations at once wait for each other by (PostgreSQL's advisory locks; any number of ours).
_MIGRATING = 0x7477_6D69


class Kind(StrEnum):
    """What a database is for. In PostgreSQL both may be one database, so each counts its own migrations."""

    RECORDS = "records"
    CONFIGURATION = "configuration"


#: Folder of the steps and table of the step reached.
_MIGRATIONS = {
    Kind.RECORDS: ("migrations", "alembic_version"),
    Kind.CONFIGURATION: ("configuration_migrations", "alembic_version_configuration"),
}


def open_database(url: str, *, durable: bool = False) -> sa.Engine:
    """An engine for `url` (`sqlite:///...` or `postgresql://...`); SQLite in WAL mode.

    `durable`: a commit is on the disk when it returns, also through a power cut. Without it SQLite may
    then lose the last ones, which for records are still in the segments and shipped again.
    """
    made = sa.make_url(url)
    if made.get_backend_name() == "postgresql":
        named = made.set(drivername="postgresql+psycopg")
        return sa.create_engine(named, pool_pre_ping=True, connect_args={"connect_timeout": _CONNECT_S})
    engine = sa.create_engine(made)
    event.listen(engine, "connect", _pragmas_of("FULL" if durable else "NORMAL"))
    return engine


def make_private(path: Path) -> None:
    """Makes a SQLite file for its owner alone, before a byte is in it; its journals take that mode, too."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))


def migrate(engine: sa.Engine, kind: Kind = Kind.RECORDS, revision: str = "head") -> None:
    """Brings the database to the newest form; does nothing when it is there, or further.

    Further it is after an upgrade that was taken back. This version can still use it: a migration only
    adds, and what the version before reads or writes is taken away by the version after the next one at
    the earliest (docs/upgrading.md).
    """
    folder, table = _MIGRATIONS[kind]
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / folder))
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATING)))
        config.attributes |= {"connection": connection, "version_table": table}
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        reached = MigrationContext.configure(connection, opts={"version_table": table}).get_current_revision()
        if reached and reached not in known:
            return
        command.upgrade(config, revision)
        connection.commit()


def _pragmas_of(synchronous: str) -> Any:
    def pragmas(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        # WAL: readers never wait for the one writer
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={synchronous}",
            "busy_timeout=5000",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return pragmas
