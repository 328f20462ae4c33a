"""The dial plan: what a user part of a SIP URI means, as dialled in one country, over one trunk."""

from dataclasses import dataclass
from functools import lru_cache

from trunkward.numbering.dialling import international_prefix_of, national_prefix_of
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DialPlan:
    """What is dialled over one trunk: national to which country, behind which prefixes."""

    #: Country code without `+`.
    country: str = NANP
    #: ISO 3166-1 alpha-2.
    region: str = "US"
    #: Before a national number, dropped; "" where the whole number is dialled, its zero included (Italy).
    national_prefix: str = "1"
    #: Before a country code.
    international_prefix: str = "011"
    #: What the PBX puts before everything it dials; stripped where it is there.
    tech_prefix: str = ""

    def normalise(self, user: str) -> E164:
        """The E.164 number a user part means. Raises `NotANumber`.

        1. What stands behind the tech prefix, when that is a number.
        2. `+` and a number, anywhere.
        3. The international prefix and a number.
        4. The national prefix and a national number; in country "1" ten digits are one without it, too.
        """
        return self._number(strip(user))

    def read(self, user: str) -> E164:
        """The E.164 number of somebody who is named, not dialled: the caller's, or who has diverted a call.

        The tech prefix stands before what is dialled, so here it is taken off only what is no number with it:
        where national numbers have no prefix of their own, some begin like it. Raises `NotANumber`.
        """
        named = strip(user)
        try:
            return self._untagged(named)
        except NotANumber:
            return self._number(named)

    def dial(self, user: str, emergency: tuple[str, ...]) -> E164 | Emergency:
        """What was dialled; an emergency number by exact match, never by prefix. Raises `NotANumber`."""
        dialled = _dialled(user)
        for text in (dialled, dialled.removeprefix(self.tech_prefix)):
            # some PBXs write `+` before whatever they dial; no E.164 number is as short as these
            number = text.removeprefix("+")
            if number in emergency:
                return Emergency(number=number)
        # after that: as a `tel` URI an emergency number is a local one, which must have a context
        _refuse_local(user)
        return self._number(dialled)

    def emergency_forms(self, emergency: tuple[str, ...]) -> dict[str, str]:
        """Every form in which an emergency number is dialled here, with the number it means."""
        forms: dict[str, str] = {}
        # as `dial`: what is a number as it stands is that one
        for before in (self.tech_prefix, ""):
            forms |= {f"{before}{plus}{number}": number for number in emergency for plus in ("", "+")}
        return forms

    def _number(self, dialled: str) -> E164:
        # 1.
        if self.tech_prefix and dialled.startswith(self.tech_prefix):
            try:
                return self._untagged(dialled[len(self.tech_prefix) :])
            except NotANumber:
                pass  # only looks like it: a national number that begins with its digits
        return self._untagged(dialled)

    def _untagged(self, dialled: str) -> E164:
        # 2.
        if dialled.startswith("+"):
            return E164(dialled)
        # 3.
        if dialled.startswith(self.international_prefix):
            return E164("+" + dialled[len(self.international_prefix) :])
        # 4.
        if self.country == NANP and len(dialled) == 10:
            return E164(f"+1{dialled}")
        if not dialled.startswith(self.national_prefix):
            raise NotANumber(self._what_is_dialled())
        national = dialled[len(self.national_prefix) :]
        if self.country == NANP and len(national) != 10:
            raise NotANumber(self._what_is_dialled())
        return E164(f"+{self.country}{national}")

    def _what_is_dialled(self) -> str:
        national = f"{self.national_prefix} and a national number"
        if self.country == NANP:
            national = f"ten digits, {self.national_prefix} and ten digits"
        return f"not {national}, {self.international_prefix} and a number, or '+' and a number"


@lru_cache(maxsize=256)
def default_plan(country: str, region: str = "") -> DialPlan:
    """How numbers are dialled in a country, unless the node's file says otherwise."""
    return DialPlan(
        country=country,
        region=region,
        national_prefix=national_prefix_of(country),
        international_prefix=international_prefix_of(country),
    )


def strip(user: str) -> str:
    """The dialled digits (and `+`) of a URI's user part: parameters and visual separators gone.

    Raises `NotANumber` for anything else in it (letters, spaces, `*`, `#`, digits outside ASCII).
    """
    _refuse_local(user)
    return _dialled(user)


def _refuse_local(user: str) -> None:
    if ";" not in user:
        return
    _, *parameters = user.split(";")
    if any(parameter.partition("=")[0].strip().lower() == "phone-context" for parameter in parameters):
        # RFC 3966 section 5.1.5: it means something in that context only
        raise NotANumber("a local number with a phone-context")


def _dialled(user: str) -> str:
    if len(user) > MAX_TEXT:
        raise NotANumber(f"longer than {MAX_TEXT} characters")
    dialled = user.partition(";")[0].translate(_SEPARATORS)
    # one `+`, which a tech prefix may stand before; in any other place it makes no number
    digits = dialled.replace("+", "", 1)
    if not digits:
        raise NotANumber("no digits")
    if not _DIGITS.issuperset(digits):
        raise NotANumber("something other than digits in it")
    return dialled
