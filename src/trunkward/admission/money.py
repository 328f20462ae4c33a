"""The money of one call: reserved with its verdict, renewed with its grants, settled at its end.

All amounts are made here, exactly, from the tariffs a call began with; the ledger (`live/money.lua`) adds and
compares. A grant covers what a call costs to its end, and the time until its carrier's leg has ended for
sure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from msgspec import structs

from trunkward.admission.ports import (
    Charge,
    Granted,
    LegFact,
    OverSpend,
    RunningLeg,
    RunningShare,
    Settlement,
    Share,
    Unavailable,
)
from trunkward.admission.prices import Prices
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.grant import Cut, EndedCall, Grant, GrantsAsked, GrantsGiven, RunningCall
from trunkward.routing.choose import Way
from trunkward.spend.tariff import Tariff
from trunkward.trunks.model import NodeSettings, Trunk
from trunkward.trunks.spending import NO_CAPS, AtCap, Spending

#: Seconds from the end of a grant until the carrier has its BYE: a round of the edge's timer, a connection
#: that
#: has to be opened, and a node that is found dead and stood in for.
RELEASE_S = 15
#: Seconds a place and a leg are held longer than a call's grant lasts: for the edge to end one whose grant is
#: over.
GUARD_S = 2
#: Of the ledger's names for owners.
ACCOUNT = "money:"
_FREE = Tariff(rate_nano=0)


def first_s(node: NodeSettings, trunk: Trunk | None) -> int:
    """Seconds of a trunk's first grant."""
    return min(node.grant_s, trunk.max_call_s if trunk is not None else node.max_call_s)


def longest_s(node: NodeSettings) -> int:
    """Seconds for which something may have been granted, with what its release takes."""
    return node.grant_s + RELEASE_S


def charge_of(
    trunk: Trunk, prices: Prices, ways: Sequence[Way], policy: Snapshot, at: float
) -> Charge | None:
    """What a call asks for; None: it costs nothing, or nobody has a cap.

    Where one of its carriers has a cap of its own, all of them are named: to go by one without is no
    overspending.
    """
    node, seconds = policy.node, first_s(policy.node, trunk) + RELEASE_S
    shares: list[Share] = []
    if prices.sale is not None and (amount := prices.sale.tariff.price_micro(seconds)):
        tariff = prices.sale.tariff.compact()
        shares += [
            Share(owner=one.account, tariff=tariff, slice_micro=amount, caps=one.at(at))
            for one in policy.spending(trunk)
        ]
    carriers = {way.carrier.name: policy.spending_with(way.carrier) for way in ways}
    if any(carriers.values()):
        for name, one in carriers.items():
            cost = prices.costs[name].tariff if name in prices.costs else _FREE
            shares.append(
                Share(
                    owner=f"{ACCOUNT}carrier:{name}",
                    tariff=cost.compact(),
                    slice_micro=cost.price_micro(seconds),
                    caps=one.at(at) if one is not None else NO_CAPS,
                    carrier=True,
                )
            )
    if not shares:
        return None
    return Charge(
        node=node.ledger_name, currency=node.currency, longest_s=longest_s(node), shares=tuple(shares)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """By what a call is charged. They travel with it: its price does not change while it runs."""

    #: `trunk:acme-hq`, `tenant:acme`; all of them by the selling price.
    owners: tuple[str, ...] = ()
    tariff: Tariff = _FREE
    #: By carrier, in its own prices.
    carriers: Mapping[str, Tariff] = field(default_factory=dict, hash=False)

    @classmethod
    def of(cls, charge: Charge, cut: Sequence[str]) -> Self:
        """Those of a charge; `cut`: accounts of carriers it does not go by."""
        sellers = [share for share in charge.shares if not share.carrier]
        return cls(
            owners=tuple(share.owner.removeprefix(ACCOUNT) for share in sellers),
            tariff=Tariff.from_compact(sellers[0].tariff) if sellers else _FREE,
            carriers={
                carrier_of(share.owner): Tariff.from_compact(share.tariff)
                for share in charge.shares
                if share.carrier and share.owner not in cut
            },
        )

    @classmethod
    def read(cls, text: str) -> Self:
        """What `text` wrote. Raises `ValueError` for anything else."""
        tariff, owners, carriers = text.split(";")
        pairs = [pair.split("=") for pair in carriers.split(",") if pair]
        return cls(
            owners=tuple(owner for owner in owners.split(",") if owner),
            tariff=Tariff.from_compact(tariff),
            carriers={name: Tariff.from_compact(compact) for name, compact in pairs},
        )

    def text(self) -> str:
        """As a word, for a row of the edge's."""
        carriers = ",".join(f"{name}={tariff.compact()}" for name, tariff in self.carriers.items())
        return f"{self.tariff.compact()};{','.join(self.owners)};{carriers}"

    def accounts(self, carrier: str) -> list[tuple[str, Tariff]]:
        """Who pays by what, of a call that goes by this carrier; "": by any of them."""
        found = [(f"{ACCOUNT}{owner}", self.tariff) for owner in self.owners]
        return found + [
            (f"{ACCOUNT}carrier:{name}", tariff)
            for name, tariff in self.carriers.items()
            if carrier in ("", name)
        ]


def carrier_of(account: str) -> str:
    """The carrier of an account of the ledger."""
    return account.rpartition(":")[2]


def legs_of(
    asked: GrantsAsked, given: GrantsGiven, policy: Snapshot, now: float
) -> tuple[list[RunningLeg], list[str]]:
    """What the ledger is to renew for these grants: the calls that cost something and may be alive.

    One that is cut needs no more than it has, but a ledger that has forgotten it needs to be told. `now` in
    seconds since the epoch: caps that are raised for a time are so until then. And the record ids of calls
    with terms nobody has written: no leg can be made of these.
    """
    legs, unreadable = [], []
    for call in asked.calls:
        grant = given.grants.get(call.record_id)
        if not call.money or grant is None or (call.leaving_s is not None and grant.for_s <= 0):
            continue
        try:
            legs.append(_leg(call, grant.for_s, policy, now))
        except ValueError:
            unreadable.append(call.record_id)
    return legs, unreadable


def _leg(call: RunningCall, for_s: float, policy: Snapshot, now: float) -> RunningLeg:
    rings, terms = not call.answered_at, Terms.read(call.money)
    lasted_s = max(call.lasted_s, 0.0)
    had_s = lasted_s + max(call.left_s, 0.0) + RELEASE_S
    next_s = lasted_s + for_s + RELEASE_S
    if rings:
        lasted_s, had_s = 0.0, first_s(policy.node, policy.trunk(call.trunk)) + RELEASE_S
        next_s = had_s
    leaves = call.leaving_s is not None
    if leaves:
        # its release goes on, and costs what it costs, whatever the caps say
        had_s = max(lasted_s + call.left_s + RELEASE_S, 0.0)
        next_s = max(had_s, lasted_s + for_s)
    return RunningLeg(
        record_id=call.record_id,
        lasted_s=None if rings else lasted_s,
        left_s=max(call.left_s, 0.0) + GUARD_S,
        shares=tuple(
            RunningShare(
                owner=account,
                tariff=tariff.compact(),
                used_micro=tariff.price_micro(lasted_s),
                had_micro=tariff.price_micro(had_s),
                next_micro=tariff.price_micro(next_s),
                caps=NO_CAPS if leaves else _spending(account, policy, now),
            )
            for account, tariff in terms.accounts("" if rings else call.carrier)
        ),
    )


def _spending(account: str, policy: Snapshot, now: float) -> Spending:
    found = policy.spends(account.removeprefix(ACCOUNT))
    return found.at(now) if found is not None else NO_CAPS


def paid(
    asked: GrantsAsked,
    given: GrantsGiven,
    facts: Mapping[str, LegFact | Unavailable],
    policy: Snapshot,
) -> GrantsGiven:
    """The grants of which the ledger says that they are paid for. `facts` by record id.

    1. A call that costs nothing, or whose next slice has its money, goes on. One that is cut is so whatever
       the ledger says.
    2. One whose next slice does not fit under a cap uses what it has, or is ended at once, as the owner of
       that cap has it. One that rings holds its first slice either way.
    3. Of others nobody knows: they have what they have, and ask again.
    """
    grants: dict[str, Grant] = {}
    for call in asked.calls:
        grant = given.grants.get(call.record_id)
        if grant is None:
            continue
        match facts.get(call.record_id):
            case _ if not call.money or grant.for_s <= 0:
                grants[call.record_id] = grant
            case Granted():
                grants[call.record_id] = grant
            case OverSpend() if not call.answered_at:
                grants[call.record_id] = grant
            case OverSpend(owner=account):
                spent = policy.spends(account.removeprefix(ACCOUNT))
                at_once = spent is not None and spent.spending.at_cap is AtCap.AT_ONCE
                left_s = 0.0 if at_once else max(call.left_s, 0.0)
                grants[call.record_id] = Grant(for_s=left_s, then=Cut.SPEND_CAP)
    return structs.replace(given, grants=grants)


def settlement_of(ended: EndedCall) -> Settlement | None:
    """What a call that is over has cost; None for one that has reserved nothing.

    Raises `ValueError` for terms nobody has written.
    """
    if not ended.money:
        return None
    lasted_s = ended.lasted_ms / 1000
    paying = Terms.read(ended.money).accounts(ended.carrier) if ended.lasted_ms else []
    return Settlement(
        record_id=ended.record_id,
        costs=tuple((account, tariff.price_micro(lasted_s)) for account, tariff in paying),
    )
