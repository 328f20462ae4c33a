"""Opening a database and bringing it to the newest form: SQLite as it comes, PostgreSQL by one setting."""

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

#: How long we wait for a PostgreSQL: to be connected; until one that says nothing more is given up (a host
#: that is gone answers no keepalive, 5 + 3 * 5 s, and acknowledges nothing); and for one statement. libpq's
#: names and units (postgresql.org/docs/current/libpq-connect.html); what the URL says goes before.
_PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
_STATEMENT_MS = 30_000
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
        patience = {name: value for name, value in _PATIENCE.items() if name not in made.query}
        engine = sa.create_engine(named, pool_pre_ping=True, connect_args=patience)
        event.listen(engine, "connect", _limit_statements)
        return engine
    engine = sa.create_engine(made)
    event.listen(engine, "connect", _pragmas_of("FULL" if durable else "NORMAL"))
    return engine


def insert_of(dialect: str) -> "Callable[[sa.Table], postgresql.Insert | sqlite.Insert]":
    """What makes an INSERT into a table that may say ON CONFLICT; `dialect`: the name of an engine's."""
    if dialect != "postgresql":
        return sqlite.insert
    # brings five drivers along, which a node on SQLite need not load
    from sqlalchemy.dialects import postgresql

    return postgresql.insert


def make_private(path: Path) -> None:
    """Makes a SQLite file for its owner alone, before a byte is in it; its journals take that mode, too."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))


def migrate(engine: sa.Engine, kind: Kind = Kind.RECORDS, revision: str = "head") -> None:
    """Brings the database to the newest form; does nothing when it is there, or further.

    All steps are one transaction: killed anywhere, the database is as it was.

    Further it is after an upgrade that was taken back. This version can still use it: a migration only
    adds, and what the version before reads or writes is taken away by the version after the next one at
    the earliest (docs/upgrading.md).
    """
    folder, table = _MIGRATIONS[kind]
    steps = Path(__file__).parent / folder
    wanted = _newest(steps) if revision == "head" else revision
    with engine.connect() as connection:
        if _reached(connection, table) >= wanted:
            return
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATING)))
            # to move many rows takes its time
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        else:
            # by itself the driver begins before a change of rows, not before one of tables, and each of those
            # would be committed alone
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        # takes as long to import as all the rest here, and is hardly ever needed
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(steps))
        config.attributes |= {"connection": connection, "version_table": table}
        command.upgrade(config, revision)
        connection.commit()


def _newest(steps: Path) -> str:
    """The last step's revision: they are numbered, and their files named by it."""
    return max(step.name.partition("_")[0] for step in (steps / "versions").glob("[0-9]*.py"))


def _reached(connection: sa.Connection, table: str) -> str:
    if not sa.inspect(connection).has_table(table):
        return ""
    return connection.scalar(sa.select(sa.column("version_num")).select_from(sa.table(table))) or ""


def _limit_statements(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = {_STATEMENT_MS}")
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
