"""Restarts, counted from the supervisor's log; and what is known when nobody supervises."""

from pathlib import Path

import pytest

from trunkward.engines import supervised as it
from trunkward.settings import Paths

LOG = """\
2026-11-25 10:00:00,001 INFO supervisord started with pid 7
2026-11-25 10:00:01,001 INFO spawned: 'gate-0' with pid 8
2026-11-25 10:00:01,002 INFO spawned: 'gate-0' with pid 9
2026-11-25 11:00:00,001 INFO supervisord started with pid 17
2026-11-25 11:00:01,001 INFO spawned: 'gate-0' with pid 18
2026-11-25 11:00:01,002 INFO spawned: 'signer' with pid 19
2026-11-25 11:00:02,003 INFO success: gate-0 entered RUNNING state, process has stayed up for > than 1 seconds
2026-11-25 11:05:00,000 WARN exited: gate-0 (terminated by SIGKILL; not expected)
2026-11-25 11:05:00,100 INFO spawned: 'gate-0' with pid 20
2026-11-25 11:06:00,100 INFO spawned: 'gate-0' with pid 21
"""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(config=tmp_path / "node.yaml", state=tmp_path, run=tmp_path, log=tmp_path)


def test_starts_after_the_first_of_this_supervisor(paths: Paths) -> None:
    (paths.log / "supervisor.log").write_text(LOG)
    counted = it._restarts(paths)
    assert (counted["gate-0"], counted["signer"], counted["worker"]) == (2, 0, 0)


def test_a_log_that_was_cut_off_counts_what_is_left(paths: Paths) -> None:
    (paths.log / "supervisor.log").write_text(LOG.partition("pid 19\n")[2])
    assert it._restarts(paths)["gate-0"] == 2


def test_nobody_supervises(paths: Paths) -> None:
    assert it.supervised(paths) == {}
