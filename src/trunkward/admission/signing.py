"""What one outbound call is signed with and by whom, or why it is not; and what it came signed with."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from trunkward.admission.attesting import Attested, attesting
from trunkward.admission.caller import Caller, Right
from trunkward.admission.ports import SigningClaims, VerificationFact
from trunkward.admission.received import SignedAs, signed_as
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.numbering.e164 import E164
from trunkward.routing.choose import Way
from trunkward.shaken.attest import Attestation, Came, Rule
from trunkward.shaken.number import canonical_tn
from trunkward.shaken.verify import Verification, Verstat
from trunkward.trunks.model import Trunk
from trunkward.trunks.transit import CallerName

#: Seconds. A retarget keeps the time of the call it is of (RFC 8946 section 4), unless that is so long ago
#: that it might be outside of the window of whoever verifies it (a minute, ATIS-1000074) when it gets there.
_KEPT_S = 30
#: What an obligated provider says of a call whose signature alone is ours (3GPP TS 24.229 section 7.2.18).
_ATTESTATION_INFO = "attestation-info"
#: Whose name it is that somebody has looked at.
_NAMED = (Right.OWN, Right.VERIFIED, Right.REPLACED)


class Signing(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a call's signatures."""

    #: By which rule it is signed, or not; None: no trunk of ours shows a number.
    attested: Attested | None = None
    #: None: we sign nothing.
    claims: SigningClaims | None = None
    #: Why not, or of retargets alone why no more; "" where nobody asks (it is no outbound call).
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
    found: VerificationFact = None,
) -> Signing:
    """What a customer's call, or one in transit, is signed with.

    `found`: what a call in transit came signed with is worth; None: nobody has looked at it yet.

    1. In transit: what it came with goes on, whatever else becomes of it.
    2. SHAKEN has no claim for who has no number (RFC 8588 section 4).
    3. By the rules a call for help is not signed, nor a second time what came signed in transit. (What did
       not is signed C; so is what came signed and was found not to be enough: not good, or at a gateway less
       than A.)
    4. A signature names the caller: where nobody on the way is to hear of him, none is made.
    5. Diverted by the customer, and signed by whoever called him: that stays, with a `div` for each retarget.
    6. Everything else is signed by the rules, or as the obligated provider supplies; what was diverted and
       not signed, as it came to the customer's number, with a `div` for each retarget.
    """
    values = attempt.headers.get("identity", [])
    received = signed_as(values) if values else None
    # 1.
    passes = trunk.in_transit and bool(values)
    kept = Signing(passes_on=passes, keeps_date=passes and "date" in attempt.headers)
    # 2.
    number = caller.number
    if number is None:
        rule = Rule.ALREADY_SIGNED if passes and received else Rule.NO_NUMBER
        return msgspec.structs.replace(kept, unsigned=rule.value)
    # 3.
    came = _came(received, found) if trunk.in_transit else Came.UNSIGNED
    emergency = not isinstance(called, E164)
    attested = attesting(trunk, number, policy, attempt.at, emergency=emergency, came=came)
    kept = msgspec.structs.replace(kept, attested=attested)
    if attested.level is None:
        return msgspec.structs.replace(kept, unsigned=attested.rule.value)
    # 4.
    if caller.anonymous and not any(way.carrier.trusted for way in ways):
        return msgspec.structs.replace(kept, unsigned=Rule.PRIVATE.value)
    # 5.
    numbers = [canonical_tn(str(number)) for number in (*caller.retargets, called)]
    if received is not None and came is not Came.NOT_GOOD and received.orig == canonical_tn(number):
        diverted = _came_signed(attempt, trunk, received, numbers, attested, policy)
        if diverted is not None:
            return diverted
    # 6.
    return _signed(attempt, trunk, caller, numbers, kept, policy)


def _came(received: SignedAs | None, found: VerificationFact) -> Came:
    if received is None:
        return Came.UNSIGNED
    if found is None:
        return Came.SIGNED
    if not isinstance(found, Verification):
        return Came.SIGNED if found.node_wide else Came.NOT_GOOD
    if found.outcome is not Verstat.PASSED:
        return Came.NOT_GOOD
    return Came.FULL if found.attest is Attestation.A else Came.NOT_FULL


def _came_signed(
    attempt: CallAttempt,
    trunk: Trunk,
    received: SignedAs,
    numbers: list[str],
    attested: Attested,
    policy: Snapshot,
) -> Signing | None:
    """A call that came signed to a number that diverted it; None: it did not, and is signed anew.

    `numbers` are those it went to, and where it goes.
    """
    reached = [at for at, number in enumerate(numbers) if number in received.reached]
    if not reached or len(numbers) == 1:
        return None
    fresh = abs(attempt.at - received.iat) <= _KEPT_S
    signing = Signing(
        attested=msgspec.structs.replace(
            attested, rule=Rule.ALREADY_SIGNED, level=None, lack=None, token=None
        ),
        unsigned=Rule.ALREADY_SIGNED.value,
        passes_on=True,
        keeps_date=fresh and "date" in attempt.headers,
    )
    retargets = _links(numbers[reached[-1] :])
    if not retargets:  # the customer's own switch has signed them
        return signing
    claims = SigningClaims(
        trunk=trunk.name,
        tenant=trunk.tenant,
        identity=policy.identity_of(trunk).name,
        orig=received.orig,
        dest=numbers[reached[-1]],
        level=None,
        rule=Rule.ALREADY_SIGNED,
        customer=attested.customer,
        retargets=retargets,
        received_iat=received.iat if fresh else None,
    )
    return msgspec.structs.replace(signing, claims=claims)


def _signed(
    attempt: CallAttempt, trunk: Trunk, caller: Caller, numbers: list[str], kept: Signing, policy: Snapshot
) -> Signing:
    identity, attested = policy.identity_of(trunk), kept.attested
    assert attested is not None
    supplied = None
    if identity.third_party:
        supplied = _supplied(attempt)
        rule = Rule(f"{supplied}-supplied") if supplied else Rule.NOT_SUPPLIED
        attested = Attested(rule=rule, level=supplied, customer=attested.customer)
        kept = msgspec.structs.replace(kept, attested=attested)
        if supplied is None:
            return msgspec.structs.replace(kept, unsigned=rule.value)
    claims = SigningClaims(
        trunk=trunk.name,
        tenant=trunk.tenant,
        identity=identity.name,
        orig=canonical_tn(str(caller.number)),
        dest=numbers[0],
        level=attested.level,
        rule=attested.rule,
        customer=attested.customer,
        evidence=attested.token,
        supplied=supplied,
        retargets=_links(numbers),
        caller_name=_name(trunk, caller, attested),
    )
    return msgspec.structs.replace(kept, claims=claims)


def _name(trunk: Trunk, caller: Caller, attested: Attested) -> CallerName | None:
    """Of whose number it is, and of nobody else; telephones show it with A alone (ATIS-1000094)."""
    named = attested.level is Attestation.A and caller.right in _NAMED and not caller.anonymous
    return trunk.caller_name if named else None


def _links(numbers: list[str]) -> tuple[tuple[str, str], ...]:
    return tuple((after, before) for before, after in pairwise(numbers))


def _supplied(attempt: CallAttempt) -> Attestation | None:
    """The level in the one `Attestation-Info` header there is; None: none that could be believed."""
    said = attempt.headers.get(_ATTESTATION_INFO, [])
    return next((level for level in Attestation if said == [level.value]), None)
