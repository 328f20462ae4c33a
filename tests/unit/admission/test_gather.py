"""Asking what is alive: all nodes first, in one question, then the signer."""

import asyncio
from collections.abc import Callable
from copy import replace

import pytest

from trunkward.admission.gather import gather, with_signature
from trunkward.admission.limits import asked_of
from trunkward.admission.ports import (
    NOTHING_ASKED,
    Asked,
    Facts,
    Held,
    LiveFact,
    NotSigned,
    Over,
    PeerIdentity,
    Replayed,
    Signature,
    SignatureFact,
    SigningClaims,
    Unavailable,
)
from trunkward.admission.screen import Case, screen
from trunkward.admission.signing import NOT_ASKED
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.shaken.attest import Attestation

SIGNED = Signature(identities=("i",), date="d", iat=1, attest=Attestation.B)
LOST = Unavailable(what="signer", why="signer-timeout")
HELD = Held(record_id="r1", counters=("calls:trunk:acme-hq",), until_ms=1)
ALONE = Held(record_id="r1", counters=("calls:trunk:acme-hq",))
ESCROW = replace(ALONE, reserved=True)


class FakeSigner:
    def __init__(self, answer: SignatureFact) -> None:
        self.answer = answer
        self.asked: list[SigningClaims] = []

    async def sign(self, claims: SigningClaims) -> SignatureFact:
        self.asked.append(claims)
        return self.answer


class FakeClock:
    def __init__(self, *, good: bool | Unavailable) -> None:
        self.good = good

    def synchronised(self) -> bool | Unavailable:
        return self.good


class FakeLive:
    def __init__(self, answer: LiveFact = HELD, escrow: Held | None = None) -> None:
        self.answer = answer
        self.escrow = escrow
        self.asked: list[Asked] = []

    async def admit(self, asked: Asked) -> LiveFact:
        self.asked.append(asked)
        return self.answer

    def admit_alone(self, asked: Asked) -> Held | Over:
        return ALONE

    def admit_by_escrow(self, asked: Asked) -> Held | Over | None:
        assert asked.money is not None
        return self.escrow


@pytest.fixture
def gathered(policy: Snapshot) -> Callable[..., tuple[Facts, FakeSigner, FakeLive]]:
    def gathered(
        case: Case,
        *,
        signature: SignatureFact = SIGNED,
        good: bool | Unavailable = True,
        live: LiveFact = HELD,
        escrow: Held | None = None,
    ) -> tuple[Facts, FakeSigner, FakeLive]:
        signer, all_nodes = FakeSigner(signature), FakeLive(live, escrow)
        asked = asked_of(case, policy, "r1")

        async def both() -> Facts:
            facts = await gather(case, asked, all_nodes)
            return await with_signature(case, facts, signer, FakeClock(good=good))

        return asyncio.run(both()), signer, all_nodes

    return gathered


@pytest.fixture
def case(outbound: Callable[..., CallAttempt], pbx: PeerIdentity, policy: Snapshot) -> Case:
    return screen(outbound(), pbx, policy)


type Gathered = Callable[..., tuple[Facts, FakeSigner, FakeLive]]


@pytest.mark.parametrize("answer", [SIGNED, LOST, NotSigned(why="evidence-expired")])
def test_the_signers_answer_is_a_fact(gathered: Gathered, case: Case, answer: SignatureFact) -> None:
    facts, signer, live = gathered(case, signature=answer)
    assert (facts.signature, facts.clock_synchronised, facts.live) == (answer, True, HELD)
    assert signer.asked == [case.signing_request]
    assert [asked.record_id for asked in live.asked] == ["r1"]


@pytest.mark.parametrize("good", [False, Unavailable(what="clock", why="no-answer")])
def test_a_clock_that_is_off_spares_the_signer(
    gathered: Gathered, case: Case, *, good: bool | Unavailable
) -> None:
    facts, signer, _ = gathered(case, good=good)
    assert (facts.signature, facts.clock_synchronised) == (NotSigned(why="clock-not-synchronised"), good)
    assert signer.asked == []


def test_a_call_that_is_not_signed_asks_no_signer(gathered: Gathered, case: Case) -> None:
    facts, signer, live = gathered(replace(case, signing=NOT_ASKED))
    assert (facts.live, signer.asked, len(live.asked)) == (HELD, [], 1)


@pytest.mark.parametrize(
    "refused",
    [
        Over(key="calls:trunk:acme-hq", most=30, retry_after_s=5),
        Replayed(),
        Unavailable(what="redis", why="redis-timeout"),
    ],
)
def test_a_call_that_is_refused_is_not_signed(gathered: Gathered, case: Case, refused: LiveFact) -> None:
    facts, signer, _ = gathered(case, live=refused)
    assert (facts.live, facts.local, signer.asked) == (refused, None, [])


def test_what_is_lost_is_counted_here_for_inbound_calls(
    gathered: Gathered, inbound: Callable[..., CallAttempt], policy: Snapshot
) -> None:
    lost = Unavailable(what="redis", why="redis-lost")
    case = screen(inbound(), None, policy)
    facts, _, _ = gathered(case, live=lost)
    assert (facts.live, facts.local) == (lost, ALONE)
    facts, _, _ = gathered(case)
    assert (facts.live, facts.local) == (HELD, None)


def test_what_is_lost_goes_by_escrow_for_calls_at_home(
    gathered: Gathered, outbound: Callable[..., CallAttempt], pbx: PeerIdentity, policy: Snapshot
) -> None:
    lost = Unavailable(what="redis", why="redis-lost")
    facts, signer, _ = gathered(screen(outbound(), pbx, policy), live=lost, escrow=ESCROW)
    assert (facts.live, facts.local, facts.signature) == (lost, ESCROW, SIGNED)
    assert signer.asked
    for called in ("+442079460123", "+18005550123"):  # abroad; free, so that nobody has counted it
        facts, signer, _ = gathered(screen(outbound(called), pbx, policy), live=lost, escrow=ESCROW)
        assert (facts.local, signer.asked) == (None, [])


def test_an_emergency_asks_nobody(
    gathered: Gathered, outbound: Callable[..., CallAttempt], pbx: PeerIdentity, policy: Snapshot
) -> None:
    """Property 9: not the signer either, whatever that would answer."""
    facts, signer, live = gathered(screen(outbound("911"), pbx, policy))
    assert (facts.live, live.asked, signer.asked) == (NOTHING_ASKED, [], [])
