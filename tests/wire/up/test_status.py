"""What `status`, `calls` and the metrics say of a running node."""

import asyncio
import json
import os
import re
import signal
import urllib.request

import pytest

from wire.conftest import Node
from wire.records.parties import eventually, parties

DEVIATIONS = ["carrier south: signalling in clear over UDP", "carrier south: media in clear (RTP)"]


def _counter(name: str) -> float:
    total = 0.0
    for port in (9310, 9311):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(name):
                    total += float(line.rpartition(" ")[2])
    return total


def test_status_as_text_and_for_programs(node: Node) -> None:
    """Summary: `status` shows every part, listener and deviation, as text and as JSON, and exits 0."""
    # what Kamailio tells of itself is there a second after its start
    eventually(lambda: all(part["version"] for part in _parts(node).values()), 20, "every version")
    text = node.trunkward("status")
    document = node.trunkward("status", "--json")
    assert (text.returncode, document.returncode) == (0, 0)
    status = json.loads(document.stdout)
    assert status["ready"] is True
    assert set(status["parts"]) == {
        "kamailio",
        "gate-0",
        "gate-1",
        "signer",
        "fetcher",
        "rtpengine",
        "worker",
        "web",
        "valkey",
    }
    for name, part in status["parts"].items():
        assert re.fullmatch(r"\d+(\.\d+)+", part["version"]), name
        assert part["since"], name
        assert part["restarts"] == 0, name
        assert part["version"] in text.stdout
    assert status["parts"]["gate-0"]["policy_version"] == status["configuration"]
    assert status["metrics"] == {
        "the whole node": "127.0.0.1:9307",
        "gate-0": "127.0.0.1:9310",
        "gate-1": "127.0.0.1:9311",
        "signer": "127.0.0.1:9309",
        "worker": "127.0.0.1:9308",
        "fetcher": "127.0.0.1:9306",
    }
    for where in status["metrics"].values():
        with urllib.request.urlopen(f"http://{where}/metrics", timeout=20) as answer:
            assert b"\ntrunkward_" in answer.read()
        assert where in text.stdout
    for part in status["parts"]:
        assert part in text.stdout
    for where in status["listeners"].values():
        assert where in text.stdout
    said = [f"{d['where']}: {d['what']}" for d in status["deviations"]]
    assert said[:2] == DEVIATIONS
    for deviation in said:
        assert f"deviation {deviation}" in text.stdout
    assert "node sbc.example.com, configuration" in text.stdout
    assert "takes calls" in text.stdout
    assert "trusted by the configuration" in text.stdout
    assert status["records"]["waiting_s"] < 30
    assert status["space"]["state"]["free_bytes"] > 0
    # a line is a line, also where there is no terminal
    assert len([line for line in text.stdout.splitlines() if "deviation" in line]) == len(said)


PARTS = ["valkey", "signer", "fetcher", "gate-1", "worker", "rtpengine", "kamailio", "web"]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_stands_still_is_named(node: Node, part: str) -> None:
    """Summary: a part under SIGSTOP, which alone, is named by `status` with exit 1 in time, and ready again after SIGCONT."""
    eventually(lambda: _down(node) == set(), 20, "every part ready after the test before this one")
    node.signal(part, signal.SIGSTOP)
    try:
        # some are asked; the worker gives a sign of life each second, and has three seconds for it
        named = eventually(lambda: _down(node), 20, f"{part} named")
    finally:
        node.signal(part, signal.SIGCONT)
    assert named == {part}
    node.wait_ready()


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_was_killed_is_back(node: Node, part: str) -> None:
    """Summary: a killed part is another process, and ready, by itself."""
    before = node.pid(part)
    os.kill(before, signal.SIGKILL)
    eventually(lambda: node.pid(part) != before, 20, f"another {part}")
    node.wait_ready()


def _parts(node: Node) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(node.trunkward("status", "--json").stdout)["parts"]
    return found


def _down(node: Node) -> set[str]:
    answered = node.trunkward("status", "--json")
    parts = json.loads(answered.stdout)["parts"]
    missing = {name for name, state in parts.items() if not state["ready"]}
    assert answered.returncode == (1 if missing else 0), answered.stderr
    assert all(parts[name]["problem"] for name in missing)
    return missing


def test_calls_and_metrics(node: Node) -> None:
    """Summary: a call shows in `calls` as text and JSON, and in the gates' counters on loopback."""
    verdicts = _counter("trunkward_gate_verdicts_total")

    async def run() -> str:
        async with parties(node) as lab:
            return (await lab.whole_call())[0].invite.call_id

    record = node.record(asyncio.run(run()), ended=True)
    assert (record["verdict"], record["reason"], record["trunk"]) == ("admit", "admitted", "acme-hq")
    assert record["carrier"] == "north"
    assert record["tls_version"] == "TLSv1.3"
    text = node.trunkward("calls", "--limit", "1")
    assert text.returncode == 0
    assert "acme-hq" in text.stdout
    assert _counter("trunkward_gate_verdicts_total") == verdicts + 1
    assert _counter("trunkward_gate_policy_version") == 2 * record["policy_version"]
