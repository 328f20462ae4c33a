"""What a change of configuration opens: where some trunk may call that it might not call before.

For people who are about to agree to it, in the words of an `allow` list; what draws fraud is told apart.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from trunkward.admission.permitted import obstacle
from trunkward.numbering.destinations import ORDINARY, Destination, Kind, Risk, longest_match, money
from trunkward.trunks.destinations import (
    WEEK_MINUTES,
    DestinationPolicies,
    Hours,
    Outside,
    kind_of,
    ordinary_of,
)
from trunkward.trunks.model import Declared, NodeSettings, Trunk

_WEEK = frozenset((home, minute) for home in (True, False) for minute in range(WEEK_MINUTES))
#: Whoever asks: only the lists matter.
_ANYBODY = Trunk(
    name="",
    tenant="",
    networks=(),
    certificate_sha256="",
    certificate_issued_here=False,
    numbers=(),
    host=None,
)
#: Trunks, and places, named one by one in a line.
_NAMED = 3
_PLACES = 12

#: Places that open, and what of them draws fraud.
type _Told = tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Some trunks that may call some places from now on."""

    trunks: tuple[str, ...]
    #: As in an `allow` list: `FR`, `FR/premium`, `+88216`.
    places: tuple[str, ...]
    #: Hours in which they might not call anything of it before.
    hours: bool = False
    #: What of it draws fraud, each a sentence.
    warnings: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """For people."""
        who = _listed(self.trunks, _NAMED, "trunks")
        said = [f"{who} may now call {_listed(self.places, _PLACES, 'places')}"] if self.places else []
        if self.hours:
            said.append(f"{who} may now call at hours at which it might not")
        return said + [f"warning: {warning}" for warning in self.warnings]


def openings(
    old: Declared | None,
    new: Declared,
    places_before: Mapping[str, Destination],
    places: Mapping[str, Destination],
) -> list[Opening]:
    """What `new` opens that `old` did not, trunk by trunk; those with equal openings together.

    `places_before` and `places`: the tables of destinations, as of then and as of now. A trunk that is new is
    compared with one that nothing is said of, which calls the ordinary numbers at home.
    """
    before = {trunk.name: trunk.destinations for trunk in old.trunks} if old else {}
    node = old.node if old else new.node
    same_world = node.region == new.node.region and places_before is places
    changed = [
        trunk for trunk in new.trunks if not same_world or trunk.destinations != before.get(trunk.name, ())
    ]
    if not changed:
        return []
    was, now = World(node, places_before), World(new.node, places)
    # prices may have changed, too: what the levels of before let through of the places there are now
    then = was if places_before is places else World(node, places)

    @cache  # 10,000 trunks say the same few things
    def told(levels: DestinationPolicies, old_levels: DestinationPolicies) -> _Told:
        dearer = now.places(levels) - then.places(old_levels)
        opened = (now.open(levels) - was.open(old_levels)) | set(map(kind_of, dearer))
        prefixes = now.prefixes(levels) - was.prefixes(old_levels)
        return (*in_words(opened, now), *sorted(prefixes)), tuple(now.warnings(opened, prefixes))

    found: dict[tuple[_Told, bool], list[str]] = {}
    for trunk in changed:
        levels = before.get(trunk.name, ())
        said = told(trunk.destinations, levels)
        longer = trunk.name in before and _longer(_hours(trunk.destinations), _hours(levels))
        if said[0] or longer:
            found.setdefault((said, longer), []).append(trunk.name)
    return [
        Opening(trunks=tuple(names), places=said, hours=longer, warnings=warnings)
        for ((said, warnings), longer), names in found.items()
    ]


class World:
    """A node with a table: what lists open in it, each found once."""

    def __init__(self, node: NodeSettings, places: Mapping[str, Destination]) -> None:
        self.node = node
        self._places = places
        self._sorted = sorted(places)
        self._kinds: dict[str, set[Destination]] = {}
        for place in set(places.values()):
            if place.country:
                self._kinds.setdefault(kind_of(place), set()).add(place)
        self._open: dict[DestinationPolicies, frozenset[Destination]] = {}
        self._prefixes: dict[DestinationPolicies, frozenset[str]] = {}

    def open(self, levels: DestinationPolicies) -> frozenset[str]:
        """Kinds of numbers of countries of which some may be called, at some hour."""
        return frozenset(map(kind_of, self.places(levels)))

    def places(self, levels: DestinationPolicies) -> frozenset[Destination]:
        """Places of countries that may be called, whatever their first digits and the hour.

        With a rate deck one kind of numbers is several places, cheap and dear.
        """
        if levels not in self._open:
            lists = [policy.allow for _, policy in levels if policy.allow is not None]
            # one list names all that can be open: where trunks are many, the rest of the world is not asked
            named = lists[0].by_country | lists[0].by_name if lists else ordinary_of(self.node.region)
            caller = self._caller(levels)
            self._open[levels] = frozenset(
                place
                for kind in named
                for place in self._kinds.get(kind, ())
                if self._goes(caller, "+", place)
            )
        return self._open[levels]

    def prefixes(self, levels: DestinationPolicies) -> frozenset[str]:
        """Prefixes in the lists behind which something may be called that no country or class opens."""
        if levels not in self._prefixes:
            written = {
                entry
                for _, policy in levels
                for entry in (policy.allow.entries if policy.allow else ())
                if entry.startswith("+")
            }
            open_anyhow, caller = self.places(levels), self._caller(levels)
            self._prefixes[levels] = frozenset(
                prefix
                for prefix in written
                if any(
                    self._goes(caller, number, place) and place not in open_anyhow
                    for number, place in self._behind(prefix)
                )
            )
        return self._prefixes[levels]

    def _behind(self, prefix: str) -> Iterator[tuple[str, Destination]]:
        yield prefix, longest_match(self._places, prefix[1:])[1]
        for at in range(bisect_left(self._sorted, prefix[1:]), len(self._sorted)):
            digits = self._sorted[at]
            if not digits.startswith(prefix[1:]):
                return
            yield f"+{digits}", self._places[digits]

    def _caller(self, levels: DestinationPolicies) -> Trunk:
        return replace(_ANYBODY, destinations=self.at_any_hour(levels))

    def _goes(self, caller: Trunk, number: str, place: Destination) -> bool:
        return obstacle(caller, number, "", place, self.node, 0.0) is None

    def behind(self, entry: str) -> dict[str, list[tuple[str, str, Destination]]]:
        """What an entry of an `allow` list names, by kind or by itself: number, prefix and place of each."""
        if entry.startswith("+"):
            return {entry: [(number, number, place) for number, place in self._behind(entry)]}
        country, _, kind = entry.partition("/")
        return {
            named: [("+", named, place) for place in self._kinds.get(named, ())]
            for named in ([entry] if kind else sorted(self.kinds_of(country)))
        }

    def at_any_hour(self, levels: DestinationPolicies) -> DestinationPolicies:
        """The same lists and limits without their hours."""
        return tuple((level, replace(policy, hours=None)) for level, policy in levels)

    def kinds_of(self, country: str) -> set[str]:
        """The ordinary kinds of a country that the table knows."""
        return {
            kind
            for kind, places in self._kinds.items()
            if kind.startswith(f"{country}/") and any(place.kind in ORDINARY for place in places)
        }

    def warnings(self, opened: Iterable[str], prefixes: Iterable[str]) -> Iterator[str]:
        """A sentence for each kind that draws fraud, by its class or by the country's risk."""
        for kind in sorted(opened):
            risky = [place for place in self._kinds.get(kind, ()) if _draws_fraud(place)]
            if risky:
                yield _warning(kind, risky)
        for prefix in sorted(prefixes):
            risky = [place for _, place in self._behind(prefix) if _draws_fraud(place)]
            if risky:
                yield _warning(prefix, risky)


def _hours(levels: DestinationPolicies) -> tuple[Hours, ...]:
    return tuple(policy.hours for _, policy in levels if policy.hours is not None)


@lru_cache(maxsize=1 << 10)  # 10,000 trunks say the same few things
def _longer(now: tuple[Hours, ...], before: tuple[Hours, ...]) -> bool:
    """Whether there may be a minute at which calls may be placed now and might not before.

    By the wall clock of each zone that limited them: with another zone alone, any minute may be one.
    """
    return any(
        not _open_at([one for one in now if one.zone == zone])
        <= _open_at([one for one in before if one.zone == zone])
        for zone in {hours.zone for hours in before}
    )


def _open_at(all_hours: Iterable[Hours]) -> frozenset[tuple[bool, int]]:
    """Minutes of the week at which calls may be placed: at home (True), and abroad (False)."""
    found = _WEEK
    for hours in all_hours:
        within = {minute for first, last in hours.spans for minute in range(first, last)}
        always = hours.outside is Outside.DOMESTIC
        found = frozenset((home, minute) for home, minute in found if minute in within or (home and always))
    return found


def _draws_fraud(place: Destination) -> bool:
    return place.kind is not Kind.UNKNOWN and (place.risk is Risk.HIGH or place.kind not in ORDINARY)


def _warning(what: str, places: list[Destination]) -> str:
    rates = [place.rate_micro for place in places if place.rate_micro is not None]
    price = f"up to {money(max(rates))} a minute" if rates else "of no known price"
    risk = "of high risk" if any(place.risk is Risk.HIGH for place in places) else "no ordinary numbers"
    return f"{what} is {risk}, {price}"


def in_words(opened: Iterable[str], world: World) -> list[str]:
    """Kinds of numbers as an `allow` list names them.

    A country of which all that is ordinary has been opened stands there by its code alone.
    """
    left, said = set(opened), []
    for country in sorted({kind.partition("/")[0] for kind in left}):
        ordinary = world.kinds_of(country)
        if ordinary and ordinary <= left:
            said.append(country)
            left -= ordinary
    return sorted([*said, *left])


def _listed(names: tuple[str, ...], most: int, what: str) -> str:
    if len(names) <= most + 1:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more {what}"
