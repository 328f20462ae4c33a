"""The TNAuthList certificate extension (RFC 8226 section 9): for whom a certificate may speak."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from cryptography.x509 import ObjectIdentifier

from trunkward.shaken import der
from trunkward.shaken.der import MalformedDer

#: id-pe-TNAuthList.
TN_AUTH_LIST = ObjectIdentifier("1.3.6.1.5.5.7.1.26")

#: Most entries that are read (our limit).
MAX_ENTRIES = 10_000

#: ATIS-1000080: a service provider code has four characters.
_SPC = re.compile(r"[A-Z0-9]{4}", re.ASCII)
#: RFC 8226 section 9, TelephoneNumber. A range is counted, so its numbers have digits only.
_NUMBER = re.compile(r"[0-9#*]{1,15}", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,15}", re.ASCII)

_ENTRY_SPC, _ENTRY_RANGE, _ENTRY_ONE = der.context(0), der.context(1), der.context(2)
#: A sequence of one entry that is a code, an IA5String of four characters; they follow.
_ONE_SPC = bytes((der.SEQUENCE, 8, _ENTRY_SPC, 6, der.IA5_STRING, 4))


class TnAuthListError(ValueError):
    """Not a TNAuthList in DER, or not one that SHAKEN allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TnAuthList:
    """Service provider codes, and numbers as ranges of one length: first and last, both included."""

    spcs: tuple[str, ...] = ()
    numbers: tuple[tuple[str, str], ...] = ()

    def covers(self, number: str) -> bool:
        """Whether a canonical number is one of the numbers here; codes say nothing of that."""
        return covers(self.numbers, number)

    def within(self, parent: Self) -> bool:
        """Whether `parent` may give all of this to another (RFC 9060 section 6).

        Which numbers belong to a parent's code no certificate knows: a list with a code takes in any number.
        """
        if not set(self.spcs) <= set(parent.spcs):
            return False
        return bool(parent.spcs) or all(
            any(len(low) == len(first) and low <= first and last <= high for low, high in parent.numbers)
            for first, last in self.numbers
        )


def covers(numbers: Sequence[tuple[str, str]], number: str) -> bool:
    """Whether a canonical number is in one of the ranges."""
    return any(len(first) == len(number) and first <= number <= last for first, last in numbers)


def encode_spc(spc: str) -> bytes:
    """DER of a TNAuthList with this one code. Raises `TnAuthListError` unless it is four of `A-Z0-9`."""
    if not _SPC.fullmatch(spc):
        raise TnAuthListError(f"a service provider code is four of A-Z and 0-9, not {spc!r}")
    return _ONE_SPC + spc.encode("ascii")


def decode(data: bytes) -> TnAuthList:
    """Read a TNAuthList. Raises `TnAuthListError` for anything that is not exactly RFC 8226's in DER."""
    spcs: list[str] = []
    numbers: list[tuple[str, str]] = []
    try:
        for tag, content in der.elements(der.only(data, der.SEQUENCE)):
            if len(spcs) + len(numbers) >= MAX_ENTRIES:
                raise MalformedDer("too many entries")
            if tag == _ENTRY_SPC:
                spcs.append(_matching(_SPC, content, "service provider code"))
            elif tag == _ENTRY_ONE:
                number = _matching(_NUMBER, content, "number")
                numbers.append((number, number))
            elif tag == _ENTRY_RANGE:
                numbers.append(_range(content))
            else:
                raise MalformedDer("an entry of no kind")
    except MalformedDer as error:
        raise TnAuthListError(str(error)) from None
    if not spcs and not numbers:
        raise TnAuthListError("an empty list")
    return TnAuthList(spcs=tuple(spcs), numbers=tuple(numbers))


def decode_spc(data: bytes) -> str:
    """The one code that the list of a SHAKEN end entity is (ATIS-1000080). Raises `TnAuthListError`."""
    found = decode(data)
    if len(found.spcs) != 1 or found.numbers:
        raise TnAuthListError("the TNAuthList is not exactly one service provider code")
    return found.spcs[0]


def _range(content: bytes) -> tuple[str, str]:
    parts = list(der.elements(der.only(content, der.SEQUENCE)))
    if [tag for tag, _ in parts] != [der.IA5_STRING, der.INTEGER]:
        raise MalformedDer("a range that is not a number and a count")
    first = der.text(parts[0][1], "ascii")
    count = der.integer(parts[1][1])
    if not _DIGITS.fullmatch(first) or count < 2:
        raise MalformedDer("a range without digits, or of less than two numbers")
    last = str(int(first) + count - 1).zfill(len(first)) if len(parts[1][1]) <= 8 else ""
    if len(last) != len(first):
        raise MalformedDer("a range that ends beyond its digits")
    return first, last


def _matching(pattern: re.Pattern[str], content: bytes, what: str) -> str:
    found = der.text(der.only(content, der.IA5_STRING), "ascii")
    if not pattern.fullmatch(found):
        raise MalformedDer(f"no {what}: {found[:20]!r}")
    return found
