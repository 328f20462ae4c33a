"""Whom the node asks for names: the servers of its node file, or the system's."""

import dns.nameserver
import dns.resolver

from trunkward.routing.ports import NamesUnavailable
from trunkward.trunks.model import Host


def asking[R: dns.resolver.BaseResolver](kind: type[R], servers: tuple[Host, ...], server_s: float) -> R:
    """A resolver that asks these DNS servers; none: those of `/etc/resolv.conf`, read now.

    `server_s`: seconds one is given before the next is asked. Raises `NamesUnavailable` when there is none.
    """
    try:
        resolver = kind(configure=not servers)
    except dns.resolver.NoResolverConfiguration:
        raise NamesUnavailable("no DNS server in /etc/resolv.conf: name one in node.resolvers") from None
    if servers:
        resolver.nameservers = [dns.nameserver.Do53Nameserver(one.host, one.port) for one in servers]
    resolver.timeout = server_s
    return resolver
