"""Calls that their node renews no more: another edge ends them, and until that is known they are charged.

One node sees to them (`live/nodes.lua`): the first that asks. Each of its rounds:

1. Those the carrier has ended are settled, whoever sees to them. How each has ended is on record here, and
   told its node for when that is back. The edge tells each until a gate has taken it.
2. Each node's edge is told which of them are its own: it may have them still, or know how they have ended. A
   node that is there has some seconds for that before others do anything but charge.
3. Those that cannot be alive any more are settled, too: the carrier's session timer is over (RFC 4028 section
   10), or, where there is none, the time a call may last, which is a guess. Their node may be alive, and know
   more: that is charged then.
4. The others' grants grow with the time that passes, whatever the caps say.
5. The edge is told whom to send a BYE: as many as it takes, and one message holds.
"""

import time
from collections.abc import Callable
from copy import replace
from dataclasses import dataclass

import msgspec
import structlog

from trunkward.admission.ports import RunningLeg, RunningShare, Settlement
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.grant import Cut
from trunkward.calls.orphan import CallLeft, Left, OrphansAsked, OrphansGiven
from trunkward.calls.outcome import Ending, Outcome
from trunkward.gate.counts import Counts
from trunkward.gate.recorder import RecordNotWritten
from trunkward.live.money import KeptLeg, KeptShare
from trunkward.live.nodes import ESCROW, UNACKNOWLEDGED_S, Look, Orphan, left_of, over_in_s
from trunkward.records.model import OutcomeRecord, Record
from trunkward.spend.tariff import Tariff
from trunkward.trunks.model import NodeSettings
from trunkward.trunks.spending import NO_CAPS

#: Answers to a BYE, beside 2xx, after which there is no leg any more: it was over before (RFC 3261 15.1.2),
#: or who sends it must take it for gone (15.1.1). The edge tells of no others (`edge.numbering.is_over`).
_NO_LEG = frozenset({408, 481})
#: Seconds added to what is known of a call's time: to be told its answer took that long at most.
_TOLD_WITHIN_S = 0.5
#: Seconds until it is looked at again, and a BYE that was sent meanwhile is answered.
_NEXT_LOOK_S = 2.0
#: Bytes of what calls have left in one answer: a message the edge's socket takes in one piece.
_MOST_BYTES, _ID_BYTES = 100_000, 40
#: Seconds for which it is remembered whom the edge was told to end.
_TOLD_S = 60.0

#: Of the ledger's names for owners.
_CARRIER = "money:carrier:"

_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger("gate")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """What is found in one."""

    taken: list[str]
    yours: list[str]
    #: What those have left that are to be ended.
    waiting: dict[str, str]
    settled: list[Settlement]
    #: How calls have ended, with their nodes.
    over: list[tuple[str, Outcome]]
    dead: list[RunningLeg]


class Orphans:
    """What one gate does for them."""

    def __init__(
        self,
        counts: Counts,
        policy: Callable[[], Snapshot | None],
        write: Callable[[list[Record]], None],
    ) -> None:
        """Asks nobody yet; `write` puts records on the disk, and may raise `RecordNotWritten`."""
        self._counts = counts
        self._policy = policy
        self._write = write
        #: When the edge was told last to end a call, in monotonic seconds.
        self._told_s: dict[str, float] = {}

    def left(self, told: CallLeft) -> None:
        """Keeps what a call leaves. Never waits or raises."""
        left = Left(carrier=told.carrier, session_s=told.session_s, text=told.text, call_id=told.call_id)
        self._counts.leave(told.record_id, told.lasted_ms, _encode(left).decode())

    async def asked(self, asked: OrphansAsked) -> OrphansGiven:
        """Whom the edge is to end. Never raises."""
        policy = self._policy()
        if policy is None:
            return OrphansGiven(hang_up={})
        node = policy.node
        ended = {record_id: (status, ago_s) for record_id, status, ago_s in asked.ended}
        ending = {*asked.ending, *ended}
        round_ = _Round(taken=[], yours=[], waiting={}, settled=[], over=[], dead=[])
        for orphan in await self._counts.orphans(node, list(ended)):
            if orphan.look is Look.TOLD:
                round_.taken.append(orphan.record_id)
            if orphan.leg is not None:
                self._look(orphan, orphan.leg, ended.get(orphan.record_id), node, round_)
        self._tell(round_.over)
        if not await self._counts.settled(round_.settled):
            round_.taken.clear()
        await self._counts.renew_legs(round_.dead, node, 0)
        waiting = {one: text for one, text in round_.waiting.items() if one not in ending}
        taken, yours = round_.taken, round_.yours
        most = _MOST_BYTES - _ID_BYTES * (len(taken) + len(yours))
        return OrphansGiven(hang_up=self._some(waiting, asked.room, most), yours=yours, taken=taken)

    def _look(
        self,
        orphan: Orphan,
        leg: KeptLeg,
        end: tuple[int, float] | None,
        node: NodeSettings,
        round_: "_Round",
    ) -> None:
        """What is to become of one."""
        left = _left_of(orphan)
        if leg.record_id.startswith(ESCROW):
            if orphan.look is not Look.MINE and cannot_be_alive(leg, None, node.max_call_s):
                round_.settled.append(Settlement(record_id=leg.record_id, costs=_all_of(leg)))
            return
        if leg.node == node.ledger_name and orphan.look is not Look.TOLD:
            round_.yours.append(leg.record_id)
        if orphan.look is Look.MINE:
            return
        status, ago_s = end or (0, 0.0)
        over = 200 <= status < 300 or status in _NO_LEG
        if over or (orphan.look is Look.DUE and cannot_be_alive(leg, left, node.max_call_s)):
            why = f"the carrier answered its BYE with {status}" if over else "it cannot be alive any more"
            _log.warning("a call of a dead node is over", record_id=leg.record_id, node=leg.node, why=why)
            cost = Settlement(record_id=leg.record_id, costs=costs(leg, left, ago_s), at_least=not over)
            round_.settled.append(cost)
            seen = outcome(leg, left, status if over else None, time.time() - ago_s, ago_s)
            round_.over.append((leg.node, replace(seen, survivor=node.ledger_name)))
            return
        if orphan.look is Look.TOLD:
            return  # its carrier has refused the BYE
        round_.dead.append(grown(leg, left))
        if left is not None and orphan.look is Look.DUE:
            round_.waiting[leg.record_id] = left.text

    def _tell(self, over: list[tuple[str, Outcome]]) -> None:
        """Puts ends on record; those who have died over these calls hear of them, too."""
        records = [OutcomeRecord(record_id=one.record_id, at=time.time(), outcome=one) for _, one in over]
        if records:
            try:
                self._write([*records])
            except RecordNotWritten as problem:  # the money is free all the same, and their nodes are told
                _log.error("ends of calls are not on record here", calls=len(records), problem=str(problem))
        for (node, one), record in zip(over, records, strict=True):
            self._counts.tell_end(node, one.record_id, _encode(record).decode())

    def _some(self, waiting: dict[str, str], room: int, most: int) -> dict[str, str]:
        """As many as the edge takes: first those that were told longest ago, so that none blocks others."""
        now_s = time.monotonic()
        self._told_s = {one: at_s for one, at_s in self._told_s.items() if now_s - at_s < _TOLD_S}
        found: dict[str, str] = {}
        size = 0
        for record_id in sorted(waiting, key=lambda one: self._told_s.get(one, 0.0))[:room]:
            size += len(waiting[record_id])
            if size > most:
                break
            found[record_id] = waiting[record_id]
            self._told_s[record_id] = now_s
        return found


def cannot_be_alive(leg: KeptLeg, left: Left | None, max_call_s: int) -> bool:
    """Whether a leg has ended by itself by now."""
    return over_in_s(leg, left.session_s if left is not None else 0, max_call_s) < 0


def costs(leg: KeptLeg, left: Left | None, ago_s: float = 0.0) -> tuple[tuple[str, int], ...]:
    """What a leg that ended so many seconds ago has cost each owner, for sure not less."""
    lasted_s = UNACKNOWLEDGED_S if leg.lasted_ms is None else leg.lasted_ms / 1000 - ago_s + _TOLD_WITHIN_S
    return tuple(
        (share.owner, max(Tariff.from_compact(share.tariff).price_micro(lasted_s), share.settled))
        for share in _paying(leg, left)
    )


def outcome(
    leg: KeptLeg, left: Left | None, bye_status: int | None, ended_at: float, ago_s: float = 0.0
) -> Outcome:
    """What came of a leg that ended so many seconds ago, at `ended_at` (seconds since the epoch).

    `bye_status`: of the carrier's answer to a BYE; None: there was none, and when it ended nobody knows.
    """
    told = Outcome(
        record_id=leg.record_id,
        call_id=left.call_id if left is not None else "",
        ending=Ending.ENDED_UNKNOWN,
        ended_at=ended_at,
        ended_by="us",
        peer=left.carrier if left is not None else None,
        bye_status=bye_status,
    )
    if bye_status is None or leg.lasted_ms is None:
        return told
    lasted_ms = max(leg.lasted_ms - round(ago_s * 1000), 1)
    answered_at = ended_at - lasted_ms / 1000
    known = replace(told, ending=Ending.BYE, status=200, cut=Cut.NODE_LOST.value)
    return replace(known, answered_at=answered_at, answered_ms=lasted_ms)


def grown(leg: KeptLeg, left: Left | None) -> RunningLeg:
    """A leg that nobody has ended yet: it has cost this much, and will cost that much more."""
    lasted_s = 0.0 if leg.lasted_ms is None else leg.lasted_ms / 1000
    shares = []
    for share in _paying(leg, left):
        tariff, had = Tariff.from_compact(share.tariff), share.settled + share.granted
        shares.append(
            RunningShare(
                owner=share.owner,
                tariff=share.tariff,
                used_micro=share.settled,  # what it has cost is known at its end
                had_micro=had,
                next_micro=max(had, tariff.price_micro(lasted_s + _NEXT_LOOK_S)),
                caps=NO_CAPS,
            )
        )
    return RunningLeg(
        record_id=leg.record_id,
        lasted_s=None if leg.lasted_ms is None else lasted_s,
        shares=tuple(shares),
        dead=True,
    )


def _all_of(leg: KeptLeg) -> tuple[tuple[str, int], ...]:
    """What a dead gate had leased: how much of it was spent died with it."""
    return tuple((share.owner, share.settled + share.granted) for share in leg.shares)


def _paying(leg: KeptLeg, left: Left | None) -> list[KeptShare]:
    """Those of its owners, without carriers by which it does not go."""
    return [
        share
        for share in leg.shares
        if left is None or not share.owner.startswith(_CARRIER) or share.owner == _CARRIER + left.carrier
    ]


def _left_of(orphan: Orphan) -> Left | None:
    try:
        return left_of(orphan.left)
    except msgspec.MsgspecError as problem:
        _log.error("what a call has left cannot be read", record_id=orphan.record_id, problem=str(problem))
        return None
