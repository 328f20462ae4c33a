"""`why` tells of evidence and customers what root has written, and nothing that others put into the database."""

import time
import zlib
from pathlib import Path
from typing import Any

import pytest

from trunkward.cli.why import known
from trunkward.control.why import Known
from trunkward.store.configuration_schema import evidence, node_files
from unit.cli.evidence_node import EvidenceNode


@pytest.fixture
def node(tmp_path: Path) -> EvidenceNode:
    """With record 2, accepted by version 3."""
    made = EvidenceNode(tmp_path, time.time())
    assert made.accepted("+12125550150") == 2
    return made


def asked(node: EvidenceNode) -> Known:
    call: dict[str, Any] = {"policy_version": 3, "tenant": "acme", "started_at": node.now}
    return known(node.paths, call | {"attestation": {"evidence": "evidence-2", "rule": "A-loa"}})


def test_what_root_has_written_is_told(node: EvidenceNode) -> None:
    told = asked(node)
    assert told.evidence is not None
    assert (told.evidence["id"], told.evidence["state"], told.evidence["reviewed_by"]) == (
        *(2, "accepted", "bob (uid 1001)"),
    )
    assert (told.customer_verified, told.configuration) == ("2026-01-15", "")


@pytest.mark.parametrize("change", [{"last": "+12125550999"}, {"reviewed": 9}, {"proof": "x"}])
def test_a_record_that_is_not_as_it_was_journaled_is_left_out_and_said(
    node: EvidenceNode, change: dict[str, Any]
) -> None:
    node.changed(evidence.update().values(**change))
    told = asked(node)
    assert told.evidence is None
    assert "record 2 of evidence is not as " in told.configuration
    assert told.customer_verified == "2026-01-15"


def asked_of_one_without(node: EvidenceNode, **said: Any) -> Known:
    """Of a call of B for want of evidence."""
    call: dict[str, Any] = {
        "policy_version": 3,
        "tenant": "acme",
        "source_name": "acme-hq",
        "calling_number": "+12125550150",
        "claimed_number": None,
        "started_at": node.now + 1,
    }
    rule = {"rule": "B-known-customer", "lack": "no-evidence-for-number"}
    return known(node.paths, call | said | {"attestation": rule})


def test_property_5_what_was_revoked_before_is_why_it_fell(node: EvidenceNode) -> None:
    """Property 5, of the call after `evidence revoke`: the record that spoke for its number, and who did it."""
    assert asked_of_one_without(node).revoked is None
    node.revoke(2)
    told = asked_of_one_without(node).revoked
    assert told is not None
    assert (told["id"], told["revoked_by"], told["revoke_why"]) == (2, "alice (uid 1000)", "ported out")
    assert asked_of_one_without(node).evidence is None
    # a call that was refused, whose number is the one its PBX claimed
    claimed = asked_of_one_without(node, calling_number="", claimed_number="+12125550150")
    assert claimed.revoked == told
    for other in ({"calling_number": "+12125550151"}, {"source_name": "x"}, {"started_at": node.now - 9}):
        assert asked_of_one_without(node, **other).revoked is None
    # the call before that has its record, and it is no other one's
    assert asked(node).revoked is None


def test_a_revoked_record_that_is_not_as_it_was_journaled_is_left_out_and_said(node: EvidenceNode) -> None:
    node.changed(evidence.update().values(last="+12125550159"))
    node.revoke(2)
    told = asked_of_one_without(node)
    assert (told.revoked, told.evidence) == (None, None)
    assert "record 2 of evidence is not as it was entered" in told.configuration


def test_nothing_is_told_by_a_journal_that_root_has_not_written(node: EvidenceNode) -> None:
    node.forged("+12125550151")
    told = asked(node)
    assert (told.evidence, told.customer_verified, told.declared) == (None, None, None)
    assert "root has not written entries 4 to 5 of the journal of acts" in told.configuration


def test_the_day_of_a_customer_is_that_of_the_node_file(node: EvidenceNode) -> None:
    """Its hash is journaled; the objects that stand beside it in the database are not."""
    objects = zlib.compress(b'{"tenants": {"acme": {"customer.verified": "2026-11-01"}}}')
    node.changed(node_files.update().values(objects=objects))
    assert asked(node).customer_verified == "2026-01-15"
    node.changed(node_files.update().values(text=zlib.compress(b"node: {}")))
    assert asked(node).customer_verified is None
