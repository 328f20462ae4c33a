"""What a change writes in vain, or otherwise than it reads: sentences for whoever is about to agree to it.

1. Entries of `allow` lists that stay closed: another level's list, or the price, stands in the way.
2. Limits above the one that ends first.
3. "At home" of a trunk that dials as in another country than the node's.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from trunkward.admission.permitted import obstacle
from trunkward.control.difference import Action, Change
from trunkward.control.objects import Fields, Objects
from trunkward.control.world import World
from trunkward.numbering.destinations import Destination
from trunkward.trunks.destinations import DestinationPolicies, Outside
from trunkward.trunks.model import TRUNK_LIMITS, Declared, Trunk

#: Entries told of one by one; `destinations --trunk` has all of a trunk's.
_MOST = 12
_OF_CALLS = ("limits.international", "limits.number.calls")


def in_vain(
    old: Declared | None,
    new: Declared,
    changes: Iterable[Change],
    objects: Objects,
    places: Mapping[str, Destination],
) -> tuple[str, ...]:
    """A sentence for each; of what was so before nothing is said again. `objects`: of the new file."""
    changed = [change for change in changes if change.action is not Action.REMOVE]
    return (
        *_entries(old, new, places),
        *(said for change in changed for said in _limits(change, objects)),
        *_elsewhere(new, changed),
    )


def closed(trunk: Trunk, world: World) -> dict[str, tuple[str, str, Destination]]:
    """What a trunk's lists name and may not be called at any hour, whole or kind by kind.

    For each a number, its prefix, and the place: what to ask `permitted` of.
    """
    entries = dict.fromkeys(
        entry for _, policy in trunk.destinations if policy.allow for entry in policy.allow.entries
    )
    anytime = world.at_any_hour(trunk)
    found: dict[str, tuple[str, str, Destination]] = {}
    for entry in entries:
        named = world.behind(entry)
        shut = {
            kind: behind[0]
            for kind, behind in named.items()
            if behind and all(obstacle(anytime, *one, world.node, 0.0) for one in behind)
        }
        if len(shut) == len(named):
            shut = dict.fromkeys([entry], next(iter(shut.values()))) if shut else {}
        found |= shut
    return found


def _entries(old: Declared | None, new: Declared, places: Mapping[str, Destination]) -> Iterator[str]:
    before = {trunk.name: trunk.destinations for trunk in old.trunks} if old else {}
    changed = [trunk for trunk in new.trunks if trunk.destinations != before.get(trunk.name, ())]
    if not changed:
        return
    world, told, more = World(new.node, places), 0, 0
    known: dict[DestinationPolicies, dict[str, tuple[str, str, Destination]]] = {}

    def named(trunk: Trunk, levels: DestinationPolicies) -> dict[str, tuple[str, str, Destination]]:
        if levels not in known:  # 10,000 trunks say the same few things
            known[levels] = closed(replace(trunk, destinations=levels), world)
        return known[levels]

    for trunk in changed:
        shut = named(trunk, trunk.destinations)
        already = named(trunk, before.get(trunk.name, ())) if shut else {}
        for what, (number, prefix, place) in shut.items():
            if what in already:
                continue
            told += 1
            if told > _MOST:
                more += 1
                continue
            why = obstacle(world.at_any_hour(trunk), number, prefix, place, world.node, 0.0)
            assert why is not None
            yield f"{what} stays closed to trunk {trunk.name}: {why[1]}"
    if more:
        yield f"{more} more stay closed: ./trunkward destinations --trunk says what and why"


def _limits(change: Change, objects: Objects) -> Iterator[str]:
    if change.kind not in ("resellers", "tenants", "trunks"):
        return
    fields: Fields = objects[change.kind][change.name]
    if not any(key.key.startswith("limits") for key in change.keys):
        return
    calls = fields["limits.calls"]
    if calls is None:
        calls = TRUNK_LIMITS.calls if change.kind == "trunks" else None
    if calls is None:
        return
    written = {key: fields[key] for key in _OF_CALLS if fields[key] is not None}
    written |= {f"limits.classes.{kind}": number for kind, number in fields["limits.classes"].items()}
    for key, number in written.items():
        if number > calls:
            who = f"{change.kind.removesuffix('s')} {change.name}"
            yield f"{key} of {who} is {number}, and limits.calls allows {calls} in all"


def _elsewhere(new: Declared, changed: list[Change]) -> Iterator[str]:
    names = {change.name for change in changed if change.kind == "trunks"}
    home = new.node.region
    for trunk in new.trunks:
        region = trunk.dial_plan.region if trunk.dial_plan else home
        if region == home or trunk.name not in names:
            continue
        levels = trunk.destinations
        if not any(policy.allow is not None for _, policy in levels):
            yield (
                f"trunk {trunk.name} dials as in {region}, and at home is {home}: without destinations.allow"
                f" it calls {home} alone"
            )
        if any(policy.hours and policy.hours.outside is Outside.DOMESTIC for _, policy in levels):
            yield (
                f"trunk {trunk.name} dials as in {region}, and at home is {home}: outside: domestic lets it"
                f" call {home}"
            )
