"""The shipped table says of numbers what `phonenumbers` says of them: country and class."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from random import Random

import pytest
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    PhoneNumber,
    PhoneNumberType,
    number_type,
    region_code_for_number,
)
from tools.numbering.automaton import DIGITS
from tools.numbering.build import own_lines
from tools.numbering.plans import Label, Plan

from trunkward.engines.number_plans import shipped_destinations
from trunkward.numbering.destinations import Kind, longest_match

KINDS = {
    PhoneNumberType.FIXED_LINE: Kind.GEOGRAPHIC,
    PhoneNumberType.MOBILE: Kind.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: Kind.FIXED_OR_MOBILE,
    PhoneNumberType.TOLL_FREE: Kind.TOLL_FREE,
    PhoneNumberType.PREMIUM_RATE: Kind.PREMIUM,
    PhoneNumberType.SHARED_COST: Kind.SHARED_COST,
    PhoneNumberType.VOIP: Kind.VOIP,
    PhoneNumberType.PERSONAL_NUMBER: Kind.PERSONAL,
    PhoneNumberType.PAGER: Kind.SPECIAL,
    PhoneNumberType.UAN: Kind.SPECIAL,
}
#: Numbers of each class of each country that are tried.
TRIED = 50
#: More than one in twenty of these are told wrongly, because numbers of two lengths begin alike and mean two things.
KNOWN_WRONG = {
    "EG geographic",
    "JP personal",
    "PM fixed-or-mobile",
    "SO mobile",
    "TO geographic",
    "UY geographic",
}
#: Lines of our own go over what phonenumbers says: satellite telephones with national numbers, for instance.
OURS = tuple(line["prefix"] for line in own_lines())


class Numbers:
    """Numbers of one country code by label, all equally likely among those of a length."""

    def __init__(self, code: int, random: Random) -> None:
        self._plan, self._random = Plan(code), random
        self._below = cache(self._count)

    def labels(self) -> dict[Label, list[int]]:
        """Every label with its lengths."""
        found: dict[Label, list[int]] = {}
        for label, length in sorted(self._below(self._plan.automaton.start, 0)):
            found.setdefault(label, []).append(length)
        return found

    def draw(self, label: Label, length: int) -> str:
        """One national number."""
        state, digits = self._plan.automaton.start, ""
        while len(digits) < length:
            after = [self._plan.automaton.step(state, digit) for digit in DIGITS]
            weights = [self._below(one, len(digits) + 1)[label, length] if one else 0 for one in after]
            (at,) = self._random.choices(range(10), weights)
            state, digits = after[at], digits + DIGITS[at]
        return digits

    def _count(self, state: int, length: int) -> Counter[tuple[Label, int]]:
        found: Counter[tuple[Label, int]] = Counter()
        if label := self._plan.label(state, length):
            found[label, length] = 1
        if length < self._plan.longest:
            for digit in DIGITS:
                if after := self._plan.automaton.step(state, digit):
                    found.update(self._below(after, length + 1))
        return found


def _samples() -> Iterator[tuple[int, Label, str]]:
    random = Random(7)
    for code, regions in sorted(COUNTRY_CODE_TO_REGION_CODE.items()):
        if regions == ("001",):
            continue  # these are wholly our own
        numbers = Numbers(code, random)
        for label, lengths in numbers.labels().items():
            for _ in range(TRIED):
                yield code, label, numbers.draw(label, random.choice(lengths))


def _asked(code: int, national: str) -> tuple[str | None, int]:
    zeros = len(national) - len(national.lstrip("0"))
    number = PhoneNumber(
        country_code=code,
        national_number=int(national),
        italian_leading_zero=zeros > 0,
        number_of_leading_zeros=zeros or None,
    )
    return region_code_for_number(number), number_type(number)


@pytest.mark.timeout(300)
def test_country_and_class_are_those_of_phonenumbers() -> None:
    prefixes = shipped_destinations().prefixes
    tried: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    cheap: list[str] = []
    for code, label, national in _samples():
        country, of_type = _asked(code, national)
        if of_type == PhoneNumberType.VOICEMAIL:
            continue  # no class of its own: a mobile number with digits more
        # what the table was made from is what phonenumbers says, number for number
        assert (country, KINDS[of_type]) == label, f"+{code}{national}"
        number = f"{code}{national}"
        if number.startswith(OURS):
            continue
        _, told = longest_match(prefixes, number)
        name = f"{label.country} {label.kind.value}"
        tried[name] += 1
        if (told.country, told.kind) != label:
            wrong[name] += 1
            if label.kind is Kind.PREMIUM and told.kind not in {Kind.UNKNOWN, Kind.PREMIUM}:
                cheap.append(number)
    assert len(tried) > 950
    assert sum(tried.values()) > 45_000
    assert {name for name, count in wrong.items() if count > tried[name] / 20} <= KNOWN_WRONG
    assert sum(wrong.values()) < sum(tried.values()) / 250
    # what costs most does not pass for less
    assert len(cheap) <= 5, cheap
    print(
        f"{sum(wrong.values())} of {sum(tried.values())} told wrongly, {len(tried)} classes; premium as less: {cheap}"
    )
