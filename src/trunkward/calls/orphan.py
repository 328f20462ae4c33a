"""Calls of a node that has died: what each leaves at its answer, and how another node's edge ends it.

The edge that has a call hands over what a BYE in its dialogs needs, once it is answered; a gate keeps it
beside the call's money, in Valkey. Each edge asks a gate each second whom to stand in for.
"""

import msgspec


class CallLeft(msgspec.Struct, frozen=True, kw_only=True, tag="left", tag_field="kind"):
    """What the edge tells a gate of an answered call that costs money; it waits for no answer."""

    record_id: str
    #: The carrier it goes by.
    carrier: str
    #: Since the answer.
    lasted_ms: int
    #: Seconds after which the carrier's leg ends by itself unless it is refreshed (RFC 4028); 0: never.
    session_s: int = 0
    call_id: str = ""
    #: The edge's own (`trunkward.edge.left`): another edge reads it, of this version or the next.
    text: str


class Left(msgspec.Struct, frozen=True, array_like=True):
    """Of that, what is kept."""

    carrier: str
    session_s: int
    text: str
    call_id: str = ""


class OrphansAsked(msgspec.Struct, frozen=True, kw_only=True, tag="orphans", tag_field="kind"):
    """What the edge's timer asks: whom to end. And what came of those before."""

    #: Record ids, the status of the carrier's answer to the BYE, and how many seconds ago it came; 0: there
    #: was none, or no way to it.
    ended: list[tuple[str, int, float]] = []
    #: Record ids of those it is about to end.
    ending: list[str] = []
    #: How many more it takes.
    room: int = 0


class OrphansGiven(msgspec.Struct, frozen=True, kw_only=True):
    """The answer."""

    #: By record id, what calls have left that are to be ended, as many as there is room for.
    hang_up: dict[str, str]
    #: Calls of this node that nobody renews: it may have them still, or know how they have ended.
    yours: list[str] = []
    #: Of those that have ended: it need not be told again.
    taken: list[str] = []
