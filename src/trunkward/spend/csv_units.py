"""The unit a column's name says in brackets, as in `Rate (USD/min)`: what is read here, or a refusal.

Who overlooks that a price is for a second, or in cents, is wrong by a factor of 60 or 100. So each word has
to be one of those that say what is read anyway.
"""

import re
from dataclasses import dataclass

_WORDS = re.compile(r"[A-Za-z0-9]+|[^\sA-Za-z0-9/.,:;()\[\]\-_|]")
_CURRENCY = re.compile(r"[A-Z]{3}")
_SYMBOLS = {"€": "EUR", "£": "GBP"}
_SECONDS = "s sec secs second seconds in"
#: Of the columns that have a unit, the words that say what they are read in, and what that is.
_READ = {
    "rate": ("per min mins minute minutes 1 of in", "a price for a minute, as (EUR/min)"),
    "amount": ("per call setup total net of in", "an amount in whole units of a currency, as (EUR)"),
    "increments": (f"{_SECONDS} initial additional first next increment increments", "seconds, as (s)"),
    "duration": (f"{_SECONDS} hh mm ss", "seconds, or 00:01:15, as (s)"),
    "time": ("utc gmt yyyy yy mm dd hh ss mi d m y h date time", "UTC, as (UTC)"),
}
_DATES = {"d": "day", "dd": "day", "m": "month", "mm": "month"}
#: Capitals that are a unit, and no currency.
_NO_CURRENCY = frozenset({"SEC", "HRS", "MIN", "CTS", "CET", "EST", "PST", "BST"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What a name says in brackets."""

    #: ISO 4217; empty: none.
    currency: str = ""
    #: `day` or `month`: which stands first in a date, as in (DD/MM/YYYY); empty: it does not say.
    dates: str = ""
    #: Why it is not what is read; empty: it is.
    wrong: str = ""


def parted(name: str) -> tuple[str, str]:
    """A column's name without what stands in brackets, and that."""
    bare, _, unit = name.partition("(")
    return bare, unit


def unit_of(name: str, kind: str) -> Unit:
    """What the name of a column says of its unit.

    `kind` of the column is `rate`, `amount`, `increments`, `duration` or `time`.
    """
    known, meaning = _READ[kind]
    currency, strange, words = "", [], _WORDS.findall(parted(name)[1])
    for word in words:
        named = _SYMBOLS.get(word, word)
        if word.lower() in known.split():
            continue
        if kind in ("rate", "amount") and _CURRENCY.fullmatch(named) and named not in _NO_CURRENCY:
            strange += [named] if currency not in ("", named) else []
            currency = named
        else:
            strange.append(word)
    if not strange:
        first = words[0].lower() if words and kind == "time" else ""
        return Unit(currency=currency, dates=_DATES.get(first, ""))
    return Unit(
        currency=currency,
        wrong=f"{', '.join(map(repr, strange))} is no unit that is read here, which is {meaning}",
    )
