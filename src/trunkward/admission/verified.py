"""What the Identity headers of a call that others signed are worth for it: what either side is told.

Others have signed the calls of carriers, those a trunk brings in transit, and those a customer has diverted.
Whether what they signed is good `shaken.verify` has said, or why nobody could say; here is what follows from
it by the policy of whoever sent the call (`trunkward.trunks.verification`). A fault of ours refuses no call:
ATIS-1000074 has it go on, and so does the posture table.
"""

from datetime import UTC
from email.utils import parsedate_to_datetime
from hashlib import sha256

import msgspec

from trunkward.admission.ports import Facts, Held, Unverified, VerificationFact
from trunkward.admission.screen import Case
from trunkward.numbering.e164 import E164, NotANumber
from trunkward.shaken.causes import Cause, StirError
from trunkward.shaken.number import canonical_tn
from trunkward.shaken.party import canonical_party
from trunkward.shaken.stir_reason import reasons
from trunkward.shaken.verify import CalledAs, Verification, Verstat
from trunkward.sip.uri import MalformedUri, parse_uri
from trunkward.trunks.model import Carrier, Trunk
from trunkward.trunks.verification import DIVERTED, REFUSING, Failed, Missing, VerificationPolicy

#: Why a call is not verified that has nothing to verify.
NO_IDENTITY = "no-identity"


def policy_of(case: Case) -> VerificationPolicy | None:
    """The policy a call's signatures are held against; None: nobody looks at them.

    A customer's own calls are for us to sign, but for one that may go on as it came signed to his number
    (`signing.Brought`); and a call for help waits for nobody.
    """
    source = case.source
    if case.signing.brought is not None:
        return DIVERTED
    if isinstance(source, Carrier) or (
        isinstance(source, Trunk) and source.in_transit and not case.emergency
    ):
        return source.verification
    return None


class Worth(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a call's signatures once everything was asked."""

    verstat: Verstat
    errors: tuple[StirError, ...] = ()
    #: Kebab-case: why nobody has verified it; "" when somebody has.
    why: str = ""
    #: The good one; None: there is none.
    passed: Verification | None = None
    replayed: bool = False


_NOT_ASKED = Worth(verstat=Verstat.NONE, why="not-asked")


def worth_of(facts: Facts) -> Worth:
    """What verification has found. A signature that was another call's is none of this one."""
    fact = facts.verification
    if fact is None:
        return _NOT_ASKED
    if isinstance(fact, Unverified):
        return Worth(verstat=Verstat.NONE, why=fact.why)
    errors = tuple(judged.error for judged in fact.passports if judged.error is not None)
    if replayed_of(facts):
        seen = StirError(cause=Cause.REPLAYED, text="this signature came with another call before")
        return Worth(verstat=Verstat.FAILED, errors=(*errors, seen), replayed=True)
    if fact.outcome is Verstat.PASSED:
        return Worth(verstat=fact.outcome, errors=errors, passed=fact)
    why = "" if errors else NO_IDENTITY
    return Worth(verstat=fact.outcome, errors=errors, why=why)


def replayed_of(facts: Facts) -> bool:
    """Whether one of the call's signatures is another call's."""
    return any(isinstance(fact, Held) and fact.replayed for fact in (facts.live, facts.local))


def refuses(case: Case, found: Worth) -> StirError | None:
    """The error this call is refused for by the policy of whoever sent it; None: it goes on."""
    policy = policy_of(case)
    if policy is None:
        return None
    if found.errors and found.verstat is not Verstat.PASSED:
        return found.errors[-1 if found.replayed else 0] if policy.failed in REFUSING else None
    if found.why == NO_IDENTITY and policy.missing is Missing.REFUSE:
        return StirError(cause=Cause.IDENTITY_MISSING, text="calls from here are to be signed")
    return None


def is_announced(case: Case) -> bool:
    """Whether who is refused for a signature hears why before the refusal."""
    policy = policy_of(case)
    return policy is not None and policy.failed is Failed.ANNOUNCE


def answer_headers(case: Case, facts: Facts, refused: StirError | None = None) -> list[tuple[str, str]]:
    """RFC 9410: what was wrong with each PASSporT, for whoever sent it.

    `refused`: what it is refused for, where that is no error of a PASSporT.
    """
    if policy_of(case) is None:
        return []
    errors = worth_of(facts).errors
    if refused is not None and refused not in errors:
        errors = (*errors, refused)
    return reasons(errors)


def shown_verstat(case: Case, facts: Facts) -> Verstat | None:
    """What the customer is told of the calling number; None: nothing.

    Of a caller who is not to be named nothing is said: there is no number it could be said of (RFC 3323).
    """
    carrier = case.source
    if not isinstance(carrier, Carrier) or case.caller.anonymous or facts.verification is None:
        return None
    verstat = worth_of(facts).verstat
    if verstat is Verstat.FAILED and carrier.verification.failed is Failed.PASS:
        return Verstat.NONE
    return verstat


def mark_in_transit(case: Case, facts: Facts) -> Verstat | None:
    """What a carrier of the trust domain is told beside the number another provider asserts; None: nothing.

    That a signature is good it finds by itself.
    """
    policy = policy_of(case) if case.in_transit else None
    failed = worth_of(facts).verstat is Verstat.FAILED
    return Verstat.FAILED if failed and policy is not None and policy.failed is Failed.MARK else None


def verstat_of(number: E164, case: Case, facts: Facts) -> Verstat | None:
    """The same of one of the numbers that are shown: only the one that was signed is verified."""
    verstat = shown_verstat(case, facts)
    passed = worth_of(facts).passed
    if verstat is Verstat.PASSED and passed is not None and passed.orig != canonical_tn(number):
        return Verstat.NONE
    return verstat


def passports_of(case: Case, fact: VerificationFact) -> tuple[tuple[str, ...], str]:
    """What must not be another call's, and what tells this call from others (`admission.ports.Asked`).

    Forks and repetitions share the Call-ID and From's tag, and come from whoever sent the first. Who has
    captured a call has both, too, and sends it from somewhere else.
    """
    if not isinstance(fact, Verification) or not fact.replay_keys:
        return (), ""
    if (brought := case.signing.brought) is not None:
        # it is diverted once, in one call to one number; that it came in left a mark of its own
        keys = tuple(f"{key.partition(':')[0]}:diverted:{brought.diverted_by}" for key in fact.replay_keys)
        call = f"{case.attempt.call_id}\n{case.attempt.from_tag}\n{case.called}"
        return keys, sha256(call.encode()).hexdigest()[:32]
    attempt, upstream = case.attempt, case.source.name if case.source is not None else ""
    call = "\n".join((case.direction, upstream, attempt.from_tag, attempt.call_id))
    return fact.replay_keys, sha256(call.encode()).hexdigest()[:32]


def called_as(case: Case) -> CalledAs:
    """What the request itself says, for its signatures to be held against.

    Numbers are read by the dial plan of whoever sent it first, so that one in national form has its country
    code (RFC 8224 section 8.3). What a carrier that is not trusted asserts is not shown, and so not verified
    either.
    """
    attempt, caller = case.attempt, case.caller
    numbers = [caller.number, caller.shown] if caller.asserted else [caller.shown]
    origs = dict.fromkeys(canonical_tn(number) for number in numbers if number is not None)
    brought = case.signing.brought
    return CalledAs(
        orig=tuple(origs) or (_party(attempt.from_uri),),
        to=brought.reached if brought else _called(attempt.to_uri, case),
        request_uri=brought.reached if brought else _called(attempt.ruri, case),
        date_s=_date_s(attempt.headers.get("date", [])),
        call_id=attempt.call_id,
    )


def _called(uri: str, case: Case) -> str:
    assert case.source is not None
    try:
        return canonical_tn(case.node.plan_of(case.source).normalise(parse_uri(uri).user))
    except (MalformedUri, NotANumber):
        return _party(uri)


def _party(uri: str) -> str:
    """Canonical; "" for what names nobody."""
    try:
        return canonical_party(uri)
    except MalformedUri:
        return ""


def _date_s(values: list[str]) -> float | None:
    """RFC 3261 section 20.17; one that cannot be read is of no time near ours."""
    if not values:
        return None
    try:
        read = parsedate_to_datetime(values[0])
    except (ValueError, OverflowError):
        return 0.0
    return (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp()
