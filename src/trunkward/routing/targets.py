"""What has been found for the names of peers, as a document: kept when DNS fails, and for how long.

Pure: what was found, and the time, come in as arguments. The worker writes it, the edge reads it
(`trunkward.edge.targets`), `status` shows it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from trunkward.routing.locate import Located
from trunkward.sip.transport import Transport
from trunkward.trunks.model import Declared, Host

#: Bounds of a DNS answer's life, in seconds (ours): a shorter one would be a question for each call, a longer
#: one would keep calls from a carrier that has moved.
SHORTEST_S = 30
LONGEST_S = 3600
#: Seconds after which a question that had no answer is asked again.
AGAIN_S = 30
#: Seconds what was found last is gone by when DNS does not answer any more.
LAST_GOOD_S = 86_400
#: Seconds an address that is no peer's any more is remembered as one: as long as a call may run.
FORMER_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One host to look up."""

    peer: str
    host: Host
    transport: Transport


class FoundServer(msgspec.Struct, frozen=True, kw_only=True):
    """`routing.locate.Server`."""

    priority: int
    weight: int
    hosts: list[str]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one name."""

    servers: list[FoundServer] = []
    #: Seconds since the epoch: when DNS said so, and when it is asked again.
    found_at: float = 0.0
    ask_at: float = 0.0
    #: Why the last question brought nothing; "" when it did.
    problem: str = ""


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    #: By `carrier:NAME` or `trunk:NAME`, and the host as it stands in the file.
    peers: dict[str, dict[str, Found]] = {}
    #: By `address:port` that was a peer's: whose.
    former: dict[str, str] = {}
    #: Until when each of those is remembered.
    former_until: dict[str, float] = {}

    def of(self, one: Wanted) -> Found:
        """What is known of one host."""
        return self.peers.get(one.peer, {}).get(str(one.host), Found())


def wanted(declared: Declared) -> list[Wanted]:
    """Every host of the configuration that is a name."""
    found = [
        Wanted(peer=f"carrier:{carrier.name}", host=host, transport=carrier.transport)
        for carrier in declared.carriers
        if carrier.enabled
        for host in carrier.hosts
        if host.is_name
    ]
    return found + [
        Wanted(peer=f"trunk:{trunk.name}", host=trunk.host, transport=Transport.TLS)
        for trunk in declared.trunks
        if trunk.host is not None and trunk.host.is_name
    ]


def due(names: Iterable[Wanted], known: Targets, now: float) -> list[Wanted]:
    """Those to ask DNS for now."""
    # by more than it is ever put off, a clock did that which was ahead
    return [one for one in names if not 0 < known.of(one).ask_at - now <= LONGEST_S]


def updated(
    known: Targets, names: Iterable[Wanted], found: dict[Wanted, Located | str], now: float
) -> Targets:
    """The document after some questions; a text in `found` says why one brought nothing.

    1. What DNS says holds for its time, within bounds.
    2. When it says nothing, what it said last holds on, for a day at most.
    3. Addresses that are gone are remembered for as long as a call may still run there.
    """
    peers: dict[str, dict[str, Found]] = {}
    for one in names:
        peers.setdefault(one.peer, {})[str(one.host)] = _after(known.of(one), found.get(one), now)
    there = _hosts(peers)
    until = dict.fromkeys(_hosts(known.peers), now + FORMER_S) | {
        host: min(until, now + FORMER_S) for host, until in known.former_until.items() if until > now
    }
    # as they were: an address that comes back and goes again begins anew
    whose = known.former | _hosts(known.peers)
    gone = {host: at for host, at in until.items() if host not in there and host in whose}
    return Targets(
        peers=peers, former={host: whose[host] for host in gone}, former_until=dict(sorted(gone.items()))
    )


def _after(before: Found, answer: Located | str | None, now: float) -> Found:
    match answer:
        case None:
            return before
        case Located():  # 1.
            return Found(
                servers=[
                    FoundServer(priority=s.priority, weight=s.weight, hosts=list(s.hosts))
                    for s in answer.servers
                ],
                found_at=now,
                ask_at=now + min(max(answer.ttl_s, SHORTEST_S), LONGEST_S),
                problem="" if answer.servers else "DNS says that this service is not available",
            )
        case str():  # 2.
            lasts = now - before.found_at <= LAST_GOOD_S
            return msgspec.structs.replace(
                before, servers=before.servers if lasts else [], ask_at=now + AGAIN_S, problem=answer
            )


def _hosts(peers: dict[str, dict[str, Found]]) -> dict[str, str]:
    """Whose each address is."""
    return {
        host: peer
        for peer, names in peers.items()
        for found in names.values()
        for server in found.servers
        for host in server.hosts
    }
