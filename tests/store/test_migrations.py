"""Every step of every migration, forward, on tables with rows in them."""

import os
import signal
from pathlib import Path
from typing import Any, NoReturn

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from trunkward.store import database
from trunkward.store.database import Kind, migrate, open_database

ROWS = 3


def revisions(kind: Kind) -> list[str]:
    config = Config()
    folder, _ = database._MIGRATIONS[kind]
    config.set_main_option("script_location", str(Path(database.__file__).parent / folder))
    return [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()][::-1]


def value(column: sa.Column[Any], number: int) -> Any:
    """Something of the column's type; the same for a key and what refers to it."""
    match column.type:
        case sa.Text() if column.type.length is None:
            return "{}"
        case sa.String():
            return f"x{number}"
        case sa.LargeBinary():
            return b"x"
        case sa.Boolean():
            return False
        case sa.Float():
            return number + 0.5
        case sa.Integer():
            return number
    assert column.nullable, f"{column.table.name}.{column.name}: {column.type!r}"
    return None


def keys(connection: sa.Connection, table: sa.Table) -> set[Any]:
    return {tuple(row) for row in connection.execute(sa.select(*table.primary_key.columns))}


@pytest.mark.parametrize("kind", list(Kind))
def test_migrations_run_forward_on_data(url: str, kind: Kind) -> None:
    engine = open_database(url)
    _, version_table = database._MIGRATIONS[kind]
    before: dict[str, set[Any]] = {}
    for revision in revisions(kind):
        migrate(engine, kind, revision)
        metadata = sa.MetaData()
        metadata.reflect(engine)
        with engine.begin() as connection:
            for table in metadata.sorted_tables:
                if table.name == version_table:
                    continue
                found = keys(connection, table)
                assert before.get(table.name, set()) <= found, f"{revision} lost rows of {table.name}"
                if not found:
                    rows = [{c.name: value(c, n) for c in table.columns} for n in range(1, ROWS + 1)]
                    connection.execute(table.insert(), rows)
                    found = keys(connection, table)
                    assert len(found) == ROWS
                before[table.name] = found
    migrate(engine, kind)
    engine.dispose()
    assert before


#: The two tables that one puts together were in no release.
BEFORE_RELEASES = {(Kind.RECORDS, "0002")}


@pytest.mark.parametrize("kind", list(Kind))
def test_migrations_only_add(url: str, kind: Kind) -> None:
    """Summary: no step takes a table or a column away: the version before reads and writes on (docs/upgrading.md)."""
    engine = open_database(url)
    before: set[tuple[str, str]] = set()
    for revision in revisions(kind):
        migrate(engine, kind, revision)
        metadata = sa.MetaData()
        metadata.reflect(engine)
        found = {(table.name, column.name) for table in metadata.sorted_tables for column in table.columns}
        if (kind, revision) not in BEFORE_RELEASES:
            assert before <= found, f"{revision} takes away {sorted(before - found)}"
        before = found
    engine.dispose()


def until_killed(url: str, kind: Kind, statement: int) -> bool:
    """Migrates in a process of its own, killed before that statement; whether it came so far."""
    child = os.fork()
    if not child:
        _migrate_and_die(url, kind, statement)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), status
    return status == signal.SIGKILL


def _migrate_and_die(url: str, kind: Kind, statement: int) -> NoReturn:
    left = statement

    def before(*_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    status = 1
    try:
        engine = open_database(url)
        sa.event.listen(engine, "before_cursor_execute", before)
        migrate(engine, kind)
        status = 0
    finally:
        os._exit(status)  # whatever happens: no second pytest goes on from here


@pytest.mark.parametrize("kind", list(Kind))
def test_killed_anywhere_the_database_is_as_it_was(url: str, kind: Kind) -> None:
    engine = open_database(url)
    if kind is Kind.RECORDS:  # the second step moves rows
        migrate(engine, kind, "0001")
        with engine.begin() as connection:
            row = "('a', 1.5, 'c', 'admit', 'x', 't', '{}')"
            connection.execute(sa.text(f"INSERT INTO decisions VALUES {row}"))
    before = sa.inspect(engine).get_table_names()
    engine.dispose()  # no connection of ours goes into the other process
    statement = 1
    while until_killed(url, kind, statement):
        assert sa.inspect(engine).get_table_names() == before, f"killed before statement {statement}"
        engine.dispose()
        statement += 1
    assert statement > 8, "it was killed in the middle of it, too"
    assert sa.inspect(engine).get_table_names() != before
    migrate(engine, kind)
    if kind is Kind.RECORDS:
        with engine.connect() as connection:
            assert connection.scalars(sa.text("SELECT record_id FROM calls")).all() == ["a"]
    engine.dispose()
