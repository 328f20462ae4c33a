"""The load generator's quick finders see what the careful parser sees."""

import math

from sipkit.load import wire
from sipkit.load.tally import Tally, percentile
from sipkit.message import parse

REPLY = (
    b"SIP/2.0 200 OK\r\nv: SIP/2.0/TLS 192.0.2.7;branch=z9hG4bK-1\r\n"
    b"record-route: <sip:192.0.2.1;lr>, <sip:192.0.2.2;lr>\r\n"
    b"Record-Route:<sip:192.0.2.3;lr>\r\nt : <sip:b@example.com>;tag=aff-123456\r\n"
    b"Call-ID:  c1  \r\nCSeq:  1   INVITE\r\n"
    b'm: "B" <sip:b@192.0.2.9:5071;transport=tls>;q=1\r\nContent-Length: 0\r\n\r\n'
)


def test_finders_agree_with_the_parser() -> None:
    message = parse(REPLY)
    assert wire.one(wire.TO, REPLY).decode() == message.get("To")
    assert wire.one(wire.CALL_ID, REPLY).strip().decode() == message.call_id
    assert wire.one(wire.CSEQ_METHOD, REPLY).decode() == message.cseq[1]
    assert wire.one(wire.CONTACT, REPLY) == b"sip:b@192.0.2.9:5071;transport=tls"


def test_the_route_is_the_record_route_reversed() -> None:
    assert wire.route_lines(REPLY) == b"".join(b"Route: <sip:192.0.2.%d;lr>\r\n" % n for n in (3, 2, 1))
    assert wire.route_lines(b"SIP/2.0 200 OK\r\n\r\n") == b""


def test_the_arrival_time_is_read_from_the_tag() -> None:
    found = wire.ARRIVAL_TAG.search(REPLY)
    assert found is not None
    assert int(found[1]) == 123456


def test_an_answer_keeps_profile_tag_and_suite_of_the_offer() -> None:
    offer = wire.offer("192.0.2.7", 20000)
    answer = wire.answer(b"INVITE x SIP/2.0\r\n\r\n" + offer, "192.0.2.9", 30000)
    assert b" RTP/SAVP " in answer
    found = wire.CRYPTO.search(answer)
    assert found is not None
    assert found[1] == b"1"
    assert found[2] == b"AES_CM_128_HMAC_SHA1_80"
    assert not set(offer.split()) & {word for word in answer.split() if word.startswith(b"inline:")}


def test_percentiles_are_nearest_rank() -> None:
    values = [float(v) for v in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1.0)) == (50, 99, 100)
    assert math.isnan(percentile([], 0.5))


def test_a_call_that_did_not_complete_is_a_failure() -> None:
    tally = Tally(attempts=10, answered=9, completed=8)
    assert tally.report()["failures"] == 2
