"""Telephone numbers in their one international form, `+` and digits (ITU-T E.164)."""

import re
from typing import Self

#: E.164 section 6.2.1: at most 15 digits, country code included.
MAX_DIGITS = 15
#: Shorter ones exist nowhere as international numbers: a country code and five digits (our limit).
MIN_DIGITS = 7

_E164 = re.compile(rf"\+[1-9][0-9]{{{MIN_DIGITS - 1},{MAX_DIGITS - 1}}}", re.ASCII)
_PREFIX = re.compile(rf"\+[1-9][0-9]{{0,{MAX_DIGITS - 1}}}", re.ASCII)

#: Country code of the North American Numbering Plan.
NANP = "1"
_NANP_NATIONAL = re.compile(r"[2-9][0-9]{2}[2-9][0-9]{6}", re.ASCII)


class NotANumber(ValueError):
    """The text is no telephone number we can route; the message says what is wrong with it."""


class E164(str):
    """A number checked to be E.164 with its `+`."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Raises `NotANumber` unless `text` is `+`, no leading zero, 7 to 15 digits; in +1 an NANP number."""
        if not _E164.fullmatch(text):
            raise NotANumber(f"not '+' and {MIN_DIGITS} to {MAX_DIGITS} digits (E.164)")
        if text[1] == NANP and not _NANP_NATIONAL.fullmatch(text, 2):
            raise NotANumber(
                "a +1 number is '+1' and ten digits, area code and exchange not starting with 0 or 1"
            )
        return super().__new__(cls, text)

    @property
    def digits(self) -> str:
        """Without the `+`."""
        return self[1:]


def is_prefix(text: str) -> bool:
    """Whether `text` is `+` and the first digits of E.164 numbers."""
    return _PREFIX.fullmatch(text) is not None
