"""`destinations` of a reseller, a tenant or a trunk, as a person may write it."""

import re
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, Field

from trunkward.control.keys import Part, Wrong, twice_in
from trunkward.control.yaml_lines import PathKey
from trunkward.numbering.destinations import Kind
from trunkward.numbering.e164 import is_prefix
from trunkward.numbering.regions import REGIONS
from trunkward.trunks.destinations import (
    DestinationPolicies,
    DestinationPolicy,
    Hours,
    Level,
    Outside,
    allowed,
    hours,
    spans,
)

#: Of a list; a rate deck belongs into the file of `node.destinations`.
_MOST_ALLOWED = 1000
_MOST_LINES = 64
_RATE = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,6})?", re.ASCII)
_COUNTRIES = frozenset(region for regions in REGIONS.values() for region in regions)
_KINDS = tuple(kind.value for kind in Kind if kind is not Kind.UNKNOWN)
_FORMS = 'write a country (US), a class of one (FR/premium), or a prefix in quotes ("+88216")'
#: Countries as people write them, by the code there is.
_MEANT = {"UK": "GB", "EN": "GB", "USA": "US", "EL": "GR", "GER": "DE", "FRA": "FR", "ITA": "IT", "SPA": "ES"}


@lru_cache(maxsize=1 << 14)
def _entry(text: str) -> str:
    if text.startswith("+"):
        if not is_prefix(text):
            raise ValueError(f"{text}: a prefix is '+' and the first digits of E.164 numbers")
        return text
    country, slash, kind = text.partition("/")
    if country not in _COUNTRIES:
        raise ValueError(f"{text}: {_unknown_country(country)}")
    if slash and kind not in _KINDS:
        close = get_close_matches(kind.lower(), _KINDS, n=1)
        said = f"did you mean {country}/{close[0]}?" if close else f"there are {', '.join(_KINDS)}"
        raise ValueError(f"{text}: no class of numbers; {said}")
    return text


def _unknown_country(text: str) -> str:
    upper = text.upper()
    meant = upper if upper in _COUNTRIES else _MEANT.get(upper, "")
    if not meant:
        close = get_close_matches(upper, sorted(_COUNTRIES), n=3, cutoff=0.5) if text.isalpha() else []
        meant = ", ".join(close)
    return f"no country of ISO 3166 with numbers; did you mean {meant}?" if meant else _FORMS


def _rate(text: str) -> str:
    if not _RATE.fullmatch(text):
        raise ValueError('write what a minute may cost, in euro and in quotes, such as "0.30"')
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        close = get_close_matches(text, sorted(available_timezones()), n=1)
        said = f"did you mean {close[0]}?" if close else "write one such as America/New_York"
        raise ValueError(f"no time zone of the IANA database; {said}") from None
    return text


def _line(text: str) -> str:
    spans(text)
    return text


class HoursPart(Part):
    """`destinations.hours`."""

    zone: Annotated[str, AfterValidator(_zone)]
    open: Annotated[list[Annotated[str, AfterValidator(_line)]], Field(min_length=1, max_length=_MOST_LINES)]
    outside: Annotated[Outside, Field(strict=False)] = Outside.NOTHING


class DestinationsPart(Part):
    """`destinations`."""

    allow: Annotated[list[Annotated[str, AfterValidator(_entry)]], Field(max_length=_MOST_ALLOWED)] | None = (
        None
    )
    max_rate: Annotated[str, AfterValidator(_rate)] | None = None
    hours: HoursPart | None = None


_NOTHING_SAID = DestinationsPart()


def wrong_in_destinations(path: PathKey, part: DestinationsPart) -> Wrong:
    """Entries that stand there twice."""
    return twice_in((*path, "allow"), part.allow or (), "this stands here already")


def levels_of(level: Level, part: DestinationsPart) -> DestinationPolicies:
    """What it says at its level; nothing where nothing is written."""
    return ((level, _policy_of(part)),) if part != _NOTHING_SAID else ()


def _policy_of(part: DestinationsPart) -> DestinationPolicy:
    return _policy(
        tuple(part.allow) if part.allow is not None else None,
        part.max_rate,
        (part.hours.zone, tuple(part.hours.open), part.hours.outside) if part.hours else None,
    )


@lru_cache(maxsize=1 << 14)  # trunks say the same few things: one value for all of them
def _policy(
    allow: tuple[str, ...] | None, max_rate: str | None, at: tuple[str, tuple[str, ...], Outside] | None
) -> DestinationPolicy:
    when: Hours | None = hours(*at) if at else None
    return DestinationPolicy(
        allow=allowed(allow) if allow is not None else None,
        max_rate_micro=int(Decimal(max_rate) * 1_000_000) if max_rate is not None else None,
        hours=when,
    )
