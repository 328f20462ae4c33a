"""What all nodes count, as a state machine on a real Valkey: never more than the limit, never a place lost for long.

Two gates' clients on one server do what gates do, in any order: admit, ask again after a gate has died, withdraw, renew,
release; the server is killed and comes back on its file, or without anything; time passes. The model is a dictionary.
Time is Valkey's own, and short: a hold is HOLD_S, and nothing is asserted within SLACK_S of its end.
"""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sipkit.valkey import OwnValkey
from trunkward.admission.ports import Asked, Counter, Held, LiveFact, Over
from trunkward.live import library
from trunkward.live.client import LiveClient

HOLD_S = 0.5
#: Within it of a hold's end nobody says whether it is over: two clocks go by it. However long a question takes,
#: what is certain is what still is when it is answered, and what may be is what might have been when it was asked.
SLACK_S = 0.1
MOST = {"calls:tenant:acme": 3, "calls:trunk:hq": 2, "calls:trunk:branch": 2}
#: A call's places: its trunk's and its tenant's.
WAYS = (("calls:trunk:hq", "calls:tenant:acme"), ("calls:trunk:branch", "calls:tenant:acme"))
IDS = [f"r{number}" for number in range(8)]


@dataclass
class Holding:
    """What the model knows of a call that has its places."""

    keys: tuple[str, ...]
    #: Monotonic seconds: the earliest and the latest moment at which its hold may end.
    from_s: float
    until_s: float
    reservation: Held | None
    #: It is not in Valkey until it is renewed: that has lost it.
    lost: bool = False


@dataclass
class Model:
    """Calls that hold places, and calls that are over."""

    held: dict[str, Holding] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)

    def certainly(self, key: str) -> int:
        """Calls that hold a place there without any doubt."""
        now_s = time.monotonic()
        return sum(
            key in one.keys and not one.lost and one.from_s - SLACK_S > now_s for one in self.held.values()
        )

    def perhaps(self, key: str) -> int:
        """Those, and calls whose hold ends at about this moment."""
        now_s = time.monotonic()
        return sum(
            key in one.keys and not one.lost and one.until_s + SLACK_S > now_s for one in self.held.values()
        )


class LiveMachine(RuleBasedStateMachine):
    """Two gates and a model."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.model = Model()

    @initialize()
    def start(self) -> None:
        with SERVER.asks("root") as root:
            for key in root.ask("SCAN", "0", "COUNT", "1000")[1]:
                root.ask("DEL", key.decode())
        self.gates = [SERVER.gate(), SERVER.gate()]

    def teardown(self) -> None:
        for gate in self.gates:
            self.run(gate.close())
        self.loop.close()

    def run[T](self, doing: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(doing)

    def settle(self) -> None:
        """Lets what waits for nobody arrive."""
        for gate in self.gates:
            self.run(_arrived(gate))

    # ---- what gates do ---------------------------------------------------------------------------
    @rule(record_id=st.sampled_from(IDS), way=st.sampled_from(WAYS), gate=st.integers(0, 1))
    def admit(self, record_id: str, way: tuple[str, ...], gate: int) -> None:
        one = self.model.held.get(record_id)
        if record_id in self.model.ended or (one is not None and (one.keys != way or one.lost)):
            return  # a record id is one call's, and a call has one way
        counters = tuple(Counter(key=key, most=MOST[key]) for key in way)
        perhaps = {key: self.model.perhaps(key) for key in way}
        began_s = time.monotonic()
        fact = self.run(self.asked(gate, Asked(record_id=record_id, hold_s=HOLD_S, counters=counters)))
        mine = one is not None and one.from_s - SLACK_S > time.monotonic()
        certainly = {key: self.model.certainly(key) for key in way}
        if isinstance(fact, Held):
            # never more than the limit
            assert mine or all(certainly[key] < MOST[key] for key in way), (certainly, record_id)
            self.model.held[record_id] = Holding(
                keys=way, from_s=began_s + HOLD_S, until_s=time.monotonic() + HOLD_S, reservation=fact
            )
        else:
            assert isinstance(fact, Over), fact
            # never less than what is free, and never its own place against it
            assert not mine
            assert perhaps[fact.key] >= MOST[fact.key], (perhaps, fact)

    async def asked(self, gate: int, asked: Asked) -> LiveFact:
        await _arrived(self.gates[gate])
        return await self.gates[gate].admit(asked)

    @precondition(lambda self: self.model.held)
    @rule(data=st.data(), gate=st.integers(0, 1))
    def renew(self, data: st.DataObject, gate: int) -> None:
        calls = data.draw(st.lists(st.sampled_from(sorted(self.model.held)), unique=True, min_size=1))
        began_s = time.monotonic()
        self.run(_renew(self.gates[gate], [(name, self.model.held[name].keys) for name in calls]))
        self.settle()
        for name in calls:
            one = self.model.held[name]
            one.from_s, one.until_s, one.lost = began_s + HOLD_S, time.monotonic() + HOLD_S, False
            one.reservation = None  # it is not that one any more

    @precondition(lambda self: self.model.held)
    @rule(data=st.data(), gate=st.integers(0, 1), again=st.booleans())
    def release(self, data: st.DataObject, gate: int, again: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.model.held)))
        one = self.model.held.pop(name)
        self.model.ended.add(name)
        self.run(_ended(self.gates[gate], [(name, one.keys)]))
        self.settle()
        if again:  # a renewal that was on its way does not bring it back
            self.run(_renew(self.gates[1 - gate], [(name, one.keys)]))
            self.settle()

    @precondition(lambda self: any(one.reservation for one in self.model.held.values()))
    @rule(data=st.data(), gate=st.integers(0, 1), stale=st.booleans())
    def withdraw(self, data: st.DataObject, gate: int, stale: bool) -> None:
        reserved = {name: one for name, one in self.model.held.items() if one.reservation is not None}
        name = data.draw(st.sampled_from(sorted(reserved)))
        held = reserved[name].reservation
        assert held is not None
        if stale:  # one that another gate has taken over since
            held = Held(record_id=name, counters=held.counters, until_ms=held.until_ms - 1)
        self.run(_withdraw(self.gates[gate], held))
        self.settle()
        if not stale:
            del self.model.held[name]

    # ---- what happens ----------------------------------------------------------------------------
    @rule(seconds=st.sampled_from([0.05, HOLD_S / 2, HOLD_S + 2 * SLACK_S]))
    def time_passes(self, seconds: float) -> None:
        time.sleep(seconds)
        now_s = time.monotonic()
        for name in [name for name, one in self.model.held.items() if one.until_s + SLACK_S < now_s]:
            del self.model.held[name]

    @rule()
    def killed_and_back(self) -> None:
        SERVER.wait_until_written()
        SERVER.kill()
        SERVER.start()

    @rule()
    def everything_is_lost(self) -> None:
        SERVER.lose_everything()
        for one in self.model.held.values():
            one.lost = True

    # ---- what always holds -----------------------------------------------------------------------
    @invariant()
    def what_is_counted_is_what_there_is(self) -> None:
        counters = [Counter(key=key, most=most) for key, most in MOST.items()]
        high = {key: self.model.perhaps(key) for key in MOST}
        with SERVER.asks("root") as root:
            counted = dict(zip(MOST, root.ask(*library.count(counters)), strict=True))
        for key in MOST:
            assert high[key] >= counted[key] >= 0, (key, counted, self.model)
            assert counted[key] >= self.model.certainly(key), (key, counted, self.model)


async def _arrived(gate: LiveClient) -> None:
    """Answers come in the order of the questions."""
    fact = await gate.admit(
        Asked(record_id="x", hold_s=1, counters=(Counter(key="calls:trunk:none", most=0),))
    )
    for _ in range(100):
        if isinstance(fact, Over):
            return
        await asyncio.sleep(0.01)  # it has just been started anew
        fact = await gate.admit(
            Asked(record_id="x", hold_s=1, counters=(Counter(key="calls:trunk:none", most=0),))
        )
    raise AssertionError(fact)


async def _renew(gate: LiveClient, calls: list[tuple[str, tuple[str, ...]]]) -> None:
    await _arrived(gate)
    gate.renew(calls, HOLD_S)


async def _ended(gate: LiveClient, calls: list[tuple[str, tuple[str, ...]]]) -> None:
    await _arrived(gate)
    gate.ended(calls)


async def _withdraw(gate: LiveClient, held: Held) -> None:
    await _arrived(gate)
    gate.withdraw(held)


SERVER: OwnValkey


def test_places_are_never_too_many_and_never_lost_for_long() -> None:
    global SERVER  # noqa: PLW0603  # hypothesis makes the machines
    SERVER = OwnValkey()
    try:
        run_state_machine_as_test(
            LiveMachine,
            settings=settings(
                max_examples=20,
                stateful_step_count=20,
                deadline=None,
                # a smaller example takes minutes of a real server's time to find
                phases=[Phase.explicit, Phase.reuse, Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        SERVER.close()
