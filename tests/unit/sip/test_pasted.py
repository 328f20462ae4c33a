"""What a person has copied out of a trace."""

import pytest

from trunkward.sip.pasted import read_pasted

INVITE = """\
INVITE sip:+12025550110@sbc.example.com SIP/2.0
Via: SIP/2.0/TLS 192.0.2.7
f: "A. Caller" <sip:+12025550100@carrier.example.com>;tag=1
t: <sip:+12025550110@sbc.example.com>
y: aaa.bbb.ccc;info=<https://cert.example.com/1.pem>
 ;alg=ES256;ppt=shaken
Identity: ddd.eee.fff;info=<https://cert.example.com/2.pem>

v=0
Identity: of.no.header
"""
VALUES = [
    "aaa.bbb.ccc;info=<https://cert.example.com/1.pem> ;alg=ES256;ppt=shaken",
    "ddd.eee.fff;info=<https://cert.example.com/2.pem>",
]


@pytest.mark.parametrize(
    "text",
    [
        INVITE,
        INVITE.replace("\n", "\r\n"),
        f"14:30:00.1 TLS 192.0.2.7:5061 -> 192.0.2.9:5061\n{INVITE}",
        f"E..x.@.INVITE sip:junk\nE..x.@.{INVITE}",
        "".join(f"    {line}\n" if line else "\n" for line in INVITE.splitlines()),
    ],
)
def test_an_invite_is_found_in_its_trace(text: str) -> None:
    found = read_pasted(text, alone="identity")
    assert found.uri == "sip:+12025550110@sbc.example.com"
    assert found.values("identity") == VALUES
    assert found.values("from") == ['"A. Caller" <sip:+12025550100@carrier.example.com>;tag=1']
    assert found.values("to") == ["<sip:+12025550110@sbc.example.com>"]
    assert found.values("date") == []


@pytest.mark.parametrize("before", ["", "Identity: ", "y:", "IDENTITY :"])
def test_values_alone_are_one_a_line(before: str) -> None:
    folded = VALUES[0].replace(" ;alg", "\n ;alg")
    found = read_pasted(f"\n{before}{folded}\n{before}{VALUES[1]}\n", alone="identity")
    assert (found.uri, found.values("identity")) == ("", VALUES)


def test_nothing_is_nothing() -> None:
    assert read_pasted(" \n\n", alone="identity").values("identity") == []
