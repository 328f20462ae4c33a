"""What one outbound call is signed with, by whom, and by which rule; or why it is not signed."""

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise

import msgspec

from trunkward.admission.caller import Caller, Right
from trunkward.admission.ports import SigningClaims
from trunkward.admission.received import SignedAs, signed_as
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.numbering.e164 import E164
from trunkward.routing.choose import Way
from trunkward.shaken.attest import AttestDecision, Attestation, Ingress, Rule, decide_attestation
from trunkward.shaken.number import canonical_tn
from trunkward.trunks.model import Trunk

#: Seconds. A retarget keeps the time of the call it is of (RFC 8946 section 4), unless the call is so old that it
#: might be outside of the window of whoever verifies it (a minute, ATIS-1000074) when it gets there.
_KEPT_S = 30
#: What an obligated provider says of a call whose signature alone is ours (3GPP TS 24.229 section 7.2.18).
_ATTESTATION_INFO = "attestation-info"
#: Rule of a level it has supplied.
SUPPLIED = "supplied-by-provider"


class WhyNot(StrEnum):
    """Why a call goes unsigned that no rule of attestation keeps from being signed."""

    #: SHAKEN has no claim for who has no number (RFC 8588 section 4).
    NO_NUMBER = "none-caller-without-number"
    #: It goes only to whom is not to hear the number, which a signature has in plain text.
    PRIVATE = "none-caller-private"
    #: The obligated provider has not said which level, and nobody else may (FCC 24-120).
    NOT_SUPPLIED = "none-level-not-supplied"


class Signing(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a call's signatures."""

    #: None: we sign nothing.
    claims: SigningClaims | None = None
    #: Why not, or of retargets alone why no more: a rule's id; "" where nobody asks (it is no outbound call).
    unsigned: str = ""
    #: The Identity headers it came with go on, byte for byte (47 CFR 64.6302(a)).
    passes_on: bool = False
    #: So does its Date, which belongs to them; otherwise ours stands in its place.
    keeps_date: bool = False


NOT_ASKED = Signing()


def signing_of(
    attempt: CallAttempt,
    trunk: Trunk,
    caller: Caller,
    called: object,
    ways: Sequence[Way],
    policy: Snapshot,
) -> Signing:
    """What a customer's call, or one in transit, is signed with.

    1. A call for help is not signed; one in transit keeps what it has.
    2. Who calls has a number, and somebody on the way may hear it.
    3. In transit: what came signed goes on as it came; what did not is signed C, beside what else it has.
    4. Diverted by the customer, and signed by whoever called him: that stays, with a `div` for each retarget.
    5. Otherwise by the rules (`shaken.attest`), or by what the obligated provider supplies; where it was diverted
       without a signature, as it came to the customer's number, with a `div` for each retarget.
    """
    values = attempt.headers.get("identity", [])
    passes = trunk.in_transit and bool(values)
    kept = Signing(passes_on=passes, keeps_date=passes and "date" in attempt.headers)
    # 1.
    if not isinstance(called, E164):
        return msgspec.structs.replace(kept, unsigned=Rule.EMERGENCY.value)
    # 2.
    received = signed_as(values) if values else None
    if caller.number is None:
        why = Rule.ALREADY_SIGNED.value if passes and received else WhyNot.NO_NUMBER.value
        return msgspec.structs.replace(kept, unsigned=why)
    if caller.anonymous and not any(way.carrier.trusted for way in ways):
        return msgspec.structs.replace(kept, unsigned=WhyNot.PRIVATE.value)
    # 3.
    orig, numbers = canonical_tn(caller.number), [canonical_tn(n) for n in (*caller.retargets, called)]
    signed = received is not None and trunk.in_transit
    decision = _decided(attempt, trunk, orig, policy, already_signed=signed)
    if decision.level is None:
        return msgspec.structs.replace(kept, unsigned=decision.rule.value)
    # 4.
    if not trunk.in_transit and received is not None and received.orig == orig:
        came = _diverted(attempt, trunk, received, numbers, policy)
        if came is not None:
            return came
    # 5.
    claims = _claims(attempt, trunk, orig, numbers, decision, policy)
    if claims is None:
        return msgspec.structs.replace(kept, unsigned=WhyNot.NOT_SUPPLIED.value)
    named = claims.level is Attestation.A and caller.right in (Right.OWN, Right.VERIFIED, Right.REPLACED)
    if named and not caller.anonymous:
        claims = msgspec.structs.replace(claims, caller_name=trunk.caller_name)
    return msgspec.structs.replace(kept, claims=claims)


def _decided(
    attempt: CallAttempt, trunk: Trunk, orig: str, policy: Snapshot, *, already_signed: bool
) -> AttestDecision:
    ingress = Ingress(
        trunk=trunk.name,
        role=trunk.role,
        authenticated=True,  # whose call it is was found out before (check 2)
        customer=trunk.customer,
        orig_tn=orig,
        evidence=tuple(policy.evidence(orig)),
        already_signed=already_signed,
    )
    return decide_attestation(ingress, int(attempt.at))


def _diverted(
    attempt: CallAttempt, trunk: Trunk, received: SignedAs, numbers: list[str], policy: Snapshot
) -> Signing | None:
    """A call that came signed to one of the numbers that diverted it; None: it did not, and is signed anew.

    `numbers` are those it went to, and where it goes.
    """
    came_to = [at for at, number in enumerate(numbers) if number in received.reached]
    if not came_to or len(numbers) == 1:
        return None
    ways = _links(numbers[came_to[-1] :])
    fresh = abs(attempt.at - received.iat) <= _KEPT_S
    kept = Signing(passes_on=True, keeps_date=fresh and "date" in attempt.headers)
    signed = Rule.ALREADY_SIGNED.value
    if not ways:  # the customer's own switch has signed its retargets
        return msgspec.structs.replace(kept, unsigned=signed)
    claims = SigningClaims(
        trunk=trunk.name,
        tenant=trunk.tenant,
        identity=policy.identity_of(trunk).name,
        orig=received.orig,
        dest=ways[0][1],
        level=None,
        rule=signed,
        customer=trunk.customer.reference if trunk.customer else "",
        retargets=ways,
        received_iat=received.iat if fresh else None,
    )
    return msgspec.structs.replace(kept, claims=claims, unsigned=signed)


def _claims(
    attempt: CallAttempt,
    trunk: Trunk,
    orig: str,
    numbers: list[str],
    decision: AttestDecision,
    policy: Snapshot,
) -> SigningClaims | None:
    identity = policy.identity_of(trunk)
    claims = SigningClaims(
        trunk=trunk.name,
        tenant=trunk.tenant,
        identity=identity.name,
        orig=orig,
        dest=numbers[0],
        level=decision.level,
        rule=decision.rule.value,
        lack=decision.lack.value if decision.lack else "",
        customer=trunk.customer.reference if trunk.customer else "",
        evidence=policy.evidence(orig)[decision.evidence]
        if decision.level is Attestation.A and decision.evidence
        else None,
        retargets=_links(numbers),
    )
    if not identity.third_party:
        return claims
    supplied = _supplied(attempt)
    if supplied is None:
        return None
    return msgspec.structs.replace(
        claims, level=supplied, supplied=supplied, rule=SUPPLIED, lack="", evidence=None
    )


def _links(numbers: list[str]) -> tuple[tuple[str, str], ...]:
    return tuple((after, before) for before, after in pairwise(numbers))


def _supplied(attempt: CallAttempt) -> Attestation | None:
    """The level in the one `Attestation-Info` header there is; None: there is none that can be believed."""
    said = attempt.headers.get(_ATTESTATION_INFO, [])
    levels = [level for level in Attestation if said == [level.value]]
    return levels[0] if levels else None
