"""A flood beyond a limit: its calls are refused before they are verified, and nobody else is."""

import asyncio
from copy import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import trunkward.gate.full as module
import trunkward.gate.line as line_module
from sipkit.carrier_call import CALLED, CALLING, NOW, call_in, snapshot_of
from sipkit.provider import Provider
from trunkward.admission.ports import Asked, Counter, Held, LiveFact, Over, Rate
from trunkward.admission.screen import Case
from trunkward.calls.verdict import Reject, Wait
from trunkward.control.verification_keys import _MOST_WAIT_MS as MOST_WAIT_MS
from trunkward.gate.counts import Counts
from trunkward.gate.full import LATELY_S, FullLately
from trunkward.gate.server import Decision
from trunkward.live.client import LiveClient
from trunkward.records.model import DecisionRecord
from trunkward.settings import Place
from trunkward.trunks.verification import WAIT_MS, VerificationPolicy
from unit.gate.test_line import _Disk, _line
from unit.gate.verifying_world import World

LINES, RATE = Counter(key="calls:trunk:a", most=30), Rate(key="rate-in:trunk:a", per_second=10, burst=10)
OTHER = Rate(key="rate-in:trunk:b", per_second=10, burst=10)


def asking(*limits: Counter | Rate) -> Asked:
    counters = tuple(one for one in limits if isinstance(one, Counter))
    rates = tuple(one for one in limits if isinstance(one, Rate))
    return Asked(record_id="r", hold_s=30, counters=counters, rates=rates)


def over(limit: Counter | Rate) -> Over:
    return Over(key=limit.key, most=1, retry_after_s=1)


@pytest.mark.parametrize("limit", [LINES, RATE])
def test_what_was_full_is_asked_about_first_for_a_while(limit: Counter | Rate) -> None:
    full = FullLately()
    assert not full
    full.hears(over(OTHER), 95.0)
    full.hears(over(limit), 100.0)
    full.hears(over(OTHER), 101.0)
    assert full.has(asking(LINES, RATE), 100.0 + LATELY_S - 0.001)
    assert not full.has(asking(LINES, RATE), 100.0 + LATELY_S)
    assert full.has(asking(OTHER), 100.0 + LATELY_S)
    assert not full.has(asking(OTHER), 101.0 + LATELY_S)
    assert not full


def test_those_of_a_flood_hear_of_each_other() -> None:
    """The first is refused when it has waited for its certificate; by then the next must not be forgotten."""
    assert MOST_WAIT_MS / 1000 < LATELY_S


def test_no_number_of_numbers_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    full = FullLately()
    rates = [Rate(key=f"rate-in:trunk:a:number:{number}", per_second=1, burst=1) for number in range(5)]
    for rate in rates:
        full.hears(over(rate), 100.0)
    assert [full.has(asking(rate), 100.0) for rate in rates] == [False, False, True, True, True]


class Valkey(LiveClient):
    """Has room for nobody, or for all."""

    def __init__(self) -> None:
        super().__init__(Place(where="/nowhere", authorities=Path("/nowhere")), "gate", Path("/nowhere"))
        #: For a place, and whether there is one.
        self.asked = self.looked = 0
        self.is_full = True

    async def admit(self, asked: Asked) -> LiveFact:
        self.asked += 1
        return await self._full(asked) or Held(record_id=asked.record_id, until_ms=1)

    async def over(self, asked: Asked) -> Over | None:
        self.looked += 1
        return await self._full(asked)

    async def _full(self, asked: Asked) -> Over | None:
        return over(asked.rates[0]) if self.is_full and asked.rates else None

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
        return call_in([identity], policy=self.policy, id=f"{number:032x}")

    async def judged(self, case: Case, waited_ms: int = 0) -> Decision | Wait:
        """The decision on it, of an edge that has waited so long."""
        self.case = replace(case, attempt=replace(case.attempt, waited_ms=waited_ms))
        decided = await self.line.judge(self.case.attempt, lambda: True)
        assert decided is not None
        return decided


def reasons(decided: list[Decision | Wait]) -> set[str]:
    """Of those that are decided."""
    return {one.verdict.reason.value for one in decided if isinstance(one, Decision)}


@pytest.fixture
def flood(monkeypatch: pytest.MonkeyPatch, provider: Provider) -> Flood:
    return Flood(monkeypatch, provider, VerificationPolicy())


def test_a_flood_beyond_a_limit_is_not_verified(flood: Flood) -> None:
    """Each of its certificates takes as long as a call may wait: only those are asked for that came before one was refused."""
    first, *cases, last = [flood.case_of(number) for number in range(12)]

    async def scenario() -> None:
        flood.world.fetcher.open.clear()
        assert isinstance(await flood.judged(first), Wait)
        assert reasons([await flood.judged(first, waited_ms=WAIT_MS)]) == {"limit-rate"}
        assert (flood.urls(), flood.valkey.asked, flood.valkey.looked) == (1, 1, 0)
        decided = [await flood.judged(case) for case in cases]
        assert reasons(decided) == {"limit-rate"}
        assert all(isinstance(one, Decision) and isinstance(one.verdict, Reject) for one in decided)
        assert (flood.urls(), flood.valkey.asked, flood.valkey.looked) == (1, 1, 10)
        records = [record for record in flood.disk.written if isinstance(record, DecisionRecord)]
        assert [record.verification is None for record in records] == [False] + 10 * [True]
        assert len({record.findings[-1].detail for record in records}) == 1
        # and whoever comes when there is room is verified, at once
        flood.valkey.is_full = False
        assert isinstance(await flood.judged(last), Wait)
        assert (flood.urls(), flood.valkey.asked, flood.valkey.looked) == (2, 1, 11)

    asyncio.run(scenario())


def test_who_waits_for_a_certificate_is_asked_about_when_it_is_there(flood: Flood) -> None:
    first, waiting = flood.case_of(0), flood.case_of(1)

    async def scenario() -> None:
        flood.world.fetcher.open.clear()
        assert isinstance(await flood.judged(waiting), Wait)
        await flood.judged(first, waited_ms=WAIT_MS)
        assert isinstance(await flood.judged(waiting, waited_ms=100), Wait)
        flood.valkey.is_full = False
        assert reasons([await flood.judged(waiting, waited_ms=WAIT_MS)]) == {"admitted"}
        assert flood.valkey.looked == 0

    asyncio.run(scenario())


def test_a_valkey_that_is_lost_is_not_asked_twice(flood: Flood) -> None:
    async def scenario() -> None:
        await flood.judged(flood.case_of(0))
        flood.line._counts.lost = True
        await flood.judged(flood.case_of(1))
        assert (flood.valkey.asked, flood.valkey.looked) == (2, 0)

    asyncio.run(scenario())
