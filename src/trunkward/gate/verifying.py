"""Verifying a call that others signed: the credentials behind its signatures, from memory or the fetcher.

Nothing here waits for a certificate. One that is not known is asked for, and if it is not there in a moment
the edge lets the call wait suspended, and asks again: for as long as the policy for whoever sent it says, in
steps that double at first. What is known of a URL is the bytes it leads to; what they are worth is found out
here, and again whenever the trusted list or the revocations are others, and every minute: so nothing another
process keeps can make a certificate good.

A certificate its host does not give is the fault of whoever named the host; one that something of ours did
not let us see is nobody's error (`fetch.chains.FAULT_OF`), and excuses none beside it.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from copy import replace
from typing import Protocol

import structlog

from trunkward.admission.ports import Clock, Facts, Unverified, VerificationFact
from trunkward.admission.screen import Case
from trunkward.admission.verified import NO_IDENTITY, called_as, policy_of, worth_of
from trunkward.calls.verdict import Wait
from trunkward.engines.fetcher_client import FetcherBusy, FetcherLost
from trunkward.engines.fetcher_wire import ChainAnswer, ChainGiven, NoChain, holds
from trunkward.engines.trust import Trust
from trunkward.fetch.chains import Fault, fault_of
from trunkward.gate.known import KnownChains
from trunkward.gate.verification_counts import VerificationCounts
from trunkward.gate.waiting import Waiting
from trunkward.shaken.causes import Cause, CredentialFault
from trunkward.shaken.credential import Credential, credential_of
from trunkward.shaken.diversion import MAX_DEPTH
from trunkward.shaken.received import RCD
from trunkward.shaken.verify import Judged, Verification, Verstat, urls_of, verify
from trunkward.trunks.verification import LEAST_WAIT_MS

#: Seconds a judgement waits for what the fetcher has on disk or in Valkey; the edge waits with it.
QUICK_S = 0.03
#: Milliseconds after which the edge asks again, the first time and at most: an answer must not be forgotten
#: by then, and one for which nobody but us is to blame holds for a second (`fetcher.chains`, `OURS_S`).
FIRST_WAIT_MS, MOST_WAIT_MS = 100, 500
#: Seconds for which a sender hears again what the fetcher was not asked for.
OURS_S = 1.0
#: Calls that are let wait at once, by one gate, half of them at most of one sender; others go on unverified.
MOST_WAITING = 2000
#: URLs of one call that are asked for: a `shaken` and its `div`s, each of which may be of another provider.
#: What is known of others is used.
MOST_ASKED = 1 + MAX_DEPTH
#: Seconds after which a credential is looked at again: it may have ended, and so may the list of revocations.
RECHECK_S = 60.0

_log = structlog.get_logger("gate")


class Fetcher(Protocol):
    """Who has chains (`engines.fetcher_client.FetcherClient`)."""

    async def ask(self, url: str, sender: str) -> ChainAnswer:
        """The chain behind a URL of a call of `sender`, whenever it comes. Raises `FetcherLost`."""


class TrustInForce(Protocol):
    """Whom signatures may lead to (`engines.trust.TrustFiles`)."""

    @property
    def trust(self) -> Trust | None:
        """As it is now; None: there is no list."""


class Verifying:
    """What one gate knows of certificates; belongs to one event loop."""

    def __init__(
        self, fetcher: Fetcher, trust: TrustInForce, clock: Clock, counts: VerificationCounts
    ) -> None:
        """Knows nothing yet."""
        self._fetcher = fetcher
        self._trust = trust
        self._clock = clock
        self._counts = counts
        self._known = KnownChains()
        #: By sender and URL: what one sender is refused for its number no other one hears.
        self._asked: dict[tuple[str, str], asyncio.Task[Unverified | None]] = {}
        self._waiting = Waiting(MOST_WAITING)

    async def look(self, case: Case, now_s: float) -> VerificationFact | Wait:
        """What a call's signatures are worth; `Wait`: nobody knows yet. `now_s` in seconds since the epoch.

        1. Only calls that others signed are looked at (`policy_of`), while our own time and list are good.
        2. The certificates they name are known, or asked for.
        3. Those that do not come in a moment are waited for elsewhere, as long as the policy says.
        4. They are held against the call.
        5. What we could not look at is no fault of theirs; what is wrong with the others stands all the same.
        """
        # 1.
        policy, values = policy_of(case), case.attempt.headers.get("identity", [])
        if policy is None:
            return None
        if not values:
            return Unverified(why=NO_IDENTITY)
        if self._clock.synchronised() is not True:
            return Unverified(
                why="clock-not-synchronised", node_wide=True
            )  # RFC 8224 section 6.2: the time is what is judged
        trust = self._trust.trust
        if trust is None or (trust.is_test and not case.node.test_authority_counts):
            return _NO_LIST
        # 2.
        urls = urls_of(values)
        sender = case.source.name if case.source is not None else ""
        wanted = [url for url in urls[:MOST_ASKED] if not self._knows(url, now_s)]
        hindered, late = await self._wanting(wanted, sender)
        # 3.
        attempt = case.attempt
        left_ms = policy.wait_ms - attempt.waited_ms
        if late and left_ms > 0 and self._may_wait(attempt.id, sender, left_ms / 1000):
            step_ms = min(max(FIRST_WAIT_MS, attempt.waited_ms), MOST_WAIT_MS)
            return Wait(id=attempt.id, for_ms=min(left_ms, step_ms))
        if attempt.waited_ms < LEAST_WAIT_MS:  # its host has had less time than it may take
            hindered |= dict.fromkeys(late, _LATE)
        # 4.
        credentials = {url: self._credential(url, trust, now_s) for url in urls}
        found = verify(values, call=called_as(case), credentials=credentials, now_s=now_s)
        # 5.
        return _without_ours(found, self._refused_by_us(urls, now_s) | hindered, is_test=trust.is_test)

    def count(self, case: Case, facts: Facts) -> None:
        """Counts what was found of a call that was judged."""
        self._waiting.over(case.attempt.id)
        if case.source is not None and facts.verification is not None:
            self._counts.judged(case.source.name, worth_of(facts))

    def _knows(self, url: str, now_s: float) -> bool:
        known = self._known.peek(url)
        return known is not None and holds(known.answer, now_s)

    async def _wanting(self, urls: list[str], sender: str) -> tuple[dict[str, Unverified], list[str]]:
        """Asks for chains and waits a moment: which the fetcher is not asked for, and which are late.

        The edge's worker waits, too: only for what nobody was asked for before.
        """
        if not urls:
            return {}, []
        within_s = 0.0 if self._asked.keys() >= {(sender, url) for url in urls} else QUICK_S
        asked = {url: self._ask(url, sender) for url in urls}
        await asyncio.wait(asked.values(), timeout=within_s)
        done = {url: task.result() for url, task in asked.items() if task.done()}
        return {url: why for url, why in done.items() if why}, [url for url in urls if url not in done]

    def _ask(self, url: str, sender: str) -> asyncio.Task[Unverified | None]:
        """All calls of a sender that want one URL want it once."""
        task = self._asked.get((sender, url))
        if task is None:
            task = self._asked[sender, url] = asyncio.create_task(self._learn(url, sender))
            task.add_done_callback(lambda done: self._answered(done, (sender, url)))
        return task

    async def _learn(self, url: str, sender: str) -> Unverified | None:
        try:
            answer = await self._fetcher.ask(url, sender)
        except FetcherLost as lost:
            return Unverified(why=str(lost), node_wide=not isinstance(lost, FetcherBusy))
        self._known.learn(url, answer)
        return None

    def _answered(self, task: asyncio.Task[Unverified | None], key: tuple[str, str]) -> None:
        """Calls that wait ask again in a while: they hear then that their sender's share was used up."""
        refused = None if task.cancelled() else task.result()
        if refused is not None and not refused.node_wide:
            task.get_loop().call_later(OURS_S, self._asked.pop, key, None)
        else:
            del self._asked[key]

    def _may_wait(self, attempt_id: str, sender: str, for_s: float) -> bool:
        now_s = time.monotonic()
        if not self._waiting.may(attempt_id, sender, now_s + for_s, now_s):
            return False
        self._counts.waited += 1
        return True

    def _refused_by_us(self, urls: Sequence[str], now_s: float) -> dict[str, Unverified]:
        """Of certificates, those the fetcher says it could not get for a fault of ours."""
        hindered = {}
        for url in urls:
            known = self._known.peek(url)
            if known is not None and isinstance(known.answer, NoChain) and holds(known.answer, now_s):
                fault = fault_of(known.answer.why)
                if fault is not Fault.SENDER:
                    hindered[url] = Unverified(why=known.answer.why, node_wide=fault is Fault.NODE)
        return hindered

    def _credential(self, url: str, trust: Trust, now_s: float) -> Credential | CredentialFault:
        known = self._known.peek(url)
        if known is None:
            return CredentialFault(Cause.CERTIFICATE_UNAVAILABLE, "not here in time")
        if (
            known.credential is None
            or known.edition != trust.edition
            or not 0 <= now_s - known.at_s <= RECHECK_S
        ):
            known.credential = _looked_at(known.answer, trust, now_s)
            known.edition, known.at_s = trust.edition, now_s
        self._known.used(url, known)
        return known.credential


#: Why a call is not verified whose certificate was not waited for as long as it may take.
_LATE = Unverified(why="certificate-late")
_NO_LIST = Unverified(why="no-trusted-list", node_wide=True)


def _without_ours(
    found: Verification, hindered: Mapping[str, Unverified], *, is_test: bool
) -> VerificationFact:
    """What was found, without errors that are no sender's: `hindered` says by URL what we could not look at.

    An error of another PASSporT stands: else a header nobody can look at would excuse whatever is beside it.
    Only where there is none, and nothing has passed, nobody has looked. That is of the whole node's making
    only if nothing else hindered us.
    """
    ours, theirs = list[Unverified](), list[Judged]()
    for judged in found.passports:
        cause = judged.error.cause if judged.error is not None else None
        if cause is Cause.CERTIFICATE_UNAVAILABLE and judged.x5u in hindered:
            ours.append(hindered[judged.x5u])
        elif cause is Cause.CHAIN_NOT_TRUSTED and is_test:
            ours.append(_NO_LIST)  # of all others nobody has told us whom to trust
        else:
            theirs.append(judged)
    if not ours:
        return found
    wrong = any(judged.error is not None and judged.ppt != RCD for judged in theirs)
    if found.outcome is Verstat.PASSED or wrong:
        return replace(found, passports=tuple(theirs))
    return next((one for one in ours if not one.node_wide), ours[0])


def _looked_at(answer: ChainAnswer, trust: Trust, now_s: float) -> Credential | CredentialFault:
    if not isinstance(answer, ChainGiven):
        return CredentialFault(Cause.CERTIFICATE_UNAVAILABLE, answer.why)
    try:
        return credential_of(
            answer.chain.encode(), trust.authorities, trust.revocations, now_s, hard=trust.hard
        )
    except CredentialFault as fault:
        return fault
    except Exception:  # a certificate a library has never seen the like of
        _log.exception("fault while reading a certificate")
        return CredentialFault(Cause.CERTIFICATE_UNREADABLE, "a certificate nobody can read")
