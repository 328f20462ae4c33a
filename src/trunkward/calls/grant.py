"""How long a running call may go on: granted a slice at a time, and over when nobody grants the next one.

A gate grants; the edge keeps the time and ends what is over. All of it is counted in seconds that pass,
never in times of day: a clock that is put right ends no call, and lengthens none.
"""

from enum import StrEnum

import msgspec


class Cut(StrEnum):
    """Why the node itself ends a running call; in its outcome, and in the BYEs (RFC 3326). Never reused."""

    #: It has lasted as long as its trunk's calls may.
    MAXIMUM_DURATION = "maximum-duration"
    #: No gate has granted it more time, and what it had is over.
    GRANT_NOT_RENEWED = "grant-not-renewed"
    #: What it would cost in its next slice does not fit under a cap (`trunkward.admission.money`).
    SPEND_CAP = "spend-cap"
    #: The media engine does not know it any more.
    MEDIA_LOST = "media-lost"
    #: Its customer's calls are held, and running ones were to end (`trunkward hold --cut`).
    HELD = "held"
    #: Its node has died, and another one has ended it (`trunkward.calls.orphan`).
    NODE_LOST = "node-lost"


class Reach(StrEnum):
    """Where a call goes, as what holds it asks."""

    #: To the customer.
    IN = "in"
    #: From him, within the country; an emergency is nobody's to hold.
    HOME = "home"
    ABROAD = "abroad"


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Time for one call."""

    #: Seconds from now; in a verdict, from the answer. Not more than 0: the call is cut at once.
    for_s: float
    #: What the call is ended for if nobody has granted it more by then.
    then: Cut = Cut.GRANT_NOT_RENEWED


class RunningCall(msgspec.Struct, frozen=True, array_like=True):
    """A call the edge asks more time for."""

    record_id: str
    #: Whose call it is: the customer's trunk, whatever its direction.
    trunk: str
    #: Seconds since the epoch, by the edge's clock: a name for the call's beginning, not a measure. 0: it
    #: rings, and only its places are to be held.
    answered_at: float
    #: Seconds since the answer, and until its grant is over.
    lasted_s: float
    left_s: float
    #: Keys of the places it holds (`trunkward.calls.verdict.Admit`).
    counters: list[str] = []
    #: Of an edge of the version before, nobody knows.
    reach: Reach | None = None
    #: By what it is charged (`trunkward.admission.money.Terms`), "": it costs nothing; and the carrier it
    #: goes by.
    money: str = ""
    carrier: str = ""
    #: Seconds since it was to end, None for a call that goes on: it is charged until its carrier's leg is
    #: known to be over. And those after which that ends by itself (RFC 4028); 0: it does not.
    leaving_s: float | None = None
    session_s: int = 0


class GrantsAsked(msgspec.Struct, frozen=True, kw_only=True, tag="grants", tag_field="kind"):
    """What the edge's timer asks a gate, each second: time for the calls that will soon have none."""

    calls: list[RunningCall]
    #: The epoch of the ledger (`GrantsGiven.frozen`) in which each call of this edge has been asked for; 0:
    #: none.
    recalled: int = 0


class EndedCall(msgspec.Struct, frozen=True, array_like=True):
    """A call that is over, and what it had."""

    record_id: str
    #: Keys of the places that are free.
    counters: list[str]
    money: str = ""
    #: The carrier it went by, and how long it was answered; 0: never.
    carrier: str = ""
    lasted_ms: int = 0


class CallsEnded(msgspec.Struct, frozen=True, kw_only=True, tag="ended", tag_field="kind"):
    """What the edge tells a gate as soon as calls are over, however they ended; it waits for no answer."""

    calls: list[EndedCall]


class GrantsGiven(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: a grant by record id.

    A call that is not in it keeps what it has. One that was to end and gets none cannot be alive any more.
    """

    grants: dict[str, Grant]
    #: Another number than in the answer before: calls may have to end now, so all of them are asked for.
    cuts: int = 0
    #: The epoch of a ledger that grants no money until it has been told of each call there is; 0: it knows
    #: them.
    frozen: int = 0
