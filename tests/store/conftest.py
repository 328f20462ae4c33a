"""Every store test runs twice: on SQLite, and on a PostgreSQL that is started here and ends with the tests."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from trunkward.store.database import Kind, migrate, open_database

#: The user of Debian's package; a PostgreSQL refuses to run as root.
USER = "postgres"
_numbers = count(1)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[], str]]:
    """Gives the URL of a new, empty database each time it is called; unix socket only, nothing is kept."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert binaries, "Debian's package postgresql is not installed: ./trunkward test installs it"
    home = Path(tempfile.mkdtemp(prefix="tw-pg-", dir="/tmp"))
    entry = pwd.getpwnam(USER) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    os.chown(home, entry.pw_uid, entry.pw_gid)
    become = ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups", "--"]
    as_user = become if os.geteuid() == 0 else []
    binary = binaries[-1]
    data = str(home / "data")
    options = ["-U", "trunkward", "-A", "trust", "--no-sync", "-E", "UTF8"]
    made = subprocess.run(
        [*as_user, f"{binary}/initdb", "-D", data, *options],
        capture_output=True, text=True, cwd=home, timeout=60, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            [
                *(*as_user, f"{binary}/postgres", "-D", data, "-k", str(home)),
                *("-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=20"),
            ],
            stdout=log, stderr=log, cwd=home,
        )  # fmt: skip
    try:
        admin = open_database(f"postgresql://trunkward@/postgres?host={home}")
        until = time.monotonic() + 30
        while True:
            try:
                admin.connect().close()
                break
            except sa.exc.OperationalError:
                assert server.poll() is None, (home / "log").read_text()
                assert time.monotonic() < until, (home / "log").read_text()
                time.sleep(0.05)

        def new_database() -> str:
            name = f"t{next(_numbers)}"
            with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(sa.text(f"CREATE DATABASE {name}"))
            return f"postgresql://trunkward@/{name}?host={home}"

        yield new_database
        admin.dispose()
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait(20)
        shutil.rmtree(home)


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
