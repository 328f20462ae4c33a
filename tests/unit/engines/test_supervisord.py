"""The supervisor does not sleep over a start, an end or a signal: each cost a second once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from trunkward.engines.supervisor_rpc import Supervisor

PARTS = 6
#: None of them wakes the supervisor by closing the pipe it is listened to by: nothing but its death tells of it.
SLEEPS = "/bin/sh -c 'exec /bin/sleep 600 >&- 2>&-'"
#: What a second for each part would be more than.
SOON_S = PARTS - 1


@contextmanager
def _supervisor(directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    configuration = directory / "supervisord.conf"
    configuration.write_text(
        f"[supervisord]\nnodaemon=true\nsilent=true\nlogfile={directory}/log\npidfile={directory}/pid\n"
        f"[unix_http_server]\nfile={directory}/asked\n[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n"
        + "".join(
            f"[program:part-{number}]\ncommand={SLEEPS}\nautorestart=true\nstartsecs=0\nstopwaitsecs=1\n"
            f"priority={number}\n"
            for number in range(PARTS)
        )
    )
    command = [sys.executable, "-I", "-m", "trunkward.engines.supervisord", "-c", str(configuration)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def _took(directory: Path, done: Callable[[list[str]], bool]) -> float:
    """Seconds until its log is like that."""
    began = time.monotonic()
    while not done(_log(directory)):
        assert time.monotonic() < began + 20, _log(directory)
        time.sleep(0.01)
    return time.monotonic() - began


def _log(directory: Path) -> list[str]:
    log = directory / "log"
    return log.read_text().splitlines() if log.exists() else []


def _spawned(lines: list[str]) -> list[int]:
    """The process ids it has started, in order."""
    return [int(line.rpartition(" ")[2]) for line in lines if " INFO spawned: " in line]


def _all_sleep(lines: list[str]) -> bool:
    """Whether they are what they are to be: one that is not yet would not hear a signal."""
    commands = [Path(f"/proc/{pid}/comm").read_text() for pid in _spawned(lines)]
    return commands == ["sleep\n"] * PARTS


def test_what_has_died_is_started_at_once(tmp_path: Path) -> None:
    """Summary: each of the deaths costs no second, though nobody else wakes the supervisor."""
    with _supervisor(tmp_path):
        _took(tmp_path, _all_sleep)
        took = 0.0
        for death in range(PARTS):
            os.kill(_spawned(_log(tmp_path))[-1], signal.SIGKILL)
            took += _took(tmp_path, lambda lines, death=death: len(_spawned(lines)) > PARTS + death)  # type: ignore[misc]
    assert took < SOON_S


def test_who_has_a_part_stopped_hears_of_its_end_at_once(tmp_path: Path) -> None:
    """Summary: restarts through its socket cost no second either, in which the part would be missing."""
    with _supervisor(tmp_path):
        _took(tmp_path, _all_sleep)
        asked, began = Supervisor(tmp_path / "asked"), time.monotonic()
        for number in range(PARTS):
            asked.restart(f"part-{number}")
        assert time.monotonic() - began < SOON_S
        assert len(_spawned(_log(tmp_path))) == 2 * PARTS


def test_one_part_after_the_other_is_stopped_without_a_pause(tmp_path: Path) -> None:
    """Summary: the last one first, each when the one before it has gone."""
    with _supervisor(tmp_path) as process:
        _took(tmp_path, _all_sleep)
        process.terminate()
        took = _took(tmp_path, lambda lines: "stopped: part-0" in lines[-1])
        assert process.wait(20) == 0
    stopped = [line.split()[4] for line in _log(tmp_path) if " stopped: " in line]
    assert stopped == [f"part-{number}" for number in reversed(range(PARTS))]
    assert took < SOON_S
