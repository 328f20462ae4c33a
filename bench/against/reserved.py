"""This product: a real Valkey with its functions, a gate's client, the amounts of `spend.tariff`.

Time is the simulation's: the functions read a key instead of the server's clock, in the copy of their text
that is loaded here, and the worker vouches for it at each step. Renewals are an edge's: when less than two
thirds of a grant are left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from bench.against.hang_up import Nothing
from bench.against.traffic import Call
from sipkit.valkey import OwnValkey
from trunkward.admission.money import RELEASE_S
from trunkward.admission.ports import (
    Asked,
    Charge,
    Granted,
    Held,
    LiveFact,
    OverSpend,
    RunningLeg,
    RunningShare,
    Settlement,
    Share,
)
from trunkward.live import library, money
from trunkward.trunks.model import GRANT_S
from trunkward.trunks.spending import Spending

_LONGEST_S, _HOLD_S = GRANT_S + RELEASE_S, GRANT_S + RELEASE_S
_CLOCK, _START_S = "money:clock", 1_800_000_000
#: Seconds until a call that was given no more asks again.
_AGAIN_S = 10


class Reserved(Nothing):
    """Money is reserved in slices before it is spent."""

    period_s = 1.0

    def __init__(self, caps: Spending) -> None:
        self._caps, self._loop = caps, asyncio.new_event_loop()
        self._valkey = OwnValkey(functions=False)
        self._gate = self._valkey.gate()
        self._root, self._worker, self._asks = map(self._valkey.asks, ("root", "worker", "gate"))
        self._runs = 0
        text = library.text()
        begins = text.index("local function now_us()")
        ends = text.index("end\n", begins) + len("end\n")
        by_key = f"local function now_us() return tonumber(redis.call('GET', '{_CLOCK}')) end\n"
        self._set_clock(0)
        self._worker.ask("FUNCTION", "LOAD", "REPLACE", text[:begins] + by_key + text[ends:])

    def begin(self, end: Callable[[Call], None]) -> None:
        self._end, self._runs = end, self._runs + 1
        self._owner = f"money:trunk:run-{self._runs}"
        #: Each call, and when its grant is over; when it may ask again.
        self._until: dict[Call, tuple[float, float]] = {}
        self._look(0)
        epoch = money.watched(self._worker.ask(*money.watch(_LONGEST_S, None))).epoch
        self._worker.ask(*money.restored("one", "place", epoch, ["one"]))
        self._worker.ask(*money.recalled("one", epoch, ["one"]))

    def admits(self, call: Call, now: float) -> bool:
        self._look(now)
        share = Share(
            owner=self._owner,
            tariff=call.tariff.compact(),
            slice_micro=call.tariff.price_micro(GRANT_S + RELEASE_S),
            caps=self._caps,
        )
        charge = Charge(node="one", currency="EUR", longest_s=_LONGEST_S, shares=(share,))
        asked = Asked(record_id=self._name(call), hold_s=_HOLD_S, money=charge)
        fact: LiveFact = self._run(self._gate.admit(asked))
        assert isinstance(fact, Held | OverSpend), fact
        return isinstance(fact, Held)

    def answered(self, call: Call, now: float) -> None:
        self._until[call] = now + GRANT_S, 0.0

    def tick(self, now: float) -> None:
        for call, (until, again) in list(self._until.items()):
            if until <= now:
                self._end(call)
            elif until - now < GRANT_S * 2 / 3 and again <= now:
                self._until[call] = (
                    (now + GRANT_S, 0.0) if self._renewed(call, now, until) else (until, now + _AGAIN_S)
                )

    def over(self, call: Call, now: float) -> None:
        self._until.pop(call, None)
        self._look(now)
        costs = ((self._owner, call.cost_micro(now)),)
        self._asks.ask(*money.settle([(Settlement(record_id=self._name(call), costs=costs), None)]))

    def close(self) -> None:
        """Ends its Valkey."""
        self._run(self._gate.close())
        self._loop.close()
        for one in (self._root, self._worker, self._asks):
            one.close()
        self._valkey.close()

    def _renewed(self, call: Call, now: float, until: float) -> bool:
        self._look(now)
        lasted_s, price = call.lasted_s(now), call.tariff.price_micro
        share = RunningShare(
            owner=self._owner,
            tariff=call.tariff.compact(),
            used_micro=price(lasted_s),
            had_micro=price(lasted_s + until - now + RELEASE_S),
            next_micro=price(lasted_s + GRANT_S + RELEASE_S),
            caps=self._caps,
        )
        leg = RunningLeg(record_id=self._name(call), lasted_s=lasted_s, shares=(share,))
        (fact,) = self._run(self._gate.renew_legs([leg], hold_s=_HOLD_S, node="one", longest_s=_LONGEST_S))
        assert isinstance(fact, Granted | OverSpend), fact
        return isinstance(fact, Granted)

    def _name(self, call: Call) -> str:
        return f"{self._runs}-{call.name}"

    def _look(self, now: float) -> None:
        """The worker looks, with a clock that is right."""
        self._set_clock(now)
        self._worker.ask(*money.watch(_LONGEST_S, self._at_s(now)))

    def _set_clock(self, now: float) -> None:
        self._root.ask("SET", _CLOCK, str(round(self._at_s(now) * 1_000_000)))

    def _at_s(self, now: float) -> float:
        # runs follow each other, so that its time never goes back
        return _START_S + self._runs * 10 * 86_400 + now

    def _run[T](self, doing: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(doing)
