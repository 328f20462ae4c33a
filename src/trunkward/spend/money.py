"""Money as whole numbers: micro-units where it is counted, nano-units where a rate is written.

No float ever holds an amount. What somebody wrote is read exactly or refused; what is charged is rounded up,
once, where a tariff becomes a price (`trunkward.spend.tariff`).
"""

import re

#: Micro-units in one unit of a currency: what caps, grants and prices are counted in.
MICRO = 10**6
#: Nano-units in one: what rates and connect fees are written in (the trade has up to six decimals a minute).
NANO = 10**9
#: The largest amount, in micro-units: Lua counts in doubles, which are exact below 2**53 (live/library.lua).
MOST_MICRO = 2**53 - 1
#: ISO 4217: three capital letters.
CURRENCY = re.compile(r"[A-Z]{3}")

_AMOUNT = re.compile(r"([0-9]{1,9})(?:\.([0-9]+))?")


class NoAmount(ValueError):
    """Not an amount of money, or one with more decimals than are kept; the message says which."""


def nano(text: str) -> int:
    """`0.0123` as nano-units. Raises `NoAmount`."""
    return _read(text, 9)


def micro(text: str) -> int:
    """`12.50` as micro-units. Raises `NoAmount`."""
    return _read(text, 6)


def shown(micro_units: int) -> str:
    """Micro-units for a person: at least two decimals, and never fewer than there are."""
    return _shown(micro_units, 6)


def shown_nano(nano_units: int) -> str:
    """The same for nano-units."""
    return _shown(nano_units, 9)


def _read(text: str, decimals: int) -> int:
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise NoAmount(f"{text!r} is no amount of money, as 12.50 is one")
    fraction = (found[2] or "").rstrip("0")
    if len(fraction) > decimals:
        raise NoAmount(f"{text} has more than {decimals} decimals")
    return int(found[1] + fraction.ljust(decimals, "0"))


def _shown(units: int, decimals: int) -> str:
    whole, fraction = divmod(abs(units), 10**decimals)
    digits = f"{fraction:0{decimals}}".rstrip("0").ljust(2, "0")
    return f"{'-' if units < 0 else ''}{whole}.{digits}"
