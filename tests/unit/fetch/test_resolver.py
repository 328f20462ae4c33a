"""Addresses of certificate hosts: whose fault it is that there are none."""

import asyncio
from collections.abc import Callable
from ipaddress import ip_address

import dns.message
import dns.rcode
import pytest

from sipkit.nameserver import NameServer
from sipkit.transport import Address
from trunkward.fetch import resolver as module
from trunkward.fetch.chains import DEADLINE_S
from trunkward.fetch.resolver import Resolver
from trunkward.routing.ports import NamesUnavailable, ZoneUnavailable
from trunkward.trunks.model import Host

AT = Address(host="127.0.0.54", port=5354)
NAME = "certificates.example.net"
#: Seconds for an answer that comes, on a machine that has other work.
PATIENCE_S = 20.0
#: For all of a name's addresses, and the question whether anybody is there.
TAKES_S = module._NAME_S + module._ALIVE_S
RECORDS = [(NAME, "A", "192.0.2.1"), (NAME, "AAAA", "2001:db8::1")]


class Failing(NameServer):
    """Says of everything that it cannot tell (SERVFAIL), as a resolver does of a zone without servers."""

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.set_rcode(dns.rcode.SERVFAIL)
        return reply


def asked(*servers: str, name: str = NAME) -> list[object]:
    hosts = tuple(Host(host=server, port=AT.port) for server in servers or (AT.host,))
    return list(asyncio.run(Resolver(hosts)(name)))


@pytest.fixture(autouse=True)
def _short_of_nothing_that_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are waited for as long as there is time."""
    monkeypatch.setattr(module, "_SERVER_S", PATIENCE_S)
    monkeypatch.setattr(module, "_NAME_S", PATIENCE_S)


def silence(monkeypatch: pytest.MonkeyPatch, alive_s: float = 0.1) -> None:
    """Is waited for, of a name for a little while; `alive_s`: and of its servers."""
    monkeypatch.setattr(module, "_SERVER_S", 0.1)
    monkeypatch.setattr(module, "_NAME_S", 0.4)
    monkeypatch.setattr(module, "_ALIVE_S", alive_s)


def test_it_is_known_before_a_fetch_is_over_whose_fault_it_is() -> None:
    """Else it would be its host's."""
    assert TAKES_S < DEADLINE_S


def silent(server: NameServer) -> None:
    server.silent = True


def silent_about_it(server: NameServer) -> None:
    server.silent_about.add(NAME)


def test_addresses() -> None:
    with NameServer(AT, RECORDS):
        assert asked() == [ip_address("192.0.2.1"), ip_address("2001:db8::1")]
        assert asked(name="absent.example.net") == []


@pytest.mark.parametrize(
    ("kind", "how", "is_zone"),
    [(NameServer, silent, False), (NameServer, silent_about_it, True), (Failing, lambda _: None, True)],
)
def test_who_says_nothing(
    kind: type[NameServer],
    how: Callable[[NameServer], None],
    *,
    is_zone: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ours, or the name's own."""
    silence(monkeypatch, PATIENCE_S if is_zone else 0.1)
    with kind(AT, RECORDS) as server:
        how(server)
        with pytest.raises(NamesUnavailable) as refused:
            asked()
        assert isinstance(refused.value, ZoneUnavailable) is is_zone


@pytest.mark.parametrize(("living", "is_zone"), [(0, True), (1, True), (2, True), (None, False)])
def test_of_several_one_is_there(
    living: int | None, *, is_zone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which of them does not count: those before it may be dead."""
    silence(monkeypatch, 1.0 if is_zone else 0.1)  # the dead ones are waited for
    places = [Address(host=f"127.0.0.{number}", port=AT.port) for number in (54, 55, 56)]
    with NameServer(places[0]) as first, NameServer(places[1]) as second, NameServer(places[2]) as third:
        for number, server in enumerate((first, second, third)):
            server.silent = number != living
            server.silent_about.add(NAME)
        with pytest.raises(NamesUnavailable) as refused:
            asked(*(place.host for place in places))
        assert isinstance(refused.value, ZoneUnavailable) is is_zone


def test_nobody_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    silence(monkeypatch)
    with pytest.raises(NamesUnavailable) as refused:
        asked()
    assert not isinstance(refused.value, ZoneUnavailable)


def test_the_network_leads_to_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """An uplink that is down refuses at once, and no sender made it so. (To a broadcast address the kernel sends nothing.)"""
    silence(monkeypatch)
    with pytest.raises(NamesUnavailable) as refused:
        asked("255.255.255.255")
    assert not isinstance(refused.value, ZoneUnavailable)
