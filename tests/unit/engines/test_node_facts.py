"""What was seen of a part becomes its facts."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from prometheus_client.metrics_core import GaugeMetricFamily

from trunkward.control.declared import InForce
from trunkward.control.health_facts import CertificateOf
from trunkward.control.showing import shown
from trunkward.engines.certificate_state import ObtainState, ShownState, write_state
from trunkward.engines.denied_file import TAKEN
from trunkward.engines.node_facts import (
    Seen,
    denied_facts,
    evidence_facts,
    forget_facts,
    part_facts,
    see,
)
from trunkward.engines.part_numbers import PartNumbers
from trunkward.settings import Paths

EXAMPLE = Path(__file__).parents[3] / "examples" / "node.yaml"
START = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_who_sees_to_certificates_tells_version_and_start(tmp_path: Path) -> None:
    """Without a supervisor to ask, as `web` sees them: else nobody would hear of their restarts."""
    made = InForce(
        version=1,
        node_file=EXAMPLE.read_text(encoding="utf-8"),
        certificates={"acme-hq": ["ab" * 32]},
        evidence={},
    )
    its = shown(made, made.declared(), 1.0)
    its = msgspec.structs.replace(its, gates=0, certificates={"server": "acme https://ca.example.net/dir"})
    paths = Paths(config=tmp_path, state=tmp_path, run=tmp_path, log=tmp_path)
    for state in (paths.acme_state, paths.shown_state):
        state.parent.mkdir()
    now = datetime.now(UTC)
    write_state(
        paths.acme_state,
        ObtainState(at=now, version="0.0.9", since=START, directory="https://ca.example.net/dir"),
    )
    write_state(paths.shown_state, ShownState(at=now, version="0.0.8", since=START, places={}))
    with ThreadPoolExecutor(20) as threads:
        seen = see(its, paths, threads, web=False)
        os.utime(paths.shown_state, (1, 1))  # a process that stands still has no start to tell
        later = see(its, paths, threads, web=False)
    found = {part.name: part for part in part_facts(its, seen, {}, {}, now.timestamp())}
    for name, version in (("acme", "0.0.9"), ("certificates", "0.0.8")):
        assert found[name].problem == ""
        assert (found[name].version, found[name].since) == (version, START.timestamp())
    gone = {part.name: part for part in part_facts(its, later, {}, {}, now.timestamp())}["certificates"]
    assert gone == replace(gone, version="", since=None)
    assert "sign of life" in gone.problem


def _told(name: str, value: float, **labels: str) -> PartNumbers:
    family = GaugeMetricFamily(name, "x", labels=list(labels))
    family.add_metric(list(labels.values()), value)
    return PartNumbers(families=(family,))


def test_who_has_not_taken_the_list_of_denied_evidence() -> None:
    """Of a fetcher, which has none, nobody asks."""
    parts = {"gate-0": _told(TAKEN, 0), "gate-1": _told(TAKEN, 7), "signer": _told(TAKEN, 0)}
    seen = Seen(parts=parts | {"fetcher": PartNumbers()})
    assert denied_facts(seen) == ("gate-0", "signer")


def test_which_signer_cannot_delete() -> None:
    name = "trunkward_signer_failing"
    parts = {"signer": _told(name, 0, what="forget"), "signer-x": _told(name, 1, what="forget")}
    assert forget_facts(Seen(parts=parts | {"signer-y": _told(name, 1, what="look")})) == ("signer-x",)


def test_what_levels_stand_on_ends_as_certificates_do() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    made = InForce(version=1, node_file=text, certificates={"acme-hq": ["ab" * 32]}, evidence={})
    its = msgspec.structs.replace(shown(made, made.declared(), 1.0), evidence_until=START.timestamp())
    told = {fact.of: fact.until for fact in evidence_facts(its)}
    assert told == {
        CertificateOf.EVIDENCE: START,
        # 731 days after the day in the example
        CertificateOf.CUSTOMER: datetime(2028, 1, 16, tzinfo=UTC),
    }
    without = msgspec.structs.replace(its, evidence_until=None, customers_until=None)
    assert evidence_facts(without) == []
