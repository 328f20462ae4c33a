"""Refusals of strangers, and of REGISTERs, counted: a flood must not fill the disk, and must be known of.

Of each network and reason the first `SINGLY` in a minute are on record like every other call. The rest are
counted, and at the minute's end one line says how many there were, of whom, and which trunks they claimed to
be. What a gate has counted when it is killed is lost: a minute at most.

Whether one is on record follows from its network and its reason alone. What a password or a name was worth
must not be seen in how long the disk took.
"""

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from trunkward.gate.recorder import RecordNotWritten
from trunkward.records.model import Event, EventRecord, Record
from trunkward.records.network import network_of
from trunkward.trunks.model import Trunk

#: Seconds that are counted together.
TOGETHER_S = 60.0
#: On record in that time, of one network and reason, and of all of them.
SINGLY, SINGLY_IN_ALL = 20, 600
#: Networks that are told apart in that time; those beyond them are counted together.
_MOST_NETWORKS = 512
#: Trunks that are named in one line.
_MOST_CLAIMED = 20

_log = structlog.get_logger("gate")


@dataclass(slots=True, kw_only=True)
class _Seen:
    since: float
    last: float = 0.0
    source: str = ""
    count: int = 0
    recorded: int = 0
    claimed: Counter[str] = field(default_factory=Counter)
    detail: str = ""
    remedy: str = ""


class Strangers:
    """What strangers were refused in this minute, through one gate."""

    def __init__(self, gate: int, write: Callable[[list[Record]], None]) -> None:
        """`write` puts records on the disk; it may raise `RecordNotWritten`."""
        self._gate = gate
        self._write = write
        #: By network, reason, and tenant and trunk of who is no stranger.
        self._seen: dict[tuple[str, str, str, str], _Seen] = {}
        self._recorded = 0
        self._began = 0.0

    def refused(
        self,
        source: str,
        reason: str,
        claimed: str,
        now: float,
        *,
        call: bool = True,
        trunk: Trunk | None = None,
        detail: str = "",
        remedy: str = "",
    ) -> bool:
        """Counts one, `now` in seconds since the epoch; whether it is to be on record by itself.

        `claimed`: the trunk it said it is, "" for none. What is no `call` is counted alone. `trunk`: whose
        REGISTER it is. `detail`, `remedy`: of the check that refused.
        """
        self.tell(now)
        whose = (trunk.tenant, trunk.name) if trunk else ("", "")
        key = network_of(source), reason, *whose
        if key not in self._seen and len(self._seen) >= _MOST_NETWORKS:
            key = "", reason, *whose
        seen = self._seen.setdefault(key, _Seen(since=now))
        seen.count += 1
        seen.last, seen.source = now, source
        seen.detail, seen.remedy = detail, remedy
        if claimed and (claimed in seen.claimed or len(seen.claimed) < _MOST_CLAIMED):
            seen.claimed[claimed] += 1
        if not call or seen.recorded >= SINGLY or self._recorded >= SINGLY_IN_ALL:
            return False
        seen.recorded += 1
        self._recorded += 1
        return True

    def tell(self, now: float, *, at_once: bool = False) -> None:
        """Writes down what was counted, when its minute is over or, at the end, `at_once`."""
        if 0 <= now - self._began < TOGETHER_S and not at_once:
            return
        told = [self._event(*key, seen) for key, seen in self._seen.items() if seen.count > seen.recorded]
        self._seen, self._recorded, self._began = {}, 0, now
        if not told:
            return
        try:
            self._write([*told])
        except RecordNotWritten as problem:
            count = sum(event.count for event in told)
            _log.error("refusals of strangers not written", count=count, problem=str(problem))

    def _event(self, network: str, reason: str, tenant: str, trunk: str, seen: _Seen) -> EventRecord:
        return EventRecord(
            event_id=uuid.uuid4().hex,
            at=seen.last,
            event=Event.REGISTRATION_REFUSED if trunk else Event.STRANGERS_REFUSED,
            tenant=tenant,
            trunk=trunk,
            detail=seen.detail,
            remedy=seen.remedy,
            since=seen.since,
            count=seen.count,
            recorded=seen.recorded,
            reason=reason,
            source=seen.source,
            network=network,
            claimed=dict(seen.claimed.most_common()),
            gate=self._gate,
        )
