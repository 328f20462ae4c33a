"""Nothing from outside breaks out of a header."""

import pytest

from trunkward.admission.judge import refuse_unjudged
from trunkward.calls.verdict import Reason
from trunkward.sip.reason import reason, refusal
from trunkward.sip.status import PHRASES, phrase
from trunkward.sip.text import UnsafeHeader, quoted, safe_value, shown


@pytest.mark.parametrize("text", ["a\r\nX: y", "a\nb", "a\rb", "a\0b", "a\x7fb", "a\x85b", "a\u2028b", "\t"])
def test_control_characters_never_get_into_a_header(text: str) -> None:
    for door in (safe_value, quoted, lambda t: reason("SIP", 488, t)):
        with pytest.raises(UnsafeHeader):
            door(text)


def test_quoted_string() -> None:
    assert quoted('say "hi" \\ bye') == '"say \\"hi\\" \\\\ bye"'


def test_shown_is_for_people() -> None:
    assert shown("a\r\nb") == "a??b"
    assert shown("x" * 100, 10) == "xxxxxxx..."


def test_reason_headers() -> None:
    assert refusal(488, "srtp-required") == ("Reason", 'SIP;cause=488;text="srtp-required"')
    assert reason("Q.850", 21, "call rejected") == ("Reason", 'Q.850;cause=21;text="call rejected"')


def test_phrases_are_plain() -> None:
    assert phrase(488) == "Not Acceptable Here"
    assert all(safe_value(text) for text in PHRASES.values())


def test_a_gate_that_cannot_judge_says_so() -> None:
    verdict = refuse_unjudged("a1", "r1", Reason.DEADLINE_EXCEEDED)
    assert (verdict.status, verdict.headers) == (
        503,
        [
            ("Reason", 'SIP;cause=503;text="deadline-exceeded"'),
            ("Reason", 'Q.850;cause=41;text="temporary failure"'),
        ],
    )
