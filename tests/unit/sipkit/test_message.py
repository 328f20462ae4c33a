"""Messages are read tolerantly and written exactly."""

import pytest

from sipkit.message import MalformedMessageError, parse, request, response, split_list

INVITE = (
    b"INVITE sip:+12025550199@sbc.example.com;user=phone SIP/2.0\r\n"
    b"v: SIP/2.0/TLS 192.0.2.7:5061;branch=z9hG4bK-2, SIP/2.0/TLS 192.0.2.9;branch=z9hG4bK-1\r\n"
    b"Record-Route: <sip:192.0.2.1;lr>\r\n"
    b'f: "Doe, Jane" <sip:+12025550101@example.com>;tag=a1\r\n'
    b"To: <sip:+12025550199@example.com>\r\n"
    b"i: call-1@192.0.2.7\r\n"
    b"CSeq: 7 INVITE\r\n"
    b"X-Odd:no space\r\n"
    b"Record-Route: <sip:192.0.2.2;lr>,<sip:192.0.2.3;lr>\r\n"
    b"l: 5\r\n\r\nhello"
)


def test_a_message_with_ordinary_spacing_is_written_as_it_was_read() -> None:
    tidy = INVITE.replace(b"X-Odd:no", b"X-Odd: no")
    assert parse(tidy).to_bytes() == tidy


def test_compact_forms_and_case_are_one_header() -> None:
    message = parse(INVITE)
    assert message.get("From") == message.get("f") == message.get("FROM")
    assert message.call_id == "call-1@192.0.2.7"
    assert message.cseq == (7, "INVITE")


def test_repeated_headers_and_comma_lists_are_one_list_in_order() -> None:
    message = parse(INVITE)
    assert message.get_all("Record-Route") == ("<sip:192.0.2.1;lr>", "<sip:192.0.2.2;lr>,<sip:192.0.2.3;lr>")
    assert message.values("record-route") == tuple(f"<sip:192.0.2.{n};lr>" for n in (1, 2, 3))
    assert len(message.values("Via")) == 2


@pytest.mark.parametrize(
    ("raw", "name", "value"),
    [
        (b"OPTIONS sip:a SIP/2.0\nVia: x\nTo : <sip:b>\n\n", "To", "<sip:b>"),
        (
            b"\r\n\r\nOPTIONS sip:a SIP/2.0\r\nSubject: one\r\n two\r\n\tthree\r\n\r\n",
            "Subject",
            "one two three",
        ),
        (b"OPTIONS sip:a SIP/2.0\r\nSubject:\r\n\r\n", "Subject", ""),
        (b"OPTIONS sip:a SIP/2.0\r\nSubject: a:b", "Subject", "a:b"),
    ],
    ids=["bare LF", "folded", "empty", "no blank line"],
)
def test_reading_is_tolerant(raw: bytes, name: str, value: str) -> None:
    assert parse(raw).get(name) == value


@pytest.mark.parametrize(
    "raw", [b"", b"GET / HTTP/1.1\r\n\r\n", b"OPTIONS sip:a SIP/2.0\r\nno colon\r\n\r\n"]
)
def test_what_is_no_sip_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        parse(raw)


def test_bytes_that_are_not_utf8_survive() -> None:
    raw = b"OPTIONS sip:a SIP/2.0\r\nSubject: \xff\xfe\r\n\r\n"
    assert parse(raw).to_bytes() == raw


def test_the_body_ends_where_content_length_says() -> None:
    assert parse(INVITE + b"more").body == b"hello"


def test_commas_in_quotes_and_brackets_do_not_part() -> None:
    value = r'"A \", B" <sip:a,b@example.com>;x=1, <sip:c@example.com>'
    assert list(split_list(value)) == [r'"A \", B" <sip:a,b@example.com>;x=1', "<sip:c@example.com>"]


def test_a_response_copies_what_rfc_3261_says_and_no_more() -> None:
    reply = response(parse(INVITE), 200, to_tag="t9", headers=[("Contact", "<sip:b@192.0.2.5>")])
    assert reply.start_line == "SIP/2.0 200 OK"
    assert reply.get("To") == "<sip:+12025550199@example.com>;tag=t9"
    assert reply.values("Record-Route") == parse(INVITE).values("Record-Route")
    assert not reply.has("X-Odd")
    assert reply.method == "INVITE"


def test_trying_gets_no_tag_and_a_refusal_no_record_route() -> None:
    assert "tag=" not in response(parse(INVITE), 100, to_tag="t9").get("To")
    assert not response(parse(INVITE), 486, to_tag="t9").has("Record-Route")


def test_content_length_is_counted_in_bytes_and_may_be_forged() -> None:
    assert request("MESSAGE", "sip:a", [], "ä".encode()).get("Content-Length") == "2"
    assert request("MESSAGE", "sip:a", [("Content-Length", "99")], b"x").get("Content-Length") == "99"
