"""The Request-URI of a call to a registered PBX, by what it has registered."""

import pytest

from trunkward.edge.request_uri import request_uri


@pytest.mark.parametrize(
    ("contact", "user", "called_at"),
    [
        # its username: it knows its numbers
        (
            "sip:acme-hq@10.0.0.7:5061;transport=tls",
            "acme-hq",
            "sip:+12025550102@10.0.0.7:5061;transport=tls",
        ),
        # one of its numbers, in the form it registered
        ("sips:2025550101@10.0.0.7", "2025550101", "sips:+12025550102@10.0.0.7"),
        # a user of its own making
        ("sip:acme-hq-0x5581@10.0.0.7;transport=tls", "acme-hq", "sip:acme-hq-0x5581@10.0.0.7;transport=tls"),
        ("sip:gw1@10.0.0.7", "acme-hq", "sip:gw1@10.0.0.7"),
        # none at all
        ("sip:10.0.0.7:5061;transport=tls", "acme-hq", "sip:10.0.0.7:5061;transport=tls"),
    ],
)
def test_request_uri(contact: str, user: str, called_at: str) -> None:
    assert request_uri({"contact": contact, "user": user}, "+12025550102") == called_at
