"""What a call that is over has cost: its sale and its cost, each by the tariff it began with.

Nothing that is not known becomes zero: an amount is None where there is no price, or no end.
"""

from dataclasses import dataclass
from enum import StrEnum

from trunkward.spend.tariff import Tariff

_US = 10**6


class Charged(StrEnum):
    """Whether a call is charged, and if not, why."""

    YES = "charged"
    #: Nobody answered, or it never came to a carrier.
    UNANSWERED = "unanswered"
    #: A call for help costs nobody anything here.
    EMERGENCY = "emergency"
    INBOUND = "inbound"
    #: The node died in it: nobody knows whether it was answered, nor when it ended.
    END_UNKNOWN = "end-unknown"


class Basis(StrEnum):
    """What an amount stands on."""

    DECK = "deck"
    #: A price of the table of destinations, which nobody has agreed on.
    INDICATIVE = "indicative"
    #: Nothing is asked for such a call.
    FREE = "free"
    #: There was no price.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a deck said of a call's number."""

    tariff: Tariff
    #: Digits.
    prefix: str = ""
    #: Name of the deck and SHA-256 of its text; empty for an indicative price.
    deck: str = ""
    deck_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a rated call: what it is sold for, or what it costs us."""

    basis: Basis
    #: Micro-units; None: not known.
    micro: int | None
    #: Seconds that were charged.
    billed_s: int = 0
    #: By what; None where nothing was said, or nothing is asked.
    terms: Terms | None = None


def side(charged: Charged, terms: Terms | None, lasted_ms: int | None) -> Side:
    """One side of a call that lasted so long after its answer; None: nobody knows how long."""
    if charged in (Charged.UNANSWERED, Charged.EMERGENCY, Charged.INBOUND):
        return Side(basis=Basis.FREE, micro=0)
    if terms is None:
        return Side(basis=Basis.UNKNOWN, micro=None)
    basis = Basis.DECK if terms.deck else Basis.INDICATIVE
    if charged is Charged.END_UNKNOWN or lasted_ms is None:
        return Side(basis=basis, micro=None, terms=terms)
    lasted_s = lasted_ms / 1000
    tariff = terms.tariff
    return Side(
        basis=basis, micro=tariff.price_micro(lasted_s), billed_s=tariff.billed_s(lasted_s), terms=terms
    )


def margin(sale: Side, cost: Side) -> int | None:
    """Micro-units that are left; None where either is not known."""
    return None if sale.micro is None or cost.micro is None else sale.micro - cost.micro


def lasted_ms(answered_at: float, ended_at: float) -> int:
    """Whole milliseconds between two times of a clock in seconds, the part of one counting as one.

    Such times are exact to a microsecond: less is an error of the arithmetic, and begins no millisecond.
    """
    return max(-(-(round(ended_at * _US) - round(answered_at * _US)) // 1000), 0)
