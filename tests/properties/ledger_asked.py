"""A ledger on a real Valkey, asked as gates and workers ask: each answer is compared with the model's."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from properties.ledger_model import US, Ask, Ledger
from properties.ledger_server import Server
from properties.ledger_world import CAPS, HOLD, LONGEST, NODES, RELEASE, RINGS, Call, caps_of, price, word
from trunkward.admission.ports import (
    Asked,
    Charge,
    Counter,
    LegFact,
    LiveFact,
    Over,
    RunningLeg,
    Settlement,
    Share,
    Unavailable,
)
from trunkward.gate.escrow import Escrow
from trunkward.live import money
from trunkward.live.client import LiveClient


class AskedLedger(RuleBasedStateMachine):
    """Valkey and the model of its ledger, their time, and the calls there are."""

    server: ClassVar[Server]
    #: Since Valkey was started for these calls.
    gate: LiveClient

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.model = Ledger()
        self.now = 1_800_000_000 * US
        #: Valkey's clock is off by so much.
        self.off = 0
        #: The ledger's time minus the true one: now, and at the charge for which it was least.
        self.pace = self.least_pace = 0
        #: The most it has ever gained since a charge: by that much it may have freed too early.
        self.gained = 0
        self.charged = 0
        self.calls: dict[str, Call] = {}
        self.numbers = 0
        self.alive = dict.fromkeys(NODES, True)
        #: Nodes that reach no Valkey; their calls go on as long as they have leave to.
        self.cut_off: set[str] = set()
        #: By leg: until when it has been held, in true time, and `leaps` by then.
        self.due: dict[str, tuple[int, int]] = {}
        #: How often a clock has leapt; each may make legs older by 2 s, twice.
        self.leaps = 0
        #: By node and gate.
        self.escrow: dict[tuple[str, int], Escrow] = {}
        #: The epoch each gate has heard last.
        self.heard: dict[tuple[str, int], int] = {}
        #: Valkey, for the gate in hand.
        self.out_of_reach = False
        #: Each with its model, and with `least_pace` of that time.
        self.copies: list[tuple[Path, Ledger, int]] = []

    def run[T](self, doing: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(doing)

    def arrived(self) -> None:
        """Lets what waits for nobody arrive; answers come in the order of the questions."""
        nothing = Asked(record_id="x", hold_s=1, counters=(Counter(key="calls:none", most=0),))
        for _ in range(100):
            if isinstance(self.run(self.gate.admit(nothing)), Over):
                return
            self.run(asyncio.sleep(0.01))  # it has just been started anew
        raise AssertionError("Valkey does not answer")

    # ---- time ------------------------------------------------------------------------------------
    @property
    def clock(self) -> int:
        """Valkey's."""
        return self.now + self.off

    def set_clock(self) -> None:
        self.server.set_clock(self.clock)

    def follow(self) -> None:
        """How the ledger's time runs."""
        self.pace = self.model.latest - self.now
        if len(self.model.charges) > self.charged:
            self.least_pace = min(max(self.pace, self.off), self.least_pace)
        self.charged = len(self.model.charges)
        self.gained = max(self.gained, self.pace - self.least_pace)

    def pass_time(self, us: int) -> None:
        self.now += us
        self.set_clock()
        for call in self.calls.values():
            # one that rings is ended by no hold that is over
            until = call.began + RINGS if call.answered is None else call.until
            if call.ended is not None or call.orphan or until > self.now:
                continue
            # the edge ends it with its grant; the carrier takes its time to hear of it
            call.ended = until if call.answered is None else until + RELEASE * (until % 3) // 2
        # the edge tells at once: a ledger that does not know it, or what a gate has leased for it, is to hear of it
        unheard = [
            one
            for one in self.calls.values()
            if one.is_over(self.now) and not (one.told or one.orphan) and one.node not in self.cut_off
        ]
        for call in unheard:
            if call.by_escrow or self.fragile:
                self.tell(call)

    def watch(self, *, vouched: bool) -> None:
        """The worker looks; with a clock that is right."""
        true = self.now / US if vouched else None
        said = money.watched(self.server.worker(*money.watch(LONGEST / US, true)))
        at, frozen = self.model.look(
            self.clock, LONGEST // 1000, vouched and abs(self.clock - self.now) < 2 * US
        )
        assert (said.epoch, said.frozen_ms, said.now_ms) == (self.model.epoch, frozen, at // 1000)
        self.follow()

    @property
    def fragile(self) -> bool:
        """The ledger may not know all there is."""
        return self.model.run != self.model.me or bool(self.model.copy().look(self.clock)[1])

    # ---- what gates ask and tell -----------------------------------------------------------------
    def ask_for(self, call: Call) -> LiveFact:
        asks = [
            Ask(owner, 0, 0, price(tariff, LONGEST), CAPS[owner], carrier="carrier" in owner)
            for owner, tariff in call.owners.items()
        ]
        shares = tuple(
            Share(
                owner=ask.owner,
                tariff=call.owners[ask.owner],
                slice_micro=ask.to,
                caps=caps_of(ask.owner),
                carrier=ask.carrier,
            )
            for ask in asks
        )
        charge = Charge(node=call.node, currency="EUR", longest_s=LONGEST / US, shares=shares)
        fact = self.run(self.gate.admit(Asked(record_id=call.name, hold_s=HOLD / US, money=charge)))
        expected = self.model.admit(call.name, asks, self.clock, LONGEST // 1000, HOLD // 1000)
        self.follow()
        assert word(fact) == expected, (fact, expected)
        if expected.startswith("held"):
            self.held(call.name, HOLD)
        return fact

    def held(self, name: str, us: int) -> None:
        """A leg is held for so long: nobody may take it for lost before that."""
        until = self.now + us
        if name not in self.due or self.due[name][0] < until:
            self.due[name] = until, self.leaps

    def renewed(
        self, node: str, legs: list[RunningLeg], asks: list[list[Ask]]
    ) -> tuple[LegFact | Unavailable, ...]:
        facts = self.run(self.gate.renew_legs(legs, hold_s=HOLD / US, node=node, longest_s=LONGEST / US))
        assert not isinstance(facts, Unavailable), facts
        for leg, wanted, fact in zip(legs, asks, facts, strict=True):
            left_ms = None if leg.dead else round(leg.left_s * 1000)
            lasted_ms = None if leg.lasted_s is None else round(leg.lasted_s * 1000)
            expected = self.model.renew(
                leg.record_id, wanted, self.clock, LONGEST // 1000, HOLD // 1000, left_ms, lasted_ms
            )
            assert word(fact) == expected, (leg, fact, expected)
            if left_ms is not None and expected != "ended":
                self.held(leg.record_id, HOLD if expected == "granted" else left_ms * 1000)
        self.follow()
        return facts

    def tell(self, call: Call, *, record: bool = False) -> None:
        assert call.ended is not None
        costs = call.costs(self.now)
        call.beyond = {
            owner: max(call.beyond.get(owner, 0), self.beyond(call, owner)) for owner in call.owners
        }
        ended = call.ended + self.off if record else None
        told = Settlement(
            record_id=call.name,
            costs=tuple(costs.items()),
            ended_at=None if ended is None else ended / US,
        )
        self.settle_in_ledger(told)
        at = None if ended is None else round(ended / 1000) * 1000
        self.model.settle(call.name, costs, self.clock, at)
        self.follow()
        call.told = True

    def settle_in_ledger(self, told: Settlement) -> None:
        self.run(_settle(self.gate, told))
        self.arrived()

    def beyond(self, call: Call, owner: str) -> int:
        """What a call costs though nobody has granted it.

        A dead node's: nobody could end it by then. One that was answered when its hold was over, and the ledger
        had lost it: until it has ended, or a gate has given leave.
        """
        if owner not in call.owners:
            return 0
        if (charged := self.model.ended.get(call.name)) is not None:
            # others have settled it, and been granted what they freed; its node has not told yet
            return max(call.billed(owner, self.now) - charged.get(owner, 0), call.beyond.get(owner, 0))
        if not call.orphan:
            at = self.now if call.leave is None else min(call.leave, self.now)
            unasked = call.billed(owner, min(at, (call.answered or 0) + RELEASE)) if call.unasked else 0
            return max(unasked, call.beyond.get(owner, 0))
        leg = self.model.legs.get(call.name)
        share = leg.shares.get(owner) if leg else None
        # what its gate had leased is there until its node is back
        granted = share.total - share.forced if share else call.had[owner] if call.by_escrow else 0
        return max(call.billed(owner, self.now) - granted, 0)

    def give_back(self, name: str) -> None:
        self.run(_give_up(self.gate, name))
        self.model.withdraw(name, self.clock)
        self.follow()

    # ---- calls -----------------------------------------------------------------------------------
    def running(self, node: str | None = None) -> list[Call]:
        return [
            call
            for call in self.calls.values()
            if call.ended is None and not call.orphan and node in (None, call.node)
        ]

    def over(self) -> list[Call]:
        return [call for call in self.calls.values() if call.is_over(self.now)]

    def pick(self, data: st.DataObject, calls: list[Call]) -> Call:
        return self.calls[data.draw(st.sampled_from([call.name for call in calls]))]


async def _settle(gate: LiveClient, told: Settlement) -> None:
    gate.settle([told])


async def _give_up(gate: LiveClient, name: str) -> None:
    assert await gate.give_up([name])
