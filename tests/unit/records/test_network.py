"""Addresses that one party can have are of one network."""

import pytest

from trunkward.records.network import network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.9", "192.0.2.0/24"),
        ("192.0.2.255", "192.0.2.0/24"),
        ("198.51.100.1", "198.51.100.0/24"),
        ("2001:db8:1:2::5", "2001:db8:1::/48"),
        ("2001:db8:1:ffff::9", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("pbx.example.com", ""),
        ("", ""),
    ],
)
def test_the_network_around_an_address(address: str, network: str) -> None:
    assert network_of(address) == network
