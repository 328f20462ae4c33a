"""`tenants` and `resellers`, as a person may write them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from difflib import get_close_matches
from typing import Annotated

from pydantic import AfterValidator, Field

from trunkward.control.destination_keys import DestinationsPart, levels_of, wrong_in_destinations
from trunkward.control.identity_keys import IdentityPart, signing_of, wrong_in_identity
from trunkward.control.keys import Days, Name, Part, Wrong, twice
from trunkward.control.limit_keys import LimitsPart, limits_of
from trunkward.control.node_keys import NodePart
from trunkward.control.spend_keys import SpendPart, spending_of, wrong_in_spend
from trunkward.control.trunk_keys import Placed, TrunkPart, trunk_of
from trunkward.trunks.customer import Customer
from trunkward.trunks.destinations import Level
from trunkward.trunks.model import NO_LIMITS, IdentifiedBy, Limits, Trunk
from trunkward.trunks.spending import NO_CAPS, Spending
from trunkward.trunks.transit import MAX_IDENTITIES, OF_NODE, SigningIdentity

#: It is carried in tokens and in the signer's journal.
_REFERENCE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,62}[A-Za-z0-9])?", re.ASCII)


class ResellerIdentityPart(IdentityPart):
    """`identity` of a reseller."""

    third_party: bool = False


class ResellerPart(Part):
    """One of `resellers`."""

    name: Name
    identity: ResellerIdentityPart | None = None
    destinations: DestinationsPart = DestinationsPart()
    limits: LimitsPart = LimitsPart()
    spend: SpendPart = SpendPart()
    deck: Name | None = None


def _reference(text: str) -> str:
    if not _REFERENCE.fullmatch(text):
        raise ValueError("letters, digits, and . _ : - between them, at most 64, such as KYC-2026-17")
    return text


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("a day is written as 2026-01-15") from None


class CustomerPart(Part):
    """`customer` of a tenant: the record of what the provider knows of him."""

    reference: Annotated[str, AfterValidator(_reference)]
    verified: Annotated[str, AfterValidator(_day)]


class TenantPart(Part):
    """One of `tenants`."""

    name: Name
    reseller: Name | None = None
    retention: Days | None = None
    enabled: bool = True
    destinations: DestinationsPart = DestinationsPart()
    limits: LimitsPart = LimitsPart()
    spend: SpendPart = SpendPart()
    deck: Name | None = None
    customer: CustomerPart | None = None
    trunks: list[TrunkPart] = Field(default_factory=list)


def placed(tenants: list[TenantPart]) -> list[Placed]:
    """All trunks, with where they stand."""
    return [
        (("tenants", i, "trunks", j), tenant.name, trunk)
        for i, tenant in enumerate(tenants)
        for j, trunk in enumerate(tenant.trunks)
    ]


def wrong_in_tenants(tenants: list[TenantPart], resellers: list[ResellerPart]) -> Wrong:
    """Names that two have, and resellers that are nobody; not what is wrong with the trunks."""
    yield from _wrong_in_each("tenant", tenants)
    yield from _wrong_in_each("reseller", resellers)
    known = [reseller.name for reseller in resellers]
    for index, tenant in enumerate(tenants):
        if tenant.reseller is not None and tenant.reseller not in known:
            close = get_close_matches(tenant.reseller, known, n=1)
            wanted = f"did you mean {close[0]}?" if close else "write it under resellers"
            yield ("tenants", index, "reseller"), f"no reseller has this name; {wanted}"


def wrong_in_identities(resellers: list[ResellerPart], node: NodePart) -> Wrong:
    """Certificates of resellers' own."""
    having = [(index, part) for index, part in enumerate(resellers) if part.identity is not None]
    for index, reseller in having:
        path = ("resellers", index)
        if reseller.name == OF_NODE:
            yield (*path, "name"), f"{OF_NODE} is what the node's own identity is called; write another"
        if reseller.identity is not None:
            yield from wrong_in_identity((*path, "identity"), reseller.identity, node.policy_administrator)
    if len(having) > MAX_IDENTITIES:
        index = having[MAX_IDENTITIES][0]
        why = f"a node signs for {MAX_IDENTITIES} resellers at most; have another node sign for this one"
        yield ("resellers", index, "identity"), why


def wrong_in_switches(tenants: list[TenantPart], resellers: list[ResellerPart]) -> Wrong:
    """`supplies_levels`: of the switch of a provider whose signature alone is ours, and surely of that one.

    1. Its tenant's reseller has `third_party: true`: of everybody else the node says the level.
    2. It proves by a certificate that it is the switch: an address or a password may be a customer's, too.
    3. One tenant of a reseller is he himself; all others are his customers.
    """
    obliged = {one.name for one in resellers if one.identity is not None and one.identity.third_party}
    himself: dict[str, str] = {}
    for place, tenant in enumerate(tenants):
        for index, trunk in enumerate(tenant.trunks):
            if not trunk.supplies_levels:
                continue
            path = ("tenants", place, "trunks", index, "supplies_levels")
            # 1.
            if tenant.reseller not in obliged:
                yield path, "for the switch of a reseller with identity.third_party: true alone; leave it out"
                continue
            # 2.
            if IdentifiedBy.CERTIFICATE not in trunk.identified_by:
                yield path, "levels are taken of a switch that shows a certificate: identified_by, too"
            # 3.
            first = himself.setdefault(tenant.reseller, tenant.name)
            if first != tenant.name:
                yield (
                    path,
                    f"the switch of {tenant.reseller} is tenant {first}'s; a customer supplies no levels",
                )


def _wrong_in_each(kind: str, parts: Sequence[TenantPart | ResellerPart]) -> Wrong:
    names = [((f"{kind}s", index, "name"), part.name) for index, part in enumerate(parts)]
    yield from twice(names, f"another {kind} has this name")
    for index, part in enumerate(parts):
        yield from wrong_in_destinations((f"{kind}s", index, "destinations"), part.destinations)
        yield from wrong_in_spend((f"{kind}s", index, "spend"), part.spend)


def trunks_of(tenants: list[TenantPart], resellers: list[ResellerPart], node: NodePart) -> Iterator[Trunk]:
    """All trunks, with what the tenant and the reseller of each say of destinations."""
    of_reseller = {part.name: levels_of(Level.RESELLER, part.destinations) for part in resellers}
    for tenant in tenants:
        above = of_reseller[tenant.reseller] if tenant.reseller else ()
        above = (*above, *levels_of(Level.TENANT, tenant.destinations))
        customer = _customer_of(tenant.customer) if tenant.customer else None
        for trunk in tenant.trunks:
            told = trunk_of(trunk, node, tenant=tenant.name, reseller=tenant.reseller or "", above=above)
            yield replace(told, customer=customer, enabled=told.enabled and tenant.enabled)


def _customer_of(part: CustomerPart) -> Customer:
    day = date.fromisoformat(part.verified)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return Customer(reference=part.reference, verified_s=int(midnight.timestamp()))


def limits_by_name(parts: Iterable[TenantPart | ResellerPart]) -> dict[str, Limits]:
    """By name, of those that have some."""
    found = {part.name: limits_of(part.limits) for part in parts}
    return {name: limits for name, limits in found.items() if limits != NO_LIMITS}


def spending_by_name(parts: Iterable[TenantPart | ResellerPart]) -> dict[str, Spending]:
    """By name, of those that have some."""
    found = {part.name: spending_of(part.spend) for part in parts}
    return {name: spending for name, spending in found.items() if spending != NO_CAPS}


def decks_by_name(parts: Iterable[TenantPart | ResellerPart]) -> dict[str, str]:
    """By name, the deck of those that have one."""
    return {part.name: part.deck for part in parts if part.deck is not None}


def identities_by_name(resellers: Iterable[ResellerPart]) -> dict[str, SigningIdentity]:
    """By name, the identity of those that have one."""
    return {
        part.name: SigningIdentity(
            spc=part.identity.spc,
            x5u=part.identity.x5u,
            third_party=part.identity.third_party,
            signing=signing_of(part.identity),
        )
        for part in resellers
        if part.identity is not None
    }
