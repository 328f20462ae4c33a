"""What every test may take for granted, and how several processes of tests keep out of each other's way.

`./trunkward test` runs the files of tests in five processes (pytest-xdist). Each is put into a network namespace
of its own, so ports and firewalls meet nobody's. What measures time is marked `alone`, and nothing else runs
beside it.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# how long an example takes, or is made, says how busy the machine is
hypothesis.settings.register_profile(
    "shared machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("shared machine")

# a run in the background of a shell without job control has these ignored, and so had all that the tests
# start: bash cannot trap what was ignored when it began
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_configure(config: pytest.Config) -> None:
    """In one of several processes of tests: a network namespace with nothing but its own loopback."""
    if hasattr(config, "workerinput") and os.geteuid() == 0:
        os.unshare(os.CLONE_NEWNET)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Takes the meeting place away; one who goes on alone makes it anew."""
    if worker := getattr(config, "workerinput", None):
        shutil.rmtree(_meeting_place(worker["testrunuid"]), ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In one of several: what waits for the others, or has them wait, first; then what is long; what is short last.

    Tests that are alone wait for each other then, and not each for whatever long test runs beside it; and no
    process waits for another's last long file.
    """
    if hasattr(config, "workerinput"):
        alone, long = (
            {item.path for item in items if item.get_closest_marker(marker) is not None}
            for marker in ("alone", "long")
        )
        items.sort(
            key=lambda item: (
                item.path not in alone,
                item.path not in long,
                item.get_closest_marker("wire") is None,
            )
        )


@pytest.hookimpl(wrapper=True, tryfirst=True)  # round the clock of pytest-timeout: who waits is not slow
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A test that is to be alone waits for the one beside it, and lets no other begin."""
    worker = getattr(item.config, "workerinput", None)
    if worker is None:
        return (yield)
    with _company(worker["testrunuid"], alone=item.get_closest_marker("alone") is not None):
        return (yield)


@contextlib.contextmanager
def _company(run: str, *, alone: bool) -> Iterator[None]:
    place = _meeting_place(run)
    place.mkdir(exist_ok=True)
    # everybody comes through the door one by one, so that who waits behind it is not overtaken for ever
    with (place / "door").open("w") as door, (place / "room").open("w") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield


def _meeting_place(run: str) -> Path:
    return Path(tempfile.gettempdir()) / f"trunkward-tests-{run}"
