"""What one check found, and how a refusal is said."""

import msgspec

from trunkward.admission.screen import Case, Direction
from trunkward.calls.verdict import Blame, Reason


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why not, who is to act, and the status that says so."""

    reason: Reason
    blame: Blame
    status: int
    #: Seconds after which another try is worth it; None: nobody can say.
    retry_after_s: int | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found; `detail` and `remedy` are for people and for the record."""

    check: str
    refusal: Refusal | None = None
    detail: str = ""
    #: Of a refusal: what would have let the call pass, with the key or the command that does it.
    remedy: str = ""
    #: Of a refusal for money: the cap that is reached, as `trunk:acme-hq day`.
    cap: str = ""

    @property
    def refused(self) -> bool:
        """Whether the call ends here."""
        return self.refusal is not None


def to_blame(case: Case) -> Blame:
    """Who is to act on what is wrong with the call itself."""
    return Blame.CUSTOMER if case.direction is Direction.OUTBOUND else Blame.CARRIER


def named(case: Case) -> str:
    """Who sent it, with the word for what it is; only where there is somebody."""
    assert case.source is not None
    return f"{'trunk' if case.direction is Direction.OUTBOUND else 'carrier'} {case.source.name}"


def number_of(called: object) -> str:
    """In digits, of a call to anybody."""
    return str(getattr(called, "number", called))


def refuse(check: str, reason: Reason, blame: Blame, status: int, detail: str, *, remedy: str) -> Finding:
    """A finding that ends the call."""
    refusal = Refusal(reason=reason, blame=blame, status=status)
    return Finding(check=check, refusal=refusal, detail=detail, remedy=remedy)
