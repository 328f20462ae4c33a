"""What the table of destinations says, as documents: of the table, of one number, of one country."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from trunkward.numbering.destinations import (
    Destination,
    Destinations,
    Kind,
    longest_match,
    money,
)
from trunkward.numbering.e164 import is_prefix
from trunkward.numbering.overrides import Override, overridden

#: So many of a country's prefixes are shown; all of them are in the file.
_SHOWN = 5

type Document = dict[str, Any]


class NotAsked(ValueError):
    """The question is neither a number nor a country that the table knows; the message says how to ask."""


def with_overrides(table: Destinations, overrides: tuple[Override, ...]) -> Mapping[str, Destination]:
    """The prefixes that hold, with the operator's lines over the shipped ones."""
    return overridden(table.prefixes, overrides) if overrides else table.prefixes


def about_table(table: Destinations, prefixes: Mapping[str, Destination]) -> Document:
    """Date, sources, and how much is known."""
    known = [one for one in prefixes.values() if one.kind is not Kind.UNKNOWN]
    pairs = {(one.country, one.kind): one.rate_micro is not None for one in known}
    return {
        "date": table.date,
        "sources": list(table.sources),
        "prefixes": len(prefixes),
        "countries": len({one.country for one in known} - {""}),
        "destinations": len(pairs),
        "with_rate": sum(pairs.values()),
        "by_class": dict(sorted(Counter(kind.value for _, kind in pairs).items())),
    }


def about_number(prefixes: Mapping[str, Destination], number: str) -> Document:
    """What a number (`+` and digits; its beginning will do) is. Raises `NotAsked`."""
    if not is_prefix(number):
        raise NotAsked(f"{number!r} is no number: '+' and digits, country code first, as +442079460123")
    prefix, destination = longest_match(prefixes, number.removeprefix("+"))
    return {"number": number, "prefix": f"+{prefix}" if prefix else "", **_document(destination)}


def about_country(prefixes: Mapping[str, Destination], country: str) -> Document:
    """The classes of a country (ISO 3166 alpha-2), each with the first of its prefixes. Raises `NotAsked`."""
    of_country: dict[Destination, list[str]] = {}
    for prefix, destination in sorted(prefixes.items()):
        if destination.country == country:
            of_country.setdefault(destination, []).append(f"+{prefix}")
    if not of_country:
        raise NotAsked(
            f"no country {country!r} in the table: ISO 3166, two letters, as GB; numbers begin with +"
        )
    return {
        "country": country,
        "classes": [
            {**_document(destination), "prefixes": len(found), "first": found[:_SHOWN]}
            for destination, found in of_country.items()
        ],
    }


def _document(destination: Destination) -> Document:
    rate = destination.rate_micro
    return {
        "country": destination.country,
        "class": destination.kind.value,
        "risk": destination.risk.value,
        "rate": None if rate is None else money(rate),
    }
