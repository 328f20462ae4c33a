"""Route sets and remote targets (RFC 3261 sections 12.1 and 12.2)."""

from dataclasses import replace

import pytest

from sipkit.dialog import Dialog, as_callee, as_caller, untagged
from sipkit.message import Message, parse, request, response

INVITE = request(
    "INVITE",
    "sip:+12025550199@example.com",
    [
        ("Via", "SIP/2.0/TLS 192.0.2.7;branch=z9hG4bK-1"),
        ("Record-Route", "<sip:192.0.2.2;lr>"),
        ("Record-Route", "<sip:192.0.2.1;lr;x=1>"),
        ("From", '"Jane" <sip:+12025550101@example.com>;tag=a1'),
        ("To", "<sip:+12025550199@example.com>"),
        ("Call-ID", "c1"),
        ("CSeq", "4 INVITE"),
        ("Contact", "<sip:jane@192.0.2.7:5061;transport=tls>"),
    ],
)


def answered(**changes: str) -> Message:
    """The 200 to INVITE."""
    headers = {"Contact": "<sip:bob@192.0.2.9:5071;transport=tls>"} | changes
    return response(INVITE, 200, to_tag="b1", headers=headers.items())


def test_the_caller_reverses_record_route_and_the_callee_does_not() -> None:
    assert as_caller(INVITE, answered()).route_set == ("<sip:192.0.2.1;lr;x=1>", "<sip:192.0.2.2;lr>")
    assert as_callee(INVITE, "b1").route_set == ("<sip:192.0.2.2;lr>", "<sip:192.0.2.1;lr;x=1>")


def test_both_sides_hold_the_same_dialog_mirrored() -> None:
    caller, callee = as_caller(INVITE, answered()), as_callee(INVITE, "b1")
    assert (caller.local_tag, caller.remote_tag) == (callee.remote_tag, callee.local_tag) == ("a1", "b1")
    assert caller.remote_target == "sip:bob@192.0.2.9:5071;transport=tls"
    assert callee.remote_target == "sip:jane@192.0.2.7:5061;transport=tls"


def test_a_request_goes_to_the_remote_target_through_loose_routers() -> None:
    dialog = as_caller(INVITE, answered()).next_request()
    uri, _ = dialog.routing()
    bye = request("BYE", uri, dialog.headers("BYE", "SIP/2.0/TLS x;branch=z9hG4bK-2"))
    assert bye.uri == "sip:bob@192.0.2.9:5071;transport=tls"
    assert bye.get_all("Route") == ("<sip:192.0.2.1;lr;x=1>", "<sip:192.0.2.2;lr>")
    assert bye.cseq == (5, "BYE")
    assert dialog.next_hop() == "sip:192.0.2.1;lr;x=1"
    assert parse(bye.to_bytes()) == bye


def test_a_strict_router_takes_the_request_uri() -> None:
    dialog = replace(as_caller(INVITE, answered()), route_set=("<sip:192.0.2.1>", "<sip:192.0.2.2;lr>"))
    assert dialog.routing() == (
        "sip:192.0.2.1",
        ("<sip:192.0.2.2;lr>", "<sip:bob@192.0.2.9:5071;transport=tls>"),
    )
    assert dialog.next_hop() == "sip:192.0.2.1"


def test_without_routes_the_target_is_the_next_hop() -> None:
    dialog = replace(as_caller(INVITE, answered()), route_set=())
    assert dialog.next_hop() == dialog.remote_target


def test_a_target_refresh_moves_the_target_and_keeps_the_routes() -> None:
    dialog = as_caller(INVITE, answered())
    moved = dialog.refreshed(answered(Contact="<sip:bob@192.0.2.10>"))
    assert moved.remote_target == "sip:bob@192.0.2.10"
    assert moved.route_set == dialog.route_set


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<sip:a@b>;tag=1", "<sip:a@b>"),
        ('"tag=x" <sip:a@b;p=1>;x=2;tag=1;y', '"tag=x" <sip:a@b;p=1>;x=2;y'),
        ("sip:a@b;tag=1", "sip:a@b"),
        ("<sip:a@b>", "<sip:a@b>"),
    ],
)
def test_the_tag_is_taken_off_and_nothing_else(value: str, expected: str) -> None:
    assert untagged(value) == expected


def test_a_dialog_is_a_value() -> None:
    dialog: Dialog = as_callee(INVITE, "b1")
    assert dialog.next_request() != dialog
