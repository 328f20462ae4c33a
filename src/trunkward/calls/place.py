"""A call in that goes on to another trunk: it takes its places there before it is sent there.

It crosses the edge's socket like a call, in exactly this shape (`trunkward.calls.attempt`).
"""

import msgspec


class PlaceAsked(msgspec.Struct, frozen=True, kw_only=True, tag="place", tag_field="kind"):
    """The trunk a call has its places of does not take it; another one may."""

    #: The call's record id.
    id: str
    #: The trunk that may take it, and the one that did not.
    trunk: str
    instead_of: str
    #: The number called, as in the verdict's routes.
    called: str
    #: Keys of the places it holds.
    counters: list[str]


class PlaceGiven(msgspec.Struct, frozen=True, kw_only=True):
    """The answer."""

    id: str
    #: Keys of the places it holds from now on; None: there is none for it, and it keeps what it had.
    counters: list[str] | None
