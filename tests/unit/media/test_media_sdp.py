"""SDP, read strictly."""

from collections.abc import Callable

import pytest

from trunkward.media.sdp import (
    MAX_CHARACTERS,
    MalformedSdp,
    keep_protocol,
    keep_suite,
    parse_sdp,
    protocol_of,
)

GCM = "AEAD_AES_256_GCM"
CM = "AES_CM_128_HMAC_SHA1_80"


def test_bytes_come_back_as_they_were(make_sdp: Callable[..., str]) -> None:
    text = make_sdp(suites=(GCM,), extra="a=x-thing:  odd   spaces\t\xe9")
    assert parse_sdp(text).without_lines(set()) == text
    bare = text.replace("\r\n", "\n").rstrip("\n")
    assert parse_sdp(bare).without_lines(set()) == bare


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("v=0", "v=1"),
        ("v=0\r\n", ""),
        ("s=-\r\n", ""),
        ("o=-", "o=-\r\no=-"),
        ("m=audio 40000", "m=audio 70000"),
        ("m=audio 40000", "m=audio 9"),
        ("m=audio 40000", "m=audio 40000/2"),
        ("m=audio 40000", "m=audio -1"),
        ("m=audio 40000", "m=audio forty"),
        ("m=audio", "x=audio"),
        ("c=IN IP4 192.0.2.10", "c=IN IP4 pbx.example.com"),
        ("c=IN IP4 192.0.2.10", "c=IN IP6 192.0.2.10"),
        ("c=IN IP4 192.0.2.10", "c=IN IP4 224.0.0.1"),
        ("c=IN IP4 192.0.2.10\r\n", ""),
        ("t=0 0", "t=0 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x"),
        ("a=sendrecv", "a=send\0recv"),
        ("a=sendrecv", "a=" + "x" * 3000),
        ("a=sendrecv", "nonsense"),
        ("a=sendrecv", "a=sendrecv\r\n" * 500),
        ("a=sendrecv", "m=audio 40002 RTP/SAVP 8\r\n" * 9),
        ("a=crypto:1", "a=crypto:one"),
    ],
)
def test_refuses(make_sdp: Callable[..., str], old: str, new: str) -> None:
    text = make_sdp(suites=(GCM,))
    assert old in text
    with pytest.raises(MalformedSdp):
        parse_sdp(text.replace(old, new))


def test_refuses_what_is_too_large(make_sdp: Callable[..., str]) -> None:
    with pytest.raises(MalformedSdp):
        parse_sdp(make_sdp(extra="\n".join(["a=x:" + "y" * 1000] * (1 + MAX_CHARACTERS // 1000))))


@pytest.mark.parametrize("text", ["", "\r\n", "v=0", "m=audio 1 RTP/AVP 0"])
def test_refuses_scraps(text: str) -> None:
    with pytest.raises(MalformedSdp):
        parse_sdp(text)


def test_no_key_in_a_message(make_sdp: Callable[..., str]) -> None:
    for broken in (
        "a=crypto:x " + GCM + " inline:SECRETSECRET",
        "a=crypto:1 " + GCM + " inline:SECRET SECRET\0",
    ):
        with pytest.raises(MalformedSdp) as refused:
            parse_sdp(make_sdp(extra=broken))
        assert "SECRET" not in str(refused.value)


def test_a_reoffer_keeps_the_suite_of_its_leg(make_sdp: Callable[..., str]) -> None:
    kept = keep_suite(make_sdp(suites=(CM, GCM)), GCM)
    assert [c.suite for c in parse_sdp(kept).media[0].crypto] == [GCM]
    assert kept.count("\r\n") == make_sdp(suites=(GCM,)).count("\r\n")


def test_a_leg_without_sdes_keeps_no_key(make_sdp: Callable[..., str]) -> None:
    assert "a=crypto" not in keep_suite(make_sdp("UDP/TLS/RTP/SAVPF", (CM,)), "")


def test_a_reoffer_that_changes_its_suite_is_refused(make_sdp: Callable[..., str]) -> None:
    with pytest.raises(MalformedSdp, match=GCM):
        keep_suite(make_sdp(suites=(CM,)), GCM)


def test_a_reoffer_keeps_the_protocol_of_its_leg(make_sdp: Callable[..., str]) -> None:
    keep_protocol(make_sdp(suites=(GCM,)), "RTP/SAVP")
    keep_protocol(make_sdp("RTP/AVP", port=0), "RTP/SAVP")
    with pytest.raises(MalformedSdp):
        keep_protocol(make_sdp("RTP/AVP"), "RTP/SAVP")
    assert protocol_of(make_sdp("RTP/AVP")) == "RTP/AVP"
    assert protocol_of(make_sdp("RTP/AVP", port=0)) == ""
