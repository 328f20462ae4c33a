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

from trunkward.admission.permitted_remedy import above, level_name, remedy
from trunkward.calls.verdict import Reason
from trunkward.numbering.destinations import ORDINARY, Destination, Kind, money
from trunkward.trunks.destinations import MAX_RATE_MICRO, Allowed, Level, Opened, allowed, is_home, kind_of
from trunkward.trunks.model import NodeSettings, Trunk


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPermitted:
    """Why not: what stands in the way first; `remedy` has everything that would have let it pass."""

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
    found = obstacle(trunk, number, prefix, place, node, at)
    if found is None:
        return None
    reason, detail = found
    return NotPermitted(reason=reason, detail=detail, remedy=remedy(trunk, number, prefix, place, node, at))


def obstacle(
    trunk: Trunk, number: str, prefix: str, place: Destination, node: NodeSettings, at: float
) -> tuple[Reason, str] | None:
    """The first thing that stands in the way, without the remedy: for whoever asks of many places."""
    # 1.
    if place.kind is Kind.UNKNOWN:
        begins = f"the table of destinations knows no numbers that begin with {prefix or number[:4]}"
        too_long = len(number) - 1 > place.longest
        return (
            Reason.DESTINATION_UNKNOWN,
            f"{begins} and have more than {place.longest} digits" if too_long else begins,
        )
    # 2.
    kind, listed = kind_of(place), False
    for level, policy in trunk.destinations:
        if policy.allow is None:
            continue
        listed = True
        if policy.allow.opens(number, kind) is Opened.NOT:
            return _not_opened(policy.allow, prefix, place, f" by {level} {level_name(trunk, level)}")
    if not listed and not is_home(place, node.region):
        return _not_opened(allowed((node.region,)), prefix, place, "")
    return _too_dear(trunk, number, prefix, place, node) or _closed(trunk, place, node, at)


def _not_opened(allow: Allowed, prefix: str, place: Destination, by: str) -> tuple[Reason, str]:
    """`by`: whose list it is; "" where nobody has one."""
    if place.country and place.kind in ORDINARY and not allow.has_country(place.country):
        said = f"is not opened{by}" if by else "is not at home"
        return Reason.DESTINATION_NOT_ALLOWED, f"{place.country} {said}"
    where = f"of {place.country}" if place.country else f"of {prefix}, which no country has,"
    return Reason.CLASS_NOT_ALLOWED, f"{place.kind} numbers {where} are not opened{by}"


def _too_dear(
    trunk: Trunk, number: str, prefix: str, place: Destination, node: NodeSettings
) -> tuple[Reason, str] | None:
    # 3.
    home = is_home(place, node.region)
    if home and place.rate_micro is None:
        return None
    kind, limit = kind_of(place), None if home else MAX_RATE_MICRO
    by: Level | None = None
    for level, policy in trunk.destinations:
        if policy.allow is None and policy.max_rate_micro is None:
            continue  # it says nothing of places
        if policy.max_rate_micro is not None:
            limit, by = policy.max_rate_micro, level
        by_name = policy.allow is not None and policy.allow.opens(number, kind) is Opened.BY_NAME
        if limit is not None and not by_name and above(place, limit):
            whose = f"{by} {level_name(trunk, by)}" if by is not None else ""
            who = f"{level} {level_name(trunk, level)}"
            return Reason.RATE_TOO_HIGH, _dear(limit, whose, prefix, place, who)
    return None


def _dear(limit: int, whose: str, prefix: str, place: Destination, who: str) -> str:
    """`whose`: who wrote the limit that holds for `who`; "" for the one nobody has to write."""
    costs = (
        f"what a minute to {prefix} costs is not known, so it is more than {money(limit)}"
        if place.rate_micro is None
        else f"{money(place.rate_micro)} a minute, more than {money(limit)}"
    )
    if whose == who:
        return f"{costs} of {who}"
    if whose:
        return f"{costs} of {whose}, which holds for {who}, too"
    return f"{costs}, which holds for {who} where nobody writes another"


def _closed(trunk: Trunk, place: Destination, node: NodeSettings, at: float) -> tuple[Reason, str] | None:
    # 4.
    for level, policy in trunk.destinations:
        hours = policy.hours
        if hours is not None and not hours.lets(at, home=is_home(place, node.region)):
            said = f"outside {', '.join(hours.open)} ({hours.zone}) of {level} {level_name(trunk, level)}"
            return Reason.OUTSIDE_HOURS, said
    return None
