"""Checks 7 to 9: who calls, and whom (`admission.checks`)."""

from trunkward.admission.caller import Right
from trunkward.admission.findings import Finding, named, number_of, refuse, to_blame
from trunkward.admission.screen import Case, Direction, Unreadable
from trunkward.admission.snapshot import OWN_NEVER_CALLS
from trunkward.calls.verdict import Blame, Reason

_VALID = (
    "have {name} send a number that somebody can have; 555-01xx are for laboratories"
    " (node.unsafe_fictional_numbers)"
)


def calling(case: Case) -> Finding:
    """7. Others' callers may be anonymous; a customer's number is what we assert and sign."""
    if not isinstance(case.calling, Unreadable):
        return Finding(check="calling", detail=str(case.calling))
    if case.direction is Direction.INBOUND or case.emergency or case.in_transit:
        return Finding(check="calling", detail=case.calling.why)
    return refuse(
        *("calling", Reason.CALLING_NUMBER_MALFORMED, Blame.CUSTOMER, 403, f"From: {case.calling.why}"),
        remedy=f"have {named(case)} send its number in the From-URI, with + or as dialled at home",
    )


def called(case: Case) -> Finding:
    """8. Read from the Request-URI."""
    if isinstance(case.called, Unreadable):
        return refuse(
            *(
                "called",
                Reason.CALLED_NUMBER_MALFORMED,
                to_blame(case),
                484,
                f"Request-URI: {case.called.why}",
            ),
            remedy=f"have {named(case)} send the number in the Request-URI, with + or as dialled at home",
        )
    if case.direction is Direction.OUTBOUND and case.called_not_valid:
        said = f"{number_of(case.called)} is nobody's: {case.called_not_valid}"
        return refuse(
            *("called", Reason.CALLED_NUMBER_NOT_VALID, Blame.CUSTOMER, 404, said),
            remedy=_VALID.format(name=named(case)),
        )
    return Finding(check="called", detail=number_of(case.called))


def caller(case: Case) -> Finding:
    """9. Whose number it is, and whether anybody calls from it. Emergency calls show what they show."""
    shown, outbound = case.caller, case.direction is Direction.OUTBOUND
    if case.emergency:
        return Finding(check="caller", detail=_emergency_caller(case))
    if shown.number is None:
        return Finding(check="caller")
    # a 6xx is final (RFC 3261 section 16.7, step 5): no carrier on the way tries another route with it
    blame, status = to_blame(case), 403 if outbound and not case.in_transit else 603
    if case.not_valid:
        return refuse(
            *("caller", Reason.CALLING_NUMBER_NOT_VALID, blame, status),
            f"{shown.number} is nobody's: {case.not_valid}",
            remedy=_VALID.format(name=named(case)),
        )
    if case.never_calls:
        own = case.never_calls.startswith(OWN_NEVER_CALLS)
        where = "its calls_out" if own else "its line in node.do_not_originate"
        return refuse(
            *("caller", Reason.DO_NOT_ORIGINATE, blame, status, f"{shown.number}: {case.never_calls}"),
            remedy=f"take away {where}, if calls do come from {shown.number}",
        )
    if outbound and shown.right is Right.NONE:
        assert case.source is not None
        trunk = case.source.name
        return refuse(
            *("caller", Reason.CALLING_NUMBER_NOT_PERMITTED, Blame.CUSTOMER, 403),
            f"{shown.number} is not a number of trunk {trunk}, nor verified for it",
            remedy=(
                f"show one of its numbers; or ./trunkward evidence add {shown.number} --trunk {trunk} (a"
                f" document: level A), or ./trunkward number verify {shown.number} --trunk {trunk} (level B);"
                f" or set caller.other: replace for trunk {trunk}"
            ),
        )
    said = [shown.right] if outbound else ["asserted"] if shown.asserted else []
    said += ["anonymous"] if shown.anonymous else []
    said += [f"instead of {shown.claimed}"] if shown.claimed else []
    said += [f"shown as {shown.shown}"] if shown.shown not in (None, shown.number) else []
    return Finding(check="caller", detail=", ".join(said))


def _emergency_caller(case: Case) -> str:
    shown = case.caller
    if shown.right is not Right.NONE:
        return f"emergency, {shown.right.value}"
    said = f"{shown.shown} is shown and not verified" if shown.shown else "no number is shown"
    return f"emergency, {said}: {f'asserted is {shown.number}' if shown.number else 'none is asserted'}"
