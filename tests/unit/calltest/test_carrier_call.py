"""A carrier's requests, and what it reads of a stream."""

import asyncio

import pytest

from trunkward.calltest.baresip import PartyError
from trunkward.calltest.carrier_call import CarrierLine, _Dialog, _offer
from trunkward.calltest.parties import LabShaken, Media
from trunkward.calltest.sip_trace import SipMessage, read_message
from unit.calltest.recorded import CALLED, CALLER, NODE, lab

ENDS = {"source": NODE, "destination": ("127.0.0.31", 25061)}


def read(text: str) -> SipMessage:
    return read_message(text, transport="TLS", received=True, **ENDS)


def answer(status: str, more: str = "") -> str:
    return f"SIP/2.0 {status}\r\nTo: <sip:x>;tag=t\r\nCSeq: 1 INVITE\r\n{more}Content-Length: 0\r\n\r\n"


def test_a_dialog_goes_where_the_other_side_wants_it(shaken: LabShaken) -> None:
    """RFC 3261 section 12.1.2: the route set of the caller is Record-Route turned round."""
    dialog = _Dialog.begin(lab(shaken).tls_carrier, CALLED, CALLER)
    invite = read(dialog.request("INVITE", (("Identity", "a.b.c"),), "v=0\r\n"))
    assert invite.first("identity") == "a.b.c"
    assert invite.first("content-length") == "5"
    routed = "Contact: <sip:n@127.0.0.10:5061;transport=tls>\r\nRecord-Route: <sip:one;lr>, <sip:two;lr>\r\n"
    after = dialog.confirmed_by(read(answer("200 OK", routed)))
    ack, bye = read(after.request("ACK")), read(after.next().request("BYE"))
    for request, cseq in ((ack, "1 ACK"), (bye, "2 BYE")):
        assert request.start_line.split()[1] == "sip:n@127.0.0.10:5061;transport=tls"
        assert request.values("route") == ("<sip:two;lr>", "<sip:one;lr>")
        assert (request.first("to"), request.first("cseq")) == ("<sip:x>;tag=t", cseq)
    branches = {request.first("via") for request in (invite, ack, bye)}
    assert len(branches) == 3


def test_the_ack_of_a_refusal_is_of_the_same_transaction(shaken: LabShaken) -> None:
    """RFC 3261 section 17.1.1.3."""
    dialog = _Dialog.begin(lab(shaken).tls_carrier, CALLED, CALLER)
    invite = read(dialog.request("INVITE"))
    ack = read(dialog.ack_of_refusal(read(answer("403 Forbidden"))))
    assert ack.start_line.split()[1] == invite.start_line.split()[1]
    assert (ack.first("via"), ack.first("to")) == (invite.first("via"), "<sip:x>;tag=t")


@pytest.mark.parametrize(("media", "profile"), [(Media.SDES, "RTP/SAVP"), (Media.PLAIN, "RTP/AVP")])
def test_a_key_is_offered_where_the_carrier_has_srtp(shaken: LabShaken, media: Media, profile: str) -> None:
    offer = _offer(party := lab(shaken).tls_carrier if media is Media.SDES else lab(shaken).udp_carrier, 4000)
    assert f"m=audio 4000 {profile} 8\r\n" in offer
    assert ("a=crypto:1" in offer) is (party.media is Media.SDES)


def heard(shaken: LabShaken, stream: bytes) -> list[int | None]:
    """What a carrier has heard when its INVITE is answered."""

    async def scenario() -> list[int | None]:
        reader = asyncio.StreamReader()
        reader.feed_data(stream)
        reader.feed_eof()
        line = CarrierLine(lab(shaken).tls_carrier, reader, None)  # type: ignore[arg-type]
        await line._final("INVITE")
        return [message.status for message in line.heard]

    return asyncio.run(scenario())


def test_messages_of_a_stream_are_told_apart(shaken: LabShaken) -> None:
    body = "SIP/2.0 486 Busy Here\r\n\r\n"
    progress = answer("183 Session Progress").replace("Length: 0", f"Length: {len(body)}") + body
    stream = answer("100 Trying") + "\r\n\r\n" + progress + answer("200 OK")
    assert heard(shaken, stream.encode()) == [100, 183, 200]


@pytest.mark.parametrize("broken", [b"", b"SIP/2.0 100 Try", answer("183 x").replace(": 0", ": x").encode()])
def test_a_connection_that_breaks_is_said(shaken: LabShaken, broken: bytes) -> None:
    with pytest.raises(PartyError, match="carrier north: no answer to INVITE, the connection broke"):
        heard(shaken, broken)
