"""Whose number a call shows, and by what right."""

from collections.abc import Iterator
from copy import replace
from enum import StrEnum

import msgspec

from trunkward.admission.diverted import Diverted, diverted, newest, retargets
from trunkward.admission.identity_headers import asks_history_privacy, asks_privacy, numbers_in
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.numbering.e164 import E164, MIN_DIGITS
from trunkward.numbering.plan import DialPlan
from trunkward.shaken.evidence import Kind
from trunkward.trunks.callers import Diverting, OtherCaller
from trunkward.trunks.evidence import GRACE_S
from trunkward.trunks.model import Carrier, Trunk


class Right(StrEnum):
    """Why a number may be shown."""

    #: In the trunk's own inventory.
    OWN = "own"
    #: Somebody found that the trunk may show it.
    VERIFIED = "verified"
    #: Not the trunk's; one of its numbers has diverted the call.
    FORWARDED = "forwarded"
    #: The trunk's own, in the place of one that is not.
    REPLACED = "replaced"
    #: Another provider's caller: what it shows is that provider's to answer for.
    TRANSIT = "transit"
    #: Nobody has said that it may.
    NONE = "none"
    #: A carrier's caller: not asked.
    NOT_ASKED = "not-asked"


class ReadFrom(msgspec.Struct, frozen=True, kw_only=True):
    """What From alone says."""

    #: None: no number that can be read.
    number: E164 | None = None
    #: It names nobody on purpose.
    anonymous: bool = False


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls: the number that counts, and the one that is shown."""

    #: Asserted, signed and on record; None: nobody's number can be read.
    number: E164 | None = None
    #: In From; None: From has none.
    shown: E164 | None = None
    #: Of a customer's call: in From, and neither asserted nor shown, because it is not his.
    claimed: E164 | None = None
    right: Right = Right.NOT_ASKED
    #: The called side is not to know who it is.
    anonymous: bool = False
    #: The number was asserted by a provider that is trusted: a carrier, or who brings calls in transit.
    asserted: bool = False
    #: Who has diverted the call, as far as the other side may hear of it.
    diversions: tuple[Diverted, ...] = ()
    #: The trunk's own numbers by which it came to be where it goes now, the first one first.
    retargets: tuple[E164, ...] = ()


NOBODY = Caller()


def outbound_caller(
    attempt: CallAttempt, read: ReadFrom, called: object, trunk: Trunk, plan: DialPlan, policy: Snapshot
) -> Caller:
    """A customer's caller. What it says of itself only chooses among the numbers its trunk may show.

    1. The number in From, and the one that P-Preferred-Identity prefers, or P-Asserted-Identity, as many PBXs
       send it (RFC 3325 section 6).
    2. A number that may be shown is shown; the preferred one is asserted.
    3. Instead of one that nobody gets to see the preferred one is asserted. Where From has none that can be
       read, that one is shown, too, or else the trunk's main number.
    4. A foreign number is let through on a call that an own number has diverted, where the rule allows that.
    5. A foreign number is replaced where the rule says so; otherwise nobody has a right to it.
    """
    # 1.
    rule, number = trunk.caller, read.number
    anonymous = asks_privacy(attempt) or read.anonymous
    preferred, its_right = _preferred(attempt, trunk, plan, policy)
    forwards = rule.forwarded and number is not None
    diversions = diverted(attempt, plan) if forwards or trunk.diversion is not Diverting.DROP else ()

    told = _told(diversions, attempt, trunk, policy)

    def caller(number: E164 | None, shown: E164 | None, right: Right) -> Caller:
        claimed = read.number if read.number not in (number, shown) else None
        return Caller(
            number=number, shown=shown, claimed=claimed, right=right, anonymous=anonymous, diversions=told
        )

    # 2.
    right = right_to(number, trunk, policy, attempt.at) if number is not None else Right.NONE
    if number is not None and right is not Right.NONE:
        return caller(preferred or number, number, its_right if preferred else right)
    # 3.
    if preferred is not None and (anonymous or number is None):
        return caller(preferred, preferred, its_right)
    if number is None:
        if rule.number and (anonymous or rule.other is OtherCaller.REPLACE):
            main = E164(rule.number)
            return caller(main, main, Right.REPLACED)
        return caller(None, None, Right.NONE)
    # 4.
    if (
        forwards
        and (by := newest(diversions, called))
        and right_to(by, trunk, policy, attempt.at) is Right.OWN
    ):
        return replace(
            caller(number, number, Right.FORWARDED),
            retargets=_retargets(diversions, called, attempt, trunk, policy),
        )
    # 5.
    if rule.other is OtherCaller.REPLACE:
        instead = preferred or E164(rule.number)
        return caller(instead, instead, Right.REPLACED)
    return caller(number, number, Right.NONE)


def transit_caller(attempt: CallAttempt, read: ReadFrom, trunk: Trunk, plan: DialPlan) -> Caller:
    """Another provider's caller: what that provider asserts, else From, both told on as they came.

    Who verifies the signature it came with compares with these (RFC 8224 section 6.2): none is replaced.
    """
    asserted = next(numbers_in(attempt, "p-asserted-identity", plan), None)
    told = trunk.diversion is Diverting.PASS and not asks_history_privacy(attempt)
    return Caller(
        number=asserted or read.number,
        shown=read.number,
        right=Right.TRANSIT,
        anonymous=asks_privacy(attempt) or read.anonymous,
        asserted=asserted is not None,
        diversions=diverted(attempt, plan) if told else (),
    )


def emergency_caller(
    attempt: CallAttempt, read: ReadFrom, trunk: Trunk, plan: DialPlan, policy: Snapshot
) -> Caller:
    """Who calls for help. It goes whatever number it shows, and shows it; asserted is none but the trunk's.

    Help is sent to where an asserted number is registered: whoever could have a foreign one asserted could
    send it to a stranger's door. With `Right.NONE` it is the trunk's own to call back (its ANI, 47 CFR 9.3).
    Of a call in transit it is what the provider asserts that brings it.
    """
    if trunk.in_transit:
        return replace(transit_caller(attempt, read, trunk, plan), anonymous=False, diversions=())
    number, right = read.number, Right.NONE
    if number is not None:
        right = right_to(number, trunk, policy, attempt.at)
    if right is Right.NONE:
        number, right = _preferred(attempt, trunk, plan, policy)
    if number is None and trunk.callback:
        number = E164(trunk.callback)
    return Caller(number=number, shown=read.number, right=right)


def inbound_caller(attempt: CallAttempt, read: ReadFrom, carrier: Carrier, plan: DialPlan) -> Caller:
    """A carrier's caller: what a trusted carrier asserts, else From (RFC 3325 section 5)."""
    asserted = next(numbers_in(attempt, "p-asserted-identity", plan), None) if carrier.trusted else None
    return Caller(
        number=asserted or read.number,
        shown=read.number,
        anonymous=asks_privacy(attempt) or read.anonymous,
        asserted=asserted is not None,
        diversions=diverted(attempt, plan) if carrier.trusted and not asks_history_privacy(attempt) else (),
    )


def names_another(name: str, shown: E164 | None) -> bool:
    """Whether a display name reads as a telephone number that is not the one shown.

    Many telephones show the name alone; nobody has looked at whose number that is.
    """
    digits = "".join(filter(str.isdigit, name))
    return len(digits) >= MIN_DIGITS and not (shown is not None and shown.endswith(digits))


def right_to(number: E164, trunk: Trunk, policy: Snapshot, at: float) -> Right:
    """By what right a trunk shows a number at a time (seconds since the epoch).

    A record of evidence that has ended goes on giving it for `GRACE_S`: the calls are signed B then. A number
    of another tenant's inventory is shown by a record that holds, and by nothing that was found before.
    """
    owner = policy.number_owner(number)
    if owner is not None and owner.name == trunk.name:
        return Right.OWN
    lost = owner is not None and owner.tenant != trunk.tenant
    if not lost and at < policy.verified_until(trunk.name, number):
        return Right.VERIFIED
    grace_s = 0 if lost else GRACE_S
    held = any(
        one.trunk == trunk.name and one.kind is not Kind.OWN_INVENTORY and at < one.not_after + grace_s
        for one in policy.evidence(number.removeprefix("+"))
    )
    return Right.VERIFIED if held else Right.NONE


def _retargets(
    entries: tuple[Diverted, ...], called: object, attempt: CallAttempt, trunk: Trunk, policy: Snapshot
) -> tuple[E164, ...]:
    """None where it is not to be told who has diverted the call: a signature says so in plain text."""
    if asks_history_privacy(attempt):
        return ()
    return retargets(entries, called, lambda number: right_to(number, trunk, policy, attempt.at) is Right.OWN)


def _told(
    entries: tuple[Diverted, ...], attempt: CallAttempt, trunk: Trunk, policy: Snapshot
) -> tuple[Diverted, ...]:
    """What of them carriers hear of, by the trunk's rule."""
    if not entries or trunk.diversion is Diverting.DROP or asks_history_privacy(attempt):
        return ()
    if trunk.diversion is Diverting.PASS:
        return entries
    return tuple(e for e in entries if right_to(e.number, trunk, policy, attempt.at) is Right.OWN)


def _preferred(
    attempt: CallAttempt, trunk: Trunk, plan: DialPlan, policy: Snapshot
) -> tuple[E164 | None, Right]:
    for number in _named(attempt, plan):
        right = right_to(number, trunk, policy, attempt.at)
        if right is not Right.NONE:
            return number, right
    return None, Right.NONE


def _named(attempt: CallAttempt, plan: DialPlan) -> Iterator[E164]:
    """The numbers a customer names for itself, the preferred ones first."""
    for header in ("p-preferred-identity", "p-asserted-identity"):
        if header in attempt.headers:
            yield from numbers_in(attempt, header, plan)
