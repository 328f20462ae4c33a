"""One country code's number plan, as `phonenumbers` knows it: country and class of every number."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata
from tools.numbering.automaton import DIGITS, Automaton

from trunkward.numbering.destinations import Kind

#: Types in the order `phonenumbers` asks for them, with our class. Without voice mail: those are mobile
#: numbers with digits more.
_SPECIAL_FIRST = {
    "premium_rate": Kind.PREMIUM,
    "toll_free": Kind.TOLL_FREE,
    "shared_cost": Kind.SHARED_COST,
    "voip": Kind.VOIP,
    "personal_number": Kind.PERSONAL,
    "pager": Kind.SPECIAL,
    "uan": Kind.SPECIAL,
}
#: How `phonenumbers` calls the region of a code that is no country's.
_NO_COUNTRY = "001"


class Label(NamedTuple):
    """What a number is."""

    country: str
    kind: Kind


class Plan:
    """The numbers of one country code. A state of `automaton` and how many digits led there say it all."""

    def __init__(self, country_code: int) -> None:
        self.automaton = Automaton()
        self._regions: list[tuple[str, PhoneMetadata]] = []
        for region in COUNTRY_CODE_TO_REGION_CODE[country_code]:
            metadata = (
                PhoneMetadata.metadata_for_nongeo_region(country_code)
                if region == _NO_COUNTRY
                else PhoneMetadata.metadata_for_region(region)
            )
            if metadata is not None:
                self._regions.append((region, metadata))
                self._add(region, metadata)
        self.longest = max(
            max(one.general_desc.possible_length) for _, one in self._regions if one.general_desc
        )
        self.label = cache(self._label)

    def labels_below(self, digits: str) -> frozenset[Label]:
        """What the numbers are that begin with these national digits."""
        state = self.automaton.start
        for digit in digits:
            state = self.automaton.step(state, digit)
        return self._below(state, len(digits))

    def _add(self, region: str, metadata: PhoneMetadata) -> None:
        for name in ("general_desc", "fixed_line", "mobile", *_SPECIAL_FIRST):
            described = getattr(metadata, name)
            if described is not None and described.national_number_pattern:
                self.automaton.add(f"{region} {name}", described.national_number_pattern)
        if metadata.leading_digits:
            self.automaton.add(f"{region} leading", metadata.leading_digits, whole=False)

    def _below(self, state: int, length: int) -> frozenset[Label]:
        here = self.label(state, length)
        found = {here} if here else set()
        if length < self.longest:
            for after in {self.automaton.step(state, digit) for digit in DIGITS} - {0}:
                found |= self._below(after, length + 1)
        return frozenset(found)

    def _label(self, state: int, length: int) -> Label | None:
        """What the number is that ends here; None: no number. As `region_code_for_number`."""
        tags = self.automaton.tags(state)
        for region, metadata in self._regions if tags else ():
            if metadata.leading_digits:
                if f"{region} leading" not in tags:
                    continue
                kind = _kind(region, metadata, tags, length)
                return Label(region, kind) if kind else None
            if kind := _kind(region, metadata, tags, length):
                return Label(region, kind)
        return None


def _kind(region: str, metadata: PhoneMetadata, tags: frozenset[str], length: int) -> Kind | None:
    """The class of a number of this region, as `phonenumbers` finds its type; None: not valid."""

    def is_one(name: str) -> bool:
        described = getattr(metadata, name)
        if described is None or f"{region} {name}" not in tags:
            return False
        lengths: Sequence[int] = described.possible_length
        return not lengths or length in lengths

    if not is_one("general_desc"):
        return None
    for name, kind in _SPECIAL_FIRST.items():
        if is_one(name):
            return kind
    same = metadata.same_mobile_and_fixed_line_pattern
    if is_one("fixed_line"):
        return Kind.FIXED_OR_MOBILE if same or is_one("mobile") else Kind.GEOGRAPHIC
    return Kind.MOBILE if not same and is_one("mobile") else None
