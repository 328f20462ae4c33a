"""A node's health for programs: for root with names, for everybody else without."""

from datetime import UTC, datetime, timedelta

import pytest

from trunkward.control.health import health
from trunkward.control.health_document import as_document
from trunkward.control.health_facts import CertificateFacts, CertificateOf
from unit.control.seen import NOW, facts

SOON = datetime.fromtimestamp(NOW, UTC) + timedelta(days=3)


@pytest.mark.parametrize("problem", ["", "/etc/bravo-hq/chain.pem: no certificate in PEM"])
def test_whoever_may_not_know_names_is_told_none(problem: str) -> None:
    found = health(
        facts(
            certificates=tuple(
                CertificateFacts(name=name, of=of, until=SOON, problem=problem)
                for of, name in (
                    (CertificateOf.PEER, "peers/bravo-hq.pem"),
                    (CertificateOf.PEER, "peers/bravo-lab.pem"),
                    (CertificateOf.CARRIER_AUTHORITY, "carrier bravo: ca"),
                )
            )
        )
    )
    told = as_document(found, names=False)
    assert "bravo" not in str(told)
    assert [trouble["what"] for trouble in told["troubles"]] == [
        "certificates (peer): 2",
        "certificates (carrier-authority): 1",
    ]
    assert "from then on" in told["troubles"][0]["means"] or problem
    assert "peers/bravo-hq.pem and 1 more" in str(as_document(found, names=True))


def test_the_document_has_every_part_and_trouble() -> None:
    document = as_document(health(facts("signer", policy={"gate-1": 6})), names=True)
    assert document["ready"] is True
    assert {name for name, part in document["parts"].items() if not part["ready"]} == {"signer", "gate-1"}
    assert document["parts"]["gate-0"]["policy_version"] == 7
    assert [trouble["what"] for trouble in document["troubles"]] == ["gate-1", "signer"]
    assert document["troubles"][1]["lost"] == "signer"
