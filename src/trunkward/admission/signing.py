"""What one outbound call is signed with and by whom, or why it is not; and what it came signed with."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from trunkward.admission.attesting import Attested, attesting
from trunkward.admission.caller import Caller, Right
from trunkward.admission.ports import SigningClaims, VerificationFact
from trunkward.admission.received import SignedAs, signed_as
from trunkward.admission.snapshot import SignsAs, Snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.numbering.e164 import E164
from trunkward.routing.choose import Way
from trunkward.shaken.attest import Attestation, Came, Lack, Rule
from trunkward.shaken.evidence import CALLED_HERE
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
#: Numbers nobody here answers for.
_NOBODYS = (Right.FORWARDED, Right.NONE)
#: Why a call is not signed of a node on the Internet whose certificate is of its own TEST authority.
TEST_CERTIFICATE = "certificate-test"


class Brought(msgspec.Struct, frozen=True, kw_only=True):
    """Identity headers of a call that a customer's number has diverted: by their form those it came with.

    Canonical numbers. Whether they are good has to be found out before they go on (`admission.verified`).
    """

    #: The first of the trunk's own numbers that they say it reached.
    diverted_by: str
    #: The last number that they say it reached: for that one they must be good.
    reached: str


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
    #: A customer's call that may go on with what it came with, if that is good; None: nobody asks.
    brought: Brought | None = None


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

    `found`: what it came signed with is worth; None: nobody has looked at it yet, or it is another call's.

    1. In transit: what it came with goes on, whatever else becomes of it.
    2. SHAKEN has no claim for who has no number (RFC 8588 section 4).
    3. By the rules a call for help is not signed, nor a second time what came signed in transit. (What did
       not is signed C; so is what came signed and was found not to be enough: not good, or at a gateway less
       than A.)
    4. A signature names the caller: where nobody on the way is to hear of him, none is made.
    5. No carrier trusts our own TEST authority: on the Internet its signature would only look like one.
    6. Diverted by the customer, and signed by whoever called him, which was verified: that stays, with a
       `div` for each retarget. It is a stranger's word, so what is not good of it is taken off.
    7. Everything else is signed by the rules, or as the obligated provider supplies; what was diverted and
       not signed, as it came to the customer's number, with a `div` for each retarget.

    A `div` is only for a number that `control` has declared to be the trunk's: the signer wants its token.
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
    if policy.identity_of(trunk).test and not policy.node.test_authority_counts:
        return msgspec.structs.replace(kept, unsigned=TEST_CERTIFICATE)
    # 6.
    own = [canonical_tn(number) for number in caller.retargets]
    proofs = _proofs(own, trunk, policy, attempt.at)
    way = _Way(
        numbers=(*own, canonical_tn(str(called))) if proofs else (canonical_tn(str(called)),), proofs=proofs
    )
    if received is not None and came is not Came.NOT_GOOD and received.orig == canonical_tn(number):
        kept = msgspec.structs.replace(kept, brought=_brought(received, way))
        if kept.brought is not None and isinstance(found, Verification) and found.outcome is Verstat.PASSED:
            return _came_signed(attempt, trunk, received, way, kept, policy)
    # 7.
    return _signed(attempt, trunk, caller, way, kept, policy)


class _Way(msgspec.Struct, frozen=True, kw_only=True):
    """The trunk's own numbers a call went to, and where it goes; for each of the former its token."""

    numbers: tuple[str, ...]
    proofs: tuple[str, ...]

    def links(self, begin: int = 0) -> tuple[tuple[str, str], ...]:
        """To which and from which number, from one of them on."""
        return tuple((after, before) for before, after in pairwise(self.numbers[begin:]))


def _proofs(numbers: Sequence[str], trunk: Trunk, policy: Snapshot, at: float) -> tuple[str, ...]:
    """The token by which each number is called at this trunk; none at all where one has none."""
    if trunk.customer is None:
        return ()
    identity, found = policy.identity_of(trunk).name, list[str]()
    for number in numbers:
        for said, token in policy.evidence(number).items():
            whose = (said.identity, said.trunk, said.customer)
            wanted = (identity, trunk.name, trunk.customer.reference)
            if said.kind in CALLED_HERE and whose == wanted and at < said.not_after:
                found.append(token)
                break
    return tuple(found) if len(found) == len(numbers) else ()


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
    attempt: CallAttempt, trunk: Trunk, received: SignedAs, way: _Way, kept: Signing, policy: Snapshot
) -> Signing:
    """A call that came signed to a number that diverted it: that goes on, with what is missing of it."""
    attested, brought = kept.attested, kept.brought
    assert attested is not None
    assert brought is not None
    fresh = abs(attempt.at - received.iat) <= _KEPT_S
    signing = Signing(
        brought=brought,
        attested=msgspec.structs.replace(
            attested, rule=Rule.ALREADY_SIGNED, level=None, lack=None, token=None
        ),
        unsigned=Rule.ALREADY_SIGNED.value,
        passes_on=True,
        keeps_date=fresh and "date" in attempt.headers,
    )
    begin = way.numbers.index(brought.reached)
    retargets = way.links(begin)
    if not retargets:  # the customer's own switch has signed them
        return signing
    claims = SigningClaims(
        trunk=trunk.name,
        tenant=trunk.tenant,
        identity=policy.identity_of(trunk).name,
        orig=received.orig,
        dest=brought.reached,
        level=None,
        rule=Rule.ALREADY_SIGNED,
        customer=attested.customer,
        retargets=retargets,
        retarget_evidence=way.proofs[begin:],
        received_iat=received.iat if fresh else None,
    )
    return msgspec.structs.replace(signing, claims=claims)


def _brought(received: SignedAs, way: _Way) -> Brought | None:
    """A token is of this call only if it came to one of the trunk's own numbers that then diverted it."""
    reached = [number for number in way.numbers if number in received.reached]
    if not reached or reached[0] == way.numbers[-1]:
        return None
    return Brought(diverted_by=reached[0], reached=reached[-1])


def _signed(
    attempt: CallAttempt, trunk: Trunk, caller: Caller, way: _Way, kept: Signing, policy: Snapshot
) -> Signing:
    identity, attested = policy.identity_of(trunk), kept.attested
    assert attested is not None
    supplied = None
    if identity.third_party:
        supplied, rule = _supplied(attempt, trunk, caller)
        attested = Attested(rule=rule, level=supplied, customer=attested.customer)
        if supplied is not None:
            attested = _under_contract(attested, identity, policy, attempt.at)
        kept = msgspec.structs.replace(kept, attested=attested)
        if attested.level is None:
            return msgspec.structs.replace(kept, unsigned=attested.rule.value)
    related = policy.relationship(trunk.name)
    by_ingress = attested.level is Attestation.C and supplied is None
    claims = SigningClaims(
        trunk=trunk.name,
        tenant=trunk.tenant,
        identity=identity.name,
        orig=canonical_tn(str(caller.number)),
        dest=way.numbers[0],
        level=attested.level,
        rule=attested.rule,
        customer=attested.customer,
        relationship=related[1] if related and not by_ingress else None,
        evidence=attested.token,
        supplied=supplied,
        retargets=way.links(),
        retarget_evidence=way.proofs,
        caller_name=_name(trunk, caller, attested),
    )
    return msgspec.structs.replace(kept, claims=claims)


def _name(trunk: Trunk, caller: Caller, attested: Attested) -> CallerName | None:
    """Of whose number it is, and of nobody else; telephones show it with A alone (ATIS-1000094)."""
    named = attested.level is Attestation.A and caller.right in _NAMED and not caller.anonymous
    return trunk.caller_name if named else None


def _supplied(attempt: CallAttempt, trunk: Trunk, caller: Caller) -> tuple[Attestation | None, Rule]:
    """The level in the one `Attestation-Info` header there is; None: none that could be believed.

    Only the provider's own switch says one: from each of his customers' trunks the header means nothing. Of
    a number that stands in another's place it has said nothing. And of one that is nobody's here it can say
    that it knows the customer, and never that the number is his.
    """
    said = attempt.headers.get(_ATTESTATION_INFO, []) if trunk.supplies_levels else []
    level = next((level for level in Attestation if said == [level.value]), None)
    if level is None:
        return None, Rule.NOT_SUPPLIED
    if caller.right is Right.REPLACED:
        return None, Rule.SUPPLIED_OF_ANOTHER
    if level is Attestation.A and caller.right in _NOBODYS:
        return None, Rule.SUPPLIED_TOO_HIGH
    return level, Rule(f"{level}-supplied")


def _under_contract(attested: Attested, identity: SignsAs, policy: Snapshot, at: float) -> Attested:
    """A supplied level with the contract it rests on; not signed without one that holds.

    Who has others sign for him has agreed on it in writing (47 CFR 64.6301(b)). Under the TEST authority a
    trial goes without.
    """
    if identity.test:
        return attested
    found = policy.contract(identity.name)
    unsigned = msgspec.structs.replace(attested, rule=Rule.NO_CONTRACT, level=None)
    if found is None:
        return msgspec.structs.replace(unsigned, lack=Lack.NO_CONTRACT)
    said, token = found
    signed = at < said.not_after
    return msgspec.structs.replace(
        attested if signed else unsigned,
        lack=None if signed else Lack.CONTRACT_EXPIRED,
        evidence_id=said.id,
        evidence_version=said.version,
        token=token if signed else None,
    )
