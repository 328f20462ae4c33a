import pytest

from trunkward.calltest.capture import Packet
from trunkward.calltest.inside import Sighting, hosts_of, passes_through, search, secrets_of, strangers
from trunkward.calltest.sip_trace import SipMessage, read_trace

KEY = "/3u1Sfu/MFPBOWkv4DLxDAl14iGO/HD4/i4F7kJO"
CUSTOMER = ("127.0.0.21", 15061)
CARRIER = ("127.0.0.31", 25061)
SBC = ("127.0.0.10", 5061)


def invite(**changes: str) -> str:
    parts = {
        "via": "SIP/2.0/TLS 127.0.0.10:5061;branch=z9hG4bKsbc",
        "contact": "<sip:btpsh-1@127.0.0.10:5061;transport=tls>",
        "from": "sbc.example.com",
        "origin": "- 11 22 IN IP4 127.0.0.10",
        "connection": "127.0.0.10",
        "key": "x" * 40,
        "extra": "",
        "port": "30002",
    } | changes
    return (
        "INVITE sip:+12025550142@127.0.0.1 SIP/2.0\r\n"
        f"Via: {parts['via']}\r\n{parts['extra']}"
        f"From: <sip:+12025550101@{parts['from']}>;tag=aaaa1\r\nTo: <sip:+12025550142@127.0.0.10>\r\n"
        f"Contact: {parts['contact']}\r\nCall-ID: e9edbe61f424bcca\r\nCSeq: 1 INVITE\r\n\r\n"
        f"v=0\r\no={parts['origin']}\r\nc=IN IP4 {parts['connection']}\r\nm=audio {parts['port']} RTP/SAVP 8\r\n"
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
        "via": "SIP/2.0/TLS 127.0.0.21:15061;branch=z9hG4bKcustomer;rport",
        "contact": "<sip:+12025550101-0x55a21f9f8d10@127.0.0.22:15061;transport=tls>",
        "from": "pbx.acme.example.com",
        "origin": "- 1434625297 1071539129 IN IP4 127.0.0.24",
        "connection": "127.0.0.25",
        "key": KEY,
        "port": "17000",
        "extra": "Route: <sip:127.0.0.23;transport=tls;lr>\r\nUser-Agent: baresip v1.1.0 (x86_64/linux)\r\n",
    }
    return traced(invite(**inside), ("127.0.0.26", 42132), SBC, CUSTOMER)


def at_carrier(**changes: str) -> SipMessage:
    return traced(invite(**changes), (SBC[0], 50000), CARRIER, CARRIER)


def seen_by_carrier(**changes: str) -> tuple[Sighting, ...]:
    return search(secrets_of([from_customer()], {SBC[0]}), messages=[at_carrier(**changes)], packets=[])


def test_direction_is_told_by_the_listener() -> None:
    assert not from_customer().received
    assert at_carrier().received


def test_a_clean_message_shows_nothing() -> None:
    assert seen_by_carrier() == ()


def test_hosts_a_party_writes_itself_are_no_secret_of_the_other() -> None:
    carrier = traced(invite(connection="127.0.0.25", **{"from": "north.example.net"}), CARRIER, SBC, CARRIER)
    known = {SBC[0], *hosts_of([carrier])}
    assert set(hosts_of([carrier])) == {CARRIER[0], SBC[0], "127.0.0.25", "north.example.net"}
    secrets = {secret.value for secret in secrets_of([from_customer()], known)}
    assert "127.0.0.25" not in secrets
    assert "127.0.0.24" in secrets


@pytest.mark.parametrize("longer", ["127.0.0.210", "1127.0.0.21", "127.0.0.21.4"])
def test_an_address_is_not_found_in_a_longer_one(longer: str) -> None:
    assert seen_by_carrier(extra=f"X-Old: {longer}\r\n") == ()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"key": KEY}, "SDES key"),
        ({"origin": "- 1434625297 5 IN IP4 127.0.0.10"}, "SDP o= session id"),
        ({"port": "17000"}, "SDP media port"),
        ({"extra": "X-Old: 127.0.0.21:15061\r\n"}, "Via host"),
        ({"contact": "<sip:gw@127.0.0.22>"}, "Contact host"),
        ({"extra": "X-Old: to 127.0.0.23.\r\n"}, "Route host"),
        ({"origin": "- 11 22 IN IP4 127.0.0.24"}, "SDP o= address"),
        ({"connection": "127.0.0.25"}, "SDP c= address"),
        ({"extra": "X-Old: received=127.0.0.26\r\n"}, "address it sends from"),
        ({"from": "pbx.acme.example.com"}, "From host"),
        ({"extra": "X-Old: z9hG4bKcustomer\r\n"}, "Via branch"),
        ({"extra": "X-Old: +12025550101-0x55a21f9f8d10\r\n"}, "Contact user"),
        ({"extra": "User-Agent: baresip v1.1.0 (x86_64/linux)\r\n"}, "User-Agent"),
        ({"extra": "Server: Kamailio (6.0.1)\r\n"}, "name of a part of the node"),
    ],
)
def test_each_leak_is_seen(changes: dict[str, str], what: str) -> None:
    assert {sighting.what for sighting in seen_by_carrier(**changes)} == {what}


def test_a_leak_in_a_packet_is_seen() -> None:
    packet = Packet(
        at_s=0, protocol="udp", source=SBC, destination=CARRIER, payload=b"..." + KEY.encode() + b"..."
    )
    (found,) = search(secrets_of([from_customer()]), messages=[], packets=[packet])
    assert (found.what, found.where) == ("SDES key", "packet capture")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"extra": "Via: SIP/2.0/TLS 127.0.0.10:5061;branch=z9hG4bKx\r\n"}, "second Via"),
        ({"extra": "Record-Route: <sip:127.0.0.10;lr>,<sip:h;lr>\r\n"}, "second Record-Route"),
        ({"via": "SIP/2.0/TLS 192.0.2.7;branch=z9hG4bKsbc"}, "Via host"),
        ({"contact": "<sip:gw@192.0.2.7:5061;transport=tls>"}, "Contact host"),
        ({"connection": "192.0.2.7"}, "SDP c= address"),
        ({"origin": "- 11 22 IN IP4 192.0.2.7"}, "SDP o= address"),
    ],
)
def test_a_stranger_where_only_the_node_may_stand_is_seen(changes: dict[str, str], what: str) -> None:
    node = frozenset({SBC[0]})
    assert strangers([from_customer(), at_carrier()], node) == ()
    assert {sighting.what for sighting in strangers([at_carrier(**changes)], node)} == {what}


def test_what_passes_end_to_end_is_stated() -> None:
    stated = {visible.what for visible in passes_through([from_customer()], [at_carrier()])}
    assert stated == {"Call-ID", "From or To tag", "To address"}
