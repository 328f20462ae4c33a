"""Answers that keep to the offer, and those that don't."""

from collections.abc import Callable

import pytest

from trunkward.calls.verdict import Reason
from trunkward.media.answer import AnswerRefused, check_answer

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
