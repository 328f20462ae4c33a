"""What a new state of a deck does that looks like a slip: a file that is cut off, or a decimal point too far.

Each price from now on, also one that begins later, is beside what the deck said before of numbers that begin
so: at that moment, of this prefix or of the longest shorter one.
"""

from collections.abc import Iterator, Set

from trunkward.spend.deck import Deck, Rate
from trunkward.spend.money import shown

#: Percent of the prefixes in force that may go, and times by which a price may change.
MOST_GONE = 10
MOST_TIMES = 10
#: Seconds of the call that is compared: its price has rate, fee and increments in it.
_MINUTE_S = 60
#: Prefixes that are named one by one; of more the number is told.
_NAMED = 3


def doubts(before: Deck, after: Deck, now: int, assumed: Set[str] = frozenset()) -> list[str]:
    """A sentence for each kind of slip it may be; of a deck that said nothing before, none.

    `assumed`: prefixes whose increments nobody has said.

    1. More than a tenth of the prefixes has no rate any more.
    2. A minute costs nothing from then on.
    3. It costs less than a tenth of what it did, or more than ten times as much.
    4. Increments that nobody has said are others than before; a minute may cost the same by both.
    """
    was, goes_on = before.at(now), after.at(now)
    told = []
    # 1.
    gone = was.keys() - goes_on.keys()
    if len(gone) * 100 > MOST_GONE * len(was):
        told.append(f"{len(gone):,} of {len(was):,} prefixes have no rate any more (--merge keeps them)")
    free, cheaper, dearer = [], [], []
    for prefix, old, new in _compared(before, after, now):
        if not new:
            if old != 0:
                free.append(f"{prefix} ({'new' if old is None else shown(old)})")
        elif old and old > new * MOST_TIMES:
            cheaper.append(f"{prefix} ({shown(old)} -> {shown(new)})")
        elif old and new > old * MOST_TIMES:
            dearer.append(f"{prefix} ({shown(old)} -> {shown(new)})")
    # 2., 3.
    for prefixes, what in (
        (free, "costs nothing"),
        (cheaper, f"costs less than a {MOST_TIMES}th of what it did"),
        (dearer, f"costs more than {MOST_TIMES} times what it did"),
    ):
        if prefixes:
            told.append(f"a minute {what} to {_few(prefixes)}")
    # 4.
    if others := list(_assumed(before, after, now, assumed)):
        told.append(
            "the file does not say the increments, and the deck has others than would be taken for "
            f"{_few(others)} (--increments 60/6 says which, or a column increments)"
        )
    return told


def _few(prefixes: list[str]) -> str:
    more = f" and {len(prefixes) - _NAMED:,} more" if len(prefixes) > _NAMED else ""
    return f"{', '.join(prefixes[:_NAMED])}{more}"


def _assumed(before: Deck, after: Deck, now: int, assumed: Set[str]) -> Iterator[str]:
    """What changes from the deck's increments to ones nobody has said; a new place has any of the deck's."""
    spans = _spans(before)
    usual = {_increments(rate) for rate in before.at(now).values()}
    for rate in after.rates:
        if rate.since >= now and rate.prefix in assumed:
            old, new = _longest(spans, rate.prefix, rate.since), _increments(rate)
            if old is None and usual - {new}:
                yield f"{rate.prefix} (new -> {new})"
            elif old is not None and _increments(old) != new:
                yield f"{rate.prefix} ({_increments(old)} -> {new})"


def _increments(rate: Rate) -> str:
    return f"{rate.tariff.first_s}/{rate.tariff.next_s}"


def _spans(source: Deck) -> dict[str, list[Rate]]:
    spans: dict[str, list[Rate]] = {}
    for rate in source.rates:
        spans.setdefault(rate.prefix, []).append(rate)
    return spans


def _compared(before: Deck, after: Deck, now: int) -> Iterator[tuple[str, int | None, int]]:
    """By prefix, what a minute cost, None where it could not be called, and what it costs; micro-units."""
    if not before.rates:
        return
    spans = _spans(before)
    goes_on = {prefix: [rate] for prefix, rate in after.at(now).items()}
    for rate in after.rates:
        if rate.since >= now:
            old = _longest(spans, rate.prefix, rate.since)
            yield rate.prefix, None if old is None else _minute(old), _minute(rate)
    for prefix, rate in before.at(now).items():
        if prefix not in goes_on and (shorter := _longest(goes_on, prefix, now)) is not None:
            yield prefix, _minute(rate), _minute(shorter)


def _longest(spans: dict[str, list[Rate]], number: str, at: int) -> Rate | None:
    for digits in range(len(number), 0, -1):
        for rate in spans.get(number[:digits], ()):
            if rate.holds(at):
                return rate
    return None


def _minute(rate: Rate) -> int:
    return rate.tariff.price_micro(_MINUTE_S)
