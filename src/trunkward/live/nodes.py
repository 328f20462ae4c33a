"""The nodes that share a Valkey: who is there, and what one leaves to others (`nodes.lua` tells more)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from trunkward.calls.orphan import Left
from trunkward.live import money

_HERE, _LEAVE, _ORPHANS, _TELL = (f"tw5_{name}" for name in ("here", "leave", "orphans", "tell"))
_NODES, _SURVIVOR = "nodes", "survivor"
#: Of the ledger's names for a gate's leases (`gate.escrow`).
ESCROW = "escrow:"
_left = msgspec.json.Decoder(Left).decode
#: Seconds a node's name is held without a word of it: a worker that restarts is back before.
HOLD_S = 10
#: Seconds after which one that is gone is told of no more.
_KEEP_S = 7 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """Who is there."""

    #: Somebody else holds this node's name.
    taken: bool
    #: By name, seconds until its hold is over; below 0 since then.
    left_s: dict[str, float]


def here(name: str, instance: str) -> tuple[str, ...]:
    """`here`, as a command."""
    keys = [_NODES, money.LEDGER_KEYS[0]]
    return ("FCALL", _HERE, str(len(keys)), *keys, name, instance, str(HOLD_S * 1000), str(_KEEP_S * 1000))


def nodes_of(answer: Sequence[bytes | int]) -> Nodes:
    """What `here` answers."""
    mine, *pairs = answer
    names = (name.decode() for name in pairs[::2] if isinstance(name, bytes))
    return Nodes(
        taken=not mine,
        left_s={name: int(left) / 1000 for name, left in zip(names, pairs[1::2], strict=True)},
    )


#: Seconds for which a node sees to orphans without asking for them again.
SURVIVOR_S = 5
#: Orphans that are seen to at once; the others wait.
MOST_ORPHANS = 500
#: Seconds for which it is kept what a call leaves: longer than any call lasts.
_LEFT_S = 90_000

#: Seconds a call may go on ringing at a carrier when its INVITE has nobody left (RFC 3261 16.6 step 11), and
#: be answered in vain (13.3.1.4: 64 * T1 without an ACK).
RINGS_S, UNACKNOWLEDGED_S = 180, 32

#: Seconds for which a node that has died is told how its calls have ended.
_TOLD_S = 30 * 86_400

#: A call of a dead node: that node, its record id, and its outcome as a record.
type Ended = tuple[str, str, str]
#: An answered call: its record id, ms since the answer, and what it leaves.
type Leaving = tuple[str, int, str]


class Look(StrEnum):
    """Why a node is told of a call."""

    #: It has said that it has ended.
    TOLD = "told"
    #: It is to end it.
    DUE = "due"
    #: The call's node is there, and has time to renew it.
    WAITS = "waits"
    #: It is its own, and another node sees to it.
    MINE = "mine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A call that nobody renews."""

    record_id: str
    #: None: it is settled already.
    leg: money.KeptLeg | None
    #: "": nobody has said that it was answered.
    left: str
    look: Look


def left_of(text: bytes | str | None) -> Left | None:
    """What a call has left; None for nothing. Raises `msgspec.MsgspecError` for what nobody has written."""
    try:
        return _left(text) if text else None
    except UnicodeDecodeError as problem:
        raise msgspec.DecodeError(str(problem)) from None


def over_in_s(leg: money.KeptLeg, session_s: int, max_call_s: int) -> float:
    """Seconds until a leg that nobody renews has ended by itself, as far as anybody can tell.

    1. It rang when its node died: its INVITE is given up, and an answer that nobody acknowledges.
    2. `session_s`: the carrier's session timer (RFC 4028 section 10); nobody has refreshed it since the node
       died, which was before the leg was overdue.
    3. 0, there is none: the time a call may last, which is a guess.
    """
    overdue_s = -leg.left_ms / 1000
    if leg.lasted_ms is None:
        return RINGS_S + UNACKNOWLEDGED_S - overdue_s
    if session_s:
        return session_s - overdue_s
    return max(max_call_s - leg.lasted_ms / 1000, -overdue_s)


def leave(calls: Sequence[Leaving]) -> tuple[str, ...]:
    """`leave`, as a command."""
    keys = [*money.LEDGER_KEYS]
    arguments = [str(_LEFT_S * 1000)]
    for record_id, lasted_ms, text in calls:
        keys += [f"leg:{record_id}", f"left:{record_id}"]
        arguments += [record_id, str(lasted_ms), text]
    return ("FCALL", _LEAVE, str(len(keys)), *keys, *arguments)


def tell(ended: Sequence[Ended]) -> tuple[str, ...]:
    """`tell`, as a command."""
    keys = [_ends(node) for node, _, _ in ended]
    arguments = [part for _, record_id, text in ended for part in (record_id, text)]
    return ("FCALL", _TELL, str(len(keys)), *keys, str(_TOLD_S * 1000), *arguments)


def ends(node: str) -> tuple[str, ...]:
    """What others have told a node of the ends of its calls, as a command: record ids and outcomes."""
    return ("HGETALL", _ends(node))


def heard(node: str, record_ids: Sequence[str]) -> tuple[str, ...]:
    """That it has taken these down, as a command."""
    return ("HDEL", _ends(node), *record_ids)


def _ends(node: str) -> str:
    return f"left:ends:{node}"


def orphans(node: str, ended: Sequence[str] = ()) -> tuple[str, ...]:
    """`orphans`, as a command. `ended`: record ids of calls that have, as this node has seen."""
    keys = [*money.LEDGER_KEYS, _SURVIVOR, _NODES]
    words = [node, str(SURVIVOR_S * 1000), str(MOST_ORPHANS)]
    return ("FCALL", _ORPHANS, str(len(keys)), *keys, *words, *ended)


def orphans_of(answer: Sequence[bytes]) -> list[Orphan]:
    """What `orphans` answers."""
    now, clock, *parts = answer
    found = []
    for record_id, held, left, why in zip(*(parts[at::4] for at in range(4)), strict=True):
        (leg,) = money.kept_legs([now, clock, record_id, held]) if held else [None]
        found.append(
            Orphan(
                record_id=record_id.decode(),
                leg=leg,
                # what is damaged is told by who reads it
                left=left.decode(errors="replace"),
                look=Look(why.decode()),
            )
        )
    return found
