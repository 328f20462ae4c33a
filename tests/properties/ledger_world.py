"""Who pays, by what caps and tariffs, and a call as its edge and its carrier know it.

Of `test_ledger_properties.py`: what a carrier bills is reckoned here, apart from the code under test.
"""

import math
from dataclasses import dataclass, field, replace

from properties.ledger_model import US, Ask
from trunkward.admission.ports import (
    AlreadyEnded,
    Frozen,
    Held,
    LegFact,
    LiveFact,
    OverSpend,
    RunningLeg,
    RunningShare,
    Unavailable,
)
from trunkward.trunks.spending import Spending

SLICE, RELEASE, RING, HOLD = 60 * US, 15 * US, 60 * US, 62 * US
#: The longest a call rings.
RINGS = 180 * US
#: The longest a call goes on at its carrier when nobody ends it: a session timer's time.
BOUND = 1800 * US
LONGEST = SLICE + RELEASE
#: By tariff: connect fee and price of a minute in micro-units, and increments in seconds.
TARIFFS = {"retail": (20_003, 300_007, 60, 6), "north": (0, 190_001, 1, 1), "west": (10_007, 170_003, 30, 6)}
TENANT, NORTH, WEST = "money:tenant:acme", "money:carrier:north", "money:carrier:west"
#: Who has no cap.
RESELLER = "money:reseller:east"
TRUNKS = ("money:trunk:hq", "money:trunk:branch")
NODES = ("n1", "n2")
#: How many gates each has.
GATES = {"n1": 2, "n2": 1}
ALL_GATES = tuple((node, gate) for node, gates in GATES.items() for gate in range(gates))


def price(tariff: str, us: float) -> int:
    """What a carrier has billed of a call after so long: each increment when it begins."""
    connect, rate, first, following = TARIFFS[tariff]
    s = math.ceil(us / 1000) / 1000
    billed = first if s <= first else first + math.ceil((s - first) / following) * following
    return connect + math.ceil(rate * billed / 60)


#: A call's first slice, as it is sold.
FIRST = price("retail", LONGEST)
#: Call, hour, day, month: as much as some calls need, and one less.
CAPS: dict[str, tuple[int | None, int | None, int | None, int | None]] = {
    TRUNKS[0]: (FIRST + 300_007, 3 * FIRST, 4 * FIRST, None),
    TRUNKS[1]: (None, None, None, 3 * FIRST - 1),
    TENANT: (None, 5 * FIRST, 7 * FIRST - 1, 11 * FIRST),
    RESELLER: (None, None, None, None),
    NORTH: (None, 3 * price("north", LONGEST), None, None),
    WEST: (None, None, 3 * price("west", LONGEST) - 1, None),
}
#: What a gate leases of those who pay for a call by one carrier: one call, and a minute more of it.
ESCROW = {
    TRUNKS[0]: FIRST + 300_007,
    TENANT: FIRST + 300_007,
    NORTH: price("north", LONGEST) + 190_001,
}


@dataclass
class Call:
    """A call as its edge and its carrier know it, all in true time."""

    name: str
    trunk: str
    node: str
    began: int
    carriers: tuple[str, ...]
    answered: int | None = None
    #: It ends by then if nobody renews it.
    until: int = 0
    #: At the carrier.
    ended: int | None = None
    #: Its last grant, by owner.
    had: dict[str, int] = field(default_factory=dict)
    #: Of the reservation, until the edge has the verdict.
    held: Held | None = None
    told: bool = False
    orphan: bool = False
    #: When it was settled: what it had cost, by owner, though nobody had granted it.
    beyond: dict[str, int] = field(default_factory=dict)
    #: The last epoch in which it was renewed.
    epoch: int = 0
    #: Valkey was out of reach when it came: no leg is its own before it is renewed, or has ended.
    by_escrow: bool = False
    #: It was answered when its hold was over, so by nobody's leave; and when a gate has given it, if one has.
    unasked: bool = False
    leave: int | None = None

    @property
    def owners(self) -> dict[str, str]:
        """Who pays, by what tariff."""
        sold = dict.fromkeys((self.trunk, TENANT, RESELLER), "retail")
        return sold | {one: one.split(":")[-1] for one in self.carriers}

    def billed(self, owner: str, at: int) -> int:
        """What it has cost an owner by then."""
        if self.answered is None or at < self.answered or owner not in self.owners:
            return 0
        return price(self.owners[owner], min(at, self.ended or at) - self.answered)

    def next_end(self, now: int) -> int:
        """How long it may go on when it is renewed: its first slice is had whole before there is more."""
        assert self.answered is not None
        first = self.answered + SLICE
        return (first if first - max(self.until, now) > US else now + SLICE) - self.answered

    def is_over(self, now: int) -> bool:
        return self.ended is not None and self.ended <= now

    def costs(self, now: int) -> dict[str, int]:
        return {owner: self.billed(owner, now) for owner in self.owners}


def caps_of(owner: str) -> Spending:
    call, hour, day, month = CAPS[owner]
    return Spending(call_micro=call, hour_micro=hour, day_micro=day, month_micro=month)


def with_escrow(owner: str) -> Spending:
    return replace(caps_of(owner), escrow_micro=ESCROW[owner])


def word(fact: LiveFact | LegFact | Unavailable) -> str:
    """An answer as the model says it."""
    match fact:
        case Held():
            return " ".join(["held", *fact.cut_routes])
        case OverSpend():
            return f"over {fact.owner}"
        case Frozen():
            return "frozen"
        case AlreadyEnded():
            return "ended"
        case Unavailable():
            return fact.why
    return "granted"


def leg_of(
    name: str,
    lasted_s: float | None,
    asks: list[Ask],
    tariffs: dict[str, str],
    *,
    left_s: float = 0.0,
    dead: bool = False,
) -> RunningLeg:
    """A running call as a gate asks for more of it."""
    shares = tuple(
        RunningShare(
            owner=ask.owner,
            tariff=tariffs[ask.owner],
            used_micro=ask.used,
            had_micro=ask.had,
            next_micro=ask.to,
            caps=caps_of(ask.owner),
        )
        for ask in asks
    )
    return RunningLeg(record_id=name, lasted_s=lasted_s, shares=shares, left_s=left_s, dead=dead)
