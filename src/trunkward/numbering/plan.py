"""The dial plan: what a user part of a SIP URI means, as dialled in one country."""

from dataclasses import dataclass

from trunkward.numbering.e164 import E164, NANP, NotANumber

#: Longest user part looked at, parameters included (our limit; a number needs 20 characters).
MAX_TEXT = 128
#: RFC 3966 section 3: `visual-separator`.
_SEPARATORS = str.maketrans("", "", "-.()")
_DIGITS = frozenset("0123456789")


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """An emergency number as dialled; it is no E.164 number and never becomes one."""

    number: str


def strip(user: str) -> str:
    """The dialled digits (and `+`) of a URI's user part: parameters and visual separators gone.

    Raises `NotANumber` for anything else in it (letters, spaces, `*`, `#`, digits outside ASCII).
    """
    if len(user) > MAX_TEXT:
        raise NotANumber(f"longer than {MAX_TEXT} characters")
    subscriber, *parameters = user.split(";")
    if any(parameter.partition("=")[0].strip().lower() == "phone-context" for parameter in parameters):
        # RFC 3966 section 5.1.5: it means something in that context only
        raise NotANumber("a local number with a phone-context")
    dialled = subscriber.translate(_SEPARATORS)
    digits = dialled.removeprefix("+")
    if not digits:
        raise NotANumber("no digits")
    if not _DIGITS.issuperset(digits):
        raise NotANumber("something other than digits in it")
    return dialled


def normalise(user: str, country: str) -> E164:
    """The E.164 number a user part means. `country` is the country code without `+`.

    `+...` anywhere. In country "1": ten digits, 1 and ten digits, 011 and an international number.
    Elsewhere: 00 and an international number, 0 and a national one. Raises `NotANumber`.
    """
    dialled = strip(user)
    if dialled.startswith("+"):
        return E164(dialled)
    if country == NANP:
        if dialled.startswith("011"):
            return E164("+" + dialled[3:])
        if len(dialled) == 10:
            return E164("+1" + dialled)
        if len(dialled) == 11 and dialled.startswith("1"):
            return E164("+" + dialled)
        raise NotANumber("not ten digits, 1 and ten digits, 011 and a number, or '+' and a number")
    if dialled.startswith("00"):
        return E164("+" + dialled[2:])
    if dialled.startswith("0"):
        return E164(f"+{country}{dialled[1:]}")
    raise NotANumber("not 0 and a national number, 00 and a number, or '+' and a number")


def dial(user: str, country: str, emergency: tuple[str, ...]) -> E164 | Emergency:
    """What was dialled; an emergency number by exact match, never by prefix. Raises `NotANumber`."""
    dialled = strip(user)
    if dialled in emergency:
        return Emergency(number=dialled)
    return normalise(user, country)
