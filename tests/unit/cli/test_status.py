"""What `status` says of a node that is up, and of one that is not."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from trunkward.cli.people_status import Waiting
from trunkward.cli.status import _print
from trunkward.control.declared import InForce
from trunkward.control.health import Health, health
from trunkward.control.health_facts import CertificateFacts, CertificateOf, ClockFacts, Facts, Part, PartFacts
from trunkward.control.node_file import read_node_file
from trunkward.settings import Paths

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
PARTS = {"kamailio": Part.KAMAILIO, "gate-0": Part.GATE, "signer": Part.SIGNER, "worker": Part.WORKER}


def all_gone() -> Health:
    """No part answers, and a certificate ends."""
    refused = "[Errno 111] Connection refused"
    return health(
        Facts(
            now=datetime(2026, 11, 25, tzinfo=UTC).timestamp(),
            parts=tuple(
                PartFacts(
                    name=name, part=part, problem=refused, policy_version=0 if part is Part.GATE else None
                )
                for name, part in PARTS.items()
            ),
            policy_version=7,
            policy_since=0.0,
            clock=ClockFacts(synchronised=True, trusted=False),
            drain="since yesterday",
            certificates=(
                CertificateFacts(
                    name="node.pem", of=CertificateOf.NODE, until=datetime(2026, 11, 26, tzinfo=UTC)
                ),
            ),
        )
    )


@pytest.mark.parametrize("up", [True, False])
def test_what_runs_is_told_of_a_node_that_is_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], up: bool
) -> None:
    paths = Paths(config=tmp_path / "node.yaml", state=tmp_path, run=tmp_path / "run", log=tmp_path)
    (tmp_path / "node.yaml.unapplied-1").touch()
    in_force = InForce(version=1, node_file=EXAMPLE, certificates={}, evidence={})
    _print(all_gone(), in_force, read_node_file(EXAMPLE, "node.yaml"), paths, Waiting(), up=up)
    said = capsys.readouterr().out
    of_what_runs = ("not ready", "Connection refused", "degraded gates", "degraded worker", "127.0.0.10:5061")
    assert {word in said for word in (*of_what_runs, "127.0.0.1:9307")} == {up}
    assert ("the node is not up; start it: ./trunkward up" in said) is not up
    for either in (
        "takes no calls",
        "draining",
        "degraded node.pem",
        "deviation carrier south",
        "kept aside",
    ):
        assert either in said
