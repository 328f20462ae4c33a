"""Each expectation fails when what it looks at is spoiled, and only a whole call passes."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trunkward.calltest import expectations
from trunkward.calltest.evidence import AS_RECORDED, CallEvidence, PartyEvidence
from trunkward.calltest.expectations import CallJudgement, judge
from trunkward.calltest.parties import LabShaken, Media, PartyKind
from trunkward.calltest.report import report_json
from trunkward.calltest.sip_trace import SipMessage
from trunkward.calltest.tone import write_tone
from unit.calltest.recorded import CALLER, NODE, good_call, lab, message

type Spoil = Callable[[CallEvidence], CallEvidence]


@pytest.fixture(scope="module")
def good(shaken: LabShaken, tmp_path_factory: pytest.TempPathFactory) -> CallEvidence:
    return good_call(shaken, tmp_path_factory.mktemp("call"))


@pytest.fixture(scope="module", autouse=True)
def tones_once() -> Iterator[None]:
    """The same recordings are heard in every row: look for their tones once."""
    patch = pytest.MonkeyPatch()
    patch.setattr(expectations, "_tone", functools.cache(expectations._tone))
    yield
    patch.undo()


def party(kind: str, **changes: Any) -> Spoil:
    return lambda call: replace(call, **{kind: replace(getattr(call, kind), **changes)})


def record(**changes: Any) -> Spoil:
    return lambda call: replace(call, record={**(call.record or {}), **changes})


def leg(of: str, **changes: Any) -> Spoil:
    def spoil(call: CallEvidence) -> CallEvidence:
        legs = [dict(one) for one in (call.record or {})["legs"]]
        return record(legs=[one | changes if one["side"] == of else one for one in legs])(call)

    return spoil


def rtp(kind: str, way: str, **changes: Any) -> Spoil:
    def spoil(call: CallEvidence) -> CallEvidence:
        return party(kind, **{way: replace(getattr(getattr(call, kind), way), **changes)})(call)

    return spoil


def silent(kind: str, way: str, *, after_hold: bool) -> Spoil:
    """No packet before the hold, or none after the resume."""

    def spoil(call: CallEvidence) -> CallEvidence:
        held_s = call.times.held_s or 0.0
        arrivals = getattr(getattr(call, kind), way).arrivals_s
        return rtp(kind, way, arrivals_s=tuple(at for at in arrivals if (at < held_s) is after_hold))(call)

    return spoil


def texts(kind: str, change: Callable[[SipMessage], str]) -> Spoil:
    """Every message of a party's trace written anew."""

    def spoil(call: CallEvidence) -> CallEvidence:
        seen: PartyEvidence = getattr(call, kind)
        messages = [message(change(m), seen.party, received=m.received) for m in seen.messages]
        return party(kind, messages=tuple(messages))(call)

    return spoil


def swap(old: str, new: str) -> Callable[[SipMessage], str]:
    return lambda m: m.text.replace(old, new)


def in_requests(old: str, new: str) -> Callable[[SipMessage], str]:
    return lambda m: m.text.replace(old, new) if m.received and m.is_request else m.text


def over_udp(kind: str) -> Spoil:
    def spoil(call: CallEvidence) -> CallEvidence:
        first, *rest = getattr(call, kind).messages
        return party(kind, messages=(replace(first, transport="UDP"), *rest))(call)

    return spoil


def no_bye(call: CallEvidence) -> CallEvidence:
    assert call.carrier is not None
    return party("carrier", messages=tuple(m for m in call.carrier.messages if m.method != "BYE"))(call)


def hears(kind: str, frequency_hz: float) -> Spoil:
    def spoil(call: CallEvidence) -> CallEvidence:
        (heard,) = getattr(call, kind).heard
        other: Path = heard.with_name(f"{kind}-{frequency_hz}.wav")
        write_tone(other, frequency_hz=frequency_hz, duration_s=2.5)
        return party(kind, heard=(other,))(call)

    return spoil


def identity_again(call: CallEvidence) -> CallEvidence:
    return texts(
        "carrier", lambda m: m.text.replace("CSeq: 2", "Identity: a.b.c\r\nCSeq: 2") if m.received else m.text
    )(call)


#: What is spoiled, and the expectation that must say so.
SPOILED: list[tuple[str, Spoil]] = [
    ("the call runs to its end", lambda call: replace(call, problem="customer acme-hq: no answer")),
    ("BYE reaches the other side, its 200 comes back", no_bye),
    ("hold and resume reach the carrier", texts("carrier", in_requests("a=sendonly", "a=sendrecv"))),
    ("the node has a record of the call", lambda call: replace(call, record=None)),
    ("record: verdict", record(verdict="reject")),
    ("record: reason", record(reason="")),
    ("record: answered_at", record(answered_at=None)),
    ("record: ended_at", record(ended_at=None)),
    ("record: trunk", record(trunk="other")),
    ("record: carrier", record(carrier="south")),
    ("record: attest", record(attest="B")),
    ("record: duration_s", record(duration_s=60.0)),
    ("Identity at the carrier, attest A", texts("carrier", swap(".eyJ", ".eyK"))),
    ("Identity only on the dialog-forming INVITE", identity_again),
    ("what the carrier can see of the customer's inside", texts("carrier", in_requests("o=-", "X-a: 127.0.0.21\r\no=-"))),
    ("what the customer can see of the carrier's inside", texts("customer", swap("Server: Trunkward", "X-a: 127.0.0.31"))),
    ("RTP from customer to carrier through the node", rtp("carrier", "to_party", packets=300)),
    ("RTP from carrier to customer through the node", rtp("customer", "to_party", packets=300)),
    ("tone heard by the customer", hears("customer", 440.0)),
    ("tone heard by the carrier", hears("carrier", 880.0)),
]  # fmt: skip
for _side in ("customer", "carrier"):
    SPOILED += [
        (f"{_side} leg: TLS version on the wire", party(_side, tls=())),
        (f"{_side} leg: every message over", over_udp(_side)),
        (f"{_side} leg: key source", texts(_side, swap("a=crypto:", "a=x-crypto:"))),
        (f"{_side} leg: suite the endpoint negotiated", party(_side, suites=("AES_CM_128_HMAC_SHA1_32",) * 2)),
        (f"{_side} leg: suite unchanged by re-INVITE",
         party(_side, suites=("AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM"))),
        (f"{_side} leg: packets the capture itself dropped", party(_side, captured_dropped=3)),
        (f"record: {_side} leg", leg(_side, side="nobody")),
        (f"record: {_side} leg: transport", leg(_side, transport="tcp")),
        (f"record: {_side} leg: tls_version as on the wire", leg(_side, tls_version="TLSv1.2")),
        (f"record: {_side} leg: cipher as on the wire", leg(_side, cipher="TLS_AES_128_GCM_SHA256")),
        (f"record: {_side} leg: srtp_suite as the endpoint said", leg(_side, srtp_suite="AEAD_AES_256_GCM")),
        (f"record: {_side} leg: key_source", leg(_side, key_source="dtls_srtp")),
        (f"record: {_side} leg: packets_in near the capture", leg(_side, packets_in=0)),
        (f"record: {_side} leg: packets_out near the capture", leg(_side, packets_out=0)),
    ]  # fmt: skip
    for _way, _words in (("to_party", f"to {_side}"), ("from_party", f"from {_side}")):
        SPOILED += [
            (f"{_words}: loss", rtp(_side, _way, lost=35)),
            (f"{_words}: jitter", rtp(_side, _way, jitter_ms=31.0)),
            (f"{_words}: packets of the talk", silent(_side, _way, after_hold=False)),
            (f"{_words}: packets after the resume", silent(_side, _way, after_hold=True)),
        ]  # fmt: skip


def names(judgement: CallJudgement) -> set[str]:
    return {expectation.what for expectation in judgement.failed}


def test_a_good_call_holds(good: CallEvidence, shaken: LabShaken) -> None:
    judgement = judge(good, lab(shaken))
    assert judgement.failed == ()
    assert report_json([judgement])["passed"] is True


@pytest.mark.parametrize(("name", "spoil"), SPOILED, ids=[name for name, _ in SPOILED])
def test_what_is_spoiled_is_named(name: str, spoil: Spoil, good: CallEvidence, shaken: LabShaken) -> None:
    judgement = judge(spoil(good), lab(shaken))
    assert name in names(judgement)
    assert report_json([judgement])["passed"] is False


def test_every_expectation_has_its_row(good: CallEvidence, shaken: LabShaken) -> None:
    said = {expectation.what for expectation in judge(good, lab(shaken)).expectations}
    assert said <= {name for name, _ in SPOILED}


@pytest.mark.parametrize("side", ["customer", "carrier"])
def test_a_plain_leg_has_no_key(side: str, good: CallEvidence, shaken: LabShaken) -> None:
    plain = party(side, media=Media.PLAIN)(good)
    assert {f"{side} leg: suites the endpoint negotiated", f"{side} leg: key source"} <= names(
        judge(plain, lab(shaken))
    )
    without = leg(side, srtp_suite=None, key_source="none")(party(side, suites=())(plain))
    spoken = texts(side, lambda m: m.text.replace("a=crypto:", "a=x-crypto:").replace("RTP/SAVP", "RTP/AVP"))
    assert names(judge(spoken(without), lab(shaken))) == set()
    recorded = leg(side, srtp_suite="AES_CM_128_HMAC_SHA1_80")(spoken(without))
    assert names(judge(recorded, lab(shaken))) == {f"record: {side} leg: srtp_suite"}


def test_a_call_that_never_was_shows_the_refusal(good: CallEvidence, shaken: LabShaken) -> None:
    assert good.customer is not None
    refused = message(
        'SIP/2.0 503 Service Unavailable\r\nCSeq: 1 INVITE\r\nReason: SIP;cause=503;text="gate-unavailable"\r\n\r\n',
        good.customer.party, received=True,
    )  # fmt: skip
    call = replace(
        party("customer", messages=(refused,))(good),
        problem="call closed",
        times=replace(good.times, established_s=None),
    )
    judgement = judge(call, lab(shaken))
    assert names(judgement) == {"the call runs to its end", "customer: final answer to INVITE"}
    assert "gate-unavailable" in judgement.failed[1].seen


def test_a_missing_party_is_a_failure(good: CallEvidence, shaken: LabShaken) -> None:
    assert names(judge(replace(good, carrier=None), lab(shaken))) == {"the call runs to its end"}


def test_each_party_is_looked_at_from_the_other_side(good: CallEvidence, shaken: LabShaken) -> None:
    leak = texts("carrier", in_requests("o=-", f"X-a: {NODE[0]} 127.0.0.21\r\no=-"))(good)
    (sighting,) = judge(leak, lab(shaken)).sightings
    assert sighting[0] is PartyKind.CARRIER
    assert sighting[1].value == "127.0.0.21"


def test_a_signature_as_recorded_is_held_against_the_record(good: CallEvidence, shaken: LabShaken) -> None:
    """Whatever the level: the carrier must have got that one, for the number the node says it signed."""
    call = replace(good, plan=replace(good.plan, attest=AS_RECORDED, caller_number="+12025550150"))
    for changes, what in (
        ({"attest": "A", "calling_number": CALLER}, ()),
        ({"attest": "B", "calling_number": CALLER}, ("Identity at the carrier, attest as recorded",)),
        ({"attest": "A", "calling_number": "+12025550150"}, ("Identity at the carrier, attest as recorded",)),
    ):
        judged = judge(record(**changes)(call), lab(shaken))
        assert tuple(e.what for e in judged.failed) == what
    assert judge(record(attest="", attest_reason="none-already-signed")(call), lab(shaken)).identity is None


@pytest.mark.parametrize(
    ("reason", "failed"),
    [
        ("none-already-signed", set()),
        ("certificate-key-mismatch", {"record: signed, or not by a rule"}),
        ("signer-unreachable", {"record: signed, or not by a rule"}),
        ("", {"record: signed, or not by a rule"}),
    ],
)
def test_a_call_that_goes_unsigned_for_a_fault_fails(
    reason: str, failed: set[str], good: CallEvidence, shaken: LabShaken
) -> None:
    """At whatever level it was to be signed: not at all is in order where a rule says so, and nowhere else."""
    call = replace(good, plan=replace(good.plan, attest=AS_RECORDED))
    judged = judge(record(attest="", attest_reason=reason)(call), lab(shaken))
    assert names(judged) == failed
    assert all((reason or "neither") in one.seen for one in judged.failed)
