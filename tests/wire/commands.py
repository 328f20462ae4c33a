"""Commands of the project, each a process of its own that was forked from one which has loaded them already.

Loading them takes most of what a command costs. A person waits for it once; the tests give two thousand, and
start two hundred nodes. What is run is the installed command from its `main` on: its arguments, environment,
output and exit code. `tests/wire/up` starts nodes by the command itself.
"""

import multiprocessing
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import trunkward.cli

#: Whose processes are forked from one that has loaded all that.
FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(
    [
        *(f"trunkward.cli.{each.name}" for each in pkgutil.iter_modules(trunkward.cli.__path__)),
        "alembic.command",  # who makes a database loads it
        __name__,
    ]
)


class Process(Protocol):
    """What a node's `up` is to the tests: `subprocess.Popen`, or `Forked`."""

    @property
    def pid(self) -> int:
        """Its number."""

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end; raises `subprocess.TimeoutExpired` after so many seconds."""

    def send_signal(self, sig: int) -> None:
        """Sends it a signal, if it runs."""

    def kill(self) -> None:
        """Kills it."""


class Forked:
    """A command that was forked; `out` and `err` are files, and may be the same one."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        out: Path,
        err: Path,
        login: int | None = None,
    ) -> None:
        """Starts it. `login`: whose login it runs under, as the kernel keeps it; None: nobody's."""
        self.args = ["trunkward", *arguments]
        self._process = FORKING.Process(
            target=_command, args=(list(arguments), dict(environment), str(out), str(err), login), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int:
        """As `Process` says; so the others."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if (code := self.poll()) is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has ended since
                os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run_command(
    arguments: Sequence[str], environment: Mapping[str, str], within_s: float, login: int | None = None
) -> subprocess.CompletedProcess[str]:
    """What a command says and how it ends.

    Raises `subprocess.TimeoutExpired` for one that was killed because it had not ended in time.
    """
    with tempfile.TemporaryDirectory() as scratch:
        out, err = Path(scratch, "out"), Path(scratch, "err")
        command = Forked(arguments, environment, out, err, login)
        try:
            code = command.wait(within_s)
        except subprocess.TimeoutExpired:
            command.kill()
            command.wait()
            raise subprocess.TimeoutExpired(command.args, within_s, _said(out), _said(err)) from None
        return subprocess.CompletedProcess(command.args, code, _said(out), _said(err))


def _said(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def _command(
    arguments: list[str], environment: dict[str, str], out: str, err: str, login: int | None
) -> None:
    from trunkward.cli.main import main

    for file, descriptor in ((out, 1), (err, 2)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    if login is not None:
        Path("/proc/self/loginuid").write_text(str(login))  # what a login does (pam_loginuid)
    sys.argv = ["trunkward", *arguments]
    main()
