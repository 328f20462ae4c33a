import pytest

from trunkward.calltest.capture import Packet
from trunkward.calltest.inside import extra_vias, passes_through, search, secrets_of
from trunkward.calltest.sip_trace import SipMessage, read_trace

KEY = "/3u1Sfu/MFPBOWkv4DLxDAl14iGO/HD4/i4F7kJO"
CUSTOMER = ("127.0.0.1", 15061)
CARRIER = ("127.0.0.1", 25061)
SBC = ("127.0.0.10", 5061)


def invite(**changes: str) -> str:
    parts = {
        "via": "SIP/2.0/TLS 127.0.0.10:5061;branch=z9hG4bKsbc",
        "contact": "<sip:btpsh-1@127.0.0.10:5061;transport=tls>",
        "origin": "- 11 22 IN IP4 127.0.0.10",
        "key": "x" * 40,
        "extra": "",
        "port": "30002",
    } | changes
    return (
        "INVITE sip:+12025550142@127.0.0.1 SIP/2.0\r\n"
        f"Via: {parts['via']}\r\n{parts['extra']}"
        "From: <sip:+12025550101@sbc.example.com>;tag=aaaa1\r\nTo: <sip:+12025550142@127.0.0.10>\r\n"
        f"Contact: {parts['contact']}\r\nCall-ID: e9edbe61f424bcca\r\nCSeq: 1 INVITE\r\n\r\n"
        f"v=0\r\no={parts['origin']}\r\nm=audio {parts['port']} RTP/SAVP 8\r\n"
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{parts['key']}\r\n"
    )


def traced(
    text: str, source: tuple[str, int], destination: tuple[str, int], own: tuple[str, int]
) -> SipMessage:
    head = f"TLS {source[0]}:{source[1]} -> {destination[0]}:{destination[1]}\n"
    log = ("noise\r[0:00:01] audio=0/0\x1b[36;1m#\n" + head + text + "\x1b[;m\n").encode()
    (message,) = read_trace(log, own=own, sbc=SBC)
    return message


def from_customer() -> SipMessage:
    inside = {
        "via": "SIP/2.0/TLS 127.0.0.1:15061;branch=z9hG4bKcustomer;rport",
        "contact": "<sip:+12025550101-0x55a21f9f8d10@127.0.0.1:15061;transport=tls>",
        "origin": "- 1434625297 1071539129 IN IP4 127.0.0.1",
        "key": KEY,
        "port": "17000",
        "extra": "User-Agent: baresip v1.1.0 (x86_64/linux)\r\n",
    }
    return traced(invite(**inside), ("127.0.0.1", 42132), SBC, CUSTOMER)


def at_carrier(**changes: str) -> SipMessage:
    return traced(invite(**changes), ("127.0.0.1", 50000), CARRIER, CARRIER)


def test_direction_is_told_though_both_sides_share_an_address() -> None:
    assert not from_customer().received
    assert at_carrier().received


def test_a_clean_message_shows_nothing() -> None:
    assert search(secrets_of([from_customer()]), messages=[at_carrier()], packets=[]) == ()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"key": KEY}, "SDES key"),
        ({"origin": "- 1434625297 5 IN IP4 127.0.0.10"}, "SDP o= session id"),
        ({"port": "17000"}, "SDP media port"),
        ({"extra": "X-Old: 127.0.0.1:15061\r\n"}, "Via address"),
        ({"extra": "X-Old: z9hG4bKcustomer\r\n"}, "Via branch"),
        ({"extra": "X-Old: +12025550101-0x55a21f9f8d10\r\n"}, "Contact user"),
        ({"extra": "User-Agent: baresip v1.1.0 (x86_64/linux)\r\n"}, "User-Agent"),
        ({"extra": "Server: Kamailio (6.0.1)\r\n"}, "name of a part of the node (kamailio)"),
    ],
)
def test_each_leak_is_seen(changes: dict[str, str], what: str) -> None:
    found = search(secrets_of([from_customer()]), messages=[at_carrier(**changes)], packets=[])
    assert what.split(" (")[0] in {sighting.what for sighting in found}


def test_a_leak_in_a_packet_is_seen() -> None:
    packet = Packet(
        at_s=0, protocol="udp", source=SBC, destination=CARRIER, payload=b"..." + KEY.encode() + b"..."
    )
    (found,) = search(secrets_of([from_customer()]), messages=[], packets=[packet])
    assert (found.what, found.where) == ("SDES key", "packet capture")


def test_a_second_via_is_seen() -> None:
    two = at_carrier(extra="Via: SIP/2.0/TLS 192.0.2.7:5061;branch=z9hG4bKx\r\n")
    assert [sighting.what for sighting in extra_vias([at_carrier(), two])] == ["second Via"]


def test_what_passes_end_to_end_is_stated() -> None:
    stated = {visible.what for visible in passes_through([from_customer()], [at_carrier()])}
    assert stated == {"Call-ID", "From or To tag", "From address", "To address"}
