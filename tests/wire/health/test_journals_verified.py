"""A node's own look at its journals, on a node that is up: what came of it is in status, metrics and events."""

import json
import signal
import subprocess
import sys
import time
from typing import Any

from wire.conftest import Node
from wire.health.conftest import ask, readiness
from wire.records.parties import eventually


def look(node: Node) -> subprocess.CompletedProcess[str]:
    """What `up` starts once a day."""
    command = [sys.executable, "-I", "-m", "trunkward.cli.verify_journals"]
    return subprocess.run(
        command, env=node.environment, capture_output=True, text=True, check=False, timeout=60
    )


def signed(node: Node) -> int:
    """Up to which line heads of the node's journal are signed."""
    said = node.trunkward("journal", "heads", "--json")
    heads = json.loads(said.stdout)["heads"] if said.returncode == 0 else []
    return next((head["seq"] for head in heads if head["journal"] == "node"), 0)


def told(name: str) -> float | None:
    for line in ask("/metrics")[1].splitlines():
        if line.startswith(f"trunkward_journals_{name}"):
            return float(line.rpartition(" ")[2])
    return None


def test_a_change_is_found_told_and_found_no_more_when_it_is_mended(node: Node) -> None:
    """Summary: the node's own look finds its journals as written: status, metrics, event; a changed line is a trouble for root by its line, for others without; mended, it is gone."""
    file = node.paths.signer_journal() / "000000000001.jsonl"
    eventually(node.paths.signer_head().exists, 20, "the signer to tell of its first line")
    # nothing but a head speaks for the last line: one is signed each minute, and by a worker that starts
    node.signal("worker", signal.SIGKILL)
    eventually(lambda: signed(node) >= 1, 100, "a signed head of the signer's first line")
    done = look(node)
    assert (done.returncode, done.stderr) == (0, "")
    eventually(lambda: told("verified_timestamp_seconds") is not None, 20, "the metric")
    assert told("verified_timestamp_seconds") > time.time() - 60  # type: ignore[operator]
    assert (told("changed"), told("not_verified")) == (0, 0)
    assert "journals verified            20" in node.trunkward("status").stdout

    with file.open("r+b") as journal:
        first = journal.readline()
        assert first.count(b'"started"') == 1
        journal.seek(0)
        journal.write(first.replace(b'"started"', b'"Started"'))
    done = look(node)
    assert done.returncode == 1
    assert "node: 000000000001.jsonl, line 1: " in done.stderr
    eventually(lambda: told("changed") == 1, 20, "the metric")

    def alone() -> dict[str, Any]:
        status, document = readiness()
        assert status == 200
        return document if [one["what"] for one in document["troubles"]] == ["journals"] else {}

    document = eventually(alone, 20, "it is a trouble, and nothing else is")
    assert "line" not in document["troubles"][0]["problem"]
    document = json.loads(node.trunkward("status", "--json").stdout)
    assert "line 1" in document["troubles"][0]["problem"]

    with file.open("r+b") as journal:
        journal.write(first)
    assert look(node).returncode == 0
    eventually(lambda: told("changed") == 0, 20, "the metric")

    def events() -> list[str]:
        told = node.trunkward("events", "--json").stdout.splitlines()
        return [json.loads(one)["event"] for one in told][:3]

    looks = ["journals-hold", "journals-changed", "journals-hold"]
    eventually(lambda: events() == looks, 20, "all looks on record")
