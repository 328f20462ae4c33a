"""A name's addresses, from a loop that does other things meanwhile; the servers of `fetch.names`."""

import asyncio
from ipaddress import ip_address

import dns.asyncresolver
import dns.exception
import dns.resolver

from trunkward.fetch.dns_servers import asking
from trunkward.routing.ports import NamesUnavailable
from trunkward.trunks.model import Address, Host

#: Seconds one server is given before the next is asked.
_SERVER_S = 0.7
#: RFC 1035 section 3.2.2, RFC 3596.
_KINDS = ("A", "AAAA")


class Resolver:
    """Asks DNS for addresses."""

    def __init__(self, resolvers: tuple[Host, ...]) -> None:
        """`resolvers`: DNS servers; empty: those of `/etc/resolv.conf`. Raises `NamesUnavailable`."""
        self._resolver = asking(dns.asyncresolver.Resolver, resolvers, _SERVER_S)

    async def __call__(self, name: str) -> list[Address]:
        """All of them, IPv4 first; [] for a name without. Raises `NamesUnavailable` when nobody answers."""
        answers = await asyncio.gather(*(self._ask(name, kind) for kind in _KINDS), return_exceptions=True)
        found: list[Address] = []
        for answer in answers:
            if isinstance(answer, list):
                found += answer
        lost = next((answer for answer in answers if isinstance(answer, BaseException)), None)
        if lost is not None and not found:
            raise lost
        return found

    async def _ask(self, name: str, kind: str) -> list[Address]:
        try:
            # absolute: nobody's search list makes another name of it
            answer = await self._resolver.resolve(f"{name}.", kind, search=False, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return []
        except (dns.exception.DNSException, OSError, ValueError) as problem:
            raise NamesUnavailable(f"{kind} of {name}: {problem}") from problem
        return [ip_address(record.address) for record in answer.rrset or ()]
