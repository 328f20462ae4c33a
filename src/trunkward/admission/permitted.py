"""Whether a trunk may call a destination: reseller, tenant and trunk say it, and each can only narrow it.

1. What the table does not know is dear and not called: no such prefix, or more digits than its numbers have.
2. Each level that has a list must open it; where none has one, the ordinary numbers of the country at home.
3. It must not be dearer than each level's limit, unless that level opens it by name; a price that nobody
   knows is above any limit. A level that writes none has that of the level above it, and where none above
   does, the 0.30 that nobody has to write: no level lifts it for one above. For ordinary numbers at home only
   a limit that is written counts, and only a price that is known: the table's is what others pay for calling
   there.
4. It must be within each level's hours.
"""

from dataclasses import dataclass

from trunkward.calls.verdict import Reason
from trunkward.numbering.destinations import ORDINARY, Destination, Kind, money
from trunkward.trunks.destinations import (
    MAX_RATE_MICRO,
    Allowed,
    Opened,
    Outside,
    allowed,
    is_home,
    kind_of,
)
from trunkward.trunks.model import NodeSettings, Trunk


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPermitted:
    """Why not; `remedy` has the key that would have let it pass."""

    reason: Reason
    detail: str
    remedy: str


def why_not(
    trunk: Trunk, number: str, prefix: str, place: Destination, node: NodeSettings, at: float
) -> NotPermitted | None:
    """What stands between a trunk and an E.164 number; None: nothing.

    `place` is what the table says of the number, and `prefix` (with `+`) of which row; `at` in seconds
    since the epoch, by our own clock.
    """
    # 1.
    if place.kind is Kind.UNKNOWN:
        begins = f"the table of destinations knows no numbers that begin with {prefix or number[:4]}"
        too_long = len(number) - 1 > place.longest
        return NotPermitted(
            reason=Reason.DESTINATION_UNKNOWN,
            detail=f"{begins} and have more than {place.longest} digits" if too_long else begins,
            remedy="if there are such numbers, add a line with their class to the file that node.destinations"
            " names",
        )
    # 2.
    kind, listed = kind_of(place), False
    for level, policy in trunk.destinations:
        if policy.allow is None:
            continue
        listed = True
        if policy.allow.opens(number, kind) is Opened.NOT:
            return _not_opened(policy.allow, prefix, place, f"{level} {level_name(trunk, level)}")
    if not listed and not is_home(place, node.region):
        return _not_opened(allowed((node.region,)), prefix, place, f"trunk {trunk.name}", written=False)
    return _too_dear(trunk, number, prefix, place, node) or _closed(trunk, place, node, at)


def level_name(trunk: Trunk, level: str) -> str:
    """The name of the reseller, the tenant or the trunk itself."""
    name: str = {"reseller": trunk.reseller, "tenant": trunk.tenant, "trunk": trunk.name}[level]
    return name


def _not_opened(
    allow: Allowed, prefix: str, place: Destination, who: str, *, written: bool = True
) -> NotPermitted:
    ordinary = place.kind in ORDINARY
    entry = place.country if ordinary else kind_of(place) if place.country else f'"{prefix}"'
    remedy = (
        f"add {entry} to destinations.allow of {who}"
        if written
        else f"write destinations.allow: [{', '.join((*allow.entries, entry))}] for {who}"
    )
    if ordinary and not allow.has_country(place.country):
        return NotPermitted(
            reason=Reason.DESTINATION_NOT_ALLOWED,
            detail=f"{place.country} is not opened by {who}"
            if written
            else f"{place.country} is not at home",
            remedy=remedy,
        )
    where = f"of {place.country}" if place.country else f"of {prefix}, which no country has,"
    return NotPermitted(
        reason=Reason.CLASS_NOT_ALLOWED,
        detail=f"{place.kind} numbers {where} are not opened" + (f" by {who}" if written else ""),
        remedy=remedy,
    )


def _too_dear(
    trunk: Trunk, number: str, prefix: str, place: Destination, node: NodeSettings
) -> NotPermitted | None:
    # 3.
    home = is_home(place, node.region)
    if home and place.rate_micro is None:
        return None
    kind, limit = kind_of(place), None if home else MAX_RATE_MICRO
    for level, policy in trunk.destinations:
        if policy.allow is None and policy.max_rate_micro is None:
            continue  # it says nothing of places
        if policy.max_rate_micro is not None:
            limit = policy.max_rate_micro
        if limit is None or not _above(place, limit):
            continue
        if policy.allow is None or policy.allow.opens(number, kind) is not Opened.BY_NAME:
            return _dear(limit, prefix, place, f"{level} {level_name(trunk, level)}")
    return None


def _above(place: Destination, limit: int) -> bool:
    """A price nobody knows is above any limit."""
    return place.rate_micro is None or place.rate_micro > limit


def _dear(limit: int, prefix: str, place: Destination, who: str) -> NotPermitted:
    entry = kind_of(place) if place.country else f'"{prefix}"'
    if place.rate_micro is None:
        costs = f"what a minute to {prefix} costs is not known, so it is more than"
        raised = "name its rate in the file of node.destinations"
    else:
        costs = f"{money(place.rate_micro)} a minute, more than"
        raised = f"raise its destinations.max_rate to {money(place.rate_micro)}"
    return NotPermitted(
        reason=Reason.RATE_TOO_HIGH,
        detail=f"{costs} {money(limit)} of {who}",
        remedy=f"add {entry} to destinations.allow of {who}, or {raised}",
    )


def _closed(trunk: Trunk, place: Destination, node: NodeSettings, at: float) -> NotPermitted | None:
    # 4.
    for level, policy in trunk.destinations:
        hours = policy.hours
        if hours is None or hours.is_open(at):
            continue
        if hours.outside is Outside.DOMESTIC and is_home(place, node.region):
            continue
        who = f"{level} {level_name(trunk, level)}"
        return NotPermitted(
            reason=Reason.OUTSIDE_HOURS,
            detail=f"outside {', '.join(hours.open)} ({hours.zone}) of {who}",
            remedy=f"widen destinations.hours.open of {who}",
        )
    return None
