"""The operator's own word on destinations: a CSV file that goes over the shipped table.

    prefix,country,class,risk,rate
    # a range that was opened after the table was made
    +44759,GB,mobile,low,0.05
    +252,,,,0.95

A line is for its prefix and everything below it; a longer line goes over a shorter one. An empty field
keeps what the table says. With a class it is for numbers of every length.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from trunkward.numbering.destinations import Destination, Kind, Risk, longest_match, micro
from trunkward.numbering.e164 import MAX_DIGITS, is_prefix
from trunkward.numbering.regions import REGIONS

HEADER = ("prefix", "country", "class", "risk", "rate")
_COUNTRIES = frozenset(region for regions in REGIONS.values() for region in regions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One line; None: as the table says."""

    #: digits without `+`
    prefix: str
    country: str | None = None
    kind: Kind | None = None
    risk: Risk | None = None
    rate_micro: int | None = None

    def over(self, destination: Destination) -> Destination:
        """The destination with this line's word on it."""
        return replace(
            destination,
            country=destination.country if self.country is None else self.country,
            kind=destination.kind if self.kind is None else self.kind,
            risk=destination.risk if self.risk is None else self.risk,
            rate_micro=destination.rate_micro if self.rate_micro is None else self.rate_micro,
            longest=destination.longest if self.kind is None else MAX_DIGITS,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongLine:
    """A line that cannot be taken, and why."""

    line: int
    why: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.why}"


class OverridesRefused(ValueError):
    """Some lines are wrong, so none is taken; every one of them is named."""

    def __init__(self, wrong: tuple[WrongLine, ...]) -> None:
        super().__init__("\n".join(map(str, wrong)))
        self.wrong = wrong


def read_overrides(text: str) -> tuple[Override, ...]:
    """The lines of an override file. Raises `OverridesRefused`, with every line that is wrong."""
    wrong: list[WrongLine] = []
    found: dict[str, tuple[int, Override]] = {}
    header_seen = False
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = tuple(field.strip() for field in line.split(","))
        if not header_seen:
            header_seen = True
            if fields != HEADER:
                wrong.append(WrongLine(line=number, why=f"the first line must be {','.join(HEADER)}"))
            continue
        try:
            override = _override(fields)
            if override.prefix in found:
                raise ValueError(f"+{override.prefix} is already in line {found[override.prefix][0]}")
            found[override.prefix] = number, override
        except ValueError as why:
            wrong.append(WrongLine(line=number, why=str(why)))
    if wrong:
        raise OverridesRefused(tuple(wrong))
    return tuple(override for _, override in found.values())


def overridden(prefixes: Mapping[str, Destination], overrides: Iterable[Override]) -> dict[str, Destination]:
    """The table with the operator's lines over it."""
    lines = {override.prefix: override for override in overrides}
    table: dict[str, Destination] = {}
    for prefix in prefixes.keys() | lines.keys():
        _, destination = longest_match(prefixes, prefix)
        for end in range(1, len(prefix) + 1):
            if line := lines.get(prefix[:end]):
                destination = line.over(destination)
        table[prefix] = destination
    return table


def _override(fields: tuple[str, ...]) -> Override:
    if len(fields) != len(HEADER):
        raise ValueError(f"{len(fields)} fields, not the {len(HEADER)} of {','.join(HEADER)}")
    prefix, country, kind, risk, rate = fields
    if not is_prefix(prefix):
        raise ValueError(f"{prefix!r} is no prefix: '+' and the first digits of numbers, as +4475")
    if not any(fields[1:]):
        raise ValueError(f"{prefix} with nothing to say about it")
    if country and country not in _COUNTRIES:
        raise ValueError(f"{country!r} is no country with numbers: ISO 3166, two capital letters, as GB")
    return Override(
        prefix=prefix.removeprefix("+"),
        country=country or None,
        kind=_word(Kind, kind, "class") if kind else None,
        risk=_word(Risk, risk, "risk") if risk else None,
        rate_micro=micro(rate) if rate else None,
    )


def _word[Word: (Kind, Risk)](words: type[Word], word: str, what: str) -> Word:
    try:
        return words(word)
    except ValueError:
        raise ValueError(f"{word!r} is no {what}: {', '.join(words)}") from None
