"""The call test itself: it passes on a good node, and fails loudly on a broken one."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from wire.conftest import Node
from wire.records.conftest import supervise

pytestmark = pytest.mark.long


@pytest.mark.timeout(360)
def test_it_passes_on_the_example(node: Node) -> None:
    """Summary: `call-test --json` on the example's node: every call and every expectation holds, exit 0."""
    # it measures sound while it is spoken: on a machine with other work that may be late once
    run = _tested(node)
    if run.returncode != 0:
        run = _tested(node)
    assert run.returncode == 0
    assert json.loads(run.stdout)["passed"] is True


def _tested(node: Node) -> subprocess.CompletedProcess[str]:
    run = node.trunkward("call-test", "--json", within_s=170)
    print(run.stderr, *_not_held(run.stdout), sep="\n")
    return run


def _not_held(report: str) -> list[str]:
    """What did not hold, call by call; the whole report is too long to read."""
    calls = json.loads(report)["calls"] if report else []
    return [f"{call['title']}: {one}" for call in calls for one in call["expectations"] if not one["held"]]


@pytest.fixture
def gateless(node: Node) -> Iterator[Node]:
    """The node with its gates stopped."""
    supervise(node, "stop", "gate-0", "gate-1")
    yield node
    supervise(node, "start", "gate-0", "gate-1")
    node.wait_ready()


@pytest.mark.timeout(180)
def test_it_fails_loudly_without_gates(gateless: Node) -> None:
    """Summary: with the gates stopped the call test says what failed and exits 1."""
    run = gateless.trunkward("call-test", "--json", within_s=170)
    assert run.returncode == 1, run.stderr + run.stdout[-4000:]
    report = json.loads(run.stdout)
    assert report["passed"] is False
    assert "503" in run.stdout or "gate-unavailable" in run.stdout
