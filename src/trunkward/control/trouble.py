"""Something of a node that is not as it should be; what that means for calls in the posture table's words."""

from dataclasses import dataclass

from trunkward.admission.posture import POSTURE, Calls, Effect, Lost, effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that is not as it should be, and what that means for calls."""

    what: str
    problem: str
    means: str
    #: The row of the posture table it is in.
    lost: Lost | None = None
    #: No new call can be taken.
    blocks: bool = False
    #: Instead of `what` and `problem`, where names of trunks and carriers are in them, for whoever may not
    #: know those; "": none is.
    nameless: str = ""


def means(lost: Lost) -> str:
    """What a lost dependency does to calls, in the posture table's words; where it does nothing, nothing."""
    kinds: dict[Effect, list[Calls]] = {}
    row = next(row for row in POSTURE if row.lost is lost)
    for calls, its in row.effects.items():
        if its not in (Effect.GOES, Effect.UNAFFECTED):
            kinds.setdefault(its, []).append(calls)
    return "; ".join(f"{', '.join(calls)}: {its}" for its, calls in kinds.items()) or "calls go as ever"


def refuses(lost: Lost) -> bool:
    """Whether a node that lost this takes no new calls (an emergency may still go)."""
    return effect(lost, Calls.OUTBOUND) is Effect.REFUSED


def lost_trouble(what: str, problem: str, lost: Lost) -> Trouble:
    """Something that has a row in the posture table."""
    return Trouble(what=what, problem=problem, means=means(lost), lost=lost, blocks=refuses(lost))
