"""Which addresses a stranger's URL may lead to. Property 17: v4-mapped forms, localhost, metadata services."""

from ipaddress import ip_address, ip_network

import pytest

from trunkward.fetch.addresses import why_refused, why_special

SPECIAL = [
    *("0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254"),
    *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.0.1"),
    *("198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "233.252.0.1", "240.0.0.1"),
    "255.255.255.255",
    *("::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1"),
    *("64:ff9b::a00:1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001:db8::1", "2002:7f00:1::"),
    *(
        "2001:0:4136:e378::",
        "3fff::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ),
]
#: Of well-known resolvers and roots: addresses that everybody knows, and nothing is sent there.
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.9.9.9",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("address", SPECIAL)
def test_nobody_on_the_internet_is_there(address: str) -> None:
    assert why_special(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_somebody_may_be_there(address: str) -> None:
    assert why_special(ip_address(address)) == ""


def test_one_special_address_refuses_them_all() -> None:
    assert why_refused([ip_address("8.8.8.8"), ip_address("10.0.0.1")])
    assert why_refused([ip_address("8.8.8.8"), ip_address("::ffff:10.0.0.1")])
    assert why_refused([ip_address("8.8.8.8"), ip_address("2001:4860:4860::8888")]) == ""


def test_an_exception_is_for_what_stands_there_alone() -> None:
    laboratory = [ip_network("10.1.0.0/16")]
    assert why_refused([ip_address("10.1.2.3")], laboratory) == ""
    assert why_refused([ip_address("10.2.2.3")], laboratory)
    assert why_refused([ip_address("10.1.2.3"), ip_address("127.0.0.1")], laboratory)
    assert why_refused([ip_address("::ffff:10.1.2.3")], laboratory), "another form of it"


def test_of_a_form_of_another_address_it_is_told_which() -> None:
    """The address inside is judged, not what a library makes of the form around it."""
    for form in ("::ffff:10.0.0.1", "::10.0.0.1", "64:ff9b::10.0.0.1"):
        address = ip_address(form)
        assert why_special(address) == f"10.0.0.1 is no public address in {address}"
