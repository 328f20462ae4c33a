"""A running node whose file is changed under it."""

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest

from trunkward.settings import METRICS_PORT
from wire.conftest import EXAMPLE, Node, start_node, stop_node

TEXT = EXAMPLE.read_text(encoding="utf-8")

#: A second customer; on loopback its calls come from where the first one's do.
BEST = """\
  - name: best
    trunks:
      - name: best-hq
        networks: [127.0.0.1/32, 127.0.0.22/32]
        client_certificate: issued
        numbers: ["+12025550111"]
        caller: {other: replace, number: "+12025550111"}
        host: 127.0.0.22:15062
        tls_names: [pbx.best.example.com]

"""
WITH_BEST = TEXT.replace("carriers:\n", BEST + "carriers:\n")
WITHOUT_SOUTH = TEXT[: TEXT.index("  - name: south")]


class Changed:
    """The node, and its file."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def apply(self, text: str, *flags: str, code: int = 0) -> dict[str, Any]:
        """Writes the node file and applies it."""
        (self.node.home / "node.yaml").write_text(text, encoding="utf-8")
        done = self.node.trunkward("apply", "--json", *flags)
        assert done.returncode == code, done.stdout + done.stderr
        return (json.loads(done.stdout) if done.stdout else {}) | {"said": done.stderr}

    def version(self) -> int:
        """The newest version."""
        return int(self.history()[0]["number"])

    def history(self) -> list[dict[str, Any]]:
        """All of it, newest first; the journal holds."""
        done = self.node.trunkward("history", "--json", "--limit", "1000")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def in_force(self) -> dict[str, Any]:
        """The document of what is in force."""
        found: dict[str, Any] = json.loads((self.node.state / "config" / "declared.json").read_text())
        return found

    def until_gates_have(self, version: int, within_s: float = 20.0) -> float:
        """Seconds from the moment a version was in force until both gates decide by it."""
        until = time.monotonic() + within_s
        while any(gate_version(index) != version for index in range(2)):
            assert time.monotonic() < until, f"gates do not have {version}"
            time.sleep(0.02)
        return time.time() - (self.node.state / "config" / "declared.json").stat().st_mtime


def gate_version(index: int) -> int:
    """What a gate says it decides by; -1 for no answer."""
    try:
        with urlopen(f"http://127.0.0.1:{METRICS_PORT + index}/metrics", timeout=5) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith("trunkward_gate_policy_version "):
                    return int(float(line.split()[1]))
    except OSError:
        pass
    return -1


@pytest.fixture(scope="module")
def running() -> Iterator[Node]:
    """One node for the whole module."""
    node = start_node(TEXT)
    yield node
    stop_node(node)


@pytest.fixture
def changed(running: Node) -> Changed:
    """The node as the example declares it."""
    made = Changed(running)
    if made.in_force()["node_file"] != TEXT:
        made.apply(TEXT, "--delete", "--restart")
    return made
