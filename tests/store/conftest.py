"""Every store test runs twice: on SQLite, and on a PostgreSQL that is started here and ends with the tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from store.postgresql import PostgreSQL
from trunkward.store.database import Kind, migrate, open_database


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[], str]]:
    """Gives the URL of a new, empty database each time it is called; unix socket only."""
    server = PostgreSQL()
    yield lambda: f"postgresql://trunkward@/{server.new_database()}?host={server.home}"
    server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    new_database: Callable[[], str] = request.getfixturevalue("postgresql")
    return new_database()


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    """A records database in its newest form."""
    made = open_database(url)
    migrate(made)
    yield made
    made.dispose()


@pytest.fixture
def configuration_engine(url: str) -> Iterator[sa.Engine]:
    """A configuration database in its newest form."""
    made = open_database(url, durable=True)
    migrate(made, Kind.CONFIGURATION)
    yield made
    made.dispose()
