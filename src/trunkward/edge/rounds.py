"""The edge's timer: once a second, in a process of its own, which carries no SIP and may wait.

1. BYEs that waited, for a connection or because a carrier has not ended its leg, are sent.
2. A gate is asked for more time, for all calls that will need it, and for cuts. Of those that are to end and
   cannot be alive any more, it says so.
   And whether calls of a node that has died are to be ended.
3. Calls whose time is over are ended.
4. So are calls whose media is lost.
"""

import time
from collections.abc import Callable

from trunkward.edge import leaving
from trunkward.edge.gate import GateClient
from trunkward.edge.grants import Grants
from trunkward.edge.hang_up import HangUp
from trunkward.edge.media_watch import MediaWatch
from trunkward.edge.stand_in import StandIn

#: Calls ended in one round: each is two requests, and peers must take them.
_MOST_ENDS = 200


class Rounds:
    """What is done each second."""

    def __init__(
        self,
        grants: Grants,
        gate: Callable[[], GateClient],
        watch: MediaWatch,
        hang_up: HangUp,
        stand_in: StandIn,
    ) -> None:
        """Keeps its parts; `gate` gives this process' own client, by the settings in force."""
        self._grants = grants
        self._gate = gate
        self._watch = watch
        self._hang_up = hang_up
        self._stand_in = stand_in

    def second(self, _event: str) -> None:
        """One round."""
        # 1.
        left = leaving.rows()
        self._hang_up.go_on(left)
        rows = self._grants.rows()
        # 2. without calls, too: it may have to be told that there are none
        for record_id in self._grants.renew(self._gate(), rows, left):
            self._hang_up.give_up(record_id)
        self._stand_in.second()
        if not rows:
            return
        # 3.
        now_s = time.monotonic()
        # of a call that rings only the places and the money have an end
        ends = {
            record_id: row.then
            for record_id, row in rows.items()
            if row.answered_at and row.until_s <= now_s and record_id not in left
        }
        # 4.
        names = {
            record_id: row.media
            for record_id, row in rows.items()
            if row.media and record_id not in ends and record_id not in left
        }
        ends |= dict.fromkeys(self._watch.lost(names, now_s), "media-lost")
        for record_id in list(ends)[:_MOST_ENDS]:
            self._hang_up.begin(record_id, ends[record_id])
