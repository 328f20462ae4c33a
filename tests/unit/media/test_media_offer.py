"""Which offers are taken, and how they are pruned."""

from collections.abc import Callable
from copy import replace

import pytest

from trunkward.calls.verdict import Reason
from trunkward.media.offer import Keying, LegPolicy, read_offer
from trunkward.media.refusal import MediaRefused
from trunkward.media.suites import ALLOWED
from trunkward.trunks.model import MediaPolicy

GCM, GCM128, CM256, CM = ALLOWED
CUSTOMER = LegPolicy(media=MediaPolicy.SRTP, suites=ALLOWED, confidential=True)
PLAIN_CARRIER = LegPolicy(media=MediaPolicy.RTP, suites=ALLOWED, confidential=False)
TLS_RTP_CARRIER = LegPolicy(media=MediaPolicy.RTP, suites=ALLOWED, confidential=True)
FINGERPRINT = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)
SDP = "application/sdp"


@pytest.mark.parametrize(
    ("offered", "best"),
    [
        ((CM,), CM),
        ((CM, GCM), GCM),
        ((CM, CM256), CM256),
        (("AES_CM_128_HMAC_SHA1_32", CM), CM),
        (("NULL_HMAC_SHA1_80", GCM128, CM), GCM128),
    ],
)
def test_one_crypto_line_is_left(make_sdp: Callable[..., str], offered: tuple[str, ...], best: str) -> None:
    text = make_sdp(suites=offered)
    offer = read_offer(SDP, text, CUSTOMER)
    kept = [
        line
        for line in text.splitlines(keepends=True)
        if not line.startswith("a=crypto") or f" {best} " in line
    ]
    assert (offer.keying, offer.suite, offer.protocol) == (Keying.SDES, best, "RTP/SAVP")
    assert offer.sdp == "".join(kept)


def test_the_sides_own_order_decides(make_sdp: Callable[..., str]) -> None:
    policy = LegPolicy(media=MediaPolicy.SRTP, suites=(CM, GCM), confidential=True)
    assert read_offer(SDP, make_sdp(suites=(GCM, CM)), policy).suite == CM


@pytest.mark.parametrize("protocol", ["UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP"])
def test_dtls_srtp_loses_its_crypto_lines(make_sdp: Callable[..., str], protocol: str) -> None:
    offer = read_offer(SDP, make_sdp(protocol, (CM,), FINGERPRINT), CUSTOMER)
    assert (offer.keying, offer.suite, offer.protocol) == (Keying.DTLS, "", protocol)
    assert "a=crypto" not in offer.sdp
    assert FINGERPRINT in offer.sdp


@pytest.mark.parametrize("natted", [False, True])
def test_whose_address_does_not_count(make_sdp: Callable[..., str], natted: bool) -> None:
    for policy, text in (
        (CUSTOMER, make_sdp(suites=(CM,))),
        (CUSTOMER, make_sdp("UDP/TLS/RTP/SAVPF", (), FINGERPRINT)),
        (PLAIN_CARRIER, make_sdp("RTP/AVP")),  # a call for help may be plain
    ):
        assert read_offer(SDP, text, replace(policy, behind_nat=natted)).behind_nat is natted


def test_plain_carrier_is_taken_plain(make_sdp: Callable[..., str]) -> None:
    text = make_sdp("RTP/AVP")
    assert read_offer("Application/SDP; charset=utf-8", text, PLAIN_CARRIER).sdp == text
    # optional keys (RFC 8643) that came over plain signalling are not used and not passed on
    assert read_offer(SDP, make_sdp("RTP/AVP", (CM,)), PLAIN_CARRIER).sdp == text


def test_more_than_asked_is_taken_over_tls(make_sdp: Callable[..., str]) -> None:
    assert read_offer(SDP, make_sdp(suites=(GCM,)), TLS_RTP_CARRIER).suite == GCM


@pytest.mark.parametrize(
    ("policy", "protocol", "suites", "extra", "reason"),
    [
        (CUSTOMER, "RTP/AVP", (), "", Reason.SRTP_REQUIRED),
        (CUSTOMER, "RTP/AVP", (CM,), "", Reason.SRTP_REQUIRED),
        (CUSTOMER, "RTP/AVPF", (), "", Reason.SRTP_REQUIRED),
        (CUSTOMER, "udptl", (), "", Reason.SRTP_REQUIRED),
        (CUSTOMER, "RTP/SAVP", (CM,), "m=video 40002 RTP/AVP 96", Reason.SRTP_REQUIRED),
        (CUSTOMER, "RTP/SAVP", ("AES_CM_128_HMAC_SHA1_32",), "", Reason.SRTP_SUITE_REFUSED),
        (CUSTOMER, "RTP/SAVP", ("NULL_HMAC_SHA1_80", "F8_128_HMAC_SHA1_80"), "", Reason.SRTP_SUITE_REFUSED),
        (CUSTOMER, "RTP/SAVP", (), "", Reason.MEDIA_MALFORMED),
        (CUSTOMER, "UDP/TLS/RTP/SAVPF", (), "", Reason.MEDIA_MALFORMED),
        (CUSTOMER, "UDP/TLS/RTP/SAVPF", (), "a=fingerprint:sha-1 AB", Reason.SRTP_SUITE_REFUSED),
        (
            CUSTOMER,
            "RTP/SAVP",
            (CM,),
            f"m=audio 40002 UDP/TLS/RTP/SAVP 8\n{FINGERPRINT}",
            Reason.MEDIA_MALFORMED,
        ),
        (CUSTOMER, "RTP/SAVP", (GCM,), "m=video 40002 RTP/SAVP 96", Reason.MEDIA_MALFORMED),
        (PLAIN_CARRIER, "RTP/SAVP", (CM,), "", Reason.SDES_WITHOUT_TLS),
        (PLAIN_CARRIER, "udptl", (), "", Reason.MEDIA_MALFORMED),
    ],
)
def test_refuses(
    make_sdp: Callable[..., str],
    policy: LegPolicy,
    protocol: str,
    suites: tuple[str, ...],
    extra: str,
    reason: Reason,
) -> None:
    with pytest.raises(MediaRefused) as refused:
        read_offer(SDP, make_sdp(protocol, suites, extra), policy)
    assert refused.value.reason is reason


@pytest.mark.parametrize(
    "parameter", ["UNENCRYPTED_SRTP", "UNENCRYPTED_SRTCP", "UNAUTHENTICATED_SRTP", "KDR=1", "WSH=64"]
)
def test_a_crypto_line_with_something_switched_off_does_not_count(
    make_sdp: Callable[..., str], parameter: str
) -> None:
    weak = make_sdp(suites=(CM,)).replace("\r\na=sendrecv", f" {parameter}\r\na=sendrecv")
    assert parameter in weak
    with pytest.raises(MediaRefused) as refused:
        read_offer(SDP, weak, CUSTOMER)
    assert refused.value.reason is Reason.SRTP_SUITE_REFUSED


@pytest.mark.parametrize(
    "inline",
    ["inline:AAAA", "inline:!!!!", "outline:AAAA", "inline:AAAA;inline:BBBB", "inline:" + "A" * 40 + "|x"],
)
def test_a_key_that_does_not_fit_its_suite(make_sdp: Callable[..., str], inline: str) -> None:
    with pytest.raises(MediaRefused) as refused:
        read_offer(SDP, make_sdp(extra=f"a=crypto:1 {CM} {inline}"), CUSTOMER)
    assert refused.value.reason is Reason.MEDIA_MALFORMED
    assert "AAAA" not in refused.value.detail


@pytest.mark.parametrize("tail", ["|2^20", "|2^31|1:4", "|1048576", "|1:4"])
def test_lifetime_and_mki_are_known(make_sdp: Callable[..., str], tail: str) -> None:
    text = make_sdp(suites=(CM,)).replace("\r\na=sendrecv", f"{tail}\r\na=sendrecv")
    assert read_offer(SDP, text, CUSTOMER).suite == CM


def test_an_unpadded_gcm_key_is_a_key(make_sdp: Callable[..., str]) -> None:
    text = make_sdp(suites=(GCM,))
    assert "=\r\n" in text
    assert read_offer(SDP, text.replace("=\r\n", "\r\n"), CUSTOMER).suite == GCM


@pytest.mark.parametrize(
    ("content_type", "body"),
    [(SDP, ""), (SDP, "\r\n"), ("multipart/mixed;boundary=x", "--x"), ("", "v=0\r\n")],
)
def test_no_offer(content_type: str, body: str) -> None:
    with pytest.raises(MediaRefused) as refused:
        read_offer(content_type, body, CUSTOMER)
    assert refused.value.reason is Reason.NO_OFFER


def test_only_rejected_streams(make_sdp: Callable[..., str]) -> None:
    with pytest.raises(MediaRefused) as refused:
        read_offer(SDP, make_sdp(suites=(CM,), port=0), CUSTOMER)
    assert refused.value.reason is Reason.MEDIA_MALFORMED


def test_a_rejected_stream_keeps_no_key(make_sdp: Callable[..., str]) -> None:
    text = make_sdp(suites=(CM,)) + make_sdp(suites=(GCM,), port=0).partition("t=0 0\r\n")[2]
    assert read_offer(SDP, text, CUSTOMER).sdp.count("a=crypto") == 1
