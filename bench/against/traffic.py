"""The calls: an office's own, and a thief's on the same trunk. Each figure says where it is from.

Rates (EUR a minute) are an Italian VoIP provider's retail table (interconn.it, 2012 to 2016): their ratios
count more than their amounts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from trunkward.spend.tariff import Tariff

HOUR_S, DAY_S = 3600.0, 86_400.0
#: Friday 00:00 to Tuesday 00:00.
HORIZON_S = 4 * DAY_S
#: "Weekend" of the trade's reports: it begins on Friday evening, and somebody looks on Monday morning.
_ATTACK_S = 62 * HOUR_S
#: Billing increments of the trade, one pair for a run.
INCREMENTS = ((60, 60), (30, 6), (1, 1))

#: Country prefix and rate; retail table, all destinations between 0.60 and 2.10 a minute.
_DEAR = (
    ("216", 0.66), ("232", 0.60), ("252", 0.68), ("220", 0.62), ("224", 0.62), ("371", 0.84), ("370", 0.70),
    ("261", 0.83), ("53", 0.98), ("850", 0.98), ("960", 1.16), ("670", 1.35), ("239", 1.31), ("677", 1.32),
    ("690", 1.39), ("500", 1.63), ("290", 1.63), ("247", 2.10), ("246", 2.10),
)  # fmt: skip
#: Of these, what reports of pumping name: Somalia, Gambia, Latvia, Maldives, East Timor, Solomon Islands.
_PUMPED = (("252", 0.68), ("220", 0.62), ("371", 0.84), ("960", 1.16), ("670", 1.35), ("677", 1.32))
#: Thuraya, Iridium, Globalstar.
_SATELLITE = (("88216", 4.65), ("8816", 5.81), ("8818", 5.81))


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One kind of attack."""

    name: str
    channels: int
    #: One of them for a run, or all of them in turn.
    destinations: tuple[tuple[str, float], ...]
    in_turn: bool = False
    #: Seconds: the median is drawn between these, or, `even`, each call's length.
    lasts_s: tuple[float, float] = (180.0, 600.0)
    even: bool = False
    #: What it is, and where its figures are from.
    source: str


FAMILIES = (
    Family(
        name="burst", channels=30, destinations=_PUMPED,
        source="30 channels to one country at 0.62 to 1.35 a minute, calls of 3 to 10 minutes: an Australian "
        "Easter weekend had 10,655, of 9.4 on average (Symbio, cso.com.au)",
    ),
    Family(
        name="spread", channels=30, destinations=_DEAR, in_turn=True,
        source="the same, each call to the next of 19 countries: all at 0.60 to 2.10 in the rate table",
    ),
    Family(
        name="few long calls", channels=4, destinations=_PUMPED, lasts_s=(3600.0, 14_400.0), even=True,
        source="calls of 1 to 4 hours on the 4 lines of a firm of 7: USD 166,000 in a weekend (TransNexus)",
    ),
    Family(
        name="satellite", channels=8, destinations=_SATELLITE,
        source="8 channels at 4.65 (Thuraya) or 5.81 (Iridium, Globalstar), calls of 3 to 10 minutes",
    ),
)  # fmt: skip


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """One attempt; a thief's channel tries again when it is over."""

    name: str
    number: str
    tariff: Tariff
    #: Seconds it rings, and lasts if nobody ends it; 0: it is not answered.
    rings_s: float
    wants_s: float
    channel: Channel | None = None
    answered_at: float | None = None
    ended_at: float | None = None

    @property
    def honest(self) -> bool:
        return self.channel is None

    def lasted_s(self, now: float) -> float:
        """Seconds it has been charged for by now."""
        if self.answered_at is None:
            return 0.0
        return min(now, self.ended_at if self.ended_at is not None else now) - self.answered_at

    def cost_micro(self, now: float) -> int:
        """What the carrier has charged by now."""
        return self.tariff.price_micro(self.lasted_s(now))


class Channel:
    """One of a thief's lines: it calls, waits a little, and calls again; refused, it waits ever longer."""

    def __init__(
        self, seed: int, number: int, family: Family, increments: tuple[int, int], until: float
    ) -> None:
        self._random = random.Random(f"{seed} {family.name} {number}")
        of_run = random.Random(f"{seed} {family.name}")
        self._family, self._increments, self.until = family, increments, until
        self._one = of_run.choice(family.destinations)
        low, high = family.lasts_s
        self._median_s = low * (high / low) ** of_run.random()
        self._number, self._made, self._refused = number, 0, 0

    def call(self) -> Call:
        """The next."""
        family = self._family
        turn = (self._number + self._made) % len(family.destinations)
        prefix, rate = family.destinations[turn] if family.in_turn else self._one
        self._made += 1
        if family.even:
            lasts_s = self._random.uniform(*family.lasts_s)
        else:
            lasts_s = self._random.lognormvariate(0, 0.5) * self._median_s
        return Call(
            name=f"{self._number}-{self._made}", number=f"{prefix}{self._random.randrange(10**6):06}",
            tariff=tariff(rate, self._increments), rings_s=3.0, wants_s=lasts_s, channel=self,
        )  # fmt: skip

    def again_in_s(self, *, refused: bool) -> float:
        """How long it waits for the next one."""
        self._refused = self._refused + 1 if refused else 0
        return min(60.0 * 2 ** (self._refused - 1), 900.0) if refused else self._random.uniform(1, 60)


def attack(seed: int, family: Family) -> Iterator[tuple[float, Channel]]:
    """A thief's channels, and when each begins: on Friday between 18 and 22 h, within five minutes."""
    of_run = random.Random(f"{seed} {family.name} start")
    begins, increments = of_run.uniform(18, 22) * HOUR_S, _increments(seed)
    for number in range(family.channels):
        yield begins + of_run.uniform(0, 300), Channel(seed, number, family, increments, begins + _ATTACK_S)


#: Shares of a day's calls by hour: a call centre's real ones (Brown and others, JASA 2005). Before 7 and from
#: 19 h an office has 15 % of them.
_HOURS = (
    .003, .001, .0005, .0001, .0001, .0006, .003, .027, .063, .072, .083, .075,
    .062, .079, .076, .075, .077, .062, .055, .044, .039, .041, .035, .027,
)  # fmt: skip
_OFFICE = [share * (1 if 7 <= hour < 19 else 0.15) for hour, share in enumerate(_HOURS)]
#: Where it calls: at home, to landlines and mobiles; abroad, at 0.05 to 0.30.
_HOME, _NEIGHBOURS = (("390", 0.02), ("393", 0.04)), ("43", "49", "1", "90", "91")
#: All prefixes that are called.
HOME = tuple(prefix for prefix, _ in _HOME)
ABROAD = tuple(sorted({*(prefix for prefix, _ in (*_DEAR, *_SATELLITE)), *_NEIGHBOURS}))
#: Attempts on a weekday (declared, not cited), and the part of them on Friday, Saturday, Sunday, Monday.
_ATTEMPTS, _DAYS = 80, (1.0, 0.15, 0.15, 1.0)
_ANSWERED, _ABROAD, _SHORT, _CONFERENCE = 0.55, 0.067, 0.2, 0.05


def honest(seed: int) -> Iterator[tuple[float, Call]]:
    """An office's calls, and when each begins.

    Answered: 55 %. Lengths: 20 % of 1 to 6 s; conversations lognormal (4.79, 0.944), from the same call
    centre; 5 % conferences of about 27 minutes. 6.7 % go abroad (declared).
    """
    of_run, increments, count = random.Random(f"{seed} honest"), _increments(seed), 0
    for day, part in enumerate(_DAYS):
        for hour, share in enumerate(_OFFICE):
            # the rate of an hour varies more than Poisson's: gamma, shape 4
            due = (day * 24 + hour) * HOUR_S
            mean = _ATTEMPTS * part * share / sum(_OFFICE) * of_run.gammavariate(4, 0.25)
            at = due
            while mean > 0 and (at := at + of_run.expovariate(mean / HOUR_S)) < due + HOUR_S:
                count += 1
                yield at, _honest_call(of_run, f"h{count}", increments)


def _honest_call(of_run: random.Random, name: str, increments: tuple[int, int]) -> Call:
    kind = of_run.random()
    if kind < _SHORT:
        lasts_s = of_run.uniform(1, 6)
    elif kind < _SHORT + _CONFERENCE:
        lasts_s = of_run.lognormvariate(7.31, 0.4)
    else:
        lasts_s = of_run.lognormvariate(4.79, 0.944)
    if of_run.random() < _ABROAD:
        prefix, rate = of_run.choice(_NEIGHBOURS), of_run.uniform(0.05, 0.30)
    else:
        prefix, rate = of_run.choice(_HOME)
    return Call(
        name=name, number=f"{prefix}{of_run.randrange(10**6):06}", tariff=tariff(rate, increments),
        rings_s=of_run.uniform(3, 20),
        wants_s=min(lasts_s, 4 * HOUR_S) if of_run.random() < _ANSWERED else 0.0,
    )  # fmt: skip


def tariff(rate: float, increments: tuple[int, int]) -> Tariff:
    """EUR a minute, as a tariff."""
    return Tariff(rate_nano=round(rate * 10**4) * 10**5, first_s=increments[0], next_s=increments[1])


def _increments(seed: int) -> tuple[int, int]:
    return INCREMENTS[seed % len(INCREMENTS)]
