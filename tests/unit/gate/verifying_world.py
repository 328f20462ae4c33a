"""A gate that verifies, its fetcher in the test's hand."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from sipkit.carrier_call import CALLED, CALLING, NOW, call_in
from sipkit.provider import Provider
from trunkward.admission.ports import Unverified
from trunkward.admission.screen import Case
from trunkward.engines.fetcher_client import FetcherLost
from trunkward.engines.fetcher_wire import ChainAnswer, ChainGiven
from trunkward.engines.trust import Trust
from trunkward.gate.verification_counts import VerificationCounts
from trunkward.gate.verifying import Verifying
from trunkward.shaken.trusted_list import TrustedList
from trunkward.shaken.verify import Verification

DAY = 86_400.0
THEN = datetime.fromtimestamp(NOW, UTC)


class Fetcher:
    """Has chains, or takes its time."""

    def __init__(self) -> None:
        self.answers: dict[str, ChainAnswer | Exception] = {}
        self.asked: list[str] = []
        self.senders: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    async def ask(self, url: str, sender: str) -> ChainAnswer:
        self.asked.append(url)
        self.senders.append(sender)
        await self.open.wait()
        answer = self.answers.get(url, FetcherLost("fetcher-unreachable"))
        if isinstance(answer, Exception):
            raise answer
        return answer


class World:
    """A gate, a provider that calls, and a fetcher with its chain."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.fetcher = Fetcher()
        self.fetcher.answers[provider.url] = self.given()
        self.synchronised: Any = True
        self.trust = SimpleNamespace(trust=Trust(authorities=TrustedList.of(provider.root), edition=1))
        clock = SimpleNamespace(synchronised=lambda: self.synchronised)
        self.counts = VerificationCounts()
        self.verifying = Verifying(self.fetcher, self.trust, clock, self.counts)

    def given(self, until: float = NOW + DAY) -> ChainGiven:
        return ChainGiven(id=1, chain=self.provider.chain.decode(), until=until)

    async def look(self, case: Case, now_s: float = NOW) -> Any:
        return await self.verifying.look(case, now_s)

    def case(self, **changes: Any) -> Case:
        return call_in([self.provider.identity(CALLING, CALLED, iat=NOW)], **changes)


LATE = Unverified(why="certificate-late")
NOBODY_TRUSTED = Unverified(why="no-trusted-list", node_wide=True)


def errors(found: Any) -> list[Any]:
    assert isinstance(found, Verification)
    return [judged.error for judged in found.passports if judged.error]


def run(provider: Provider, scenario: Callable[[World], Any]) -> None:
    async def whole() -> None:
        await scenario(World(provider))

    asyncio.run(whole())
