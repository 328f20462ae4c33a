"""A part that is lost shows within seconds, with what it means for calls, and is back by itself."""

import json
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from trunkward.admission.posture import Lost
from trunkward.control.trouble import means
from wire.conftest import Node
from wire.health.conftest import ask, not_ready, readiness
from wire.records.conftest import supervise
from wire.records.parties import eventually


@contextmanager
def lost(node: Node, parts: tuple[str, ...], how: str) -> Iterator[None]:
    """Freezes or stops parts, and brings them back."""
    for part in parts:
        node.signal(part, signal.SIGSTOP) if how == "frozen" else supervise(node, "stop", part)
    try:
        yield
    finally:
        for part in parts:
            node.signal(part, signal.SIGCONT) if how == "frozen" else supervise(node, "start", part)


CASES: list[tuple[tuple[str, ...], str, int, str]] = [
    (("gate-0",), "frozen", 200, "calls go through the other gates"),
    (("gate-0", "gate-1"), "frozen", 503, means(Lost.GATES)),
    (("valkey",), "frozen", 503, means(Lost.REDIS)),
    (("signer",), "stopped", 200, means(Lost.SIGNER)),
    (("worker",), "stopped", 200, means(Lost.WORKER)),
    (("rtpengine",), "stopped", 503, means(Lost.RTPENGINE)),
    (
        ("kamailio",),
        "frozen",
        503,
        "all calls: nobody answers; running calls: media goes on, signalling waits",
    ),
]


@pytest.mark.parametrize(("parts", "how", "status", "words"), CASES, ids=lambda v: str(v)[:24])
def test_it_shows_and_comes_back(
    node: Node, parts: tuple[str, ...], how: str, status: int, words: str
) -> None:
    """Summary: lost gates, signer, worker, rtpengine, Kamailio: /readyz and status name them within seconds, and what it means; then ready."""
    eventually(lambda: readiness()[0] == 200, 20, "ready")
    with lost(node, parts, how):

        def named() -> dict[str, Any]:
            answered, document = readiness()
            return document if answered == status and not_ready(document) == set(parts) else {}

        def told() -> dict[str, Any]:
            said = node.trunkward("status", "--json")
            assert said.returncode == 1
            its: dict[str, Any] = json.loads(said.stdout)
            return its if (its["ready"], not_ready(its)) == (status == 200, set(parts)) else {}

        document = eventually(named, 20, f"/readyz names {parts}")
        assert words in [trouble["means"] for trouble in document["troubles"]]
        lacking = f'trunkward_part_ready{{part="{parts[0]}"}} 0.0'
        eventually(lambda: lacking in ask("/metrics")[1], 20, "the metric")
        # one judgement, two ways to see
        its = eventually(told, 20, f"status names {parts}")
        assert [t["means"] for t in its["troubles"]] == [t["means"] for t in document["troubles"]]
        assert f"-> {words}" in node.trunkward("status").stdout
    eventually(lambda: readiness()[0] == 200 and not not_ready(readiness()[1]), 30, "all ready again")
    node.wait_ready()


def test_a_policy_that_does_not_reach_the_gates_leaves_readiness(node: Node) -> None:
    """Summary: put in force with the worker frozen: after 5 s no gate is ready, /readyz is 503 and the metrics differ; then all is well."""

    def versions() -> set[str]:
        told = re.findall(
            r"^trunkward_(?:node|gate)_policy_version\S* ([\d.]+)$", ask("/metrics")[1], re.MULTILINE
        )
        return set(told)

    text = (node.home / "node.yaml").read_text(encoding="utf-8")
    eventually(lambda: len(versions()) == 1, 20, "one version")
    with lost(node, ("worker",), "frozen"):
        (node.home / "node.yaml").write_text(text + "# changed\n", encoding="utf-8")
        assert node.trunkward("apply").returncode == 1  # no gate takes it, and that is said

        def behind() -> dict[str, Any]:
            answered, document = readiness()
            lacking = {"gate-0", "gate-1", "worker"}
            return document if answered == 503 and not_ready(document) == lacking else {}

        document = eventually(behind, 20, "gates behind leave readiness")
        assert "it decides by policy" in document["parts"]["gate-0"]["problem"]
        assert len(versions()) == 2
    eventually(lambda: readiness()[0] == 200 and len(versions()) == 1, 30, "ready again")
    node.wait_ready()


def test_a_drained_node_is_not_blocked_until_a_part_is_lost(node: Node) -> None:
    """Summary: what the critical alert goes by stays 0 while a node is drained, and is 1 when its Kamailio is lost as well."""
    assert node.trunkward("drain").returncode == 0
    try:
        eventually(lambda: "trunkward_node_ready 0.0" in ask("/metrics")[1], 20, "it shows")
        assert "trunkward_node_blocked 0.0" in ask("/metrics")[1]
        with lost(node, ("kamailio",), "frozen"):
            eventually(lambda: "trunkward_node_blocked 1.0" in ask("/metrics")[1], 20, "it is blocked")
    finally:
        assert node.trunkward("undrain").returncode == 0
    eventually(lambda: readiness()[0] == 200, 30, "ready again")


def test_an_answer_takes_its_time_and_no_more(node: Node) -> None:
    """Summary: with every other part frozen /healthz, /readyz and /metrics answer within 10 s: those that do not are not waited for one after the other."""
    everybody = ("kamailio", "gate-0", "gate-1", "signer", "rtpengine", "worker", "valkey")
    with lost(node, everybody, "frozen"):
        time.sleep(1.1)  # the last look is no answer any more
        for path in ("/metrics", "/readyz", "/healthz"):
            ask(path, within_s=10)
        eventually(lambda: not_ready(readiness()[1]) == set(everybody), 20, "all named")
        eventually(lambda: "trunkward_node_ready 0.0" in ask("/metrics")[1], 20, "it shows")
    eventually(lambda: readiness()[0] == 200, 30, "ready again")


def test_restarts_are_counted(node: Node) -> None:
    """Summary: a killed gate is one restart more in `status`, and has another start time in the metrics."""

    def restarts() -> int:
        return int(json.loads(node.trunkward("status", "--json").stdout)["parts"]["gate-1"]["restarts"])

    def started() -> str:
        name = 'trunkward_part_start_timestamp_seconds{part="gate-1"}'
        return next((line for line in ask("/metrics")[1].splitlines() if line.startswith(name)), "")

    before, first = restarts(), started()
    was = node.pid("gate-1")
    node.signal("gate-1", signal.SIGKILL)
    eventually(lambda: node.pid("gate-1") not in (0, was), 20, "another gate-1")
    node.wait_ready()
    eventually(lambda: restarts() == before + 1, 20, "one restart more")
    eventually(lambda: started() not in ("", first), 20, "another start")
