"""A flood beyond a limit: its calls are refused before they are verified, and the limit lets in what it did."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import structs

import trunkward.gate.full as module
import trunkward.gate.line as line_module
from sipkit.carrier_call import CALLED, CALLING, NOW, call_in, snapshot_of
from sipkit.provider import Provider
from trunkward.admission.ports import Asked, Counter, Held, LiveFact, Over, Rate
from trunkward.admission.screen import Case
from trunkward.calls.verdict import Reject
from trunkward.gate.counts import Counts
from trunkward.gate.full import HOLD_S, FullLimits
from trunkward.gate.server import Decision
from trunkward.live.client import LiveClient
from trunkward.live.local import LocalCounts
from trunkward.records.model import DecisionRecord
from trunkward.settings import Place
from trunkward.trunks.verification import VerificationPolicy
from unit.gate.test_line import _Disk, _line
from unit.gate.test_verifying import World

LINES, RATE = Counter(key="calls:trunk:a", most=30), Rate(key="rate-in:trunk:a", per_second=10, burst=10)
OTHER = Rate(key="rate-in:trunk:b", per_second=10, burst=10)


def asking(*limits: Counter | Rate) -> Asked:
    counters = tuple(one for one in limits if isinstance(one, Counter))
    rates = tuple(one for one in limits if isinstance(one, Rate))
    return Asked(record_id="r", hold_s=30, counters=counters, rates=rates)


def over(limit: Counter | Rate) -> Over:
    return Over(key=limit.key, most=1, retry_after_s=1)


@pytest.mark.parametrize("limit", [LINES, RATE])
def test_what_was_full_is_for_a_tenth_of_a_second(limit: Counter | Rate) -> None:
    full = FullLimits()
    assert not full
    full.hears(asking(LINES, RATE), over(limit), 100.0)
    assert full.over(asking(LINES, RATE), 100.0 + HOLD_S - 0.001) == over(limit)
    assert full.over(asking(OTHER), 100.0) is None
    assert full.over(asking(LINES, RATE), 100.0 + HOLD_S) is None
    assert not full


def test_a_limit_that_was_changed_is_another_one() -> None:
    full = FullLimits()
    full.hears(asking(RATE), over(RATE), 100.0)
    assert full.over(asking(structs.replace(RATE, per_second=20, burst=20)), 100.0) is None


def test_a_place_that_is_free_again_is_known() -> None:
    full = FullLimits()
    full.hears(asking(LINES), over(LINES), 100.0)
    full.freed(["calls:trunk:b"])
    assert full.over(asking(LINES), 100.0) is not None
    full.freed([LINES.key])
    assert full.over(asking(LINES), 100.0) is None


def test_no_number_of_numbers_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    full = FullLimits()
    rates = [Rate(key=f"rate-in:trunk:a:number:{number}", per_second=1, burst=1) for number in range(5)]
    for rate in rates:
        full.hears(asking(rate), over(rate), 100.0)
    assert [full.over(asking(rate), 100.0) is not None for rate in rates] == [False, False, True, True, True]


@pytest.mark.parametrize("per_second", [0.5, 10, 200])
def test_a_rate_lets_in_what_it_did(per_second: float) -> None:
    """Ten seconds of a flood of a thousand calls a second: with the pauses and without, the same number."""
    rate = Rate(key="rate-in:trunk:a", per_second=per_second, burst=max(1, int(per_second)))

    def let_in(*, pauses: bool) -> int:
        counts, full, held = LocalCounts(), FullLimits(), 0
        for number in range(10_000):
            at = 100.0 + number / 1000
            if pauses and full.over(asking(rate), at) is not None:
                continue
            fact = counts.admit(asking(rate), at)
            held += isinstance(fact, Held)
            if isinstance(fact, Over):
                full.hears(asking(rate), fact, at)
        return held

    assert let_in(pauses=True) == pytest.approx(let_in(pauses=False), abs=max(1, per_second * HOLD_S))


class Valkey(LiveClient):
    """Has room for nobody, or for all."""

    def __init__(self) -> None:
        super().__init__(Place(where="/nowhere", authorities=Path("/nowhere")), "gate", Path("/nowhere"))
        self.asked = 0
        self.is_full = True

    async def admit(self, asked: Asked) -> LiveFact:
        self.asked += 1
        if self.is_full and asked.rates:
            return over(asked.rates[0])
        return Held(record_id=asked.record_id, until_ms=1)

    def withdraw(self, held: Held) -> None:
        """Nobody is told."""


@pytest.fixture(scope="module")
def provider() -> Provider:
    return Provider(now=datetime.fromtimestamp(NOW, UTC))


class Flood:
    """Calls of one carrier, each with a signature that nobody has seen, through a real line."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, provider: Provider, policy: VerificationPolicy
    ) -> None:
        self.valkey, self.world, self.disk = Valkey(), World(provider), _Disk()
        self.policy, self.provider = policy, provider
        self.case: Case | None = None
        snapshot = snapshot_of(policy)
        self.line = _line(self.disk, lambda: snapshot, Counts(self.valkey), self.world.verifying)
        monkeypatch.setattr(line_module, "screen", lambda *_: self.case)
        monkeypatch.setattr("trunkward.gate.line.time.time", lambda: NOW)

    def urls(self) -> int:
        """Certificates that somebody was asked for."""
        return len(self.world.fetcher.asked)

    def case_of(self, number: int) -> Case:
        """One call of it."""
        somewhere = self.provider.at(f"https://certificates.example.net/{number}.pem")
        identity = somewhere.identity(CALLING, CALLED, iat=NOW)
        return call_in([identity], policy=self.policy, id=f"{number:032x}", waited_ms=2500)

    async def judged(self, case: Case) -> Decision:
        """The decision on it."""
        self.case = case
        decided = await self.line.judge(case.attempt, lambda: True)
        assert isinstance(decided, Decision)
        return decided


def test_a_flood_beyond_a_limit_is_not_verified(monkeypatch: pytest.MonkeyPatch, provider: Provider) -> None:
    flood = Flood(monkeypatch, provider, VerificationPolicy())
    *cases, last = [flood.case_of(number) for number in range(11)]

    async def scenario() -> None:
        verdicts = [(await flood.judged(case)).verdict for case in cases]
        assert {verdict.reason.value for verdict in verdicts} == {"limit-rate"}
        assert all(isinstance(verdict, Reject) and verdict.status == 486 for verdict in verdicts)
        assert (flood.urls(), flood.valkey.asked) == (1, 1)
        records = [record for record in flood.disk.written if isinstance(record, DecisionRecord)]
        assert len(records) == 10
        assert [record.verification is None for record in records] == [False] + 9 * [True]
        assert len({record.findings[-1].detail for record in records}) == 1
        # and a moment later it is asked again
        flood.valkey.is_full = False
        await asyncio.sleep(HOLD_S)
        await flood.judged(last)
        assert (flood.urls(), flood.valkey.asked) == (2, 2)

    asyncio.run(scenario())


def test_who_waits_for_a_certificate_meanwhile_waits_no_more(
    monkeypatch: pytest.MonkeyPatch, provider: Provider
) -> None:
    flood = Flood(monkeypatch, provider, VerificationPolicy())
    waiting = flood.world.verifying._waiting
    cases = [flood.case_of(number) for number in range(2)]
    assert waiting.may(cases[1].attempt.id, "north", 1e12, 0.0)

    async def scenario() -> None:
        for case in cases:
            await flood.judged(case)

    asyncio.run(scenario())
    assert waiting._places == {}
