"""Where trunks may call after a change of configuration that they might not before, and the other way round.

For people who are about to agree to it, in the words of an `allow` list; what draws fraud is told apart.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from trunkward.control.world import World, in_words
from trunkward.numbering.destinations import Destination
from trunkward.trunks.destinations import WEEK_MINUTES, DestinationPolicies, Hours, Outside, kind_of
from trunkward.trunks.model import Declared

_WEEK = frozenset((home, minute) for home in (True, False) for minute in range(WEEK_MINUTES))
#: Trunks, and places, named one by one in a line.
_NAMED = 3
_PLACES = 12


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """Some trunks that may no longer call some places."""

    trunks: tuple[str, ...]
    places: tuple[str, ...]
    #: Hours in which they might call and may not from now on.
    hours: bool = False
    #: Nothing is left that they may call.
    nothing: bool = False

    def lines(self) -> list[str]:
        """For people."""
        who = _listed(self.trunks, _NAMED, "trunks")
        said = [f"{who} may no longer call {_listed(self.places, _PLACES, 'places')}"] if self.places else []
        if self.hours:
            said.append(f"{who} may no longer call at hours at which it might")
        if self.nothing:
            said.append(f"warning: {who} may call nothing from then on but emergency numbers")
        return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a change opens and closes."""

    opens: tuple[Opening, ...] = ()
    closes: tuple[Closing, ...] = ()


NO_CHANGE = Reach()


def reach(
    old: Declared | None,
    new: Declared,
    places_before: Mapping[str, Destination],
    places: Mapping[str, Destination],
) -> Reach:
    """What `new` opens that `old` did not, and closes, trunk by trunk; those with equal changes together.

    `places_before` and `places`: the tables of destinations, as of then and as of now. A trunk that is new
    might call nothing before.
    """
    before = {trunk.name: trunk.destinations for trunk in old.trunks} if old else {}
    node = old.node if old else new.node
    same_world = node.region == new.node.region and places_before is places
    changed = [
        trunk for trunk in new.trunks if not same_world or trunk.destinations != before.get(trunk.name)
    ]
    if not changed:
        return NO_CHANGE
    was, now = World(node, places_before), World(new.node, places)
    # prices may have changed, too, which is no change of rights: each side is asked of the other's places
    same_places = places_before is places
    was_here = was if same_places else World(node, places)
    now_then = now if same_places else World(new.node, places_before)

    @cache  # 10,000 trunks say the same few things
    def opened(levels: DestinationPolicies, old_levels: DestinationPolicies | None) -> Opening:
        kinds, numbers = _more(now, levels, was, old_levels, was_here)
        prefixes = {
            prefix for prefix in now.prefixes(levels) if any(number.startswith(prefix) for number in numbers)
        }
        said = (*in_words(kinds, now), *sorted(prefixes))
        return Opening(trunks=(), places=said, warnings=tuple(now.warnings(kinds, prefixes)))

    @cache
    def closed(levels: DestinationPolicies, old_levels: DestinationPolicies) -> Closing:
        kinds, numbers = _more(was, old_levels, now, levels, now_then)
        said = (*in_words(kinds, was), *sorted(_shortest(numbers)))
        return Closing(trunks=(), places=said, nothing=bool(said) and now.nowhere(levels))

    opens: dict[Opening, list[str]] = {}
    closes: dict[Closing, list[str]] = {}
    for trunk in changed:
        levels, old_levels = trunk.destinations, before.get(trunk.name)
        opening = opened(levels, old_levels)
        if old_levels is None:
            closing = Closing(trunks=(), places=(), nothing=now.nowhere(levels))
        else:
            closing = closed(levels, old_levels)
            if _longer(_hours(levels), _hours(old_levels)):
                opening = replace(opening, hours=True)
            if _longer(_hours(old_levels), _hours(levels)):
                closing = replace(closing, hours=True)
        if opening.lines():
            opens.setdefault(opening, []).append(trunk.name)
        if closing.lines():
            closes.setdefault(closing, []).append(trunk.name)
    return Reach(
        opens=tuple(replace(opening, trunks=tuple(names)) for opening, names in opens.items()),
        closes=tuple(replace(closing, trunks=tuple(names)) for closing, names in closes.items()),
    )


def _more(
    here: World,
    levels: DestinationPolicies,
    there: World,
    others: DestinationPolicies | None,
    there_now: World,
) -> tuple[frozenset[str], frozenset[str]]:
    """What `levels` open here and `others` (None: of nobody) do not there: kinds, and first digits of others.

    `there_now`: the node of there, with the places of here.
    """
    if others is None:
        return here.open(levels), here.named(levels)
    some = here.places(levels) - there_now.places(others)
    kinds = (here.open(levels) - there.open(others)) | set(map(kind_of, some))
    if there.prefixes(others):
        # all of a kind may have been open by its first digits
        kinds = frozenset(
            kind for kind in kinds if not all(there.calls(others, n) for n in here.first_digits(kind))
        )
    return kinds, frozenset(n for n in here.named(levels) if not there.calls(others, n))


def _shortest(numbers: frozenset[str]) -> list[str]:
    """Without those that begin like another one."""
    return [n for n in numbers if not any(n[:end] in numbers for end in range(1, len(n)))]


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


def _listed(names: tuple[str, ...], most: int, what: str) -> str:
    if len(names) <= most + 1:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more {what}"
