"""Answers that keep to the offer, and those that don't."""

from collections.abc import Callable

import pytest

from trunkward.calls.verdict import Reason
from trunkward.media.answer import AnswerRefused, check_answer, check_later_answer

GCM = "AEAD_AES_256_GCM"
CM = "AES_CM_128_HMAC_SHA1_80"


def test_one_of_the_offered(make_sdp: Callable[..., str]) -> None:
    assert check_answer(make_sdp(suites=(GCM,)), [GCM, CM]) == GCM


def test_plain(make_sdp: Callable[..., str]) -> None:
    assert check_answer(make_sdp("RTP/AVP"), []) == ""


@pytest.mark.parametrize(
    ("protocol", "suites", "offered", "reason"),
    [
        ("RTP/AVP", (), [GCM], Reason.SRTP_REQUIRED),
        ("UDP/TLS/RTP/SAVP", (), [GCM], Reason.SRTP_REQUIRED),
        ("RTP/SAVP", (CM,), [GCM], Reason.SRTP_SUITE_REFUSED),
        ("RTP/SAVP", ("AES_CM_128_HMAC_SHA1_32",), [GCM, CM], Reason.SRTP_SUITE_REFUSED),
        ("RTP/SAVP", (), [GCM], Reason.MEDIA_MALFORMED),
        ("RTP/SAVP", (GCM, CM), [GCM, CM], Reason.MEDIA_MALFORMED),
        ("RTP/SAVP", (GCM,), [], Reason.MEDIA_MALFORMED),
    ],
)
def test_refuses(
    make_sdp: Callable[..., str], protocol: str, suites: tuple[str, ...], offered: list[str], reason: Reason
) -> None:
    with pytest.raises(AnswerRefused) as refused:
        check_answer(make_sdp(protocol, suites), offered)
    assert Reason(refused.value.code) is reason


def test_garbage(make_sdp: Callable[..., str]) -> None:
    for text in ("", "hello", make_sdp(suites=(GCM,)).replace("a=sendrecv", "a=x UNENCRYPTED\0")):
        with pytest.raises(AnswerRefused):
            check_answer(text, [GCM])


def test_a_later_answer_keeps_protocol_and_suite(make_sdp: Callable[..., str]) -> None:
    check_later_answer(make_sdp(suites=(GCM,)), "RTP/SAVP", GCM)
    check_later_answer(make_sdp("RTP/AVP"), "RTP/AVP", "")
    check_later_answer(
        make_sdp("UDP/TLS/RTP/SAVPF", extra="a=fingerprint:sha-256 AB"), "UDP/TLS/RTP/SAVPF", ""
    )
    for sdp, protocol, suite in (
        (make_sdp("RTP/AVP"), "RTP/SAVP", GCM),
        (make_sdp(suites=(CM,)), "RTP/SAVP", GCM),
        (make_sdp("RTP/SAVPF", suites=(GCM,)), "RTP/SAVP", GCM),
        (make_sdp("UDP/TLS/RTP/SAVPF"), "UDP/TLS/RTP/SAVPF", ""),
        (make_sdp(suites=(GCM,)), "RTP/AVP", ""),
    ):
        with pytest.raises(AnswerRefused):
            check_later_answer(sdp, protocol, suite)
