"""Lists of addresses in headers, as peers write them."""

import time

import pytest

from trunkward.sip.address import MAX_ADDRESSES, read_addresses


@pytest.mark.parametrize(
    ("value", "uris"),
    [
        ("<sip:+1@x>", ["sip:+1@x"]),
        ('"A, B" <sip:1@x;user=phone>;a=b, <tel:+2>', ["sip:1@x;user=phone", "tel:+2"]),
        (r'"a\"<b" <sip:1@x>', ["sip:1@x"]),
        ("Alice <sip:1@x>", ["sip:1@x"]),
        ("sip:1@x;user=phone", ["sip:1@x"]),
        ("tel:+12025550101", ["tel:+12025550101"]),
        ('<sip:1@x?Reason=SIP%3Bcause%3D302>;index=1.1;mp="1"', ["sip:1@x?Reason=SIP%3Bcause%3D302"]),
        # a name that holds an address is none
        ('"x <sip:9@x>" <sip:1@x>', ["sip:1@x"]),
        ("", []),
        ("nonsense", []),
        ("<sip:1@x", []),
        ("<sip:1@x> <sip:2@x>", []),
        ("<sip:1@x>, nonsense, <sip:2@x>", ["sip:1@x"]),
        ("<sip:1@x>" + "x" * 1100, []),
    ],
)
def test_addresses(value: str, uris: list[str]) -> None:
    assert [address.uri for address in read_addresses([value])] == uris


def test_parameters_are_the_headers() -> None:
    (address,) = read_addresses(["<sip:1@x;a=b>;Reason=user-busy;lr; counter = 2"])
    assert address.parameters == {"reason": "user-busy", "lr": "", "counter": "2"}


def test_no_more_than_a_few() -> None:
    assert len(read_addresses([", ".join(["<sip:1@x>"] * 50), "<sip:2@x>"])) == MAX_ADDRESSES


@pytest.mark.parametrize(
    "value", ['"' + "\\" * 1000, "a" * 1020, ";a" * 500, '"' * 1000, "<" * 1000, " " * 1000]
)
def test_nothing_takes_long(value: str) -> None:
    began = time.thread_time()
    read_addresses([value] * 10)
    assert time.thread_time() - began < 0.1
