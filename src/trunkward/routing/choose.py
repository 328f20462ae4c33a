"""Which ways out a call has, in the order they are tried."""

import msgspec

from trunkward.routing.ports import RouteBook
from trunkward.trunks.model import Carrier, Host


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A carrier and the one of its hosts to try."""

    carrier: Carrier
    host: Host


def ways_out(number: str, book: RouteBook) -> tuple[Way, ...]:
    """For an E.164 number: every host of each enabled carrier with the longest prefix, in order."""
    return _hosts(book.longest_prefix(number))


def emergency_ways(carriers: tuple[Carrier, ...]) -> tuple[Way, ...]:
    """For an emergency number: every host of each enabled carrier that takes them, in the file's order."""
    return _hosts(tuple(carrier for carrier in carriers if carrier.emergency))


def _hosts(carriers: tuple[Carrier, ...]) -> tuple[Way, ...]:
    return tuple([Way(carrier=c, host=host) for c in carriers if c.enabled for host in c.hosts])
