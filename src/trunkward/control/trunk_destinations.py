"""What a trunk may call, and why not the rest of what its lists name: for `trunkward destinations`."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from trunkward.admission.permitted import obstacle, why_not
from trunkward.admission.permitted_remedy import level_name
from trunkward.control.destinations import NotAsked
from trunkward.control.in_vain import closed
from trunkward.control.world import World, in_words
from trunkward.numbering.destinations import Destination, longest_match, money
from trunkward.trunks.destinations import DestinationPolicy, kind_of
from trunkward.trunks.model import Declared, Trunk

type Document = dict[str, Any]


class NoSuchTrunk(ValueError):
    """No trunk has this name; the message says which one was meant."""


def about_trunk(declared: Declared, name: str, places: Mapping[str, Destination]) -> Document:
    """Its levels, what they open at some hour, and what is named in them and closed all the same.

    Raises `NoSuchTrunk`.
    """
    trunk = _trunk(declared, name)
    world = World(declared.node, places)
    kinds = world.open(trunk.destinations)
    return {
        "trunk": trunk.name,
        "tenant": trunk.tenant,
        "reseller": trunk.reseller,
        "at_home": declared.node.region,
        "levels": [
            {"level": level.value, "name": level_name(trunk, level), **_said(policy)}
            for level, policy in trunk.destinations
        ],
        "may_call": [*in_words(kinds, world), *sorted(world.prefixes(trunk.destinations))],
        "closed": _closed(trunk, world),
    }


def about_call(
    declared: Declared, name: str, number: str, places: Mapping[str, Destination], at: float
) -> Document:
    """Whether a trunk may call an E.164 number with `+`, at a time in seconds since the epoch, and why not.

    Raises `NoSuchTrunk`.
    """
    trunk = _trunk(declared, name)
    prefix, place = longest_match(places, number.removeprefix("+"))
    refused = why_not(trunk, number, f"+{prefix}" if prefix else "", place, declared.node, at)
    return {
        "trunk": trunk.name,
        "number": number,
        "place": kind_of(place) if place.country else place.kind.value,
        "reason": refused.reason.value if refused else "",
        "detail": refused.detail if refused else "",
        "remedy": refused.remedy if refused else "",
    }


def about_entry(declared: Declared, name: str, entry: str, places: Mapping[str, Destination]) -> Document:
    """What a trunk may call of a country, a class of one or a prefix, and why not the rest.

    Raises `NoSuchTrunk`, `NotAsked`.
    """
    trunk = _trunk(declared, name)
    world = World(declared.node, places)
    behind = world.rows(entry)
    if not behind:
        raise NotAsked(f"{entry}: the table of destinations has nothing of it; write FR, FR/mobile or +33")
    anytime = world.at_any_hour(trunk)
    shut = {
        kind: found[0]
        for kind, found in behind.items()
        if all(obstacle(anytime, *one, world.node, 0.0) for one in found)
    }
    return {
        "trunk": trunk.name,
        "asked": entry,
        "may_call": [kind for kind in behind if kind not in shut],
        "closed": [_why(trunk, world, kind, *one) for kind, one in shut.items()],
    }


def _trunk(declared: Declared, name: str) -> Trunk:
    for trunk in declared.trunks:
        if trunk.name == name:
            return trunk
    close = get_close_matches(name, [trunk.name for trunk in declared.trunks], n=1)
    raise NoSuchTrunk(f"no trunk is called {name}" + (f"; did you mean {close[0]}?" if close else ""))


def _said(policy: DestinationPolicy) -> Document:
    hours = policy.hours
    return {
        "allow": list(policy.allow.entries) if policy.allow is not None else None,
        "max_rate": money(policy.max_rate_micro) if policy.max_rate_micro is not None else None,
        "hours": {"zone": hours.zone, "open": list(hours.open), "outside": hours.outside.value}
        if hours
        else None,
    }


def _closed(trunk: Trunk, world: World) -> list[Document]:
    """What its lists name and nobody opens: a country as a whole or kind by kind, with the first reason."""
    return [_why(trunk, world, what, *shut) for what, shut in closed(trunk, world).items()]


def _why(trunk: Trunk, world: World, what: str, number: str, prefix: str, place: Destination) -> Document:
    refused = why_not(world.at_any_hour(trunk), number, prefix, place, world.node, 0.0)
    assert refused is not None
    return {
        "what": what,
        "reason": refused.reason.value,
        "why": refused.detail,
        "remedy": refused.remedy,
    }
