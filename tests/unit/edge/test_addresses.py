"""Which Contact and Record-Route topos can keep, and how long it takes to say so."""

import time
from collections.abc import Callable

import pytest

from trunkward.edge.addresses import is_contact, is_route


@pytest.mark.parametrize(
    "value",
    [
        "<sip:alice@192.0.2.1:5066;transport=tls>",
        '"Alice \\"A\\" <x>, B" <sips:a@[2001:db8::1]>;expires=60',
        "Alice Example <sip:a@example.com> ; q=0.5",
        "sip:a@example.com;expires=60",
        "  <sip:a@example.com>  ",
        # RFC 5626 section 4.1, and what linphone says of itself
        '<sip:a@192.0.2.1;transport=tls>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>";reg-id=1',
        '<sip:127.0.0.1:57472;transport=tls>;+org.linphone.specs="lime, x"',
    ],
)
def test_a_contact(value: str) -> None:
    assert is_contact(value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "*",
        "<tel:+12025550101>",
        "<sip:a@example.com",
        "<sip:a@example.com>, <sip:b@example.com>",
        "<sip:a|b@example.com>",
        '"a\\" <sip:a@example.com>',
        "sip:a@example.com?Subject=x",
        "<sip:a@example.com>;x=\r\nX-A: 1,",
        '<sip:a@example.com>;x="a|b"',
        '<sip:a@example.com>;x="a',
        '<sip:a@example.com>;x="a",<sip:b@example.com>',
    ],
)
def test_no_contact(value: str) -> None:
    assert not is_contact(value)


def test_routes() -> None:
    assert is_route("<sip:192.0.2.1;lr;ftag=1>")
    assert is_route('<sip:192.0.2.1;lr>;x=y , "a" <sip:192.0.2.2;lr>,Edge <sip:192.0.2.3;lr>')
    assert not is_route("sip:192.0.2.1;lr")
    assert not is_route("<sip:192.0.2.1;lr>,")
    assert not is_route("<sip:192.0.2.1;lr>,, <sip:192.0.2.2;lr>")


#: Each made worse by repeating its middle; the first took half a second at 800 blanks.
HOSTILE = [
    ("<sip:a>,", " ", "x"),
    ("<sip:a>", " ", ","),
    ("", '"a" ', "x"),
    ('"', "\\", ""),
    ('"', 'a" ', ""),
    ("", "<sip:a>;,", "x"),
    ("", "<sip:a> , ", "x"),
    ("<sip:a>", ";a ", "|"),
    ("<sip:a>;", '"a"', "|"),
    ("<sip:a>;", '"a ', "|"),
    ("<sip:", "a", " >"),
    ("sip:", "a", " x"),
    ("sip:a", "; ", ","),
    ("", "sip:", ">"),
    (" ", "\t ", "x"),
    ("", "a ", "|"),
]


def _seconds(matches: Callable[[str], bool], value: str) -> float:
    def once() -> float:
        start = time.thread_time()
        matches(value)
        return time.thread_time() - start

    return min(once() for _ in range(5))


@pytest.mark.parametrize("matches", [is_contact, is_route])
@pytest.mark.parametrize("parts", HOSTILE, ids=["".join(parts) for parts in HOSTILE])
def test_time_grows_no_faster_than_the_text(
    matches: Callable[[str], bool], parts: tuple[str, str, str]
) -> None:
    """64 kB against 4 kB: sixteen times the text, and 256 times the time if one step looked at all of it."""
    start, middle, end = parts
    short, long = (start + middle * (size // len(middle)) + end for size in (4096, 65_536))
    assert _seconds(matches, long) < 64 * _seconds(matches, short) + 0.001
