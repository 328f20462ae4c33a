"""Asking what is alive, once per call and only what the call needs.

In force now: the clock's state and the signer. Whatever is lost comes back as a fact.
"""

from trunkward.admission.ports import NO_FACTS, Clock, Facts, NotSigned, Signer, SigningClaims


async def gather(claims: SigningClaims | None, signer: Signer, clock: Clock) -> Facts:
    """The facts of one call; `claims` is None for a call that is not signed, which then asks nobody."""
    if claims is None:
        return NO_FACTS
    synchronised = clock.synchronised()
    if synchronised is not True:
        # RFC 8224 section 4.1: the time is part of what is signed
        return Facts(signature=NotSigned(why="clock-not-synchronised"), clock_synchronised=synchronised)
    return Facts(signature=await signer.sign(claims), clock_synchronised=True)
