"""Asking what is alive."""

import asyncio

import pytest

from trunkward.admission.gather import gather
from trunkward.admission.ports import (
    NO_FACTS,
    NotSigned,
    Signature,
    SignatureFact,
    SigningClaims,
    Unavailable,
)
from trunkward.shaken.attest import Attestation

CLAIMS = SigningClaims(
    trunk="acme-hq", tenant="acme", orig="12025550101", dest="12025550199", level=Attestation.B, evidence=None
)
SIGNED = Signature(identity="i", date="d", iat=1, attest=Attestation.B)
LOST = Unavailable(what="signer", why="signer-timeout")


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


@pytest.mark.parametrize("answer", [SIGNED, LOST, NotSigned(why="evidence-expired")])
def test_the_signers_answer_is_a_fact(answer: SignatureFact) -> None:
    signer = FakeSigner(answer)
    facts = asyncio.run(gather(CLAIMS, signer, FakeClock(good=True)))
    assert (facts.signature, facts.clock_synchronised, signer.asked) == (answer, True, [CLAIMS])


@pytest.mark.parametrize("good", [False, Unavailable(what="clock", why="no-answer")])
def test_a_clock_that_is_off_spares_the_signer(*, good: bool | Unavailable) -> None:
    signer = FakeSigner(SIGNED)
    facts = asyncio.run(gather(CLAIMS, signer, FakeClock(good=good)))
    assert (facts.signature, facts.clock_synchronised) == (NotSigned(why="clock-not-synchronised"), good)
    assert signer.asked == []


def test_a_call_that_is_not_signed_asks_nobody() -> None:
    signer = FakeSigner(SIGNED)
    assert asyncio.run(gather(None, signer, FakeClock(good=True))) == NO_FACTS
    assert signer.asked == []
