"""A PostgreSQL of Debian's package, for tests: nothing is kept, and it can be taken away."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from itertools import count
from pathlib import Path

import sqlalchemy as sa

from trunkward.store.database import open_database

#: The user of Debian's package; a PostgreSQL refuses to run as root.
USER = "postgres"


class PostgreSQL:
    """One server, on a unix socket and, where an address is given, on that."""

    def __init__(self, address: str = "") -> None:
        """Makes an empty one and starts it."""
        binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        assert binaries, "Debian's package postgresql is not installed: ./trunkward test installs it"
        self._binaries = binaries[-1]
        self._address = address
        self.home = Path(tempfile.mkdtemp(prefix="tw-pg-", dir="/tmp"))
        entry = pwd.getpwnam(USER) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        os.chown(self.home, entry.pw_uid, entry.pw_gid)
        become = ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups", "--"]
        self._as_user = become if os.geteuid() == 0 else []
        self._data = self.home / "data"
        options = ["-U", "trunkward", "-A", "trust", "--no-sync", "-E", "UTF8"]
        made = subprocess.run(
            [*self._as_user, f"{self._binaries}/initdb", "-D", str(self._data), *options],
            capture_output=True, text=True, cwd=self.home, timeout=60, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        if address:
            with (self._data / "pg_hba.conf").open("a") as rules:
                rules.write(f"host all all {address}/32 trust\n")
        self._admin = open_database(f"postgresql://trunkward@/postgres?host={self.home}")
        self._numbers = count(1)
        self.start()

    def start(self) -> None:
        """Starts it, again; returns when it takes connections."""
        log = self.home / "log"
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [
                    *(*self._as_user, f"{self._binaries}/postgres", "-D", str(self._data), "-k", str(self.home)),
                    *("-c", f"listen_addresses={self._address}", "-c", "fsync=off", "-c", "max_connections=20"),
                ],
                stdout=out, stderr=out, cwd=self.home,
            )  # fmt: skip
        until = time.monotonic() + 30
        while True:
            try:
                self._admin.connect().close()
                return
            except sa.exc.OperationalError:
                assert self.process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.05)

    def new_database(self) -> str:
        """The name of a new, empty database."""
        name = f"t{next(self._numbers)}"
        with self._admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        return name

    def signal(self, number: int) -> None:
        """To all its processes."""
        first = self.process.pid
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        for pid in (first, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """Ends it without a word."""
        self.signal(signal.SIGKILL)
        self.process.wait(20)

    def remove(self) -> None:
        """Ends it for good."""
        self._admin.dispose()
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(20)
        shutil.rmtree(self.home)
