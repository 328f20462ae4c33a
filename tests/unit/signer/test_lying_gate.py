"""A gate that is confused, or somebody's: no signer gives on its word what `control` has not declared."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trunkward.engines.signer_wire import Refused, Signed
from trunkward.shaken import relationship
from trunkward.shaken.evidence import Kind
from trunkward.signer import permits
from trunkward.signer.desk import SigningDesk
from trunkward.signer.identity import load_identity

NAME = {"nam": "Example Corp", "crn": "Delivery"}


@pytest.fixture
def desk(house: Any) -> SigningDesk:
    return SigningDesk(load_identity(house.identity(), datetime.fromtimestamp(house.now_s, UTC)))


@pytest.fixture
def resold(house: Any) -> SigningDesk:
    identity = load_identity(house.identity(), datetime.fromtimestamp(house.now_s, UTC))
    return SigningDesk(identity, name="resold", third_party=True)


#: What the token says otherwise than the whole one, what the request does, and the one cause of each.
LIES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    # a trunk nobody has said anything of
    ({}, {"trunk": "beta"}, "relationship-of-other-trunk"),
    ({"trunk": "beta"}, {}, "relationship-of-other-trunk"),
    # one whose customer nobody knows, under whatever name
    ({"customer": "", "since": 0, "until": 0}, {}, "customer-not-known"),
    ({}, {"customer": "KYC-2026-18"}, "relationship-of-other-customer"),
    ({"customer": "KYC-2026-18"}, {}, "relationship-of-other-customer"),
    # another reseller's calls, with this certificate
    ({"identity": "resale"}, {}, "relationship-of-other-identity"),
    # what has ended, at the second, or has not begun
    ({"until": 1_795_435_200}, {}, "customer-verified-too-long-ago"),
    ({"since": 1_795_435_201}, {}, "customer-not-yet-verified"),
    ({"not_after": 1_795_435_200}, {}, "relationship-expired"),
    # a level that is nobody's to supply, though the trunk be a switch
    ({"supplies_levels": True}, {"supplied": "B"}, "level-supplied-by-another"),
    ({"supplies_levels": True}, {"supplied": "A"}, "level-supplied-by-another"),
]


@pytest.mark.parametrize("level", ["A", "B"])
@pytest.mark.parametrize(("said", "asked", "reason"), LIES)
def test_property_4_no_level_without_a_customer_who_holds(
    desk: SigningDesk, house: Any, level: str, said: dict[str, Any], asked: dict[str, Any], reason: str
) -> None:
    """Property 4, at the signer: A as well, however good what speaks for the number is."""
    wanted = house.request(
        level=level, evidence=house.token(), relationship=house.relationship(**said), **asked
    )
    for _ in range(2):  # the second time the token comes from what was opened
        answer, entry = desk.answer(wanted, house.now_s)
        assert answer == Refused(id="7", error=reason)
        assert (entry.facts["kind"], entry.facts["error"]) == ("refused", reason)


@pytest.mark.parametrize("level", ["A", "B"])
def test_no_level_without_a_token_or_with_one_of_another_kind(
    desk: SigningDesk, house: Any, level: str
) -> None:
    def refused(token: Any) -> str:
        answer, _ = desk.answer(
            house.request(level=level, evidence=house.token(), relationship=token), house.now_s
        )
        assert isinstance(answer, Refused)
        return answer.error

    said = relationship.read_token(house.relationship())
    assert refused(None) == "relationship-missing"
    assert refused("nonsense") == "relationship-malformed"
    # each kind says what the other does not
    assert refused(house.token()) == "relationship-malformed"
    made = relationship.issue(Ed25519PrivateKey.generate(), said)
    assert refused(made) == "relationship-signature-invalid"


def test_a_relationship_is_no_evidence_for_a_number(desk: SigningDesk, house: Any) -> None:
    wanted = house.request(level="A", evidence=house.relationship())
    assert desk.answer(wanted, house.now_s)[0] == Refused(id="7", error="evidence-malformed")


def test_a_needs_evidence_of_the_same_customer(desk: SigningDesk, house: Any) -> None:
    other = {"customer": "KYC-2026-18"}
    wanted = house.request(
        level="A", evidence=house.token(), relationship=house.relationship(**other), **other
    )
    assert desk.answer(wanted, house.now_s)[0] == Refused(id="7", error="evidence-of-other-customer")


@pytest.mark.parametrize("spc", ["111T", ""])
@pytest.mark.parametrize("kind", list(Kind))
def test_no_level_by_a_token_of_the_time_when_its_certificate_was_another_providers(
    desk: SigningDesk, house: Any, kind: Kind, spc: str
) -> None:
    """Summary: a gate that somebody has taken over keeps a token; the identity's code changes: refused, also for a retarget."""
    wanted = house.request(rule=f"A-{kind}", level="A", evidence=house.token(kind=kind, spc=spc))
    for _ in range(2):  # the second time the token comes from what was opened
        assert desk.answer(wanted, house.now_s)[0] == Refused(id="7", error="evidence-of-other-provider")
    good = house.request(rule=f"A-{kind}", level="A", evidence=house.token(kind=kind))
    assert isinstance(desk.answer(good, house.now_s)[0], Signed)
    kept = house.token(tn="12025550110", kind=kind, spc=spc)
    diverted = house.request(level="B", div=[{"dest": "12025550120", "div": "12025550110", "evidence": kept}])
    assert desk.answer(diverted, house.now_s)[0] == Refused(id="7", error="evidence-of-other-provider")


def test_what_was_opened_still_ends(desk: SigningDesk, house: Any) -> None:
    """The end of the KYC record lowers the level here, too: B is refused though the gate asks."""
    wanted = house.request(relationship=house.relationship(until=house.now_s + 10))
    assert isinstance(desk.answer(wanted, house.now_s + 9)[0], Signed)
    ended = desk.answer(wanted, house.now_s + 10)[0]
    assert ended == Refused(id="7", error="customer-verified-too-long-ago")
    wanted = house.request(relationship=house.relationship(not_after=house.now_s + 10))
    assert isinstance(desk.answer(wanted, house.now_s + 9)[0], Signed)
    assert desk.answer(wanted, house.now_s + 10)[0] == Refused(id="7", error="relationship-expired")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({}, NAME | {"nam": "Example Bank"}),
        ({}, NAME | {"crn": "Your account"}),
        ({}, {"nam": "Example Corp"}),
        ({"crn": ""}, NAME),
        ({"nam": "", "crn": ""}, NAME),
        ({"nam": "", "crn": ""}, {"nam": ""}),
    ],
)
@pytest.mark.parametrize("kind", [Kind.OWN_INVENTORY, Kind.LOA])
def test_no_name_but_the_one_that_was_declared(
    desk: SigningDesk, house: Any, said: dict[str, Any], name: dict[str, str], kind: Kind
) -> None:
    wanted = house.request(
        level="A",
        rule=f"A-{kind}",
        evidence=house.token(kind=kind),
        relationship=house.relationship(**said),
        rcd=name,
    )
    answer, _ = desk.answer(wanted, house.now_s)
    expected = "rcd-text-invalid" if name == {"nam": ""} else "name-of-another"
    assert answer == Refused(id="7", error=expected)


def test_a_name_without_a_reason(desk: SigningDesk, house: Any) -> None:
    wanted = house.request(
        level="A",
        evidence=house.token(),
        relationship=house.relationship(crn=""),
        rcd={"nam": "Example Corp"},
    )
    answer, _ = desk.answer(wanted, house.now_s)
    assert isinstance(answer, Signed)
    assert len(answer.identities) == 2


@pytest.mark.parametrize("level", ["A", "B", "C"])
@pytest.mark.parametrize(
    ("said", "asked", "reason"),
    [
        # a customer's trunk of the same provider
        ({"supplies_levels": False}, {}, "level-supplied-by-another"),
        ({"trunk": "switch"}, {}, "relationship-of-other-trunk"),
        # the switch of another provider
        ({"identity": "other"}, {}, "relationship-of-other-identity"),
        ({"not_after": 1_795_435_200}, {}, "relationship-expired"),
        (None, {}, "relationship-missing"),
        ({}, {"supplied": None}, "level-not-supplied"),
    ],
)
def test_property_6_a_level_is_supplied_by_the_switch_alone(
    resold: SigningDesk,
    house: Any,
    level: str,
    said: dict[str, Any] | None,
    asked: dict[str, Any],
    reason: str,
) -> None:
    """Property 6: who the switch is `control` says, to the signer itself."""
    switch = {"identity": "resold", "supplies_levels": True}
    token = None if said is None else house.relationship(**switch | said)
    wanted = house.request(
        identity="resold", evidence=house.token(), **{"level": level, "supplied": level, "relationship": token} | asked
    )  # fmt: skip
    assert resold.answer(wanted, house.now_s)[0] == Refused(id="7", error=reason)


#: What the contract says otherwise than the whole one, or the token that stands in its place; and the cause.
NO_CONTRACTS: list[tuple[dict[str, Any] | str | None, str]] = [
    (None, "contract-missing"),
    ("nonsense", "contract-malformed"),
    ({"identity": "other"}, "contract-of-other-identity"),
    # of the time when its certificate was another provider's
    ({"spc": "111T"}, "contract-of-other-provider"),
    ({"not_after": 1_795_435_200}, "contract-expired"),
    ({"id": "evidence-17"}, "contract-revoked"),
]


@pytest.fixture
def agreed(house: Any) -> SigningDesk:
    """As `resold`, under a certificate that could convince somebody; evidence-17 was revoked."""
    identity = load_identity(house.identity(), datetime.fromtimestamp(house.now_s, UTC))
    made = SigningDesk(identity, name="resold", third_party=True, recorded_only=True)
    made.permits.denied = frozenset({"evidence-17"})
    return made


def supplied(house: Any, level: str, token: str | None) -> bytes:
    switch = house.relationship(identity="resold", supplies_levels=True, customer="", since=0, until=0)
    asked = {"identity": "resold", "level": level, "supplied": level, "relationship": switch}
    made: bytes = house.request(**asked, evidence=token)
    return made


@pytest.mark.parametrize("level", ["A", "B", "C"])
@pytest.mark.parametrize(("said", "reason"), NO_CONTRACTS)
def test_property_6_nothing_is_signed_that_was_supplied_without_a_contract(
    agreed: SigningDesk, house: Any, level: str, said: dict[str, Any] | str | None, reason: str
) -> None:
    """Property 6: that its provider has us sign for him `control` says, to the signer itself."""
    token = house.contract(**said) if isinstance(said, dict) else said
    for _ in range(2):  # the second time the token comes from what was opened
        answer, entry = agreed.answer(supplied(house, level, token), house.now_s)
        assert (answer, entry.facts["error"]) == (Refused(id="7", error=reason), reason)
    signed, entry = agreed.answer(supplied(house, level, house.contract()), house.now_s)
    assert isinstance(signed, Signed)
    # and the journal has by which
    assert (entry.facts["evidence_id"], entry.facts["evidence_version"]) == ("evidence-31", 32)


def test_a_contract_is_no_evidence_for_a_number_nor_that_a_contract(
    agreed: SigningDesk, desk: SigningDesk, house: Any
) -> None:
    wanted = house.request(level="A", evidence=house.contract(identity="node"))
    assert desk.answer(wanted, house.now_s)[0] == Refused(id="7", error="evidence-malformed")
    answer, _ = agreed.answer(supplied(house, "A", house.token(identity="resold")), house.now_s)
    assert answer == Refused(id="7", error="contract-malformed")


def test_a_contract_is_worth_nothing_while_nobody_knows_what_was_revoked(
    agreed: SigningDesk, house: Any
) -> None:
    agreed.permits.denied = None
    answer, _ = agreed.answer(supplied(house, "B", house.contract()), house.now_s)
    assert answer == Refused(id="7", error="evidence-revocations-unknown")


def test_what_another_key_has_signed_is_no_contract(agreed: SigningDesk, house: Any) -> None:
    wanted = supplied(house, "B", house.contract())
    assert isinstance(agreed.answer(wanted, house.now_s)[0], Signed)
    key = Ed25519PrivateKey.generate()
    agreed.permits.believe(key.public_key())
    said = relationship.Relationship(
        identity="resold", trunk="alpha", customer="", since=0, until=0, supplies_levels=True, nam="", crn="",
        not_after=house.now_s + 60, version=3,
    )  # fmt: skip
    again = house.request(
        identity="resold", supplied="B", relationship=relationship.issue(key, said), evidence=house.contract()
    )
    assert agreed.answer(again, house.now_s)[0] == Refused(id="7", error="contract-signature-invalid")


def test_a_name_beside_a_supplied_level_is_the_declared_one(resold: SigningDesk, house: Any) -> None:
    switch = house.relationship(identity="resold", supplies_levels=True)
    asked = {"identity": "resold", "level": "A", "supplied": "A", "relationship": switch}
    assert isinstance(resold.answer(house.request(**asked, rcd=NAME), house.now_s)[0], Signed)
    refused = resold.answer(house.request(**asked, rcd=NAME | {"nam": "Example Bank"}), house.now_s)[0]
    assert refused == Refused(id="7", error="name-of-another")


def test_c_needs_none_and_says_nothing_of_a_customer(desk: SigningDesk, house: Any) -> None:
    wanted = house.request(level="C", customer="", ingress="gateway-1", rule="C-gateway")
    answer, entry = desk.answer(wanted, house.now_s)
    assert isinstance(answer, Signed)
    assert entry.facts["relationship_version"] is None


def test_the_line_says_by_which_declaration(desk: SigningDesk, house: Any) -> None:
    _, entry = desk.answer(house.request(), house.now_s)
    assert (entry.facts["relationship_version"], entry.facts["evidence_version"]) == (3, None)


def test_what_was_opened_is_bounded_and_forgotten_with_its_key(
    desk: SigningDesk, house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permits, "OPENED_TOKENS", 2)
    for number in range(5):
        wanted = house.request(relationship=house.relationship(version=number + 1))
        assert isinstance(desk.answer(wanted, house.now_s)[0], Signed)
    assert len(desk.permits.relationships) == 2
    kept = house.request(relationship=house.relationship(version=5))
    desk.permits.believe(Ed25519PrivateKey.generate().public_key())
    refused = desk.answer(kept, house.now_s)[0]
    assert refused == Refused(id="7", error="relationship-signature-invalid")
