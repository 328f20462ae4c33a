"""How long each running call may go on: a table of ends, which the edge's timer reads each second.

A row is small and of its own, because every second all of them are read, and a call's own row is long. Ends
are monotonic times, which every process of this machine shares and no clock that is put right moves. The end
also stands on the call's file, as its time of change (`RunningCalls.note_end`): it outlives Kamailio.

A call that is being set up has a row, too, from its verdict on, if it holds places in what all nodes count
(`Admit.counters`) or money: they are held for a slice at a time, so that those of an edge that was killed are
soon free, and ringing may last for longer. Money is no longer sure to be held than a gate has said last: a
ledger that has lost it gives it to others then. So the first grant of a call that is charged ends with what
it was held for while it rang; one that is answered after that is asked for at once, and is over if nobody
grants it.
"""

import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from trunkward.edge import ksr
from trunkward.edge.compact import compact
from trunkward.edge.gate import GateClient, GateUnavailable
from trunkward.edge.leaving import Leaving
from trunkward.edge.running import GRANTS, RunningCalls

#: Calls in one frame to a gate: some 50 kB, and less than a millisecond of its time.
_MOST_A_FRAME = 500
_NOTHING = "-"
_NOT_RENEWED = "grant-not-renewed"
#: Seconds a call may ring; tm gives an INVITE up after 180 (its `max_inv_lifetime`). A row that is older was
#: left behind by a fault, and is not renewed any more.
_RINGS_S = 200.0


class Granted(NamedTuple):
    """One running call's time."""

    #: Monotonic seconds: when it ends, and when the call was answered (of one that rings: admitted).
    until_s: float
    answered_s: float
    #: Seconds since the epoch; 0: it rings, and nobody ends it for this.
    answered_at: float
    trunk: str
    #: What it is ended for then (`trunkward.calls.grant.Cut`).
    then: str
    #: Its name in rtpengine, "" for none.
    media: str
    #: Keys of the places it holds.
    counters: list[str]
    #: Where it goes (`trunkward.calls.grant.Reach`), "" where nobody has said.
    reach: str
    #: By what it is charged, "": it costs nothing; and the carrier it goes by, "" while it rings.
    money: str
    carrier: str

    @classmethod
    def read(cls, row: str) -> "Granted":
        """What `text` wrote. Raises `ValueError` for anything else."""
        until, answered, answered_at, trunk, then, media, counters, reach, money, carrier = row.split(" ")
        return cls(
            float(until),
            float(answered),
            float(answered_at),
            trunk,
            then,
            "" if media == _NOTHING else media,
            [] if counters == _NOTHING else counters.split(","),
            *("" if word == _NOTHING else word for word in (reach, money, carrier)),
        )

    def text(self) -> str:
        """As a row."""
        numbers = f"{self.until_s:.3f} {self.answered_s:.3f} {self.answered_at:.3f}"
        media, counters = self.media or _NOTHING, ",".join(self.counters) or _NOTHING
        words = " ".join(word or _NOTHING for word in (self.reach, self.money, self.carrier))
        return f"{numbers} {self.trunk} {self.then} {media} {counters} {words}"


class Grants:
    """The grants of this node's running calls. A call without one (an emergency) is nobody's to end."""

    def __init__(self, running: RunningCalls, longest_s: int) -> None:
        """`longest_s`: how long a row lives unattended."""
        self._running = running
        self._longest_s = longest_s
        self._slice_s = self._ask_below_s = self._ask_again_s = 0.0
        #: By call, when it was asked for last; in the timer's process alone.
        self._asked: dict[str, float] = {}
        #: Those that the ledger takes for lost: asked for with the next round.
        self._urgent: set[str] = set()
        #: What the gates said last: the newest order to end running calls, 0 for none.
        self._cuts = 0
        #: Of the ledger: the epoch in which it wants to be told of all calls, and the one in which it was; 0
        #: for none.
        self._frozen = self._recalled = 0
        self._unavailable = ""
        #: Of the round: calls that are leaving, and those of them that cannot be alive any more.
        self._left: dict[str, Leaving] = {}
        self._gone: list[str] = []

    def ask_by(self, slice_s: float) -> None:
        """How much a gate grants at a time, and so when to ask for more."""
        self._slice_s = slice_s
        # a third of a slice is used before more is asked for; who gets none asks again a sixth later
        self._ask_below_s = slice_s * 2 / 3
        self._ask_again_s = slice_s / 6

    def hold(self, call: dict[str, Any]) -> None:
        """Has the places and the money of a call held for as long as it is set up, and rings."""
        if call["counters"] or call["money"]:
            row = Granted(
                until_s=call["admitted_s"] + self._slice_s,
                answered_s=call["admitted_s"],
                answered_at=0.0,
                trunk=call["trunk"],
                then="rings",
                media="",
                counters=call["counters"],
                reach=call["reach"],
                money=call["money"],
                carrier="",
            )
            self._set(call["record_id"], row)

    def begin(self, call: dict[str, Any]) -> None:
        """The first one, from the answer on, as the verdict said, and no longer than its money is held."""
        if not call["grant"]:
            return
        record_id, until_s, then = call["record_id"], call["answered_s"], _NOT_RENEWED
        with ksr.table_locked(GRANTS, record_id):
            held = ksr.table_get(GRANTS, record_id) if call["money"] else ""
            if held:
                until_s = max(until_s, Granted.read(held).until_s)
            whole_s = call["answered_s"] + call["grant"]["for_s"]
            if not call["money"] or whole_s <= until_s:
                until_s, then = whole_s, call["grant"]["then"]
            ksr.table_set(GRANTS, record_id, _granted(call, until_s, then).text(), self._longest_s)
        self._forget_ended(record_id)

    def restore(self, call: dict[str, Any], until_s: float) -> None:
        """That of a call that outlived Kamailio; what it is ended for then, a gate says anew."""
        if call.get("grant"):
            # no file has a later end but one whose writer died over it, or that is of before a reboot
            until_s = min(until_s, time.monotonic() + self._slice_s)
            self._set(call["record_id"], _granted(call, until_s, _NOT_RENEWED))

    @staticmethod
    def rows() -> dict[str, Granted]:
        """All of them, by record id."""
        return {record_id: Granted.read(row) for record_id, row in ksr.table_rows(GRANTS)}

    def ask_at_once(self, record_ids: Iterable[str]) -> None:
        """Has more time asked for these with the next round: nobody has heard of them for a grant."""
        self._urgent.update(record_ids)

    def renew(self, gate: GateClient, rows: dict[str, Granted], left: dict[str, Leaving]) -> list[str]:
        """Asks a gate for what will soon be over, and takes what it gives, cuts included; changes `rows`.

        It is asked also when nothing is due: it may have a cut to tell. Of calls that are leaving it charges
        what they cost by now, each second; those of them that cannot be alive any more are the answer.
        """
        self._left, self._gone = left, []
        now_s = time.monotonic()
        due = [record_id for record_id, row in rows.items() if self._is_due(record_id, row, now_s)]
        self._urgent.clear()
        known = self._cuts
        if self._ask(gate, rows, due) and self._cuts != known:
            # another one says what is to end: whatever runs is asked for, at once
            self._ask(gate, rows, [record_id for record_id, row in rows.items() if row.answered_at])
        if self._frozen:
            self._recall(gate, rows, self._frozen)
        self._asked = {record_id: at_s for record_id, at_s in self._asked.items() if record_id in rows}
        return self._gone

    def _recall(self, gate: GateClient, rows: dict[str, Granted], epoch: int) -> None:
        """Has a ledger that may have lost something told of each call, and that these are all."""
        if self._recalled != epoch:
            rows |= self.rows()  # with what was admitted before the gate heard of it
            if not self._ask(gate, rows, [record_id for record_id, row in rows.items() if row.money]):
                return
            if self._frozen != epoch:
                return  # not all of it was heard, or it is another by now
            self._recalled = epoch
        self._ask(gate, rows, [], recalled=epoch)

    def _is_due(self, record_id: str, row: Granted, now_s: float) -> bool:
        asked_s = self._asked.get(record_id, 0.0)
        if record_id in self._left:
            return bool(row.money)
        if row.answered_at and self._cuts and asked_s < row.answered_s:
            return True  # it rang when others were ended
        return (row.answered_at > 0 or now_s - row.answered_s < _RINGS_S) and (
            record_id in self._urgent
            or (
                row.until_s - now_s < self._ask_below_s
                and (now_s - asked_s >= self._ask_again_s or asked_s < row.answered_s)
            )
        )

    def _ask(self, gate: GateClient, rows: dict[str, Granted], due: list[str], recalled: int = 0) -> bool:
        """Asks for these, and takes what is given; whether a gate has answered."""
        frozen = set()
        for at in range(0, max(len(due), 1), _MOST_A_FRAME):
            asked = due[at : at + _MOST_A_FRAME]
            now_s = time.monotonic()  # a slow gate gives no time away
            try:
                question = _question(asked, rows, self._left, now_s, recalled)
                given, self._cuts, epoch = gate.grants(question)
            except GateUnavailable as problem:
                self._frozen = 0
                if not rows:  # nobody misses it
                    return False
                if not self._unavailable:
                    ksr.log_error(f"no gate renews grants, running calls end with theirs: {problem}")
                self._unavailable = str(problem)
                return False
            if self._unavailable:
                ksr.log_warning("grants are renewed again")
                self._unavailable = ""
            frozen.add(epoch)
            self._asked |= dict.fromkeys(asked, now_s)
            for record_id, (for_s, then) in given.items():
                if record_id not in rows:
                    continue
                if record_id in self._left:
                    self._gone += [record_id] if for_s <= 0 else []
                    continue
                row = rows[record_id] = rows[record_id]._replace(until_s=now_s + for_s, then=then)
                if row.answered_at:
                    self._set(record_id, row)
                    self._running.note_end(record_id, now_s + for_s)
                else:
                    self._set_ringing(record_id, row)
        self._frozen = frozen.pop() if len(frozen) == 1 else 0
        return True

    def _set_ringing(self, record_id: str, row: Granted) -> None:
        with ksr.table_locked(GRANTS, record_id):
            # one that was answered meanwhile, or has ended, has what it has from there
            if Granted.read(ksr.table_get(GRANTS, record_id) or row.text()).answered_at == 0.0:
                ksr.table_set(GRANTS, record_id, row.text(), self._longest_s)
        self._forget_ended(record_id)

    def _set(self, record_id: str, row: Granted) -> None:
        ksr.table_set(GRANTS, record_id, row.text(), self._longest_s)
        self._forget_ended(record_id)

    def _forget_ended(self, record_id: str) -> None:
        if not self._running.text(record_id):
            ksr.table_remove(GRANTS, record_id)  # ended meanwhile, by another process


def _granted(call: dict[str, Any], until_s: float, then: str) -> Granted:
    return Granted(
        until_s=until_s,
        answered_s=call["answered_s"],
        answered_at=call["answered_at"],
        trunk=call["trunk"],
        then=then,
        media=f"{call['media_id']}{call['hops'][0]['suffix']}" if call["hops"] else "",
        # a file of the version before has none of these
        counters=call.get("counters", []),
        reach=call.get("reach", ""),
        money=call.get("money", ""),
        carrier=call["peer"] if call.get("money") else "",
    )


def _question(
    asked: list[str], rows: dict[str, Granted], left: dict[str, Leaving], now_s: float, recalled: int
) -> str:
    """A frame for a gate (`trunkward.calls.grant.GrantsAsked`)."""
    calls = [
        [
            record_id,
            (row := rows[record_id]).trunk,
            row.answered_at,
            max(round(now_s - row.answered_s, 3), 0.0),
            round(row.until_s - now_s, 3),
            row.counters,
            row.reach or None,
            row.money,
            row.carrier,
            *_ends(left.get(record_id), now_s),
        ]
        for record_id in asked
    ]
    return compact({"kind": "grants", "calls": calls, "recalled": recalled})


def _ends(left: Leaving | None, now_s: float) -> tuple[float | None, int]:
    return (None, 0) if left is None else (round(now_s - left.since_s, 3), left.session_s)
