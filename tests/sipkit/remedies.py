"""Takes the steps of a remedy, word for word, as whoever reads it would: in a node file, in the table."""

import re
from collections.abc import Callable
from dataclasses import replace

import yaml

from trunkward.admission.permitted_remedy import level_name
from trunkward.control.destination_keys import DestinationsPart, levels_of
from trunkward.numbering.destinations import Destination, Kind, Risk
from trunkward.numbering.overrides import Override
from trunkward.trunks.destinations import DestinationPolicies, DestinationPolicy, Level, Outside, hours
from trunkward.trunks.model import Trunk

type Choose = Callable[[list[str]], str]
type Table = dict[str, Destination]

_ENTRY = re.compile(r"add (?P<entry>\S+) to destinations\.allow of (?P<who>\S+ \S+)")
_LIST = re.compile(r"write destinations\.allow: (?P<list>\[.+\]) for (?P<who>\S+ \S+)")
_RAISE = re.compile(r'raise destinations\.max_rate of (?P<who>\S+ \S+) to (?P<rate>"[0-9.]+")')
_LIMIT = re.compile(r'write destinations\.max_rate: (?P<rate>"[0-9.]+") for (?P<who>\S+ \S+)')
_HOURS = re.compile(r"widen destinations\.hours\.open of (?P<who>\S+ \S+)")
_FILE = r" into the file that node\.destinations names"
_PRICE = re.compile(r"write a line with the price of \+(?P<prefix>[0-9]+)" + _FILE)
_CLASS = re.compile(r"if there are such numbers, write a line with their class" + _FILE)


def follow(
    remedy: str, trunk: Trunk, number: str, table: Table, *, choose: Choose = lambda ways: ways[0]
) -> tuple[Trunk, Table]:
    """Trunk and table after every step; `choose` takes one of the ways that "or" stands between."""
    for step in remedy.split("; and "):
        trunk, table = _step(choose(step.split(", or ")), trunk, number, table)
    return trunk, table


def _step(step: str, trunk: Trunk, number: str, table: Table) -> tuple[Trunk, Table]:
    if found := _ENTRY.fullmatch(step):
        old = _policy(trunk, found["who"]).allow
        assert old is not None, "to be added to a list that is not there"
        return _say(trunk, found["who"], allow=[*old.entries, yaml.safe_load(found["entry"])]), table
    if found := _LIST.fullmatch(step):
        assert all(policy.allow is None for _, policy in trunk.destinations)
        return _say(trunk, found["who"], allow=yaml.safe_load(found["list"])), table
    if found := _RAISE.fullmatch(step):
        old_limit = _policy(trunk, found["who"]).max_rate_micro
        assert old_limit is not None
        raised = _say(trunk, found["who"], max_rate=yaml.safe_load(found["rate"]))
        assert (_policy(raised, found["who"]).max_rate_micro or 0) > old_limit
        return raised, table
    if found := _LIMIT.fullmatch(step):
        assert _policy(trunk, found["who"]).max_rate_micro is None
        return _say(trunk, found["who"], max_rate=yaml.safe_load(found["rate"])), table
    if found := _HOURS.fullmatch(step):
        always = hours("UTC", ["mon-sun 00:00-24:00"], Outside.NOTHING)
        return _with(trunk, found["who"], replace(_policy(trunk, found["who"]), hours=always)), table
    if found := _PRICE.fullmatch(step):
        line = Override(prefix=found["prefix"], rate_micro=450_000)
        return trunk, table | {line.prefix: line.over(table[line.prefix])}
    assert _CLASS.fullmatch(step), step
    line = Override(prefix=number[1:], country="FR", kind=Kind.MOBILE, risk=Risk.LOW, rate_micro=20_000)
    return trunk, table | {line.prefix: line.over(_nothing())}


def _nothing() -> Destination:
    return Destination(country="", kind=Kind.UNKNOWN, risk=Risk.HIGH, rate_micro=None)


def _policy(trunk: Trunk, who: str) -> DestinationPolicy:
    level, name = who.split()
    assert level_name(trunk, level) == name
    return dict(trunk.destinations).get(Level(level), DestinationPolicy())


def _say(trunk: Trunk, who: str, **written: object) -> Trunk:
    """As a node file would: whatever is no good in one is refused here, too."""
    part = DestinationsPart.model_validate(written)
    ((_, said),) = levels_of(Level.TRUNK, part)
    old = _policy(trunk, who)
    return _with(
        trunk,
        who,
        replace(
            old,
            allow=old.allow if said.allow is None else said.allow,
            max_rate_micro=old.max_rate_micro if said.max_rate_micro is None else said.max_rate_micro,
        ),
    )


def _with(trunk: Trunk, who: str, policy: DestinationPolicy) -> Trunk:
    levels = dict(trunk.destinations) | {Level(who.split()[0]): policy}
    ordered: DestinationPolicies = tuple((level, levels[level]) for level in Level if level in levels)
    return replace(trunk, destinations=ordered)
