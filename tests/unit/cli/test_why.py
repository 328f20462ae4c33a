"""`why` tells of evidence and customers what root has written, and nothing that others put into the database."""

import time
import zlib
from pathlib import Path
from typing import Any

import pytest

from trunkward.cli.changing import configuration_store
from trunkward.cli.why import known
from trunkward.control import configuration
from trunkward.control.acts import put_down
from trunkward.control.effects import Effects
from trunkward.control.evidence import added, reviewed
from trunkward.control.node_file import accept_node_file
from trunkward.control.why import Known
from trunkward.store.configuration_schema import evidence, node_files
from trunkward.trunks.evidence import GRACE_S
from unit.cli.evidence_node import ALICE, BOB, DAY, EXAMPLE, EvidenceNode


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


#: A switch that says the level, and the contract by which its calls are signed.
_ADMINISTRATOR = """  gates: 2
  policy_administrator: {url: "https://pa.example.com", certificate: /etc/sti/pa.pem}
"""
SWITCHED = EXAMPLE.replace("  gates: 2\n", _ADMINISTRATOR).replace(
    "\ntenants:\n",
    """
resellers:
  - name: switched
    identity:
      spc: "567T"
      x5u: https://cert.example.com/switched.pem
      third_party: true
      certificates: files
      files: {chain: /etc/sti/chain.pem, key: /etc/sti/signing.key}

tenants:
  - name: initech
    reseller: switched
    trunks:
      - name: initech-hq
        networks: [192.0.2.9/32]
        client_certificate: issued
        numbers: ["+12025550112"]
        supplies_levels: true
""",
    1,
)


@pytest.fixture
def switched(tmp_path: Path) -> tuple[EvidenceNode, int]:
    """A node with such a switch, and the number of its contract, which holds for ten days."""
    made = EvidenceNode(tmp_path, time.time())
    wanted = accept_node_file(SWITCHED, "node.yaml")
    with configuration_store(made.paths, make=True) as store:
        planned = configuration.plan(store, wanted, Effects())
        configuration.accept(store, planned, actor=ALICE, command="apply", at=made.now)
        entering = added(
            *(wanted.declared, store.evidence()),
            numbers="",
            trunk="",
            identity="switched",
            kind="contract",
            file_name="agreement.pdf",
            document=b"agreed",
            until=made.now + 10 * DAY,
            why="filed",
            actor=ALICE,
            now=made.now,
            salt="5a" * 16,
        )
        number = put_down(store, entering, actor=ALICE, command="evidence", at=made.now, beyond=0).number
        accepting = reviewed(
            *(wanted.declared, store.evidence(), number),
            accept=True,
            why="called them",
            entered_by=ALICE,
            actor=BOB,
            now=made.now,
        )
        put_down(store, accepting, actor=BOB, command="evidence", at=made.now, beyond=0)
    return made, number


def of_switch(node: EvidenceNode, rule: str, evidence: str = "", **said: Any) -> Known:
    call: dict[str, Any] = {
        "policy_version": 2,
        "tenant": "initech",
        "source_name": "initech-hq",
        "calling_number": "+12025550112",
        "claimed_number": None,
        "started_at": node.now + 1,
    }
    return known(node.paths, call | said | {"attestation": {"rule": rule, "evidence": evidence}})


def test_property_6_a_call_without_a_contract_names_the_one_that_was_revoked(
    switched: tuple[EvidenceNode, int],
) -> None:
    """Property 6, of the call after `evidence revoke`: which contract it was, and who ended it when."""
    node, number = switched
    assert of_switch(node, "none-without-contract").revoked is None
    node.revoke(number)
    told = of_switch(node, "none-without-contract").revoked
    assert told is not None
    assert (told["id"], told["kind"], told["spc"]) == (number, "contract", "567T")
    assert (told["revoked_by"], told["revoke_why"]) == ("alice (uid 1000)", "ported out")
    # the call before that has its record, with what became of it
    signed = of_switch(node, "A-supplied", f"evidence-{number}")
    assert signed.revoked is None
    assert signed.evidence is not None
    assert signed.evidence["revoked_by"] == "alice (uid 1000)"
    # nobody else's call names it, and no call that was before
    for other in ({"tenant": "acme"}, {"started_at": node.now - 9}, {"policy_version": 1}):
        assert of_switch(node, "none-without-contract", **other).revoked is None
    stranger = {"source_name": "", "calling_number": "", "tenant": ""}
    assert of_switch(node, "C-unknown-customer", **stranger).revoked is None


def test_a_contract_that_has_ended_is_named_as_ended(
    switched: tuple[EvidenceNode, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Summary: also where it ended so long ago that the gate knew none any more."""
    node, number = switched
    signed = of_switch(node, "A-supplied", f"evidence-{number}").evidence
    assert signed is not None
    assert (signed["state"], signed["ended"]) == ("accepted", False)
    later = node.now + 10 * DAY
    monkeypatch.setattr("time.time", lambda: later + GRACE_S)
    signed = of_switch(node, "A-supplied", f"evidence-{number}").evidence
    assert signed is not None
    assert (signed["state"], signed["ended"]) == ("accepted", True)
    in_grace = of_switch(node, "none-without-contract", f"evidence-{number}", started_at=later).evidence
    assert in_grace is not None
    assert (in_grace["state"], in_grace["ended"]) == ("ended", True)
    told = of_switch(node, "none-without-contract", started_at=later + GRACE_S).revoked
    assert told is not None
    assert (told["id"], told["revoked_by"]) == (number, None)
    assert of_switch(node, "none-without-contract", started_at=later + GRACE_S - 1).revoked is None


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
