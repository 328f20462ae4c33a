"""Numbers, how they are dialled and who may show them, as a person may write it."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from trunkward.control.keys import Name, Part, Wrong, twice_in
from trunkward.control.yaml_lines import PathKey
from trunkward.numbering.e164 import E164, NotANumber
from trunkward.numbering.emergency import emergency_of
from trunkward.numbering.plan import DialPlan, default_plan
from trunkward.numbering.regions import REGIONS, main_region
from trunkward.trunks.callers import CallerRule, NumberRule, OtherCaller

# ---- what may be written -------------------------------------------------------------------------


def _country(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,2}", text, re.ASCII):
        raise ValueError('a country code is one to three digits in quotes, such as "1"')
    return text


def _region(text: str) -> str:
    if not any(text in regions for regions in REGIONS.values()):
        raise ValueError('a region is a country by ISO 3166, two capital letters in quotes, such as "US"')
    return text


def _emergency(text: str) -> str:
    if not re.fullmatch(r"[0-9]{2,6}", text, re.ASCII):
        raise ValueError('an emergency number is two to six digits in quotes, such as "911"')
    return text


def _national_prefix(text: str) -> str:
    if not re.fullmatch(r"[0-9]{0,4}", text, re.ASCII):
        raise ValueError('up to four digits in quotes, such as "0"; "" where numbers are dialled whole')
    return text


def _dialled_prefix(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,8}", text, re.ASCII):
        raise ValueError('one to eight digits in quotes, such as "00"')
    return text


def _number(text: str) -> str:
    try:
        return str(E164(text))
    except NotANumber as problem:
        raise ValueError(f"{problem}; write it as +12025550101") from None


type Country = Annotated[str, AfterValidator(_country)]
type Region = Annotated[str, AfterValidator(_region)]
type EmergencyNumbers = Annotated[list[Annotated[str, AfterValidator(_emergency)]], Field(min_length=1)]
type DialledPrefix = Annotated[str, AfterValidator(_dialled_prefix)]
type Number = Annotated[str, AfterValidator(_number)]


class NumberPlanPart(Part):
    """`node.number_plan`."""

    country: Country
    region: Region | None = None
    emergency: EmergencyNumbers | None = None


class DialPlanPart(Part):
    """`dial_plan` of a trunk."""

    country: Country | None = None
    region: Region | None = None
    emergency: EmergencyNumbers | None = None
    national_prefix: Annotated[str, AfterValidator(_national_prefix)] | None = None
    international_prefix: DialledPrefix | None = None
    tech_prefix: DialledPrefix | None = None


class CallerPart(Part):
    """`caller` of a trunk."""

    other: Annotated[OtherCaller, Field(strict=False)] = OtherCaller.REFUSE
    number: Number | None = None
    forwarded: bool = False


class NumberPart(Part):
    """One of a trunk's `numbers`: alone, or with what is said of it."""

    number: Number
    failover: list[Name] | None = None
    calls_out: bool = True

    @model_validator(mode="before")
    @classmethod
    def _alone(cls, value: Any) -> Any:
        if isinstance(value, int | float):
            # YAML reads +1202 as a number, without its plus
            raise ValueError("must be text; put it in quotes")
        return {"number": _number(value)} if isinstance(value, str) else value


# ---- what does not go together -------------------------------------------------------------------


def wrong_in_number_plan(path: PathKey, part: NumberPlanPart) -> Wrong:
    """A node's home, and its emergency numbers."""
    yield from _wrong_in_home(path, part.country, part.region)
    yield from twice_in((*path, "emergency"), part.emergency or (), "this number stands here already")


def wrong_in_dial_plan(path: PathKey, part: DialPlanPart, home: NumberPlanPart) -> Wrong:
    """A trunk's own home, and prefixes that can be told from each other."""
    yield from _wrong_in_home(path, part.country or home.country, part.region)
    plan = dial_plan_of(part, home)
    if plan.tech_prefix:
        for name in ("national_prefix", "international_prefix"):
            other = getattr(plan, name)
            if other and (other.startswith(plan.tech_prefix) or plan.tech_prefix.startswith(other)):
                # what is dialled could be read in two ways
                said = f"cannot be told from {name} {other}: write one that begins otherwise"
                yield (*path, "tech_prefix"), said


def _wrong_in_home(path: PathKey, country: str, region: str | None) -> Wrong:
    if region is not None and region not in REGIONS.get(country, ()):
        known = ", ".join(REGIONS.get(country, ())) or "none"
        yield (*path, "region"), f"not of country code {country}; of it are: {known}"
    if region is None and not main_region(country):
        yield (*path, "country"), f"{country} is no country's code (ITU-T E.164)"


def wrong_in_caller(path: PathKey, caller: CallerPart, numbers: list[NumberPart]) -> Wrong:
    """The number shown for others is one of the trunk's that calls out."""
    if caller.number is None:
        if caller.other == OtherCaller.REPLACE:
            yield (*path, "other"), "write with what: caller.number, one of this trunk's numbers"
        return
    part = next((part for part in numbers if part.number == caller.number), None)
    if part is None:
        yield (*path, "number"), "not one of this trunk's numbers; write one of them"
    elif not part.calls_out:
        yield (*path, "number"), "nobody calls from it (calls_out: false); write another"


# ---- what is declared ----------------------------------------------------------------------------


def region_of(home: NumberPlanPart) -> str:
    """The country at home, ISO 3166."""
    return home.region or main_region(home.country)


def dial_plan_of(part: DialPlanPart, home: NumberPlanPart) -> DialPlan:
    """A trunk's own plan."""
    country = part.country or home.country
    of_node = home.region if country == home.country else None
    usual = default_plan(country, part.region or of_node or main_region(country))
    return DialPlan(
        country=country,
        region=usual.region,
        national_prefix=usual.national_prefix if part.national_prefix is None else part.national_prefix,
        international_prefix=part.international_prefix or usual.international_prefix,
        tech_prefix=part.tech_prefix or "",
    )


def emergency_numbers_of(part: DialPlanPart, home: NumberPlanPart) -> tuple[str, ...]:
    """A trunk's own emergency numbers; none: the node's, which hold where its country is the node's."""
    if part.emergency:
        return tuple(part.emergency)
    plan = dial_plan_of(part, home)
    if (plan.country, plan.region) == (home.country, region_of(home)):
        return ()
    return emergency_of(plan.country, plan.region)


def caller_rule_of(part: CallerPart) -> CallerRule:
    """A trunk's rule for calling numbers."""
    return CallerRule(other=OtherCaller(part.other), number=part.number or "", forwarded=part.forwarded)


def number_rules_of(parts: list[NumberPart]) -> tuple[tuple[str, NumberRule], ...]:
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
