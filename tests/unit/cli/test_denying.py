"""Who has not the list of denied evidence as it is: by what each tells itself, asked until it has it."""

from pathlib import Path

import pytest
from prometheus_client.metrics_core import GaugeMetricFamily

from trunkward.cli import denying
from trunkward.cli.denying import behind
from trunkward.engines.denied_file import TAKEN
from trunkward.engines.part_numbers import PartNumbers
from trunkward.settings import METRICS_PORT, Paths
from trunkward.shaken.denied import DenyList


class Node:
    """One with two gates and a signer, which tell what a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
        self.paths = Paths(config=home, state=home, run=home, log=home)
        #: By port, what it tells, one answer after the other; the last again.
        self.told: dict[int, list[float | None]] = {METRICS_PORT: [7], METRICS_PORT + 1: [7], 9: [7]}
        self.runs = True
        self.paths.shown.parent.mkdir(parents=True, exist_ok=True)
        self.paths.shown.write_text('{"gates": 2, "tls_port": 5061}')
        monkeypatch.setattr(denying, "is_running", lambda _: self.runs)
        monkeypatch.setattr(denying, "read_own", lambda _: DenyList(sequence=7))
        monkeypatch.setattr(denying, "read_ports", lambda _: {"signer": 9})
        monkeypatch.setattr(denying, "read_part", self._read)
        monkeypatch.setattr(denying, "_STEP_S", 0.0)

    def _read(self, port: int) -> PartNumbers:
        told = self.told[port]
        value = told.pop(0) if len(told) > 1 else told[0]
        if value is None:
            raise OSError("Connection refused")
        return PartNumbers(families=(GaugeMetricFamily(TAKEN, "x", value=value),))


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Node:
    return Node(monkeypatch, tmp_path)


def test_all_have_it_or_come_to_have_it(node: Node) -> None:
    node.told[9] = [6, None, 6, 8]
    assert behind(node.paths) == {}


@pytest.mark.parametrize(
    ("told", "why"),
    [(0, "it does not take the list; its log says why"), (6, "it has list 6"), (None, "Connection refused")],
)
def test_who_has_not(node: Node, told: float | None, why: str) -> None:
    node.told[METRICS_PORT + 1] = [told]
    assert behind(node.paths, 0.01) == {"gate-1": why}
    node.runs = False
    assert behind(node.paths, 0.01) == {}


def test_how_many_gates_there_are_is_not_guessed(node: Node) -> None:
    node.paths.shown.unlink()
    assert list(behind(node.paths, 0.01)) == ["gates"]
