"""Checks 14, 17 and 18: whether there is room for the call, and money (`admission.checks`)."""

from trunkward.admission.ceilings import limit_name
from trunkward.admission.findings import Finding, Refusal, refuse
from trunkward.admission.limits import over_in_words
from trunkward.admission.ports import (
    Facts,
    Foreign,
    Frozen,
    Held,
    Over,
    OverSpend,
    Unavailable,
)
from trunkward.admission.screen import Case, Direction
from trunkward.calls.verdict import Blame, Reason
from trunkward.spend.money import shown

#: Seconds after which a Valkey that was started anew is there again.
REDIS_BACK_S = 2


def drain(case: Case, *, draining: bool) -> Finding:
    """14. A node being emptied takes emergency calls only; who would be refused anyhow has been told why."""
    if not draining or case.emergency:
        return Finding(check="drain", detail="draining" if draining else "")
    return refuse(
        *("drain", Reason.NODE_DRAINING, Blame.US, 503, "this node takes no new calls for now"),
        remedy="./trunkward undrain",
    )


def limits(case: Case, facts: Facts) -> Finding:
    """17. Posture row "Redis": what is inbound then goes by what this gate alone has counted."""
    if case.emergency:
        return Finding(check="limits", detail="exempt")
    inbound = case.direction is Direction.INBOUND
    alone = isinstance(facts.live, Unavailable) and (
        inbound or (case.may_use_escrow and facts.local is not None)
    )
    fact = facts.local if alone else facts.live
    match fact:
        case Held(counters=keys):
            said = ", ".join([f"{limit.what} of {limit.whose}" for limit in map(limit_name, keys)])
            return Finding(check="limits", detail=said if fact is facts.live else f"this gate alone: {said}")
        case OverSpend() | Frozen() | Foreign():
            return Finding(check="limits", detail="there is room")
        case Over() as over:
            reason = Reason.LIMIT_RATE if over.key.startswith("rate") else Reason.LIMIT_CALLS
            detail, remedy = over_in_words(over)
            return Finding(
                check="limits",
                refusal=Refusal(
                    reason=reason,
                    blame=Blame.CUSTOMER,
                    status=486 if inbound else 503,
                    retry_after_s=over.retry_after_s,
                ),
                detail=detail,
                remedy=remedy,
            )
    return Finding(
        check="limits",
        refusal=Refusal(
            reason=Reason.LIMITS_UNAVAILABLE, blame=Blame.US, status=503, retry_after_s=REDIS_BACK_S
        ),
        detail=facts.live.why if isinstance(facts.live, Unavailable) else "not-held",
        remedy="bring Valkey back: ./trunkward status says what is wrong with it",
    )


def spend(case: Case, facts: Facts) -> Finding:
    """18. Nothing is admitted whose first slice is not held: where nobody knows, it is refused."""
    charge, currency = case.charge, case.node.currency
    if charge is None:
        return Finding(check="spend", detail="exempt" if case.emergency else "")
    match facts.live:
        case OverSpend() as over:
            return _over_spend(over, currency)
        case Frozen(retry_after_s=seconds):
            refusal = Refusal(reason=Reason.SPEND_FROZEN, blame=Blame.US, status=503, retry_after_s=seconds)
            return Finding(
                check="spend",
                refusal=refusal,
                detail="Valkey was started anew, and what was spent may be lost",
                remedy="nothing, if it passes within seconds; else ./trunkward status",
            )
        case Foreign(currency=held_in):
            return Finding(
                check="spend",
                refusal=Refusal(
                    reason=Reason.SPEND_FROZEN, blame=Blame.US, status=503, retry_after_s=REDIS_BACK_S
                ),
                detail=f"what is spent is counted in {held_in}, and node.currency is {currency}",
                remedy=f"write node.currency: {held_in}, or have it forgotten: ./trunkward spend forget",
            )
        case Held(reserved=True, cut_routes=cut):
            held = [
                f"{shown(s.slice_micro)} of {_whose(s.owner)}" for s in charge.shares if s.owner not in cut
            ]
            without = f"; at its cap: {', '.join(map(_whose, cut))}" if cut else ""
            return Finding(check="spend", detail=f"{', '.join(held)} ({currency}){without}")
        case Unavailable() if case.may_use_escrow and isinstance(facts.local, Held) and facts.local.reserved:
            return Finding(check="spend", detail="by what this gate has in escrow")
    return Finding(
        check="spend",
        refusal=Refusal(
            reason=Reason.SPEND_UNAVAILABLE, blame=Blame.US, status=503, retry_after_s=REDIS_BACK_S
        ),
        detail="nothing is reserved for it",
        remedy="bring Valkey back: ./trunkward status says what is wrong with it",
    )


def _over_spend(over: OverSpend, currency: str) -> Finding:
    whose, owner = _whose(over.owner), over.owner.removeprefix("money:")
    carriers = owner.startswith("carrier:")
    kept = f"{shown(over.settled_micro)} are spent and {shown(over.granted_micro)} held for calls"
    return Finding(
        check="spend",
        refusal=Refusal(
            reason=Reason.SPEND_CAP,
            blame=Blame.US if carriers else Blame.CUSTOMER,
            status=503 if carriers else 403,
            retry_after_s=over.retry_after_s,
        ),
        detail=f"{whose} may cost {shown(over.cap_micro)} {currency} a {over.window}, and {kept}",
        remedy=f"if these calls are meant: ./trunkward spend raise {owner} --window {over.window} --to"
        f" AMOUNT --for"
        f" 2h --why TEXT; for good, spend.{over.window} of {whose}",
        cap=f"{owner} {over.window}",
    )


def _whose(account: str) -> str:
    """`money:trunk:acme-hq` in words."""
    return account.removeprefix("money:").replace(":", " ", 1)
