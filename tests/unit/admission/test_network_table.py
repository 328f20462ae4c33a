"""Networks are found by the longest one, however many there are."""

from copy import replace
from ipaddress import ip_address, ip_network

import pytest

from trunkward.admission.network_table import NetworkTable, Purpose, build_network_table
from trunkward.trunks.model import Declared, IdentifiedBy, Trunk

ALONE = (IdentifiedBy.NETWORK,)
DIGEST = (IdentifiedBy.NETWORK, IdentifiedBy.DIGEST)


def table(*trunks: Trunk) -> NetworkTable:
    return NetworkTable(memoryview(build_network_table(trunks)))


@pytest.fixture
def trunk(declared: Declared) -> Trunk:
    return declared.trunks[0]


def made(trunk: Trunk, name: str, ways: tuple[IdentifiedBy, ...], *networks: str, md5: bool = False) -> Trunk:
    found = tuple(ip_network(network) for network in networks)
    return replace(trunk, name=name, identified_by=ways, networks=found, unsafe_md5=md5)


def test_the_longest_around_an_address(trunk: Trunk) -> None:
    found = table(
        made(trunk, "wide", ALONE, "192.0.2.0/24", "2001:db8::/32"),
        made(trunk, "narrow", ALONE, "192.0.2.128/25", "2001:db8:1::/48"),
        made(trunk, "one", ALONE, "192.0.2.200"),
        made(trunk, "all", ALONE, "0.0.0.0/0"),
    )
    for address, name in [
        ("192.0.2.1", "wide"),
        ("192.0.2.129", "narrow"),
        ("192.0.2.200", "one"),
        ("198.51.100.1", "all"),
        ("2001:db8::1", "wide"),
        ("2001:db8:1::1", "narrow"),
    ]:
        assert found.around(Purpose.ALONE, ip_address(address)) == [name], address
    assert found.around(Purpose.ALONE, ip_address("3fff::1")) == []
    assert found.around(Purpose.WITH_DIGEST, ip_address("192.0.2.1")) == []


def test_each_purpose_has_its_own(trunk: Trunk) -> None:
    found = table(
        made(trunk, "a", ALONE, "192.0.2.0/28"),
        made(trunk, "d1", DIGEST, "192.0.2.0/24"),
        made(trunk, "d2", DIGEST, "192.0.2.0/24", md5=True),
        made(trunk, "c", (IdentifiedBy.NETWORK, IdentifiedBy.CERTIFICATE), "192.0.2.1"),
    )
    source = ip_address("192.0.2.1")
    assert found.around(Purpose.ALONE, source) == ["a"]
    assert found.around(Purpose.WITH_DIGEST, source) == ["d1", "d2"]
    assert found.around(Purpose.MD5, source) == ["d2"]


def test_ten_thousand_are_no_slower_than_ten(trunk: Trunk) -> None:
    many = [made(trunk, f"t{n}", ALONE, f"10.{n >> 8}.{n & 255}.0/24") for n in range(10_000)]
    found = table(*many)
    # lookups, not time: two lengths in use would be two
    assert [len(lengths) for lengths in found._lengths.values()].count(1) == 1
    assert found.around(Purpose.ALONE, ip_address("10.39.15.77")) == ["t9999"]
    assert found.around(Purpose.ALONE, ip_address("10.39.16.77")) == []
