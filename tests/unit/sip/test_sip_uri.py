"""URIs as they come in requests."""

import pytest

from trunkward.sip.uri import MalformedUri, host_in_uri, parse_uri


@pytest.mark.parametrize(
    ("text", "user", "host", "port", "params"),
    [
        ("sip:+12025550101@sbc.example.com", "+12025550101", "sbc.example.com", None, {}),
        (
            "SIP:alice@SBC.Example.Com:5061;transport=TLS;lr",
            "alice",
            "sbc.example.com",
            5061,
            {"transport": "TLS", "lr": ""},
        ),
        ("sips:911@192.0.2.1", "911", "192.0.2.1", None, {}),
        (
            "sip:+12025550101;npdi@192.0.2.1;user=phone",
            "+12025550101;npdi",
            "192.0.2.1",
            None,
            {"user": "phone"},
        ),
        ("sip:a@[2001:db8::1]:5061", "a", "2001:db8::1", 5061, {}),
        ("sip:a@[2001:DB8:0::1]", "a", "2001:db8::1", None, {}),
        ("sip:sbc.example.com", "", "sbc.example.com", None, {}),
        ("sip:al%69ce:secret@example.com?subject=x", "alice", "example.com", None, {}),
        ("tel:+1-202-555-0101;npdi", "+1-202-555-0101;npdi", "", None, {}),
    ],
)
def test_reads(text: str, user: str, host: str, port: int | None, params: dict[str, str]) -> None:
    uri = parse_uri(text)
    assert (uri.user, uri.host, uri.port, uri.params) == (user, host, port, params)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip:",
        "sip:@example.com",
        "http://example.com",
        "sip:a@",
        "sip:a@exa mple.com",
        "sip:a@example.com\r\nX: y",
        "sip:a%0d%0aX@example.com",
        "sip:a%ff@example.com",
        "sip:a@[2001:db8::1",
        "sip:a@[192.0.2.1]",
        "sip:a@[fe80::1%eth0]",
        "sip:a@example.com:0",
        "sip:a@example.com:65536",
        "sip:a@example.com:",
        "sip:a@example.com;lr;LR",
        "sip:a@example.com;;lr",
        'sip:a"b@example.com',
        "sip:<a>@example.com",
        "sip:a@-example.com",
        "sip:" + "a" * 2000 + "@example.com",
    ],
)
def test_refuses(text: str) -> None:
    with pytest.raises(MalformedUri):
        parse_uri(text)


def test_host_in_uri() -> None:
    assert host_in_uri("2001:db8::1") == "[2001:db8::1]"
    assert host_in_uri("192.0.2.1") == "192.0.2.1"
