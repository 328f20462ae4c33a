"""What counts for one trunk: its own limits, its tenant's and its reseller's, as counters and rates.

A key says whose limit it is and of what (`calls:trunk:acme-hq:international`), so that it can be told from
the key alone which one is reached. Every level counts by itself.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from trunkward.admission.ports import Counter, Rate
from trunkward.trunks.model import Limits

_KEY = re.compile(
    r"(?P<kind>calls|rate|rate-in):(?P<level>[a-z]+):(?P<name>[a-z0-9-]+)"
    r"(?::(?P<what>international|class|number)(?::(?P<which>.+))?)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerNumber:
    """What each number of one level may."""

    #: `LEVEL:NAME`.
    of: str
    calls: int | None
    per_second: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """The counters and rates of one trunk's calls, made once for all of them."""

    calls: tuple[Counter, ...] = ()
    international: tuple[Counter, ...] = ()
    classes: Mapping[str, tuple[Counter, ...]]
    #: Of calls out, and of calls in: a flood from outside must not take the customer's own.
    rates: tuple[Rate, ...] = ()
    rates_in: tuple[Rate, ...] = ()
    numbers: tuple[PerNumber, ...] = ()


def ceilings_of(levels: Iterable[tuple[str, str, Limits]]) -> Ceilings:
    """The ceilings of a trunk whose levels (`trunk`, `tenant`, `reseller`), with names, have these limits."""
    calls, international, rates, rates_in, numbers = [], [], [], [], []
    classes: dict[str, tuple[Counter, ...]] = {}
    for level, name, limits in levels:
        of = f"{level}:{name}"
        if limits.calls is not None:
            calls.append(Counter(key=f"calls:{of}", most=limits.calls))
        if limits.international is not None:
            international.append(Counter(key=f"calls:{of}:international", most=limits.international))
        for kind, most in limits.classes.items():
            classes[kind] = (*classes.get(kind, ()), Counter(key=f"calls:{of}:class:{kind}", most=most))
        if limits.per_second is not None:
            rates.append(rate(f"rate:{of}", limits.per_second))
            rates_in.append(rate(f"rate-in:{of}", limits.per_second))
        if limits.number_calls is not None or limits.number_per_second is not None:
            numbers.append(PerNumber(of=of, calls=limits.number_calls, per_second=limits.number_per_second))
    return Ceilings(
        calls=tuple(calls),
        international=tuple(international),
        classes=classes,
        rates=tuple(rates),
        rates_in=tuple(rates_in),
        numbers=tuple(numbers),
    )


def rate(key: str, per_second: float) -> Rate:
    """So many calls a second; as many at once, and one where it is less than one."""
    return Rate(key=key, per_second=per_second, burst=math.ceil(per_second))


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitName:
    """A limit in a person's words."""

    #: `calls`, `international calls`, `premium calls`, `calls of one number`, `outbound calls a
    #: second`, `inbound calls a second`.
    what: str
    #: `trunk acme-hq`.
    whose: str
    #: The key of the node file, `limits.international`.
    key: str


@lru_cache(maxsize=4096)  # each call names those it has a place in
def limit_name(key: str) -> LimitName:
    """The limit a counter's or rate's key stands for."""
    found = _KEY.fullmatch(key)
    assert found is not None, key
    rates = {"rate": "outbound calls a second", "rate-in": "inbound calls a second"}
    a_second = rates.get(found["kind"])
    whose = f"{found['level']} {found['name']}"
    match found["what"]:
        case "international":
            return LimitName(what="international calls", whose=whose, key="limits.international")
        case "class":
            return LimitName(
                what=f"{found['which']} calls", whose=whose, key=f"limits.classes.{found['which']}"
            )
        case "number":
            what = f"{a_second or 'calls'} of one number"
            key = "limits.number.per_second" if a_second else "limits.number.calls"
            return LimitName(what=what, whose=whose, key=key)
        case _:
            key = "limits.per_second" if a_second else "limits.calls"
            return LimitName(what=a_second or "calls", whose=whose, key=key)
