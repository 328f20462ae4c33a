"""The register of requests to trace a call back: who asked, when it is due, and what it was answered with.

47 CFR 64.1200(n)(1) gives 24 hours from a request's receipt. Requests come by portal and by mail, so a person
opens each here; from then on whoever watches the node hears of one that is not answered in time. What was
called about is not in it: numbers stand in an answer alone. The register is what the journal of acts says
(`control.traceback_register`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum

import msgspec

#: Seconds from the receipt of a request to its answer (47 CFR 64.1200(n)(1)).
ANSWER_S = 24 * 3600.0
#: Seconds before that from which on somebody is told: a working day (ours).
SOON_S = 8 * 3600.0


class TracebackRefused(Exception):
    """It cannot be done; the message says why, and what can."""


class State(StrEnum):
    """What became of a request."""

    OPEN = "open"
    ANSWERED = "answered"
    #: Somebody has said why it needs no answer of this node's.
    CLOSED = "closed"


class Urgency(IntEnum):
    """How near the end of its time a request is that is not answered; each is told once."""

    FINE = 0
    SOON = 1
    OVERDUE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer that left."""

    #: Of the act; its time and actor are the version's.
    version: int
    request: int
    calls: int
    #: SHA-256 of the manifest, which names each file of the answer by its hash.
    manifest_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, as it is kept; it is known by the version that opened it."""

    version: int
    #: Who asked, and what he calls it.
    asked_by: str
    #: Seconds since the epoch.
    received_at: float
    #: The version that closed it, 0 for none; and why.
    closed: int = 0
    close_why: str = ""
    #: The first one is what its time is measured by.
    answers: tuple[Answer, ...] = ()

    @property
    def state(self) -> State:
        """An answer counts, whatever was said before or after it."""
        if self.answers:
            return State.ANSWERED
        return State.CLOSED if self.closed else State.OPEN

    @property
    def due_at(self) -> float:
        """When it has to be answered, in seconds since the epoch."""
        return self.received_at + ANSWER_S


class OpenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One that is not answered yet, for those who watch (`InForce.traceback_requests`)."""

    asked_by: str
    #: Seconds since the epoch.
    due_at: float

    def urgency(self, now: float) -> Urgency:
        """`now` in seconds since the epoch."""
        left_s = self.due_at - now
        return Urgency.OVERDUE if left_s <= 0 else Urgency.SOON if left_s <= SOON_S else Urgency.FINE


def still_open(requests: Iterable[Request]) -> list[OpenRequest]:
    """Those that are to be answered, the first that is due first."""
    waiting = (one for one in requests if one.state is State.OPEN)
    return sorted(
        (OpenRequest(asked_by=one.asked_by, due_at=one.due_at) for one in waiting),
        key=lambda one: (one.due_at, one.asked_by),
    )


def in_words(one: OpenRequest, now: float) -> str:
    """One sentence on it. `now` in seconds since the epoch."""
    due = f"{datetime.fromtimestamp(one.due_at, UTC):%Y-%m-%d %H:%M} UTC"
    told = f"traceback request {one.asked_by!r} is not answered: it "
    left_s = one.due_at - now
    if left_s <= 0:
        return f"{told}was due {due}, {duration(-left_s)} ago (47 CFR 64.1200(n)(1))"
    return f"{told}is due {due}, in {duration(left_s)}"


def event(one: OpenRequest, node: str, now: float, when: str) -> dict[str, object]:
    """The same for a program; `when` is `now` in ISO 8601."""
    return {
        "type": "traceback.due",
        "timestamp": when,
        "data": {
            "node": node,
            "request": one.asked_by,
            "level": one.urgency(now).name.lower(),
            "due_at": f"{datetime.fromtimestamp(one.due_at, UTC):%Y-%m-%dT%H:%M:%SZ}",
            "text": in_words(one, now),
        },
    }


def duration(seconds: float) -> str:
    """Hours and minutes."""
    hours, minutes = divmod(int(seconds // 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


# ---- acts ------------------------------------------------------------------------------------


class _Act(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="act"):
    """As the journal has it, besides its version."""

    asked_by: str


class TracebackOpened(_Act, frozen=True, kw_only=True, tag="open"):
    """The act: a request has come."""

    received_at: float


class TracebackAnswered(_Act, frozen=True, kw_only=True, tag="answer"):
    """The act: an answer was given. Whose numbers it is about stands in the answer alone."""

    received_at: float
    calls: int
    #: As of `Answer`.
    manifest_sha256: str
    #: The version that opened the request; 0: nobody has, so this act does.
    request: int = 0


class TracebackClosed(_Act, frozen=True, kw_only=True, tag="close"):
    """The act: a request needs no answer of this node's."""

    request: int
    why: str


type TracebackAct = TracebackOpened | TracebackAnswered | TracebackClosed


def named(requests: Iterable[Request], asked_by: str) -> Request | None:
    """The one that is called so, in capitals or not."""
    name = asked_by.casefold()
    return next((one for one in requests if one.asked_by.casefold() == name), None)


def opened(requests: Sequence[Request], asked_by: str, received_at: float) -> TracebackOpened:
    """A request that nobody has opened. Raises `TracebackRefused`."""
    if (one := named(requests, asked_by)) is not None:
        raise TracebackRefused(f"request {one.asked_by!r} is in the register, and {one.state.value}")
    return TracebackOpened(asked_by=asked_by, received_at=received_at)


def closed(requests: Sequence[Request], asked_by: str, why: str) -> TracebackClosed:
    """One that is open. Raises `TracebackRefused`."""
    one = named(requests, asked_by)
    if one is None:
        raise TracebackRefused(f"there is no request {asked_by!r}: ./trunkward traceback list shows them")
    if one.state is not State.OPEN:
        raise TracebackRefused(f"request {one.asked_by!r} is {one.state.value} already")
    return TracebackClosed(request=one.version, asked_by=one.asked_by, why=why)


def received_by(requests: Sequence[Request], asked_by: str, received_at: float | None, now: float) -> float:
    """When a request was received that is to be answered: as the register says, as is said here, or now.

    Seconds since the epoch. Raises `TracebackRefused` where both say something else.
    """
    one = named(requests, asked_by) if asked_by else None
    if one is None:
        return now if received_at is None else received_at
    if received_at is not None and received_at != one.received_at:
        at = f"{datetime.fromtimestamp(one.received_at, UTC):%Y-%m-%dT%H:%M:%SZ}"
        raise TracebackRefused(f"request {one.asked_by!r} was received {at} by the register: leave it out")
    return one.received_at


def said(act: TracebackAct) -> str:
    """One line for the history."""
    match act:
        case TracebackOpened():
            return f"traceback request opened: {act.asked_by}"
        case TracebackClosed():
            return f"traceback request closed: {act.asked_by}"
        case TracebackAnswered():
            count = "1 call" if act.calls == 1 else f"{act.calls} calls"
            return f"traceback answered: {act.asked_by}, {count}"
