"""Asking what is alive, once per call and only what the call needs.

1. What all nodes agree on (limits, nonces, registrations, signatures seen), in one question (`gather`).
2. The clock's state and the signer, for a call that is to be signed and has not been refused by then
   (`with_signature`).

Whatever is lost comes back as a fact.
"""

from copy import replace

from trunkward.admission.ports import (
    NO_FACTS,
    NOTHING_ASKED,
    Asked,
    Clock,
    Facts,
    Held,
    Live,
    NotSigned,
    Signer,
    Unavailable,
    VerificationFact,
)
from trunkward.admission.screen import Case, Direction


async def gather(case: Case, asked: Asked, live: Live, verification: VerificationFact = None) -> Facts:
    """The facts of one call that nothing has been found against so far; `verification` is one of them."""
    fact = NOTHING_ASKED if asked.empty else await live.admit(asked)
    facts = replace(NO_FACTS, live=fact, verification=verification)
    local = None
    if isinstance(fact, Unavailable) and case.direction is Direction.INBOUND:
        local = live.admit_alone(asked)
    elif isinstance(fact, Unavailable) and case.may_use_escrow:
        local = live.admit_by_escrow(asked)
    return replace(facts, local=local)


async def with_signature(case: Case, facts: Facts, signer: Signer, clock: Clock) -> Facts:
    """The same with the signature of a call that has its places."""
    claims = case.signing_request
    if claims is None or not (isinstance(facts.live, Held) or isinstance(facts.local, Held)):
        return facts
    synchronised = clock.synchronised()
    if synchronised is not True:
        # RFC 8224 section 4.1: the time is part of what is signed
        unsigned = NotSigned(why="clock-not-synchronised")
        return replace(facts, signature=unsigned, clock_synchronised=synchronised)
    return replace(facts, signature=await signer.sign(claims), clock_synchronised=True)
