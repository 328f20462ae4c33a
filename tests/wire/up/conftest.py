"""One home directory, and `trunkward up` started on it as often as a test likes."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from wire.commands import run_command
from wire.conftest import new_home

EXAMPLE = Path(__file__).parents[3] / "examples" / "node.yaml"
TRUNKWARD = str(Path(sys.executable).parent / "trunkward")


def eventually(true: Callable[[], object], within_s: float, what: str) -> None:
    """Waits until something is so."""
    until = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < until, f"not within {within_s} s: {what}"
        time.sleep(0.02)


@dataclass
class Home:
    """A home directory, and the last `up` started on it."""

    path: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What a command of this node is started with."""
        return os.environ | {"TRUNKWARD_HOME": str(self.path)}

    @property
    def up(self) -> subprocess.Popen[bytes]:
        """The last `up`."""
        return self.started[-1]

    @property
    def out(self) -> str:
        """All it said."""
        return (self.path / f"up-{len(self.started)}.out").read_text(errors="replace")

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts `up` and does not wait."""
        with (self.path / f"up-{len(self.started) + 1}.out").open("wb") as out:
            self.started.append(
                subprocess.Popen([TRUNKWARD, "up", *arguments], env=self.environment, stdout=out, stderr=out)
            )
        return self.up

    def start(self) -> float:
        """Starts `up` and waits until it says ready; the seconds that took."""
        began = time.monotonic()
        self.begin()
        eventually(lambda: "ready after" in self.out or self.up.poll() is not None, 40, "ready")
        assert self.up.poll() is None, self.out
        return time.monotonic() - began

    def stop(self, number: int = signal.SIGINT) -> int:
        """Stops the last `up`; its exit code."""
        self.up.send_signal(number)
        return self.up.wait(30)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        return run_command(arguments, self.environment, 60)

    def processes(self) -> dict[int, str]:
        """Every living process that belongs to this home, with its command: each has its environment."""
        mark = f"TRUNKWARD_HOME={self.path}\0".encode()
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (process / "environ").read_bytes() + b"\0":
                    found[int(process.name)] = (
                        (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    )
        return found

    def nothing_runs(self, within_s: float = 30) -> None:
        """Waits until no process is left."""
        eventually(lambda: not self.processes(), within_s, f"still there: {self.processes()}")

    def files(self) -> dict[str, bytes]:
        """Every file under the home but the outputs, by its path."""
        found = {}
        for path in sorted(self.path.rglob("*")):
            if path.is_file() and not path.name.startswith("up-"):
                with suppress(FileNotFoundError):  # of a node that runs: it was there for a moment
                    found[str(path.relative_to(self.path))] = path.read_bytes()
        return found


@pytest.fixture
def home() -> Iterator[Home]:
    """An empty home with the example's node file."""
    if os.geteuid() != 0:
        pytest.skip("a node gives each process its own user: needs root")
    made = Home(new_home())
    shutil.copy(EXAMPLE, made.path / "node.yaml")
    try:
        yield made
    finally:
        for process in made.started:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(30)
        for pid in made.processes():  # what a failed test has left
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in made.started:
            process.wait(5)
        shutil.rmtree(made.path)
