"""Asking DNS, by dnspython: the servers of the node file, or the system's."""

import time
from ipaddress import ip_address
from typing import Any

import dns.exception
import dns.rdatatype
import dns.resolver

from trunkward.fetch.dns_servers import asking
from trunkward.routing.ports import Answer, NamesUnavailable, Naptr, Srv
from trunkward.trunks.model import Address, Host

#: Seconds for one question, all servers and repetitions together.
DEADLINE_S = 4.0
#: Seconds one server is given before the next is asked.
_SERVER_S = 1.5
#: Seconds for everything one host makes us ask: what leads there is written by others, and other hosts wait.
MOST_S = 20.0


class Dns:
    """A `routing.ports.Names`, for one host. Answers over UDP that were cut are asked for again over TCP."""

    def __init__(self, resolvers: tuple[Host, ...], within_s: float = MOST_S) -> None:
        """`resolvers`: DNS servers; empty: those of `/etc/resolv.conf`, read now. Its time begins now, too.

        Raises `NamesUnavailable` when that has none.
        """
        self._within_s, self._until = within_s, time.monotonic() + within_s
        self._resolver = asking(dns.resolver.Resolver, resolvers, _SERVER_S)

    def naptr(self, name: str) -> Answer[Naptr]:
        """NAPTR records."""
        records, ttl_s = self._ask(name, "NAPTR")
        return Answer(
            records=tuple(
                Naptr(
                    order=record.order,
                    preference=record.preference,
                    flags=record.flags.decode("ascii", "replace"),
                    service=record.service.decode("ascii", "replace"),
                    replacement=_name(record.replacement),
                )
                for record in records
            ),
            ttl_s=ttl_s,
        )

    def srv(self, name: str) -> Answer[Srv]:
        """SRV records."""
        records, ttl_s = self._ask(name, "SRV")
        return Answer(
            records=tuple(
                Srv(
                    priority=record.priority,
                    weight=record.weight,
                    port=record.port,
                    target=_name(record.target) or ".",
                )
                for record in records
            ),
            ttl_s=ttl_s,
        )

    def addresses(self, name: str, version: int) -> Answer[Address]:
        """A (version 4) or AAAA (version 6) records."""
        records, ttl_s = self._ask(name, "AAAA" if version == 6 else "A")
        return Answer(records=tuple(ip_address(record.address) for record in records), ttl_s=ttl_s)

    def _ask(self, name: str, kind: str) -> tuple[list[Any], int]:
        left = self._until - time.monotonic()
        if left <= 0:
            raise NamesUnavailable(
                f"{kind} of {name}: not asked: its host has taken {self._within_s:g} s of DNS"
            )
        try:
            # absolute: nobody's search list makes another name of a carrier's
            answer = self._resolver.resolve(
                f"{name}.", kind, search=False, raise_on_no_answer=False, lifetime=min(left, DEADLINE_S)
            )
        except dns.resolver.NXDOMAIN:
            return [], 0
        except (dns.exception.DNSException, OSError, ValueError) as problem:
            raise NamesUnavailable(f"{kind} of {name}: {problem}") from problem
        return list(answer.rrset or ()), int(answer.chaining_result.minimum_ttl)


def _name(name: Any) -> str:
    text: str = name.to_text(omit_final_dot=True)
    return "" if text == "." else text.lower()
