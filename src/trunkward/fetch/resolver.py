"""A name's addresses, from a loop that does other things meanwhile; the servers of `fetch.names`.

A name that gets no answer is its owner's fault while our servers answer anything, and ours while they do not.
An answer that says "no" (SERVFAIL, REFUSED) is one; that the network leads to none of them is none. After
silence all of them are asked at once for the root's servers, which whoever resolves names has: a server may
be silent because it still waits for the name's own, and another because it is dead.
"""

import asyncio
from copy import copy
from ipaddress import ip_address

import dns.asyncresolver
import dns.exception
import dns.resolver

from trunkward.fetch.dns_servers import asking
from trunkward.routing.ports import NamesUnavailable, ZoneUnavailable
from trunkward.trunks.model import Address, Host

#: Seconds one server is given before the next is asked, for all of a name's addresses, and for the question
#: whether anybody is there: together less than a fetch has (`fetch.chains.DEADLINE_S`).
_SERVER_S = 0.5
_NAME_S = 1.2
_ALIVE_S = 0.3
#: RFC 1035 section 3.2.2, RFC 3596.
_KINDS = ("A", "AAAA")


class Resolver:
    """Asks DNS for addresses."""

    def __init__(self, resolvers: tuple[Host, ...]) -> None:
        """`resolvers`: DNS servers; empty: those of `/etc/resolv.conf`. Raises `NamesUnavailable`."""
        self._resolver = asking(dns.asyncresolver.Resolver, resolvers, _SERVER_S)
        self._resolver.lifetime = _NAME_S

    async def __call__(self, name: str) -> list[Address]:
        """All of them, IPv4 first; [] for a name without.

        Raises `ZoneUnavailable` when there is no answer about it, and `NamesUnavailable` when nobody answers.
        """
        answers = await asyncio.gather(*(self._ask(name, kind) for kind in _KINDS), return_exceptions=True)
        found: list[Address] = []
        for answer in answers:
            if isinstance(answer, list):
                found += answer
        lost = next((answer for answer in answers if isinstance(answer, BaseException)), None)
        if lost is not None and not found:
            if not isinstance(lost, ZoneUnavailable) and await self._is_there():
                raise ZoneUnavailable(str(lost))
            raise lost
        return found

    async def _ask(self, name: str, kind: str) -> list[Address]:
        try:
            # absolute: nobody's search list makes another name of it
            answer = await self._resolver.resolve(f"{name}.", kind, search=False, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return []
        except (dns.resolver.NoNameservers, dns.resolver.YXDOMAIN) as refused:
            kept_from = NamesUnavailable if _was_never_asked(refused) else ZoneUnavailable
            raise kept_from(f"{kind} of {name}: {refused}") from refused
        except (dns.exception.DNSException, OSError, ValueError) as problem:
            raise NamesUnavailable(f"{kind} of {name}: {problem}") from problem
        return [ip_address(record.address) for record in answer.rrset or ()]

    async def _is_there(self) -> bool:
        """Whether one of our servers answers at all, be it with a refusal."""
        alone = []
        for server in self._resolver.nameservers:
            one = copy(self._resolver)
            one.nameservers = [server]
            alone.append(one)
        return any(await asyncio.gather(*map(_answers, alone)))


async def _answers(resolver: dns.asyncresolver.Resolver) -> bool:
    try:
        await resolver.resolve(".", "NS", search=False, raise_on_no_answer=False, lifetime=_ALIVE_S)
    except dns.resolver.NXDOMAIN:
        return True
    except dns.resolver.NoNameservers as refused:
        return not _was_never_asked(refused)
    except (dns.exception.DNSException, OSError, ValueError):
        return False
    return True


def _was_never_asked(refused: dns.exception.DNSException) -> bool:
    """Whether no question ever left: dnspython gives up a server it cannot send to as one that says no."""
    errors = refused.kwargs.get("errors") or ()
    return bool(errors) and all(isinstance(error, OSError) for _, _, _, error, _ in errors)
