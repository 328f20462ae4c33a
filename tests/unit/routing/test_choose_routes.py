"""Which carriers a number goes to, in which order."""

from dataclasses import dataclass
from ipaddress import ip_network

import pytest

from trunkward.routing.choose import emergency_ways, ways_out
from trunkward.sip.transport import Transport
from trunkward.trunks.model import Carrier, Host, MediaPolicy


def carrier(name: str, *, hosts: int = 1, emergency: bool = False, enabled: bool = True) -> Carrier:
    return Carrier(
        name=name,
        hosts=tuple(Host(host=f"{name}{index}.example.net", port=5061) for index in range(hosts)),
        transport=Transport.TLS,
        media=MediaPolicy.SRTP,
        prefixes=(),
        networks=(ip_network("192.0.2.0/24"),),
        emergency=emergency,
        enabled=enabled,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    carriers: tuple[Carrier, ...]
    found: dict[str, tuple[Carrier, ...]]

    def longest_prefix(self, number: str) -> tuple[Carrier, ...]:
        return self.found.get(number, ())


NORTH, SOUTH, OFF = (
    carrier("north", hosts=2, emergency=True),
    carrier("south"),
    carrier("off", emergency=True, enabled=False),
)
BOOK = Book(carriers=(NORTH, SOUTH, OFF), found={"+12025550199": (NORTH, OFF, SOUTH)})


@pytest.mark.parametrize(
    ("number", "hosts"),
    [
        ("+12025550199", ["north0.example.net:5061", "north1.example.net:5061", "south0.example.net:5061"]),
        ("+442079460123", []),
    ],
)
def test_hosts_in_order(number: str, hosts: list[str]) -> None:
    assert [str(way.host) for way in ways_out(number, BOOK)] == hosts


def test_emergency_goes_to_those_who_take_it() -> None:
    assert [way.carrier.name for way in emergency_ways(BOOK.carriers)] == ["north", "north"]
