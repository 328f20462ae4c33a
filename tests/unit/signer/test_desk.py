"""What the signer signs and what it refuses, request by request."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from cryptography.x509 import Certificate

from trunkward.engines.signer_wire import Refused, Signed
from trunkward.shaken import base64url
from trunkward.shaken.es256 import verify_es256
from trunkward.shaken.evidence import Kind
from trunkward.signer import permits
from trunkward.signer.desk import GOOD_S, SigningDesk
from trunkward.signer.identity import Identity, begin, load_identity, look_again


@pytest.fixture
def desk(house: Any) -> SigningDesk:
    return SigningDesk(load_identity(house.identity(), datetime.fromtimestamp(house.now_s, UTC)))


def certificate_of(desk: SigningDesk) -> Certificate:
    assert isinstance(desk.identity, Identity)
    return desk.identity.certificate


def test_a_with_evidence(desk: SigningDesk, house: Any) -> None:
    answer, entry = desk.answer(house.request(level="A", evidence=house.token()), house.now_s + 0.9)
    assert isinstance(answer, Signed)
    (identity,) = answer.identities
    token, *parameters = identity.split(";")
    header, payload, signature = token.split(".")
    assert json.loads(base64url.decode(payload)) == {
        "attest": "A",
        "dest": {"tn": ["12025550110"]},
        # The signer's clock, in whole seconds.
        "iat": house.now_s,
        "orig": {"tn": "12025550100"},
        "origid": "123e4567-e89b-82d3-a456-426655440000",
    }
    assert json.loads(base64url.decode(header))["x5u"] == "https://cert.example.com/709J/1.pem"
    assert parameters == ["info=<https://cert.example.com/709J/1.pem>", "alg=ES256", "ppt=shaken"]
    verify_es256(
        certificate_of(desk).public_key(),  # type: ignore[arg-type]
        f"{header}.{payload}".encode(),
        base64url.decode(signature),
    )
    assert answer.date == "Mon, 23 Nov 2026 12:00:00 GMT"
    assert answer.serial == f"{certificate_of(desk).serial_number:x}"
    assert entry.facts["kind"] == "signed"
    facts = entry.facts
    assert (facts["record_id"], facts["evidence_id"], facts["evidence_version"]) == ("rec-1", "num-1", 2)
    # whose numbers they are is not said for good
    assert entry.private == {"orig": "12025550100", "dest": "12025550110"}
    assert "12025550100" not in json.dumps(facts)


def test_c_names_its_ingress_and_needs_no_customer(desk: SigningDesk, house: Any) -> None:
    wanted = house.request(level="C", customer="", ingress="gateway-1", rule="C-gateway")
    answer, entry = desk.answer(wanted, house.now_s)
    assert isinstance(answer, Signed)
    assert answer.attest == "C"
    facts = entry.facts
    assert (facts["ingress"], facts["rule"], facts["customer"]) == ("gateway-1", "C-gateway", "")


def test_b_needs_no_evidence(desk: SigningDesk, house: Any) -> None:
    answer, entry = desk.answer(house.request(), house.now_s)
    assert isinstance(answer, Signed)
    assert answer.attest == "B"
    assert entry.facts["evidence_id"] is None


@pytest.mark.parametrize(
    ("changed", "token", "reason"),
    [
        ({}, None, "evidence-missing"),
        # another signer's, whose certificate is another provider's
        ({}, {"identity": "resale"}, "evidence-of-other-identity"),
        ({}, {"trunk": "beta"}, "evidence-of-other-trunk"),
        ({"trunk": "beta"}, {}, "evidence-of-other-trunk"),
        ({}, {"tn": "12025550101"}, "evidence-for-other-number"),
        ({"orig": "12025550199"}, {}, "evidence-for-other-number"),
        ({}, {"not_after": 1_795_435_200}, "evidence-expired"),
        ({}, "nonsense", "evidence-malformed"),
        # the rule names another kind of evidence than the token is of, or none
        ({"rule": "A-loa"}, {}, "rule-of-other-evidence"),
        ({"rule": "A-supplied"}, {}, "rule-of-other-evidence"),
        ({"rule": "B-known-customer"}, {}, "rule-of-other-evidence"),
    ],
)
def test_a_without_good_evidence_is_refused_not_lowered(
    desk: SigningDesk, house: Any, changed: dict[str, Any], token: Any, reason: str
) -> None:
    evidence = house.token(**token) if isinstance(token, dict) else token
    for _ in range(2):
        # The second time the token comes from the cache.
        whose = house.relationship(trunk=changed.get("trunk", "alpha"))
        wanted = house.request(level="A", evidence=evidence, relationship=whose, **changed)
        answer, entry = desk.answer(wanted, house.now_s)
        assert answer == Refused(id="7", error=reason)
        facts = entry.facts
        assert (facts["kind"], facts["error"], facts["record_id"]) == ("refused", reason, "rec-1")


def test_cached_evidence_still_expires(desk: SigningDesk, house: Any) -> None:
    wanted = house.request(level="A", evidence=house.token(not_after=house.now_s + 10))
    assert isinstance(desk.answer(wanted, house.now_s + 9)[0], Signed)
    assert desk.answer(wanted, house.now_s + 10)[0] == Refused(id="7", error="evidence-expired")


def test_evidence_cache_is_bounded(desk: SigningDesk, house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permits, "OPENED_TOKENS", 2)
    for number in range(5):
        tn = f"1202555010{number}"
        wanted = house.request(level="A", orig=tn, evidence=house.token(tn=tn))
        assert isinstance(desk.answer(wanted, house.now_s)[0], Signed)
    assert len(desk.permits.evidence) == 2


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"level": "D"}, "request-malformed"),
        ({"level": "C"}, "ingress-missing"),
        ({"level": None}, "level-missing"),
        ({"customer": ""}, "customer-missing"),
        ({"level": "A", "customer": ""}, "customer-missing"),
        ({"identity": "resold"}, "identity-of-another"),
        ({"supplied": "B"}, "level-supplied-by-another"),
        ({"level": "a"}, "request-malformed"),
        ({"dest": "12025550110"}, "request-malformed"),
        ({"dest": ["1"] * 11}, "request-malformed"),
        ({"orig": None}, "request-malformed"),
        ({"trunk": "x" * 129}, "request-malformed"),
        ({"dest": []}, "dest-missing"),
        ({"dest": ["+12025550110"]}, "number-not-canonical"),
        ({"orig": "anonymous"}, "number-has-foreign-character"),
        ({"orig": "+12025550100"}, "number-not-canonical"),
        ({"origid": "acme"}, "origid-invalid"),
    ],
)
def test_claims_it_does_not_sign(desk: SigningDesk, house: Any, changed: dict[str, Any], reason: str) -> None:
    answer, entry = desk.answer(house.request(**changed), house.now_s)
    assert answer == Refused(id="7", error=reason)
    assert entry.facts["error"] == reason


def test_what_a_later_gate_says_beside_is_passed_over(desk: SigningDesk, house: Any) -> None:
    """In an upgrade gates go first; and no time and no URL is ever theirs to say."""
    request = house.request(iat=1, x5u="https://example.com/", div=[], of_a_later_version={"a": 1})
    answer, entry = desk.answer(request, house.now_s)
    assert isinstance(answer, Signed)
    assert answer.iat == int(house.now_s)
    assert "https://example.com/" not in "".join(answer.identities)
    assert "of_a_later_version" not in entry.facts


@pytest.mark.parametrize("frame", [b"", b"{", b"[]", b"null", b"\xff", b'{"id":7}', b"[" * 5000])
def test_garbage_is_answered_without_an_id(desk: SigningDesk, house: Any, frame: bytes) -> None:
    assert desk.answer(frame, house.now_s)[0] == Refused(id="", error="request-malformed")


def test_expiry_is_seen_at_its_second_without_any_recheck(desk: SigningDesk, house: Any) -> None:
    end = certificate_of(desk).not_valid_after_utc.timestamp()
    wanted = house.request(relationship=house.relationship(until=2**40, not_after=2**40))
    assert isinstance(desk.answer(wanted, end)[0], Signed)
    assert desk.answer(wanted, end + 1)[0] == Refused(id="7", error="certificate-expired")
    start = certificate_of(desk).not_valid_before_utc.timestamp()
    assert desk.answer(house.request(), start - 1)[0] == Refused(id="7", error="certificate-not-yet-valid")


def test_it_stops_with_a_cause_and_resumes(desk: SigningDesk, house: Any) -> None:
    house.files.shaken_key.chmod(0o640)
    desk.take(*look_again(desk.identity, datetime.fromtimestamp(house.now_s, UTC)), time.monotonic())
    assert desk.answer(house.request(), house.now_s)[0] == Refused(id="7", error="key-file-open-to-others")
    house.files.shaken_key.chmod(0o600)
    desk.take(*look_again(desk.identity, datetime.fromtimestamp(house.now_s, UTC)), time.monotonic())
    assert isinstance(desk.answer(house.request(), house.now_s)[0], Signed)


def test_it_signs_from_the_moment_its_first_certificate_is_there(house: Any) -> None:
    """Property 3: and nothing before, although it runs."""
    now = datetime.fromtimestamp(house.now_s, UTC)
    chain = house.files.shaken.read_bytes()
    house.files.shaken.unlink()
    desk = SigningDesk(begin(replace(house.identity(), ordered=True), now))
    awaited = Refused(id="7", error="certificate-awaited")
    answer, line = desk.answer(house.request(), house.now_s)
    assert (answer, line.facts["error"]) == (awaited, "certificate-awaited")
    desk.take(*look_again(desk.identity, now), time.monotonic())
    assert desk.answer(house.request(), house.now_s)[0] == awaited
    house.files.shaken.write_bytes(chain)
    desk.take(*look_again(desk.identity, now), time.monotonic())
    assert isinstance(desk.answer(house.request(), house.now_s)[0], Signed)


def test_nothing_is_signed_when_nobody_has_looked_for_a_minute(house: Any) -> None:
    """Property 3: whatever became of the looks, a revocation may have been missed; the clock has no say in it."""
    now, passed = datetime.fromtimestamp(house.now_s, UTC), [1000.0]
    desk = SigningDesk(load_identity(house.identity(), now), passing=lambda: passed[0])
    passed[0] += GOOD_S
    assert isinstance(desk.answer(house.request(), house.now_s)[0], Signed)
    passed[0] += 1
    answer, line = desk.answer(house.request(), house.now_s)
    assert answer == Refused(id="7", error="identity-look-late")
    assert line.facts["error"] == "identity-look-late"
    # a look that found nothing fit is not a good one, and one that took long is as old as its beginning
    desk.take(*look_again(desk.identity, now), passed[0] - GOOD_S - 1)
    assert desk.answer(house.request(), house.now_s)[0] == Refused(id="7", error="identity-look-late")
    desk.take(*look_again(desk.identity, now), passed[0])
    assert isinstance(desk.answer(house.request(), house.now_s)[0], Signed)


def test_what_was_revoked_signs_no_a_whatever_token_a_gate_shows(desk: SigningDesk, house: Any) -> None:
    """Also one that was opened before: what a gate kept is worth nothing."""
    wanted = house.request(level="A", evidence=house.token())
    assert isinstance(desk.answer(wanted, house.now_s)[0], Signed)
    desk.permits.denied = frozenset({"num-1"})
    answer, entry = desk.answer(wanted, house.now_s)
    assert answer == Refused(id="7", error="evidence-revoked")
    assert entry.facts["error"] == "evidence-revoked"
    desk.permits.denied = frozenset({"num-2"})
    assert isinstance(desk.answer(wanted, house.now_s)[0], Signed)


def test_what_was_revoked_diverts_nothing(desk: SigningDesk, house: Any) -> None:
    """A block that is ours no more is none to divert calls of."""
    div = [{"dest": "12025550120", "div": "12025550110", "evidence": house.token(tn="12025550110")}]
    wanted = house.request(kind="div", level=None, origid="", div=div)
    assert isinstance(desk.answer(wanted, house.now_s)[0], Signed)
    desk.permits.denied = frozenset({"num-1"})
    assert desk.answer(wanted, house.now_s)[0] == Refused(id="7", error="evidence-revoked")


@pytest.mark.parametrize("kind", [Kind.OWN_INVENTORY, Kind.PORT])
def test_what_is_called_here_may_be_diverted_from_here(desk: SigningDesk, house: Any, kind: Kind) -> None:
    div = [
        {"dest": "12025550120", "div": "12025550110", "evidence": house.token(tn="12025550110", kind=kind)}
    ]
    assert isinstance(
        desk.answer(house.request(kind="div", level=None, origid="", div=div), house.now_s)[0], Signed
    )


def test_while_nobody_knows_what_was_revoked_what_has_no_record_alone_speaks(
    desk: SigningDesk, house: Any
) -> None:
    """An inventory that needs no block; in a block, and by a letter, a number might be somebody else's by now."""
    desk.permits.denied = None
    alone = house.request(level="A", evidence=house.token(name="inventory-alpha"))
    assert isinstance(desk.answer(alone, house.now_s)[0], Signed)
    letter = house.request(level="A", rule="A-loa", evidence=house.token(kind=Kind.LOA))
    for wanted in (letter, house.request(level="A", evidence=house.token())):
        assert desk.answer(wanted, house.now_s)[0] == Refused(id="7", error="evidence-revocations-unknown")
        desk.permits.denied = frozenset()
        assert isinstance(desk.answer(wanted, house.now_s)[0], Signed)
        desk.permits.denied = None


def test_under_a_real_certificate_an_inventory_of_the_time_before_signs_nothing(house: Any) -> None:
    """A token that was good under the TEST authority, and that a gate has kept."""
    now = datetime.fromtimestamp(house.now_s, UTC)
    desk = SigningDesk(load_identity(house.identity(), now), recorded_only=True)
    before = house.request(level="A", evidence=house.token(name="inventory-alpha"))
    assert desk.answer(before, house.now_s)[0] == Refused(id="7", error="evidence-without-record")
    assert isinstance(desk.answer(house.request(level="A", evidence=house.token()), house.now_s)[0], Signed)


def payloads(answer: Signed | Refused) -> list[tuple[str, dict[str, Any]]]:
    assert isinstance(answer, Signed)
    found = []
    for value in answer.identities:
        header, payload, _ = value.partition(";")[0].split(".")
        found.append((json.loads(base64url.decode(header))["ppt"], json.loads(base64url.decode(payload))))
    return found


def test_name_and_retargets_are_signed_beside_the_call(desk: SigningDesk, house: Any) -> None:
    wanted = house.request(
        level="A",
        evidence=house.token(),
        rcd={"nam": "Example Corp", "crn": "Delivery"},
        div=[
            {"dest": "12025550120", "div": "12025550110", "evidence": house.token(tn="12025550110")},
            {"dest": "12025550130", "div": "12025550120", "evidence": house.token(tn="12025550120")},
        ],
    )
    answer, entry = desk.answer(wanted, house.now_s)
    found = payloads(answer)
    assert [ppt for ppt, _ in found] == ["shaken", "rcd", "div", "div"]
    assert found[1][1] == {
        "crn": "Delivery",
        "dest": {"tn": ["12025550110"]},
        "iat": house.now_s,
        "orig": {"tn": "12025550100"},
        "rcd": {"nam": "Example Corp"},
    }
    assert [(of["div"], of["dest"]) for _, of in found[2:]] == [
        ({"tn": "12025550110"}, {"tn": ["12025550120"]}),
        ({"tn": "12025550120"}, {"tn": ["12025550130"]}),
    ]
    assert entry.private["div"] == "12025550110>12025550120 12025550120>12025550130"
    assert (entry.private["name"], entry.private["reason"]) == ("Example Corp", "Delivery")


def test_retargets_alone_keep_the_time_of_the_call_that_came_signed(desk: SigningDesk, house: Any) -> None:
    came = house.now_s - 60
    div = [{"dest": "12025550120", "div": "12025550110", "evidence": house.token(tn="12025550110")}]
    alone = {"kind": "div", "level": None, "origid": "", "div": div}
    answer, entry = desk.answer(house.request(**alone, received_iat=came), house.now_s)
    ((ppt, claims),) = payloads(answer)
    assert (ppt, claims["iat"], entry.facts["iat"]) == ("div", came, came)
    assert isinstance(answer, Signed)
    assert (answer.attest, answer.date) == (None, "Mon, 23 Nov 2026 11:59:00 GMT")
    # a call that goes on with a new Date
    ((_, claims),) = payloads(desk.answer(house.request(**alone), house.now_s)[0])
    assert claims["iat"] == house.now_s


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"received_iat": 1_795_435_200 - 61}, "received-iat-stale"),
        ({"received_iat": 1_795_435_200 + 11}, "received-iat-stale"),
        ({"level": "B"}, "div-alone-says-no-more"),
        ({"supplied": "B"}, "div-alone-says-no-more"),
        ({"rcd": {"nam": "Example Corp"}}, "div-alone-says-no-more"),
        ({"div": []}, "div-missing"),
        ({"div": [("12025550120", "12025550119", {})]}, "div-does-not-follow"),
        ({"div": [("12025550110", "12025550110", {})]}, "div-to-itself"),
        ({"div": [("1202", "12025550110", {})] * 6}, "request-malformed"),
        ({"div": [{"dest": "12025550120", "div": "12025550110"}]}, "request-malformed"),
        # the number that diverted the call is not proved to be the trunk's own
        ({"div": [("12025550120", "12025550110", {"tn": "12025550111"})]}, "evidence-for-other-number"),
        ({"div": [("12025550120", "12025550110", {"trunk": "beta"})]}, "evidence-of-other-trunk"),
        ({"div": [("12025550120", "12025550110", {"identity": "resale"})]}, "evidence-of-other-identity"),
        ({"div": [("12025550120", "12025550110", {"not_after": 1_795_435_200})]}, "evidence-expired"),
        ({"div": [("12025550120", "12025550110", {"kind": Kind.LOA})]}, "div-of-other-evidence"),
        ({"customer": ""}, "evidence-of-other-customer"),
    ],
)
def test_retargets_it_does_not_sign(
    desk: SigningDesk, house: Any, changed: dict[str, Any], reason: str
) -> None:
    alone = {"kind": "div", "level": None, "div": [("12025550120", "12025550110", {})]} | changed
    alone["div"] = [
        {"dest": one[0], "div": one[1], "evidence": house.token(**{"tn": one[1]} | one[2])}
        if isinstance(one, tuple)
        else one
        for one in alone["div"]
    ]
    answer, _ = desk.answer(house.request(**alone), house.now_s)
    assert answer == Refused(id="7", error=reason)


@pytest.mark.parametrize("rcd", [{"nam": "x" * 200}, {"crn": "x"}, {"nam": None}])
def test_names_that_are_none(desk: SigningDesk, house: Any, rcd: dict[str, Any]) -> None:
    answer, _ = desk.answer(house.request(rcd=rcd, level="A", evidence=house.token()), house.now_s)
    assert answer == Refused(id="7", error="request-malformed")


@pytest.mark.parametrize("level", ["B", "C"])
def test_a_name_is_signed_beside_a_alone(desk: SigningDesk, house: Any, level: str) -> None:
    wanted = house.request(rcd={"nam": "Example Corp", "crn": "Delivery"}, level=level, ingress="gateway-1")
    assert desk.answer(wanted, house.now_s)[0] == Refused(id="7", error="name-beside-a-alone")


def test_answers_decode_as_they_were_encoded(desk: SigningDesk, house: Any) -> None:
    answer, _ = desk.answer(house.request(), house.now_s)
    assert msgspec.json.decode(msgspec.json.encode(answer), type=Signed) == answer


def resold(house: Any) -> SigningDesk:
    """The signer of a provider who has us make his signatures, and nothing more."""
    identity = load_identity(house.identity(), datetime.fromtimestamp(house.now_s, UTC))
    return SigningDesk(identity, name="resold", third_party=True)


@pytest.mark.parametrize(
    ("level", "supplied", "reason"),
    [
        ("A", None, "level-not-supplied"),
        ("B", None, "level-not-supplied"),
        ("C", None, "level-not-supplied"),
        ("A", "B", "level-other-than-supplied"),
        ("B", "C", "level-other-than-supplied"),
        ("C", "A", "level-other-than-supplied"),
        ("A", "A", None),
        ("B", "B", None),
        ("C", "C", None),
    ],
)
def test_property_6_a_third_party_signs_what_was_supplied_and_nothing_else(
    house: Any, level: str, supplied: str | None, reason: str | None
) -> None:
    """Property 6: it neither chooses a level nor raises one; with its own evidence neither."""
    desk = resold(house)
    switch = house.relationship(identity="resold", supplies_levels=True, customer="", since=0, until=0)
    wanted = house.request(
        identity="resold", level=level, supplied=supplied, evidence=house.token(), relationship=switch
    )
    answer, entry = desk.answer(wanted, house.now_s)
    assert entry.facts["supplied"] == supplied
    if reason is None:
        assert isinstance(answer, Signed)
        assert answer.attest == level
        assert entry.facts["relationship_version"] == 3
    else:
        assert answer == Refused(id="7", error=reason)
