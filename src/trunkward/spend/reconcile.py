"""A carrier's call records against ours, call by call: every difference explained, or listed.

1. How far its clock is off, or which zone its times are in: the distance most pairs of calls agree on.
2. Pairs: the same number, starts within a window; the nearest first, each call once.
3. What of a pair's difference comes from what: how long it lasted, another rate, other increments, rounding.
   A rate it does not name is an explanation when it fits other calls of the same prefix, too.
4. What has no partner: twice in its file, unknown to us, unknown to it, outside the period, given back.

The parts add up to the difference of the totals exactly, and no order of lines changes them.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from trunkward.spend.cdr_csv import CdrLine, Cdrs
from trunkward.spend.money import shown_nano
from trunkward.spend.tariff import Tariff

_MICRO_NANO = 1000
#: Pairs of calls a clock is estimated by.
_MOST_PAIRS = 200_000
#: Milliseconds: two distances within are one; a clock that is off by less is right; a zone is nearer.
_NEAR_MS = 2000
_RIGHT_MS = 1500
_FARTHEST_MS = 15 * 3_600_000
#: An amount with no decimals at all is not taken for one that was rounded to whole units.
_MOST_QUANTUM = 10**7
_INCREMENTS = (
    (1, 1),
    (6, 6),
    (30, 6),
    (60, 1),
    (60, 6),
    (30, 1),
    (30, 30),
    (60, 60),
    (10, 10),
    (20, 20),
    (1, 6),
)


class Kind(StrEnum):
    """What a part of the difference is."""

    #: Of seconds, of their amounts to their decimals, of ours to a millionth.
    ROUNDING = "rounding"
    DURATION = "duration"
    RATE = "rate"
    INCREMENTS = "increments"
    #: A call for help, which we count nothing for.
    EMERGENCY = "emergency"
    #: A line by which they give back what they have charged, of this file or one before.
    CREDIT = "credit"
    # ---- what nobody has explained yet
    NO_COST = "no-cost-of-ours"
    UNEXPLAINED = "unexplained"
    DOUBLE = "double"
    UNKNOWN_TO_US = "unknown-to-us"
    UNKNOWN_TO_THEM = "unknown-to-them"
    OUTSIDE = "outside-the-period"


#: Kinds that are listed because somebody has to look at them.
OPEN = frozenset({Kind.NO_COST, Kind.UNEXPLAINED, Kind.DOUBLE, Kind.UNKNOWN_TO_US, Kind.UNKNOWN_TO_THEM})


@dataclass(frozen=True, slots=True, kw_only=True)
class OurCall:
    """An answered call as we have it."""

    record_id: str
    #: Digits without `+`.
    called: str
    #: Milliseconds since the epoch.
    started_ms: int
    answered_ms: int
    #: None: its end is not known here.
    lasted_ms: int | None
    #: Micro-units; None: not known.
    cost_micro: int | None
    #: By what; None: there is no rate, or nothing is asked.
    tariff: Tariff | None = None
    prefix: str = ""
    emergency: bool = False
    #: Of the period that is asked for; others are looked at as partners of lines at its edges.
    within: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the difference, theirs less ours, in nano-units."""

    kind: Kind
    nano: int
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A line, a call, or both, that are not the same."""

    line: CdrLine | None
    call: OurCall | None
    parts: tuple[Part, ...]

    @property
    def nano(self) -> int:
        """What is between them."""
        return sum(part.nano for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What a file says beside what we have; amounts in nano-units."""

    #: Calls and lines, and what they add up to.
    calls: int
    lines: int
    ours: int
    theirs: int
    #: Pairs.
    matched: int
    #: Its times less ours.
    offset_ms: int
    #: Its times are compared with those of the answer, else with those of the start.
    answered: bool
    #: Everything that is not the same, the largest amount first.
    found: tuple[Found, ...]

    @property
    def difference(self) -> int:
        """Theirs less ours: the sum of all parts, exactly."""
        return self.theirs - self.ours

    def kinds(self) -> dict[Kind, tuple[int, int]]:
        """Of each kind how many, and what they add up to."""
        sums: dict[Kind, tuple[int, int]] = {}
        for one in self.found:
            for part in one.parts:
                count, nano = sums.get(part.kind, (0, 0))
                sums[part.kind] = (count + 1, nano + part.nano)
        return {kind: sums[kind] for kind in Kind if kind in sums}

    @property
    def open(self) -> bool:
        """Whether something has to be looked at."""
        return any(part.kind in OPEN for one in self.found for part in one.parts)


def reconcile(
    theirs: Cdrs, ours: Iterable[OurCall], *, since_ms: int, until_ms: int, window_ms: int
) -> Reconciled:
    """Compares; `since_ms` and `until_ms` (not in it) are the period, milliseconds since the epoch."""
    calls = sorted(ours, key=lambda call: (call.called, call.started_ms, call.record_id))
    lines = sorted((line for line in theirs.lines if line.charge_nano >= 0), key=_order)
    credits = sorted((line for line in theirs.lines if line.charge_nano < 0), key=_order)
    # 1.
    answered, offset_ms = _clock(lines, calls, answered=theirs.answered)
    # 2.
    pairs = _pairs(lines, calls, offset_ms, window_ms, answered=answered)
    matched = {id(line) for line, _ in pairs}
    known = {id(call) for _, call in pairs}
    # 3.
    explained = _Explaining(pairs, min(theirs.quantum_nano, _MOST_QUANTUM))
    found = [Found(line=line, call=call, parts=explained.parts(line, call)) for line, call in pairs]
    # 4.
    twice = _twice(lines, matched)
    found += [
        _without_call(line, double=id(line) in twice, within=since_ms <= line.at_ms - offset_ms < until_ms)
        for line in lines
        if id(line) not in matched
    ]
    found += [_given_back(line) for line in credits]
    found += [_without_line(call) for call in calls if call.within and id(call) not in known]
    different = [one for one in found if one.parts]
    different.sort(key=_largest_first)
    within = [call for call in calls if call.within]
    return Reconciled(
        calls=len(within),
        lines=len(theirs.lines),
        ours=sum((call.cost_micro or 0) * _MICRO_NANO for call in within),
        theirs=sum(line.charge_nano for line in theirs.lines),
        matched=len(pairs),
        offset_ms=offset_ms,
        answered=answered,
        found=tuple(different),
    )


def _order(line: CdrLine) -> tuple[str, int, int, int, int, int, int]:
    """By what a line says; by its place only where two say the same."""
    billed = -1 if line.billed_s is None else line.billed_s
    rate = -1 if line.rate_nano is None else line.rate_nano
    return (line.called, line.at_ms, line.lasted_ms, line.charge_nano, billed, rate, line.line)


def _largest_first(one: Found) -> tuple[int, str, int, str]:
    line, call = one.line, one.call
    called = line.called if line else call.called if call else ""
    at = line.at_ms if line else call.started_ms if call else 0
    return (-abs(one.nano), called, at, call.record_id if call else "")


# ---- 1. the clock ----------------------------------------------------------------------------------


def _clock(lines: Sequence[CdrLine], calls: Sequence[OurCall], *, answered: bool) -> tuple[bool, int]:
    """Whether its times are those of the answer, and how far off they are."""
    by_answer = _offset(lines, calls, answered=True)
    by_start = None if answered else _offset(lines, calls, answered=False)
    if by_start is not None and by_start < by_answer:
        return False, by_start.offset_ms
    return True, by_answer.offset_ms


class _Agreed(NamedTuple):
    """A distance that pairs of calls agree on; the better, the less."""

    #: How many pairs, below zero; how far they are apart, and from zero.
    fewer: int
    spread_ms: int
    far_ms: int
    offset_ms: int


def _offset(lines: Sequence[CdrLine], calls: Sequence[OurCall], *, answered: bool) -> _Agreed:
    """What most pairs of calls agree on; a distance of 0 where that may be nothing but chance."""
    distances, most = _distances(lines, calls, answered=answered)
    best, last = _Agreed(0, 0, 0, 0), 0
    for first in range(len(distances)):
        while last < len(distances) and distances[last] - distances[first] <= _NEAR_MS:
            last += 1
        middle = distances[(first + last - 1) // 2]
        best = min(best, _Agreed(first - last, distances[last - 1] - distances[first], abs(middle), middle))
    pairs = -best.fewer
    if pairs < 2 or 2 * pairs < most or best.far_ms <= _RIGHT_MS:
        return best._replace(offset_ms=0)
    return best


def _distances(
    lines: Sequence[CdrLine], calls: Sequence[OurCall], *, answered: bool
) -> tuple[list[int], int]:
    """Between starts of calls that are as long as each other, in order; and how many pairs there may be.

    Of the numbers called least often, as many as are enough.
    """
    theirs, ours = _by_number(lines), _by_number(calls)
    found: list[int] = []
    looked_at, most = 0, 0
    sizes = {number: len(theirs[number]) * len(ours[number]) for number in theirs.keys() & ours.keys()}
    for number, size in sorted(sizes.items(), key=lambda item: (item[1], item[0])):
        looked_at += size
        if looked_at > _MOST_PAIRS:
            break
        most += min(len(theirs[number]), len(ours[number]))
        for line in theirs[number]:
            for call in ours[number]:
                distance = line.at_ms - _start_ms(call, answered=answered)
                if _apart_ms(line, call) <= _NEAR_MS and abs(distance) <= _FARTHEST_MS:
                    found.append(distance)
    return sorted(found), most


def _by_number[T: (CdrLine, OurCall)](all_of_them: Iterable[T]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = defaultdict(list)
    for one in all_of_them:
        found[one.called].append(one)
    return found


def _start_ms(call: OurCall, *, answered: bool) -> int:
    return call.answered_ms if answered else call.started_ms


def _apart_ms(line: CdrLine, call: OurCall) -> int:
    """By how much they are not as long as each other; its duration may be the one that is charged."""
    if call.lasted_ms is None:
        return 0
    apart = abs(line.lasted_ms - call.lasted_ms)
    if call.tariff is not None:
        apart = min(apart, abs(line.lasted_ms - call.tariff.billed_s(call.lasted_ms / 1000) * 1000))
    return apart


# ---- 2. pairs --------------------------------------------------------------------------------------


def _pairs(
    lines: Sequence[CdrLine], calls: Sequence[OurCall], offset_ms: int, window_ms: int, *, answered: bool
) -> list[tuple[CdrLine, OurCall]]:
    ours = _by_number(calls)
    made: list[tuple[CdrLine, OurCall]] = []
    for number, of_number in _by_number(lines).items():
        candidates = sorted(
            ours.get(number, ()), key=lambda call: (_start_ms(call, answered=answered), call.record_id)
        )
        starts = [_start_ms(call, answered=answered) for call in candidates]
        possible = []
        for place, line in enumerate(of_number):
            at = line.at_ms - offset_ms
            for other in range(bisect_left(starts, at - window_ms), bisect_right(starts, at + window_ms)):
                far = abs(at - starts[other]) + _apart_ms(line, candidates[other])
                possible.append((far, other, place))
        lines_left, calls_left = set(range(len(of_number))), set(range(len(candidates)))
        for _, other, place in sorted(possible):
            if place in lines_left and other in calls_left:
                lines_left.remove(place)
                calls_left.remove(other)
                made.append((of_number[place], candidates[other]))
    return made


# ---- 3. what a difference comes from ---------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class _Terms:
    """What they may have charged by."""

    rate_nano: int
    connect_nano: int
    first_s: int
    next_s: int

    def nano(self, lasted_ms: int) -> int:
        """Without rounding to a millionth."""
        tariff = Tariff(
            rate_nano=self.rate_nano, connect_nano=self.connect_nano, first_s=self.first_s, next_s=self.next_s
        )
        return _nano(self.rate_nano, self.connect_nano, tariff.billed_s(lasted_ms / 1000))

    def fit(self, line: CdrLine, lasted_ms: int, near: int) -> bool:
        """Whether they may be what a call was charged by; what a line says of its rate holds."""
        if line.rate_nano not in (None, self.rate_nano):
            return False
        return abs(line.charge_nano - self.nano(lasted_ms)) <= near


def _nano(rate: int, connect: int, billed_s: int) -> int:
    return -(-(connect * 60 + rate * billed_s) // 60) if billed_s else 0


class _Explaining:
    """Explains pairs; what it takes for an explanation depends on all of them."""

    def __init__(self, pairs: Sequence[tuple[CdrLine, OurCall]], quantum_nano: int) -> None:
        self._near = quantum_nano + _MICRO_NANO
        #: By our tariff and prefix, the pairs that rounding and duration do not explain.
        open_pairs: dict[tuple[str, str], list[tuple[CdrLine, OurCall, Tariff]]] = defaultdict(list)
        for line, call in pairs:
            if call.tariff is None or call.lasted_ms is None or call.cost_micro is None or not call.within:
                continue
            rest = line.charge_nano - call.tariff.price_micro(_lasted_ms(line, call) / 1000) * _MICRO_NANO
            if abs(rest) > self._near:
                open_pairs[call.prefix, call.tariff.compact()].append((line, call, call.tariff))
        #: What they charge such calls by, and of how many calls it is so; the best first.
        self._terms = {group: self._fitting(of_group) for group, of_group in open_pairs.items()}

    def _fitting(self, pairs: Sequence[tuple[CdrLine, OurCall, Tariff]]) -> list[_Terms]:
        tariff = pairs[0][2]
        fitting: list[tuple[int, int, _Terms]] = []
        for rank, terms in enumerate(self._possible(pairs, tariff)):
            fits = {
                _lasted_ms(line, call)
                for line, call, _ in pairs
                if terms.fit(line, _lasted_ms(line, call), self._near)
            }
            named = any(line.rate_nano == terms.rate_nano for line, _, _ in pairs)
            # one call fits many a rate: two that last as long as each other are no better
            if len(fits) >= 2 or (fits and (named or terms.rate_nano == tariff.rate_nano)):
                fitting.append((-len(fits), rank, terms))
        return [terms for _, _, terms in sorted(fitting)]

    def _possible(self, pairs: Sequence[tuple[CdrLine, OurCall, Tariff]], tariff: Tariff) -> list[_Terms]:
        """The nearest to ours first."""
        longest, call, _ = max(pairs, key=lambda pair: (_lasted_ms(pair[0], pair[1]), *_order(pair[0])[:-1]))
        said = sorted({line.rate_nano for line, _, _ in pairs if line.rate_nano is not None})
        increments = [(tariff.first_s, tariff.next_s), *_INCREMENTS]
        found: list[_Terms] = []
        for connect in dict.fromkeys((tariff.connect_nano, 0)):
            for rate in dict.fromkeys((tariff.rate_nano, *said)):
                found += [_terms(rate, connect, *pair) for pair in increments]
            if said:
                continue
            for first_s, next_s in increments:
                billed = _terms(0, 0, first_s, next_s)
                seconds = Tariff(rate_nano=0, first_s=first_s, next_s=next_s).billed_s(
                    _lasted_ms(longest, call) / 1000
                )
                if seconds and longest.charge_nano >= connect:
                    rate = self._plainest((longest.charge_nano - connect) * 60, seconds)
                    found.append(replace(billed, rate_nano=rate, connect_nano=connect))
        return list(dict.fromkeys(found))

    def _plainest(self, sixty_times: int, seconds: int) -> int:
        """The rate with the fewest decimals that gives an amount as near as rounding leaves it."""
        for decimals in range(10):
            unit: int = 10 ** (9 - decimals)
            rate = (sixty_times + seconds * unit // 2) // (seconds * unit) * unit
            if abs(rate * seconds - sixty_times) <= self._near * 60:
                return rate
        return sixty_times // seconds

    def parts(self, line: CdrLine, call: OurCall) -> tuple[Part, ...]:
        """Of one pair; none: they are the same."""
        if not call.within:
            return (
                Part(
                    kind=Kind.OUTSIDE, nano=line.charge_nano, text="a call of ours before or after the period"
                ),
            )
        if call.emergency:
            nothing = line.charge_nano == 0
            return (
                () if nothing else (Part(kind=Kind.EMERGENCY, nano=line.charge_nano, text="a call for help"),)
            )
        if call.cost_micro is None or call.tariff is None or call.lasted_ms is None:
            why = (
                "its end is not known here"
                if call.lasted_ms is None
                else "no deck of theirs had a rate for it"
            )
            ours = (call.cost_micro or 0) * _MICRO_NANO
            return (Part(kind=Kind.NO_COST, nano=line.charge_nano - ours, text=why),)
        found: list[Part] = []
        tariff, lasted_ms = call.tariff, _lasted_ms(line, call)
        at = call.cost_micro * _MICRO_NANO
        longer_ms = lasted_ms - call.lasted_ms
        step = tariff.price_micro(lasted_ms / 1000) * _MICRO_NANO if longer_ms else at
        if abs(longer_ms) >= 1000:
            found.append(Part(kind=Kind.DURATION, nano=step - at, text=_seconds(longer_ms)))
        elif step != at:
            found.append(Part(kind=Kind.ROUNDING, nano=step - at, text="of the last second"))
        rest = line.charge_nano - step
        if abs(rest) <= self._near:
            if rest:
                found.append(Part(kind=Kind.ROUNDING, nano=rest, text="of the amount"))
            return tuple(found)
        return (*found, *self._otherwise(line, call, tariff, lasted_ms, step))

    def _otherwise(
        self, line: CdrLine, call: OurCall, tariff: Tariff, lasted_ms: int, step: int
    ) -> Iterator[Part]:
        charge = line.charge_nano
        for terms in self._terms.get((call.prefix, tariff.compact()), ()):
            if not terms.fit(line, lasted_ms, self._near):
                continue
            if (terms.rate_nano, terms.connect_nano) != (tariff.rate_nano, tariff.connect_nano):
                ours = replace(terms, first_s=tariff.first_s, next_s=tariff.next_s).nano(lasted_ms)
                yield Part(kind=Kind.RATE, nano=ours - step, text=_rates(terms, tariff, call.prefix))
                step = ours
            if (terms.first_s, terms.next_s) != (tariff.first_s, tariff.next_s):
                now = terms.nano(lasted_ms)
                text = f"theirs {terms.first_s}/{terms.next_s}, ours {tariff.first_s}/{tariff.next_s}"
                yield Part(kind=Kind.INCREMENTS, nano=now - step, text=text)
                step = now
            if charge != step:
                yield Part(kind=Kind.ROUNDING, nano=charge - step, text="of the amount")
            return
        yield Part(kind=Kind.UNEXPLAINED, nano=charge - step, text="no rate or increment fits")


def _lasted_ms(line: CdrLine, call: OurCall) -> int:
    """How long it lasted for them; ours, where what they say is what it is charged for."""
    ours, tariff = call.lasted_ms, call.tariff
    if ours is not None and tariff is not None and line.lasted_ms == tariff.billed_s(ours / 1000) * 1000:
        return ours
    return line.lasted_ms


def _terms(rate: int, connect: int, first_s: int, next_s: int) -> _Terms:
    return _Terms(rate_nano=rate, connect_nano=connect, first_s=first_s, next_s=next_s)


def _rates(terms: _Terms, tariff: Tariff, prefix: str) -> str:
    text = f"{prefix}: theirs {shown_nano(terms.rate_nano)} a minute, our deck {shown_nano(tariff.rate_nano)}"
    if terms.connect_nano != tariff.connect_nano:
        text += f"; connect fee {shown_nano(terms.connect_nano)}, ours {shown_nano(tariff.connect_nano)}"
    return text


def _seconds(longer_ms: int) -> str:
    return f"{abs(longer_ms) / 1000:.3f}".rstrip("0").rstrip(".") + (
        " s longer for them" if longer_ms > 0 else " s shorter for them"
    )


# ---- 4. what has no partner ------------------------------------------------------------------------


def _twice(lines: Sequence[CdrLine], matched: set[int]) -> set[int]:
    """Lines without a call whose number, start and duration another line has, too: all of them but one."""
    found: set[int] = set()
    for of_number in _by_number(lines).values():
        group = [of_number[0]]
        for before, line in pairwise(of_number):
            if line.at_ms - before.at_ms > 1000 or abs(line.lasted_ms - before.lasted_ms) > 1000:
                found |= _but_one(group, matched)
                group = []
            group.append(line)
        found |= _but_one(group, matched)
    return found


def _but_one(group: Sequence[CdrLine], matched: set[int]) -> set[int]:
    alone = [id(line) for line in group if id(line) not in matched]
    return set(alone if len(alone) < len(group) else alone[1:])


def _without_call(line: CdrLine, *, double: bool, within: bool) -> Found:
    if not line.charge_nano and not line.lasted_ms:
        return Found(line=line, call=None, parts=())  # nobody answered, and nobody charges
    if double:
        part = Part(kind=Kind.DOUBLE, nano=line.charge_nano, text="the same call twice in their file")
    elif within:
        part = Part(kind=Kind.UNKNOWN_TO_US, nano=line.charge_nano, text="they bill it, we have no such call")
    else:
        part = Part(kind=Kind.OUTSIDE, nano=line.charge_nano, text="it is before or after the period")
    return Found(line=line, call=None, parts=(part,))


def _given_back(line: CdrLine) -> Found:
    part = Part(kind=Kind.CREDIT, nano=line.charge_nano, text="they give it back")
    return Found(line=line, call=None, parts=(part,))


def _without_line(call: OurCall) -> Found:
    if call.emergency or call.lasted_ms is None:
        return Found(line=None, call=call, parts=())  # nobody charges; or perhaps nobody answered
    cost = (call.cost_micro or 0) * _MICRO_NANO
    part = Part(kind=Kind.UNKNOWN_TO_THEM, nano=-cost, text="we have it, they do not bill it")
    return Found(line=None, call=call, parts=(part,))
