"""Every step of every migration, forward, on tables with rows in them."""

from pathlib import Path
from typing import Any

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
