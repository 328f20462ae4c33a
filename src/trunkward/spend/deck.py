"""A rate deck: what each prefix costs, from when until when.

A deck is all that was ever said of it, so that a call of last month is rated again by what was in force then.
A new file does not rewrite that: `replaced` and `merged` say what holds from a moment on.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from trunkward.spend.tariff import Tariff

#: Digits of an E.164 number, and so of a prefix.
MOST_DIGITS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What one prefix costs in one span of time."""

    #: Digits of an E.164 number without `+`.
    prefix: str
    tariff: Tariff
    name: str = ""
    #: Seconds since the epoch: the first, and the first no more; None: until something else is said.
    since: int = 0
    until: int | None = None

    def holds(self, at: float) -> bool:
        """Whether it is in force at this time."""
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deck:
    """The rates of one deck; of one prefix no two hold at the same time."""

    #: ISO 4217.
    currency: str
    #: By prefix, then by time.
    rates: tuple[Rate, ...]

    def at(self, at: float) -> dict[str, Rate]:
        """By prefix, what is in force at this time."""
        return {rate.prefix: rate for rate in self.rates if rate.holds(at)}


class Overlap(ValueError):
    """Two rates of one prefix hold at the same time; the message says which."""


def deck(currency: str, rates: Iterable[Rate]) -> Deck:
    """A deck of rates in any order; one that ends when the next begins need not say so. Raises `Overlap`."""
    ordered = sorted(rates, key=lambda rate: (rate.prefix, rate.since))
    ended: list[Rate] = []
    for rate, following in zip(ordered, [*ordered, None][1:], strict=True):
        if following is None or following.prefix != rate.prefix:
            ended.append(rate)
        elif following.since == rate.since:
            raise Overlap(f"{rate.prefix} has two rates from the same moment on")
        elif rate.until is None or rate.until > following.since:
            ended.append(replace(rate, until=following.since))
        else:
            ended.append(rate)
    return Deck(currency=currency, rates=tuple(ended))


def changed(before: Deck, said: Deck, now: int, *, whole: bool) -> Deck:
    """The deck after a new file: what it says holds from its dates on, but not before `now`.

    `whole`: the file is all there is, and a prefix that is not in it has no rate from `now` on. Otherwise
    such a prefix keeps what it has. What was in force before stays written down.
    """
    begins: dict[str, int] = {}
    new: list[Rate] = []
    for rate in said.rates:
        if rate.until is not None and rate.until <= now:
            continue
        since = max(rate.since, now)
        begins[rate.prefix] = min(begins.get(rate.prefix, since), since)
        new.append(replace(rate, since=since))
    kept = []
    for rate in before.rates:
        ends = begins.get(rate.prefix, now if whole else None)
        if ends is None or (rate.until is not None and rate.until <= ends):
            kept.append(rate)
        elif rate.since < ends:
            kept.append(replace(rate, until=ends))
    return Deck(currency=said.currency, rates=_joined([*kept, *new]))


def _joined(rates: Sequence[Rate]) -> tuple[Rate, ...]:
    """In order; two spans that say the same, one after the other, are one."""
    joined: list[Rate] = []
    for rate in sorted(rates, key=lambda rate: (rate.prefix, rate.since)):
        last = joined[-1] if joined else None
        if last is not None and last.until == rate.since and _same(last, rate):
            joined[-1] = replace(last, until=rate.until)
        else:
            joined.append(rate)
    return tuple(joined)


def _same(one: Rate, other: Rate) -> bool:
    return (one.prefix, one.tariff, one.name) == (other.prefix, other.tariff, other.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a change of a deck does to prices, at one moment."""

    new: tuple[Rate, ...] = ()
    gone: tuple[Rate, ...] = ()
    #: Before and after, the largest change first.
    dearer: tuple[tuple[Rate, Rate], ...] = ()
    cheaper: tuple[tuple[Rate, Rate], ...] = ()
    #: The price of a minute is the same, its increments or fee are not.
    otherwise: tuple[tuple[Rate, Rate], ...] = ()
    same: int = 0


def difference(before: Deck, after: Deck, at: float) -> Difference:
    """By what is in force in each at this time."""
    was, now = before.at(at), after.at(at)
    both = [(was[prefix], now[prefix]) for prefix in sorted(was.keys() & now.keys())]
    by: dict[bool, list[tuple[Rate, Rate]]] = {True: [], False: []}
    otherwise = []
    for pair in both:
        change = pair[1].tariff.rate_nano - pair[0].tariff.rate_nano
        if change:
            by[change > 0].append(pair)
        elif pair[0].tariff != pair[1].tariff:
            otherwise.append(pair)
    for pairs in by.values():
        pairs.sort(key=lambda pair: -abs(pair[1].tariff.rate_nano - pair[0].tariff.rate_nano))
    return Difference(
        new=tuple(now[prefix] for prefix in sorted(now.keys() - was.keys())),
        gone=tuple(was[prefix] for prefix in sorted(was.keys() - now.keys())),
        dearer=tuple(by[True]),
        cheaper=tuple(by[False]),
        otherwise=tuple(otherwise),
        same=len(both) - len(by[True]) - len(by[False]) - len(otherwise),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is said of a prefix from a moment on, and was not; None: nothing."""

    at: int
    was: Rate | None
    now: Rate | None


def changes(before: Deck, after: Deck, now: int) -> Iterator[Change]:
    """What is another in `after`, at `now` and each later moment either deck names; by prefix and time."""
    old, new = _by_prefix(before), _by_prefix(after)
    for prefix in sorted(old.keys() | new.keys()):
        was, is_now = old.get(prefix, []), new.get(prefix, [])
        if was == is_now:
            continue
        begins = {at for rate in (*was, *is_now) for at in (rate.since, rate.until) if at is not None}
        told: tuple[object, object] = (None, None)
        for at in sorted({now, *(at for at in begins if at > now)}):
            one, other = _holding(was, at), _holding(is_now, at)
            pair = (_says(one), _says(other))
            if pair[0] != pair[1] and pair != told:
                yield Change(at=at, was=one, now=other)
            told = pair


def _by_prefix(source: Deck) -> dict[str, list[Rate]]:
    found: dict[str, list[Rate]] = {}
    for rate in source.rates:
        found.setdefault(rate.prefix, []).append(rate)
    return found


def _holding(rates: Iterable[Rate], at: int) -> Rate | None:
    return next((rate for rate in rates if rate.holds(at)), None)


def _says(rate: Rate | None) -> tuple[Tariff, str] | None:
    return (rate.tariff, rate.name) if rate else None


def written(source: Deck) -> str:
    """A deck as a text that is kept: equal decks give equal texts."""
    lines = [source.currency]
    for rate in source.rates:
        until = "" if rate.until is None else str(rate.until)
        lines.append(f"{rate.prefix}\t{rate.tariff.compact()}\t{rate.since}\t{until}\t{rate.name}")
    return "\n".join(lines) + "\n"


def read_written(text: str) -> Deck:
    """The way back. Raises `ValueError` for any other text."""
    currency, *lines = text.removesuffix("\n").split("\n")
    rates = []
    for line in lines:
        prefix, tariff, since, until, name = line.split("\t")
        rates.append(
            Rate(
                prefix=prefix,
                tariff=Tariff.from_compact(tariff),
                name=name,
                since=int(since),
                until=int(until) if until else None,
            )
        )
    return Deck(currency=currency, rates=tuple(rates))
