"""Which lines of an SDP the other side is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkward.media.crossing import crossing
from trunkward.media.sdp import MalformedSdp

KEPT = [
    "c=IN IP4 192.0.2.10",
    "b=TIAS:64000",
    "t=0 0",
    "m=audio 40000 RTP/SAVP 8 101",
    "a=rtpmap:8 PCMA/8000",
    "a=fmtp:101 0-16",
    "a=ptime:20",
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA",
    "a=fingerprint:sha-256 AA:BB",
    "a=setup:actpass",
    "a=rtcp-mux",
    "a=rtcp-fb:* nack",
    "a=mid:0",
    "a=sendonly",
]
STAY = [
    "i=Board room",
    "u=https://pbx.example.com/",
    "e=alice@example.com",
    "p=+1 202 555 0101",
    "k=clear:secret",
    "r=604800 3600 0",
    "b=X-PBX:64",
    "a=tool:PBX 1.0",
    "a=key-mgmt:mikey AAAA",
    "a=alt:1 1 : abc def 192.0.2.10 40000",
    "a=ssrc:1 cname:alice@pbx.example.com",
    "a=label:10",
    "a=candidate:1 1 UDP 1 192.0.2.10 40000 typ host",
    "a=group:BUNDLE 0",
    "a=X-nat:0",
    "a=rtpmapx:8 PCMA/8000",
    "A=rtpmap:8 PCMA/8000",
    "o=second 1 1 IN IP4 192.0.2.10",
    "s=second",
    "",
]


def sdp(*lines: str, origin: str = "o=alice 4711 10 IN IP4 192.0.2.10") -> str:
    return "\r\n".join(("v=0", origin, "s=Call", *lines, ""))


def test_what_crosses() -> None:
    mixed = [line for pair in zip(KEPT, STAY, strict=False) for line in pair] + STAY
    assert crossing(sdp(*mixed), 7, {}, "caller").split("\r\n") == [
        "v=0",
        "o=- 7 1 IN IP4 192.0.2.10",
        "s=-",
        *KEPT,
        "",
    ]


def test_the_version_counts_on_as_its_author_does() -> None:
    versions: dict[str, int] = {}
    for theirs, ours in ((10, 1), (11, 2), (11, 2), (9, 2**32)):
        text = sdp(origin=f"o=alice 4711 {theirs} IN IP6 2001:db8::1")
        assert crossing(text, 7, versions, "callee").split("\r\n")[1] == f"o=- 7 {ours} IN IP6 2001:db8::1"


@pytest.mark.parametrize("end", ["\n", "\r", "\x0b", "\x85", "\u2028"])
def test_nothing_hides_behind_another_end_of_line(end: str) -> None:
    text = sdp(f"a=ptime:20{end}a=tool:PBX{end}i=Board room")
    assert crossing(text, 7, {}, "caller").endswith("s=-\r\na=ptime:20\r\n")


@pytest.mark.parametrize(
    "origin",
    [
        "o=- abc 1 IN IP4 192.0.2.10",
        "o=- 1 1.5 IN IP4 192.0.2.10",
        f"o=- 1 {'9' * 5000} IN IP4 192.0.2.10",
        "o=- 1 1 IN IP4 pbx example com",
        "o=- 1 1",
        "o=- 1 1 ATM NSAP 1",
        "o=- \u0661 1 IN IP4 192.0.2.10",
        "i=none",
    ],
)
def test_an_origin_that_cannot_be_counted_on_is_refused(origin: str) -> None:
    with pytest.raises(MalformedSdp, match="o="):
        crossing(sdp(*KEPT, origin=origin), 7, {}, "caller")


@pytest.mark.parametrize("text", ["", "v=0", "v=0\r\ns=-\r\no=- 1 1 IN IP4 192.0.2.10\r\n", "\r\nv=0\r\n"])
def test_what_begins_otherwise_is_refused(text: str) -> None:
    with pytest.raises(MalformedSdp):
        crossing(text, 7, {}, "caller")


@given(st.lists(st.one_of(st.sampled_from(KEPT + STAY), st.text())))
def test_no_line_that_is_not_listed(lines: list[str]) -> None:
    sent = crossing(sdp(*lines), 7, {}, "caller").split("\r\n")[3:-1]
    assert not set(sent) & set(STAY)
    assert all(line[1:2] == "=" and line[0] in "cbtma" for line in sent)
    assert [line for line in lines if line in KEPT] == [line for line in sent if line in KEPT]
