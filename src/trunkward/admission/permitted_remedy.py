"""What would let a call pass that `permitted` refuses: everything, at every level, for this very number.

Each step names one key at one level, or a line of the file of `node.destinations`; who has taken them all
(one of two where an "or" stands between them) has opened the number. Only a line for the table may be
followed by another refusal: its class and its price are not known before it is written. Of two ways the
narrower one stands first: who opens by name lifts the limit of the price for nothing else.
"""

from collections.abc import Iterator

from trunkward.numbering.destinations import ORDINARY, Destination, Kind, money
from trunkward.trunks.destinations import MAX_RATE_MICRO, Allowed, Level, Opened, is_home, kind_of
from trunkward.trunks.model import NodeSettings, Trunk

_INTO_THE_FILE = " into the file that node.destinations names"


def remedy(trunk: Trunk, number: str, prefix: str, place: Destination, node: NodeSettings, at: float) -> str:
    """All steps, in a line; the arguments are those of `permitted.why_not`."""
    if place.kind is Kind.UNKNOWN:
        return "if there are such numbers, write a line with their class" + _INTO_THE_FILE
    steps = [*_places(trunk, number, prefix, place, node), *_hours(trunk, place, node, at)]
    return "; and ".join(dict.fromkeys(steps))


def level_name(trunk: Trunk, level: str) -> str:
    """The name of the reseller, the tenant or the trunk itself."""
    name: str = {"reseller": trunk.reseller, "tenant": trunk.tenant, "trunk": trunk.name}[level]
    return name


def above(place: Destination, limit: int) -> bool:
    """Whether it is dearer; a price nobody knows is above any limit."""
    return place.rate_micro is None or place.rate_micro > limit


def _places(trunk: Trunk, number: str, prefix: str, place: Destination, node: NodeSettings) -> Iterator[str]:
    home, kind = is_home(place, node.region), kind_of(place)
    listed = any(policy.allow is not None for _, policy in trunk.destinations)
    limit = None if home else MAX_RATE_MICRO
    for level, policy in trunk.destinations:
        who = f"{level} {level_name(trunk, level)}"
        limit = limit if policy.max_rate_micro is None else policy.max_rate_micro
        dear = _dear(place, limit, home=home)
        if policy.allow is not None:
            match policy.allow.opens(number, kind):
                case Opened.NOT:
                    entry = _entry(place, prefix, policy.allow, by_name=dear)
                    yield f"add {entry} to destinations.allow of {who}"
                case Opened.BY_COUNTRY if dear:
                    entry = _entry(place, prefix, policy.allow, by_name=True)
                    higher = _higher(place, prefix, who, written=policy.max_rate_micro is not None)
                    yield f"add {entry} to destinations.allow of {who}, or {higher}"
        elif policy.max_rate_micro is not None and dear and (listed or home or level is not Level.TRUNK):
            # a list would close all that is not in it
            yield _higher(place, prefix, who, written=True)
            limit = place.rate_micro
    if not listed and not home:
        entry = _entry(place, prefix, None, by_name=_dear(place, limit, home=False))
        yield f"write destinations.allow: [{in_file(node.region)}, {entry}] for trunk {trunk.name}"


def _dear(place: Destination, limit: int | None, *, home: bool) -> bool:
    return limit is not None and above(place, limit) and not (home and place.rate_micro is None)


def _entry(place: Destination, prefix: str, allow: Allowed | None, *, by_name: bool) -> str:
    """What a list opens it by: the country, unless its classes are opened one by one."""
    if not place.country:
        return f'"{prefix}"'
    one_by_one = by_name or (allow is not None and allow.has_country(place.country))
    return kind_of(place) if one_by_one or place.kind not in ORDINARY else in_file(place.country)


def in_file(country: str) -> str:
    """Its code as YAML takes it for text: a plain NO, which is Norway, is false."""
    return f'"{country}"' if country == "NO" else country


def _higher(place: Destination, prefix: str, who: str, *, written: bool) -> str:
    if place.rate_micro is None:
        return f"write a line with the price of {prefix}" + _INTO_THE_FILE
    rate = f'"{money(place.rate_micro)}"'
    if written:
        return f"raise destinations.max_rate of {who} to {rate}"
    return f"write destinations.max_rate: {rate} for {who}"


def _hours(trunk: Trunk, place: Destination, node: NodeSettings, at: float) -> Iterator[str]:
    for level, policy in trunk.destinations:
        if policy.hours is not None and not policy.hours.lets(at, home=is_home(place, node.region)):
            yield f"widen destinations.hours.open of {level} {level_name(trunk, level)}"
