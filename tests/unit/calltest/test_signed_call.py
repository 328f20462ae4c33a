"""What is said of a call from the carrier: what was sent, seen on each side, found, and had to be found."""

from dataclasses import replace
from typing import Any

import pytest

from trunkward.calltest.other_provider import Fault
from trunkward.calltest.parties import LabShaken
from trunkward.calltest.signed_call import SignedCall, in_words
from trunkward.calltest.signed_report import lines, signed_json
from trunkward.shaken.attest import Attestation
from unit.calltest.recorded import CALLED, CALLER, lab, message

PAI = f"<sip:{CALLED};verstat=TN-Validation-Passed@sbc.example.com;user=phone>"
STIR = 'STIR;cause=403;text="Stale Date"'


def call(shaken: LabShaken, verification: dict[str, Any] | None, **changes: Any) -> SignedCall:
    parties = lab(shaken)
    answers = (
        f"SIP/2.0 180 Ringing\r\nReason: {STIR}\r\nCSeq: 1 INVITE\r\n\r\n",
        "SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n",
        "SIP/2.0 408 x\r\nReason: SIP;cause=408\r\nCSeq: 2 BYE\r\n\r\n",
    )
    invite = f"INVITE sip:x SIP/2.0\r\nP-Asserted-Identity: {PAI}\r\nFrom: <sip:y>\r\n\r\n"
    seen = SignedCall(
        calling=CALLED,
        dialled=CALLER,
        level=Attestation.B,
        fault=None,
        call_id="c",
        identity="e30.eyJhdHRlc3QiOiJCIn0.c2ln;info=<x>",
        answers=tuple(message(text, parties.tls_carrier, received=True) for text in answers),
        invite=message(invite, parties.customer, received=True),
        record={"verification": verification} if verification is not None else None,
    )
    return replace(seen, **changes)


GOOD = {"verstat": "TN-Validation-Passed", "attest": "B"}
STALE = {"verstat": "TN-Validation-Failed", "errors": [{"code": 403, "cause": "iat-outside-window"}]}
NONE = {"verstat": "No-TN-Validation", "why": "no-identity"}
LATE = {"verstat": "No-TN-Validation", "why": "no-trusted-list"}


@pytest.mark.parametrize(
    ("verification", "level", "fault", "as_expected"),
    [
        (GOOD, Attestation.B, None, True),
        (GOOD, Attestation.A, None, False),
        (GOOD, Attestation.B, Fault.EXPIRED, False),
        (STALE, Attestation.B, Fault.EXPIRED, True),
        (STALE, Attestation.B, Fault.NUMBER, False),
        (STALE, Attestation.B, None, False),
        (NONE, None, None, True),
        (NONE, Attestation.B, None, False),
        (LATE, Attestation.B, None, False),
        (LATE, Attestation.B, Fault.URL, False),
        (None, None, None, False),
    ],
)
def test_found_is_compared_with_what_had_to_be(
    shaken: LabShaken,
    verification: dict[str, Any] | None,
    level: Attestation | None,
    fault: Fault | None,
    *,
    as_expected: bool,
) -> None:
    seen = call(shaken, verification, level=level, fault=fault)
    assert seen.as_expected is as_expected
    assert signed_json([call(shaken, GOOD), seen])["passed"] is as_expected
    (found,) = [line for line in lines(seen, ()) if "the node found" in line]
    assert ("IT HAD TO BE" in found) is not as_expected


def test_a_person_is_told_what_was_sent_and_what_each_side_saw(shaken: LabShaken) -> None:
    told = list(lines(call(shaken, GOOD), ["more"]))
    assert told == [
        "",
        f"from {CALLED} to {CALLER}, signed B",
        "  PASSporT            {}",
        '                      {"attest":"B"}',
        f"  the customer saw    P-Asserted-Identity: {PAI}",
        f"  the carrier heard   180 Ringing, Reason: {STIR}",
        "  the node found      level B, as it had to be",
        "more",
    ]


def test_where_there_is_no_such_header_or_no_call(shaken: LabShaken) -> None:
    customer = lab(shaken).customer
    invite = message("INVITE sip:x SIP/2.0\r\nFrom: <sip:y>\r\n\r\n", customer, received=True)
    assert call(shaken, GOOD, invite=invite).shown == "From: <sip:y>"
    silent = call(shaken, NONE, level=None, identity="", invite=None, answers=())
    told = "\n".join(lines(silent, ()))
    assert "not signed" in told
    assert "PASSporT" not in told
    assert "the customer saw    nothing: no call reached it" in told
    assert signed_json([silent])["calls"][0]["shown"] is None
    assert signed_json([])["passed"] is False


@pytest.mark.parametrize("level", list(Attestation))
def test_a_level_that_was_tampered_with_is_said_in_words_true_of_each(level: Attestation) -> None:
    """Whoever changes C to A raises it; the other way it is lowered."""
    assert in_words(level, Fault.TAMPERED) == f"signed {level}, its level changed after it was signed"
