"""Money that cannot be overspent, as a state machine on a real Valkey: at the carrier, nothing is ever beyond a cap.

Two nodes' gates and edges do what they do, in any order: admit, ask again, fork to several carriers and fail over, renew, hang
up, settle late or twice; nodes die, and are found out or not; Valkey is killed and comes back, on what it had or on an
older copy of it; its clock leaps, and is put back; gates lease escrow, and spend it while Valkey is out of their reach. Each answer is compared with `ledger_model.py`, and, what
matters, with the carriers' own bills: each call's true time, by its increments.

Time is the machine's: the functions read a key instead of Valkey's clock, in the copy of their text that is loaded here.
"""

import asyncio
import math
import os
import shutil
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
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

from properties.ledger_model import US, WINDOWS, Ask, Ledger
from sipkit.valkey import OwnValkey
from trunkward.admission.ports import (
    AlreadyEnded,
    Asked,
    Charge,
    Counter,
    Frozen,
    Held,
    LegFact,
    LiveFact,
    Over,
    OverSpend,
    RunningLeg,
    RunningShare,
    Settlement,
    Share,
    Unavailable,
)
from trunkward.admission.snapshot import Snapshot
from trunkward.gate.escrow import Escrow
from trunkward.live import library, money
from trunkward.live.client import LiveClient
from trunkward.trunks.spending import Spending

SLICE, RELEASE, RING, HOLD = 60 * US, 15 * US, 60 * US, 62 * US
#: The longest a call goes on at its carrier when nobody ends it: a session timer's time.
BOUND = 1800 * US
LONGEST = SLICE + RELEASE
CLOCK = "money:clock"
#: By tariff: connect fee and price of a minute in micro-units, and increments in seconds.
TARIFFS = {"retail": (20_003, 300_007, 60, 6), "north": (0, 190_001, 1, 1), "west": (10_007, 170_003, 30, 6)}
TENANT, NORTH, WEST = "money:tenant:acme", "money:carrier:north", "money:carrier:west"
#: Who has no cap.
RESELLER = "money:reseller:east"
TRUNKS = ("money:trunk:hq", "money:trunk:branch")
NODES = ("n1", "n2")


def price(tariff: str, us: float) -> int:
    """What a carrier has billed of a call after so long: each increment when it begins."""
    connect, rate, first, following = TARIFFS[tariff]
    s = math.ceil(us / 1000) / 1000
    billed = first if s <= first else first + math.ceil((s - first) / following) * following
    return connect + math.ceil(rate * billed / 60)


#: A call's first slice, as it is sold.
FIRST = price("retail", LONGEST)
#: Call, hour, day, month: as much as some calls need, and one less.
CAPS: dict[str, tuple[int | None, int | None, int | None, int | None]] = {
    TRUNKS[0]: (FIRST + 300_007, 3 * FIRST, 4 * FIRST, None),
    TRUNKS[1]: (None, None, None, 3 * FIRST - 1),
    TENANT: (None, 5 * FIRST, 7 * FIRST - 1, 11 * FIRST),
    RESELLER: (None, None, None, None),
    NORTH: (None, 3 * price("north", LONGEST), None, None),
    WEST: (None, None, 3 * price("west", LONGEST) - 1, None),
}
#: What a gate leases of those who pay for a call by one carrier: one call, and a minute more of it.
ESCROW = {
    TRUNKS[0]: FIRST + 300_007,
    TENANT: FIRST + 300_007,
    NORTH: price("north", LONGEST) + 190_001,
}


@dataclass
class Call:
    """A call as its edge and its carrier know it, all in true time."""

    name: str
    trunk: str
    node: str
    began: int
    carriers: tuple[str, ...]
    answered: int | None = None
    #: It ends by then if nobody renews it.
    until: int = 0
    #: At the carrier.
    ended: int | None = None
    #: Its last grant, by owner.
    had: dict[str, int] = field(default_factory=dict)
    #: Of the reservation, until the edge has the verdict.
    held: Held | None = None
    told: bool = False
    orphan: bool = False
    #: When it was settled: what it had cost, by owner, though nobody had granted it.
    beyond: dict[str, int] = field(default_factory=dict)
    #: The last epoch in which it was renewed.
    epoch: int = 0
    #: Valkey was out of reach when it came: no leg is its own before it is renewed, or has ended.
    by_escrow: bool = False

    @property
    def owners(self) -> dict[str, str]:
        """Who pays, by what tariff."""
        sold = dict.fromkeys((self.trunk, TENANT, RESELLER), "retail")
        return sold | {one: one.split(":")[-1] for one in self.carriers}

    def billed(self, owner: str, at: int) -> int:
        """What it has cost an owner by then."""
        if self.answered is None or at < self.answered or owner not in self.owners:
            return 0
        return price(self.owners[owner], min(at, self.ended or at) - self.answered)

    def is_over(self, now: int) -> bool:
        return self.ended is not None and self.ended <= now

    def costs(self, now: int) -> dict[str, int]:
        return {owner: self.billed(owner, now) for owner in self.owners}


class LedgerMachine(RuleBasedStateMachine):
    """Nodes, carriers, a Valkey, and the ledger as it should be."""

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
        self.escrow: dict[str, Escrow] = {}
        #: Valkey, for the gate in hand.
        self.out_of_reach = False
        #: Each with its model, and with `least_pace` of that time.
        self.copies: list[tuple[Path, Ledger, int]] = []

    @initialize()
    def start(self) -> None:
        SERVER.runs += 1
        self.set_clock()
        SERVER.empty()
        self.model.started(SERVER.runs)
        SERVER.load()
        self.gate: LiveClient = SERVER.valkey.gate()
        # a node that is new has no call that could be unknown
        self.watch(vouched=False)
        self.escrow = {node: self.new_escrow(node) for node in NODES}
        for node in NODES:
            self.tell_restored(node)
            self.tell_recalled(node)
        self.follow()

    def teardown(self) -> None:
        try:
            if hasattr(self, "gate"):
                self.everything_ends()
        finally:
            if hasattr(self, "gate"):
                self.run(self.gate.close())
            self.loop.close()
            for directory, _, _ in self.copies:
                shutil.rmtree(directory, ignore_errors=True)

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
        SERVER.root("SET", CLOCK, str(self.clock))

    def follow(self) -> None:
        """How the ledger's time runs."""
        self.pace = self.model.latest - self.now
        if len(self.model.charges) > self.charged:
            self.least_pace = min(max(self.pace, self.off), self.least_pace)
        self.charged = len(self.model.charges)
        self.gained = max(self.gained, self.pace - self.least_pace)

    @rule(
        seconds=st.sampled_from([0.4, 1, 7, 20, 50, 61, 100, 1800, 3600, 86_400, 2_592_000]),
        watched=st.booleans(),
    )
    def time_passes(self, seconds: float, watched: bool) -> None:
        left = round(seconds * US)
        # as the worker looks; where it makes no difference, once
        while watched and 2 * US < left < 200 * US and self.fragile:
            left -= 2 * US
            self.pass_time(2 * US)
            self.watch(vouched=True)
        self.pass_time(left)
        if watched:
            self.watch(vouched=True)

    @precondition(lambda self: self.model.charges)
    @rule(which=st.integers(0, 99), window=st.sampled_from(sorted(WINDOWS)), late=st.sampled_from([-1, 0, 1]))
    def something_leaves_a_window(self, which: int, window: str, late: int) -> None:
        """To the second, and one before and after it."""
        at, _, _ = self.model.charges[which % len(self.model.charges)]
        length, bucket = WINDOWS[window]
        leaves = ((at // US // bucket + 1) * bucket + length + late) * US
        self.pass_time(max(leaves - self.model.latest, 0))
        self.watch(vouched=True)

    def pass_time(self, us: int) -> None:
        self.now += us
        self.set_clock()
        for call in self.calls.values():
            if call.ended is not None or call.orphan or call.until > self.now:
                continue
            # the edge ends it with its grant; the carrier takes its time to hear of it
            call.ended = call.until if call.answered is None else call.until + RELEASE * (call.until % 3) // 2
            if call.is_over(self.now) and self.fragile:
                self.tell(call)
        # the edge tells at once, and what a gate has leased for one is given back when that is heard
        for call in self.calls.values():
            if call.by_escrow and call.is_over(self.now) and not (call.told or call.orphan):
                self.tell(call)

    @rule(
        seconds=st.sampled_from([-90_000, -3600, -30, -0.3, 5, 45, 3600, 90_000, 3_000_000]),
        vouched=st.booleans(),
    )
    def clock_leaps(self, seconds: float, vouched: bool) -> None:
        self.pass_time(400_000)
        self.watch(vouched=False)
        self.off += round(seconds * US)
        self.set_clock()
        # whoever has a right clock does not vouch for this one
        self.watch(vouched=vouched)

    def watch(self, *, vouched: bool) -> None:
        """The worker looks; with a clock that is right."""
        true = self.now / US if vouched else None
        said = money.watched(SERVER.worker(*money.watch(LONGEST / US, true)))
        at, frozen = self.model.look(
            self.clock, LONGEST // 1000, vouched and abs(self.clock - self.now) < 2 * US
        )
        assert (said.epoch, said.frozen_ms, said.now_ms) == (self.model.epoch, frozen, at // 1000)
        self.follow()

    @property
    def fragile(self) -> bool:
        """The ledger may not know all there is."""
        return self.model.run != self.model.me or bool(self.model.copy().look(self.clock)[1])

    # ---- calls -----------------------------------------------------------------------------------
    @rule(
        trunk=st.sampled_from(TRUNKS),
        node=st.sampled_from(NODES),
        carriers=st.sampled_from([(NORTH,), (WEST,), (NORTH, WEST), (WEST, NORTH)]),
        asked=st.sampled_from(["once", "once", "again", "withdrawn", "lost"]),
        calls=st.integers(1, 3),
    )
    def admit(self, trunk: str, node: str, carriers: tuple[str, ...], asked: str, calls: int) -> None:
        for _ in range(calls if self.alive[node] else 0):
            self.admit_one(trunk, node, carriers, asked)

    @rule(
        trunks=st.lists(st.sampled_from(TRUNKS), min_size=1, max_size=4),
        asked=st.sampled_from(["once", "again"]),
        going_on=st.integers(0, 6),
        first=st.booleans(),
    )
    def calls_come(self, trunks: list[str], asked: str, going_on: int, first: bool) -> None:
        """As they mostly do: they are answered, and go on for some time."""
        for trunk in trunks:
            self.admit_one(trunk, NODES[0], (NORTH, WEST) if first else (WEST, NORTH), asked)
            self.answer(first=True, most=4)
        if self.running():
            self.calls_go_on(rounds=going_on, seconds=30, at_once=False)

    def admit_one(self, trunk: str, node: str, carriers: tuple[str, ...], asked: str) -> None:
        if not self.alive[node]:
            return
        self.numbers += 1
        call = Call(f"r{self.numbers}", trunk, node, self.now, carriers)
        fact = self.ask_for(call)
        if not isinstance(fact, Held):
            return
        if asked == "withdrawn":
            self.run(_withdraw(self.gate, fact))
            self.arrived()
            self.model.withdraw(call.name, self.clock)
            self.follow()
            return
        if asked == "again":  # the edge has not heard, and asks another gate
            again = self.ask_for(call)
            assert isinstance(again, Held), again
            fact = again
        if asked == "lost":  # nobody has heard: there is no call, and the gate has died
            call.orphan, call.ended = True, self.now
        call.carriers = tuple(one for one in carriers if one not in fact.cut_routes)
        call.had = {owner: price(tariff, LONGEST) for owner, tariff in call.owners.items()}
        call.until, call.epoch = self.now + RING, self.model.epoch
        self.calls[call.name] = call

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
                caps=_caps(ask.owner),
                carrier=ask.carrier,
            )
            for ask in asks
        )
        charge = Charge(node=call.node, currency="EUR", longest_s=LONGEST / US, shares=shares)
        fact = self.run(self.gate.admit(Asked(record_id=call.name, hold_s=HOLD / US, money=charge)))
        expected = self.model.admit(call.name, asks, self.clock, LONGEST // 1000, HOLD // 1000)
        self.follow()
        assert _word(fact) == expected, (fact, expected)
        return fact

    def running(self, node: str | None = None) -> list[Call]:
        return [
            call
            for call in self.calls.values()
            if call.ended is None and not call.orphan and node in (None, call.node)
        ]

    @precondition(lambda self: any(call.answered is None for call in self.running()))
    @rule(first=st.booleans(), most=st.integers(1, 3))
    def answer(self, first: bool, most: int) -> None:
        """After one carrier has failed, perhaps; the ledger does not hear of it now."""
        for call in [call for call in self.running() if call.answered is None][:most]:
            call.carriers = call.carriers[:1] if first else call.carriers[-1:]
            call.answered, call.until = self.now, self.now + SLICE

    @precondition(lambda self: self.running())
    @rule(data=st.data(), heard=st.sampled_from([True, True, True, False]), at_once=st.booleans())
    def renew(self, data: st.DataObject, heard: bool, at_once: bool) -> None:
        node = data.draw(st.sampled_from(sorted({call.node for call in self.running()})))
        self.renew_calls(node, self.running(node), heard=heard, at_once=at_once)

    def renew_calls(self, node: str, calls: list[Call], *, heard: bool = True, at_once: bool = False) -> None:
        legs, asks = [], []
        for call in calls:
            wanted = []
            for owner, tariff in call.owners.items():
                if call.answered is None:
                    to = price(tariff, LONGEST)
                else:
                    to = price(tariff, self.now - call.answered + LONGEST)
                wanted.append(Ask(owner, call.billed(owner, self.now), call.had[owner], to, CAPS[owner]))
            asks.append(wanted)
            lasted = None if call.answered is None else (self.now - call.answered) / US
            left_s = max(call.until - self.now, 0) / US
            legs.append(_leg(call.name, lasted, wanted, call.owners, left_s=left_s))
        facts = self.renewed(node, legs, asks)
        for call, fact, wanted in zip(calls, facts, asks, strict=True):
            call.epoch = self.model.epoch
            if not heard:
                continue
            if _word(fact) == "granted":
                call.had = {ask.owner: ask.to for ask in wanted}
                call.until = self.now + (SLICE if call.answered is not None else RING)
            elif at_once and not isinstance(fact, Frozen):
                call.ended = self.now

    def renewed(
        self, node: str, legs: list[RunningLeg], asks: list[list[Ask]]
    ) -> tuple[LegFact | Unavailable, ...]:
        facts = self.run(self.gate.renew_legs(legs, hold_s=HOLD / US, node=node, longest_s=LONGEST / US))
        assert not isinstance(facts, Unavailable), facts
        for leg, wanted, fact in zip(legs, asks, facts, strict=True):
            left_ms = None if leg.dead else round(leg.left_s * 1000)
            expected = self.model.renew(
                leg.record_id, wanted, self.clock, LONGEST // 1000, HOLD // 1000, left_ms
            )
            assert _word(fact) == expected, (leg, fact, expected)
        self.follow()
        return facts

    @precondition(lambda self: self.running())
    @rule(rounds=st.integers(1, 8), seconds=st.sampled_from([13, 20, 40]), at_once=st.booleans())
    def calls_go_on(self, rounds: int, seconds: int, at_once: bool) -> None:
        """As they mostly do: in time, and as long as they may."""
        for _ in range(rounds):
            self.pass_time(seconds * US)
            for node in NODES:
                if self.running(node):
                    self.renew_calls(node, self.running(node), at_once=at_once)

    @precondition(lambda self: self.running())
    @rule(data=st.data(), tell=st.booleans())
    def hang_up(self, data: st.DataObject, tell: bool) -> None:
        call = self.pick(data, self.running())
        call.ended = self.now
        if tell or self.fragile:
            self.tell(call)

    def over(self) -> list[Call]:
        return [call for call in self.calls.values() if call.is_over(self.now)]

    @precondition(lambda self: self.over())
    @rule(data=st.data(), record=st.booleans())
    def settle(self, data: st.DataObject, record: bool) -> None:
        """Late, or once more, or out of its record; and a renewal that was on its way."""
        call = self.pick(data, self.over())
        self.tell(call, record=record)
        asks = [Ask(owner, 0, 0, FIRST, CAPS[owner]) for owner in call.owners]
        self.renewed(call.node, [_leg(call.name, None, asks, call.owners)], [asks])

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
        self.run(_settle(self.gate, told))
        self.arrived()
        at = None if ended is None else round(ended / 1000) * 1000
        self.model.settle(call.name, costs, self.clock, at)
        self.follow()
        call.told = True

    # ---- escrow ----------------------------------------------------------------------------------
    @rule(node=st.sampled_from(NODES), later=st.sampled_from([True, True, False]))
    def escrow_is_leased(self, node: str, later: bool) -> None:
        """For a gate to spend from while Valkey is lost; each ten seconds it is renewed, or given back."""
        if not self.alive[node]:
            return
        shares = tuple(
            Share(
                owner=owner, tariff="-", slice_micro=0, caps=_with_escrow(owner), carrier="carrier" in owner
            )
            for owner in ESCROW
        )
        self.escrow[node].want(Charge(node=node, currency="EUR", longest_s=LONGEST / US, shares=shares))
        self.lease(node)
        if later and not self.escrow[node].left(TRUNKS[0]):
            # what was taken before is known by then: given back, and leased anew
            self.pass_time(LONGEST + US)
            self.watch(vouched=True)
            self.lease(node)
            self.lease(node)

    @rule(
        node=st.sampled_from(NODES),
        leased=st.booleans(),
        calls=st.integers(0, 3),
        answered=st.booleans(),
        silent_s=st.sampled_from([0, 15, 45]),
    )
    def valkey_is_out_of_reach(
        self, node: str, leased: bool, calls: int, answered: bool, silent_s: int
    ) -> None:
        """Of one node: calls come, and go on, by what it has leased."""
        if not self.alive[node]:
            return
        if leased:
            self.escrow_is_leased(node, later=True)
        self.out_of_reach = True
        self.lease(node)
        for _ in range(calls):
            self.numbers += 1
            call = Call(f"r{self.numbers}", TRUNKS[0], node, self.now, (NORTH,), by_escrow=True)
            call.had = {owner: price(tariff, LONGEST) for owner, tariff in call.owners.items()}
            if not self.take(call, call.had, {}):
                break
            call.until = self.now + (SLICE if answered else RING)
            call.answered = self.now if answered else None
            self.calls[call.name] = call
        self.pass_time(silent_s * US)
        self.lease(node)
        for call in self.running(node):
            if call.answered is not None and call.owners.keys() <= {*ESCROW, RESELLER}:
                lasted = self.now - call.answered
                to = {owner: price(tariff, lasted + LONGEST) for owner, tariff in call.owners.items()}
                if self.take(call, to, call.had):
                    call.had, call.until = to, self.now + SLICE
        self.out_of_reach = False

    def take(self, call: Call, to: dict[str, int], had: dict[str, int]) -> bool:
        """As `gate.counts` does."""
        if any((most := CAPS[owner][0]) is not None and amount > most for owner, amount in to.items()):
            return False
        more = {owner: max(to[owner] - had.get(owner, 0), 0) for owner in ESCROW}
        return self.escrow[call.node].take(more)

    def lease(self, node: str) -> None:
        """A round of its gate; what it asks is asked at once, so nothing of it waits."""
        policy = SimpleNamespace(
            node=SimpleNamespace(ledger_name=node, grant_s=SLICE // US, gates=1),
            spends=lambda name: SimpleNamespace(at=lambda _: _with_escrow(f"money:{name}")),
        )
        doing = self.escrow[node].round(cast("Snapshot", policy), 0.0)
        with pytest.raises(StopIteration):
            doing.send(None)

    def new_escrow(self, node: str) -> Escrow:
        client = cast("LiveClient", _LeaseClient(self, node))
        return Escrow(client, 0, lambda: self.now / US)

    def give_back(self, name: str) -> None:
        self.run(_give_up(self.gate, name))
        self.arrived()
        self.model.withdraw(name, self.clock)
        self.follow()

    # ---- death -----------------------------------------------------------------------------------
    @rule(
        busy=st.booleans(),
        found=st.sampled_from(["soon", "at its end", "never"]),
        answered=st.booleans(),
        silent_s=st.sampled_from([0, 40, 100, 700]),
    )
    def node_dies(self, busy: bool, found: str, answered: bool, silent_s: int) -> None:
        """What it has is ended by a survivor, or by nobody until the carrier's session timer is over; or it comes back."""
        node = next((call.node for call in self.running()), NODES[0]) if busy else NODES[1]
        if not self.alive[node]:
            self.node_is_back(node)
            return
        for call in self.running(node):
            if call.answered is None and answered:  # nobody acknowledges it: the carrier gives it up
                call.carriers, call.answered = call.carriers[:1], self.now
                call.until = self.now + SLICE
            ends = {
                "soon": self.now + 2 * US,
                "at its end": call.until + RELEASE,
                "never": call.until + BOUND,
            }
            call.orphan, call.ended = True, self.now if call.answered is None else ends[found]
        self.alive[node] = False
        self.escrow[node] = self.new_escrow(node)
        if silent_s:
            self.pass_time(silent_s * US)
            self.watch(vouched=True)
            self.reap()

    def node_is_back(self, node: str) -> None:
        """It ends what it finds in its files."""
        for call in self.calls.values():
            if call.orphan and call.node == node and call.ended is not None and call.ended > self.now:
                call.ended = self.now
            if call.orphan and call.node == node and call.by_escrow and call.is_over(self.now):
                self.tell(call)
        self.alive[node] = True
        self.escrow[node] = self.new_escrow(node)

    @rule()
    def worker_reaps(self) -> None:
        self.reap()

    def reap(self) -> None:
        """Legs that nobody renews are charged on, as long as nobody knows that they have ended."""
        for leg in money.kept_legs(SERVER.worker(*money.legs(1000, overdue=True))):
            known = self.model.legs[leg.record_id]
            assert {share.owner: (share.settled, share.granted, share.forced) for share in leg.shares} == {
                owner: (share.settled, share.granted, share.forced) for owner, share in known.shares.items()
            }
            assert leg.left_ms <= 0
            if leg.record_id not in self.calls:
                continue  # escrow is charged already
            lasted = (leg.admitted_ms if leg.lasted_ms is None else leg.lasted_ms) * 1000
            tariffs = {share.owner: share.tariff for share in leg.shares}
            asks = [
                Ask(
                    share.owner,
                    share.settled,
                    share.settled + share.granted,
                    price(share.tariff, lasted + RELEASE),
                    (None, None, None, None),
                )
                for share in leg.shares
            ]
            self.renewed("-", [_leg(leg.record_id, None, asks, tariffs, dead=True)], [asks])

    # ---- Valkey ----------------------------------------------------------------------------------
    @rule(
        how=st.sampled_from(["loaded again", "copied", "copied", "killed", "older", "older", "nothing"]),
        at=st.integers(0, 9),
        reaped=st.booleans(),
        known=st.sampled_from([True, True, False]),
    )
    def something_is_done_to_valkey(self, how: str, at: int, reaped: bool, known: bool) -> None:
        """Killed, and back on what it had; or on an older copy, as a failover may be; or without anything."""
        SERVER.valkey.wait_until_written()
        if how == "loaded again":
            SERVER.load()
            self.model.latest = 0
            return
        if how == "copied" or (how == "older" and not self.copies):
            self.copies.append((SERVER.copy(len(self.copies)), self.model.copy(), self.least_pace))
            return
        if how == "nothing":
            self.model = Ledger()
            self.back_again(SERVER.nothing)
        elif how == "older":
            directory, model, self.least_pace = self.copies[at % len(self.copies)]
            self.model = model.copy()
            self.back_again(directory)
        else:
            self.back_again(None)
        if reaped:
            self.watch(vouched=True)
            self.reap()
        for node in NODES if known else ():
            self.recall(node)

    def back_again(self, directory: Path | None) -> None:
        SERVER.runs += 1
        SERVER.restart(directory, self.clock)
        self.model.started(SERVER.runs)
        self.arrived()
        if self.model.run is None:  # a ledger that is new has no charge yet
            self.least_pace = 10**18
        self.watch(vouched=False)
        # clients tell what was not heard, and the worker what has ended since: both know it by themselves
        for call in self.over():
            if call.told or not call.orphan:
                self.tell(call, record=True)
        for node in NODES:
            self.tell_restored(node)

    def recall(self, node: str) -> None:
        """A node tells that each call it has, and has had, is known."""
        if not self.alive[node] or any(
            call.orphan and call.node == node and not call.told for call in self.calls.values()
        ):
            return
        if self.running(node):
            self.renew_calls(node, self.running(node))
        for call in self.over():
            if call.node == node and not call.told:
                self.tell(call)
        if not any(
            call.node == node and call.ended and not call.is_over(self.now) for call in self.calls.values()
        ):
            self.tell_recalled(node)

    def tell_recalled(self, node: str) -> None:
        # of another epoch, it says nothing
        said = SERVER.worker(*money.recalled(node, self.model.epoch - 1, [node]))
        assert said == self.model.look(self.clock)[1]
        left = SERVER.worker(*money.recalled(node, self.model.epoch, NODES))
        self.model.look(self.clock)
        self.model.recalled[node] = self.model.epoch
        self.thaws(left)
        self.follow()

    def tell_restored(self, node: str) -> None:
        left = SERVER.worker(*money.restored(node, self.model.epoch, NODES))
        self.model.look(self.clock)
        self.model.restored[node] = self.model.epoch
        self.thaws(left)

    def thaws(self, left: int) -> None:
        """All is known when each node has said both."""
        model = self.model
        if all(of.get(one) == model.epoch for of in (model.recalled, model.restored) for one in NODES):
            model.woke = -(10**18)
            assert left == 0

    # ---- what always holds -----------------------------------------------------------------------
    @invariant()
    def never_more_than_the_cap_at_the_carrier(self) -> None:
        for owner, caps in CAPS.items():
            for (window, (length, _)), cap in zip(WINDOWS.items(), caps[1:], strict=True):
                if cap is None:
                    continue
                since = self.now - length * US + self.gained
                spent = sum(
                    call.billed(owner, self.now) - call.billed(owner, since) for call in self.calls.values()
                )
                beyond = sum(self.beyond(call, owner) for call in self.calls.values())
                assert spent <= cap + beyond, (owner, window, spent, cap, beyond)

    def beyond(self, call: Call, owner: str) -> int:
        """What a dead node's call costs though nobody has granted it: nobody could end it by then."""
        if not call.orphan or owner not in call.owners:
            return 0
        if call.name in self.model.ended:
            return call.beyond.get(owner, 0)
        leg = self.model.legs.get(call.name)
        share = leg.shares.get(owner) if leg else None
        # what its gate had leased is there until its node is back
        granted = share.total - share.forced if share else call.had[owner] if call.by_escrow else 0
        return max(call.billed(owner, self.now) - granted, 0)

    @invariant()
    def the_ledger_says_the_same(self) -> None:
        at = self.model.copy().look(self.clock)[0]
        owners = list(CAPS)
        for owner, said in zip(owners, money.windows_of(SERVER.root(*money.spent(owners))), strict=True):
            assert said.granted == self.model.granted(owner), owner
            for window in WINDOWS:
                assert getattr(said, window) == self.model.settled(owner, window, at), (owner, window)

    def everything_ends(self) -> None:
        """Then nothing is held any more, and each owner is charged what it has cost, to the micro-unit."""
        for call in self.calls.values():
            if call.ended is None or call.ended > self.now:
                call.ended = self.now
            self.tell(call)
        # the return of one was lost, perhaps, with an older file
        for leg in money.kept_legs(SERVER.root(*money.legs(1000))):
            if leg.record_id.startswith("escrow"):
                self.give_back(leg.record_id)
        left = money.kept_legs(SERVER.root(*money.legs(1000)))
        assert not left, left
        for said in money.windows_of(SERVER.root(*money.spent(list(CAPS)))):
            assert said.granted == 0
        for owner in CAPS:
            charged = sum(amount for _, whose, amount in self.model.charges if whose == owner)
            assert charged == sum(call.billed(owner, self.now) for call in self.calls.values()), owner
        self.the_ledger_says_the_same()
        # and what has left all windows is not kept, either
        self.off = 0
        last = max([self.now, *(at for at, _, _ in self.model.charges)])
        self.pass_time(last - self.now + 31 * 86_400 * US)
        self.watch(vouched=True)
        told = Settlement(record_id="last", costs=tuple((owner, 1) for owner in CAPS))
        self.run(_settle(self.gate, told))
        self.arrived()
        for at, owner, _ in self.model.charges:
            assert SERVER.root("HGET", owner, f"h{at // US // 60}") is None

    def pick(self, data: st.DataObject, calls: list[Call]) -> Call:
        return self.calls[data.draw(st.sampled_from([call.name for call in calls]))]


def _word(fact: LiveFact | LegFact | Unavailable) -> str:
    match fact:
        case Held():
            return " ".join(["held", *fact.cut_routes])
        case OverSpend():
            return f"over {fact.owner}"
        case Frozen():
            return "frozen"
        case AlreadyEnded():
            return "ended"
        case Unavailable():
            return fact.why
    return "granted"


def _caps(owner: str) -> Spending:
    call, hour, day, month = CAPS[owner]
    return Spending(call_micro=call, hour_micro=hour, day_micro=day, month_micro=month)


def _leg(
    name: str,
    lasted_s: float | None,
    asks: list[Ask],
    tariffs: dict[str, str],
    *,
    left_s: float = 0.0,
    dead: bool = False,
) -> RunningLeg:
    shares = tuple(
        RunningShare(
            owner=ask.owner,
            tariff=tariffs[ask.owner],
            used_micro=ask.used,
            had_micro=ask.had,
            next_micro=ask.to,
            caps=_caps(ask.owner),
        )
        for ask in asks
    )
    return RunningLeg(record_id=name, lasted_s=lasted_s, shares=shares, left_s=left_s, dead=dead)


async def _withdraw(gate: LiveClient, held: Held) -> None:
    gate.withdraw(held)


async def _give_up(gate: LiveClient, name: str) -> None:
    gate.give_up([name])


def _with_escrow(owner: str) -> Spending:
    return replace(_caps(owner), escrow_micro=ESCROW[owner])


class _LeaseClient:
    """A gate's client, for its leases: as long as Valkey is in reach, the machine's own."""

    def __init__(self, machine: LedgerMachine, node: str) -> None:
        self._machine, self._node = machine, node
        self._heard = machine.model.epoch

    @property
    def ledger(self) -> int:
        """The epoch it has heard last."""
        if not self._machine.out_of_reach:
            self._heard = self._machine.model.epoch
        return self._heard

    async def renew_legs(self, legs: list[RunningLeg], **_: object) -> tuple[LegFact | Unavailable, ...]:
        if self._machine.out_of_reach:
            return tuple(Unavailable(what="redis", why="redis-timeout") for _ in legs)
        asks = [
            [
                Ask(s.owner, s.used_micro, s.had_micro, s.next_micro, (None, *CAPS[s.owner][1:]))
                for s in leg.shares
            ]
            for leg in legs
        ]
        return self._machine.renewed(self._node, legs, asks)

    def give_up(self, names: list[str]) -> None:
        for name in names:
            self._machine.give_back(name)


async def _settle(gate: LiveClient, told: Settlement) -> None:
    gate.settle([told])


class Server:
    """A Valkey whose functions go by the machine's time."""

    def __init__(self) -> None:
        self.valkey = OwnValkey(functions=False)
        # a copy of its files is one only while they are not written anew
        with self.valkey.configuration.open("a", encoding="ascii") as configuration:
            configuration.write("auto-aof-rewrite-percentage 0\n")
        self.valkey.kill()
        self.valkey.start()
        #: Counts its processes, and emptied ones.
        self.runs = 0
        self.nothing = self.valkey.home / "nothing"
        self.nothing.mkdir()
        clock = library.text()
        begins = clock.index("local function now_us()")
        ends = clock.index("end\n", begins) + len("end\n")
        self.text = f"{clock[:begins]}local function now_us() return tonumber(redis.call('GET', '{CLOCK}')) end\n{clock[ends:]}"
        self.connect()

    def connect(self) -> None:
        self._root, self._worker = self.valkey.asks("root"), self.valkey.asks("worker")
        self.root, self.worker = self._root.ask, self._worker.ask

    def load(self) -> None:
        self.worker("FUNCTION", "LOAD", "REPLACE", self.text)

    def empty(self) -> None:
        for key in self.root("SCAN", "0", "COUNT", "100000")[1]:
            if key.decode() != CLOCK:
                self.root("DEL", key.decode())

    def copy(self, number: int) -> Path:
        copy = self.valkey.home / f"copy-{self.runs}-{number}"
        shutil.copytree(self.valkey.paths.valkey_data, copy)
        return copy

    def restart(self, directory: Path | None, clock: int) -> None:
        self._root.close()
        self._worker.close()
        self.valkey.kill()
        if directory is not None:
            shutil.rmtree(self.valkey.paths.valkey_data)
            shutil.copytree(directory, self.valkey.paths.valkey_data)
        self.valkey.start()
        self.connect()
        self.root("SET", CLOCK, str(clock))
        if library.NAME.encode() not in repr(self.worker("FUNCTION", "LIST")).encode():
            self.load()

    def close(self) -> None:
        self._root.close()
        self._worker.close()
        self.valkey.close()


SERVER: Server


def _machine(examples: int, steps: int) -> None:
    global SERVER  # noqa: PLW0603  # hypothesis makes the machines
    SERVER = Server()
    try:
        run_state_machine_as_test(
            LedgerMachine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                # a smaller example takes minutes of a real server's time to find
                phases=[Phase.explicit, Phase.reuse, Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        SERVER.close()


def test_money_is_never_overspent_and_never_locked() -> None:
    _machine(examples=150, steps=40)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_money_is_never_overspent_whatever_happens() -> None:
    _machine(examples=int(os.environ.get("TRUNKWARD_SOAK_EXAMPLES", "2000")), steps=60)
