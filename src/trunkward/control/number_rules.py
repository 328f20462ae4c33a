"""What a node file says of numbers and callers: what contradicts itself, and what is declared by it."""

from collections.abc import Iterator

from trunkward.control.node_schema import CallerPart, DialPlanPart, NodePart, NumberPart, TrunkPart
from trunkward.control.yaml_lines import PathKey
from trunkward.numbering.emergency import emergency_of
from trunkward.numbering.plan import DialPlan, default_plan
from trunkward.numbering.regions import REGIONS, main_region
from trunkward.trunks.callers import CallerRule, NumberRule, OtherCaller

type Trunks = list[tuple[PathKey, str, TrunkPart]]


# ---- contradictions ------------------------------------------------------------------------------
def contradictions_of_numbers(trunks: Trunks, node: NodePart) -> Iterator[tuple[PathKey, str]]:
    """Where what is said of numbers does not fit together, with what to do."""
    known = {trunk.name: (tenant, trunk) for _, tenant, trunk in trunks}
    for path, tenant, trunk in trunks:
        if trunk.failover:
            yield from _of_failover((*path, "failover"), trunk, trunk.failover, tenant, known)
        for index, part in enumerate(trunk.numbers):
            if part.failover:
                where = (*path, "numbers", index, "failover")
                yield from _of_failover(where, trunk, part.failover, tenant, known)
        if "caller" in trunk.model_fields_set:
            yield from _of_caller((*path, "caller"), trunk)
        if trunk.dial_plan is not None:
            yield from _of_plan((*path, "dial_plan"), trunk.dial_plan, node)


def _of_failover(
    path: PathKey, trunk: TrunkPart, names: list[str], tenant: str, known: dict[str, tuple[str, TrunkPart]]
) -> Iterator[tuple[PathKey, str]]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        its_tenant, other = known.get(name, ("", None))
        if name == trunk.name:
            yield (*path, index), "this trunk itself; write others of its tenant"
        elif other is None or its_tenant != tenant:
            yield (*path, index), f"no trunk of tenant {tenant} has this name; calls stay with their tenant"
        elif other.host is None:
            yield (*path, index), "that trunk only calls out; write its host, or leave it out here"
        elif name in seen:
            yield (*path, index), "this trunk stands here already"
        seen.add(name)


def _of_caller(path: PathKey, trunk: TrunkPart) -> Iterator[tuple[PathKey, str]]:
    number = trunk.caller.number
    if number is None:
        if trunk.caller.other == OtherCaller.REPLACE:
            yield (*path, "other"), "write with what: caller.number, one of this trunk's numbers"
        return
    part = next((part for part in trunk.numbers if part.number == number), None)
    if part is None:
        yield (*path, "number"), "not one of this trunk's numbers; write one of them"
    elif not part.calls_out:
        yield (*path, "number"), "nobody calls from it (calls_out: false); write another"


def _of_plan(path: PathKey, part: DialPlanPart, node: NodePart) -> Iterator[tuple[PathKey, str]]:
    country = part.country or node.number_plan.country
    if part.region is not None and part.region not in REGIONS.get(country, ()):
        known = ", ".join(REGIONS.get(country, ())) or "none"
        yield (*path, "region"), f"not of country code {country}; of it are: {known}"
    if part.region is None and not main_region(country):
        yield (*path, "country"), f"{country} is no country's code (ITU-T E.164)"
    plan = dial_plan(part, node)
    assert plan is not None
    if plan.tech_prefix:
        for name in ("national_prefix", "international_prefix"):
            other = getattr(plan, name)
            if other and (other.startswith(plan.tech_prefix) or plan.tech_prefix.startswith(other)):
                # what is dialled could be read in two ways
                said = f"cannot be told from {name} {other}: write one that begins otherwise"
                yield (*path, "tech_prefix"), said


# ---- the declared world --------------------------------------------------------------------------
def dial_plan(part: DialPlanPart | None, node: NodePart) -> DialPlan | None:
    """A trunk's own plan; None: the node's."""
    if part is None:
        return None
    country = part.country or node.number_plan.country
    of_node = node.number_plan.region if country == node.number_plan.country else None
    usual = default_plan(country, part.region or of_node or main_region(country))
    return DialPlan(
        country=country,
        region=usual.region,
        national_prefix=usual.national_prefix if part.national_prefix is None else part.national_prefix,
        international_prefix=part.international_prefix or usual.international_prefix,
        tech_prefix=part.tech_prefix or "",
    )


def emergency_numbers(part: DialPlanPart | None, node: NodePart) -> tuple[str, ...]:
    """A trunk's own emergency numbers; none: the node's, which hold where its country is the node's."""
    if part is None:
        return ()
    if part.emergency:
        return tuple(part.emergency)
    plan, home = dial_plan(part, node), node.number_plan
    assert plan is not None
    if (plan.country, plan.region) == (home.country, home.region or main_region(home.country)):
        return ()
    return emergency_of(plan.country, plan.region)


def caller_rule(part: CallerPart) -> CallerRule:
    """A trunk's rule for calling numbers."""
    return CallerRule(other=OtherCaller(part.other), number=part.number or "", forwarded=part.forwarded)


def number_rules(parts: list[NumberPart]) -> tuple[tuple[str, NumberRule], ...]:
    """What is said of single numbers."""
    return tuple(
        [
            (
                part.number,
                NumberRule(
                    failover=None if part.failover is None else tuple(part.failover),
                    calls_out=part.calls_out,
                ),
            )
            for part in parts
            if part.failover is not None or not part.calls_out
        ]
    )
