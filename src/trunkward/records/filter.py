"""What calls are asked for, as a value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Every condition that is not None holds for a call that is wanted.

    Numbers are E.164 with `+` (an emergency number as dialled); one that ends with `*` begins many. Times
    are in seconds since the epoch, those of the decision; `until` itself is not wanted any more.
    """

    tenant: str | None = None
    trunk: str | None = None
    carrier: str | None = None
    calling_number: str | None = None
    called_number: str | None = None
    #: Of a call whose From has another than its calling number: that one.
    shown_number: str | None = None
    #: Of a call that shows another than its PBX claimed: that one.
    claimed_number: str | None = None
    #: Any of the four.
    number: str | None = None
    verdict: str | None = None
    reason: str | None = None
    ending: str | None = None
    since: float | None = None
    until: float | None = None
    min_duration_s: float | None = None
    #: Calls for help, and no others; or all but those.
    emergency: bool | None = None


#: No condition at all.
ALL = CallFilter()
