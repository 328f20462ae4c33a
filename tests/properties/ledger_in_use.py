"""Nodes in good health: time passes, calls come, go on and end, gates lease escrow and spend it."""

from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from properties.ledger_asked import AskedLedger
from properties.ledger_model import US, WINDOWS, Ask
from properties.ledger_world import (
    ALL_GATES,
    CAPS,
    ESCROW,
    FIRST,
    LONGEST,
    NODES,
    NORTH,
    RELEASE,
    RESELLER,
    RING,
    SLICE,
    TRUNKS,
    WEST,
    Call,
    leg_of,
    price,
    with_escrow,
    word,
)
from trunkward.admission.ports import Charge, Frozen, Held, LegFact, RunningLeg, Share, Unavailable
from trunkward.admission.snapshot import Snapshot
from trunkward.gate.escrow import Escrow
from trunkward.live.client import LiveClient


class LedgerInUse(AskedLedger):
    """What gates and edges do with a ledger that is there, or is out of their reach."""

    # ---- time ------------------------------------------------------------------------------------
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

    @rule(
        seconds=st.sampled_from([-90_000, -3600, -30, -0.3, 5, 45, 3600, 90_000, 3_000_000]),
        vouched=st.booleans(),
    )
    def clock_leaps(self, seconds: float, vouched: bool) -> None:
        self.pass_time(400_000)
        self.watch(vouched=False)
        self.off += round(seconds * US)
        self.leaps += 2
        self.set_clock()
        # whoever has a right clock does not vouch for this one
        self.watch(vouched=vouched)

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

    @precondition(lambda self: any(call.answered is None for call in self.running()))
    @rule(first=st.booleans(), most=st.integers(1, 3))
    def answer(self, first: bool, most: int) -> None:
        """After one carrier has failed, perhaps; the ledger does not hear of it now."""
        self.answer_those([call for call in self.running() if call.answered is None][:most], first=first)

    def answer_those(self, calls: list[Call], *, first: bool = True) -> None:
        for call in calls:
            self.answer_one(call, first=first)

    def answer_one(self, call: Call, *, first: bool) -> None:
        """It may go on for as long as it was held when a gate was last heard; after that, by nobody's leave."""
        call.carriers = call.carriers[:1] if first else call.carriers[-1:]
        call.unasked = call.until <= self.now and call.name not in self.model.legs
        call.answered, call.until = self.now, max(min(call.until, self.now + SLICE), self.now)
        left = call.until - self.now
        call.had = {owner: price(tariff, left + RELEASE) for owner, tariff in call.owners.items()}

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
                to = price(tariff, LONGEST if call.answered is None else call.next_end(self.now) + RELEASE)
                wanted.append(Ask(owner, call.billed(owner, self.now), call.had[owner], to, CAPS[owner]))
            asks.append(wanted)
            lasted = None if call.answered is None else (self.now - call.answered) / US
            left_s = max(call.until - self.now, 0) / US
            legs.append(leg_of(call.name, lasted, wanted, call.owners, left_s=left_s))
        facts = self.renewed(node, legs, asks)
        for call, fact, wanted in zip(calls, facts, asks, strict=True):
            call.epoch = self.model.epoch
            if not heard:
                continue
            if word(fact) == "granted":
                if call.answered is not None and call.leave is None:
                    call.leave = self.now
                call.had = {ask.owner: ask.to for ask in wanted}
                if call.answered is None:
                    call.until = self.now + RING
                else:
                    call.until = call.answered + call.next_end(self.now)
            elif at_once and not isinstance(fact, Frozen):
                call.ended = self.now

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

    @precondition(lambda self: self.over())
    @rule(data=st.data(), record=st.booleans())
    def settle(self, data: st.DataObject, record: bool) -> None:
        """Late, or once more, or out of its record; and a renewal that was on its way."""
        call = self.pick(data, self.over())
        self.tell(call, record=record)
        asks = [Ask(owner, 0, 0, FIRST, CAPS[owner]) for owner in call.owners]
        self.renewed(call.node, [leg_of(call.name, None, asks, call.owners)], [asks])

    # ---- escrow ----------------------------------------------------------------------------------
    @rule(gate=st.sampled_from(ALL_GATES), later=st.sampled_from([True, True, False]))
    def escrow_is_leased(self, gate: tuple[str, int], later: bool) -> None:
        """For a gate to spend from while Valkey is lost; each ten seconds it is renewed, or given back."""
        if not self.alive[gate[0]]:
            return
        shares = tuple(
            Share(owner=owner, tariff="-", slice_micro=0, caps=with_escrow(owner), carrier="carrier" in owner)
            for owner in ESCROW
        )
        self.escrow[gate].want(Charge(node=gate[0], currency="EUR", longest_s=LONGEST / US, shares=shares))
        self.lease(gate)
        if later and not self.escrow[gate].left(TRUNKS[0]):
            # what was taken before is known by then: given back, and leased anew
            self.pass_time(LONGEST + US)
            self.watch(vouched=True)
            self.lease(gate)
            self.lease(gate)

    @rule(gate=st.sampled_from(ALL_GATES))
    def gate_dies(self, gate: tuple[str, int]) -> None:
        """And is started anew: what it had leased is held, and it knows nothing of it."""
        self.escrow[gate] = self.new_escrow(gate)

    @rule(
        gate=st.sampled_from(ALL_GATES),
        leased=st.booleans(),
        calls=st.integers(0, 3),
        answered=st.booleans(),
        silent_s=st.sampled_from([0, 15, 45]),
    )
    def valkey_is_out_of_reach(
        self, gate: tuple[str, int], leased: bool, calls: int, answered: bool, silent_s: int
    ) -> None:
        """Of one gate: calls come, and go on, by what it has leased."""
        node = gate[0]
        if not self.alive[node]:
            return
        if leased:
            self.escrow_is_leased(gate, later=True)
        self.out_of_reach = True
        self.lease(gate)
        for _ in range(calls):
            self.numbers += 1
            call = Call(f"r{self.numbers}", TRUNKS[0], node, self.now, (NORTH,), by_escrow=True)
            call.had = {owner: price(tariff, LONGEST) for owner, tariff in call.owners.items()}
            if not self.take(gate, call.had, {}):
                break
            call.until = self.now + (SLICE if answered else RING)
            call.answered = self.now if answered else None
            self.calls[call.name] = call
        self.pass_time(silent_s * US)
        self.lease(gate)
        for call in self.running(node):
            if call.answered is not None and call.owners.keys() <= {*ESCROW, RESELLER}:
                lasted = self.now - call.answered
                to = {owner: price(tariff, lasted + LONGEST) for owner, tariff in call.owners.items()}
                if self.take(gate, to, call.had):
                    call.had, call.until = to, self.now + SLICE
        self.out_of_reach = False

    def take(self, gate: tuple[str, int], to: dict[str, int], had: dict[str, int]) -> bool:
        """As `gate.counts` does."""
        if any((most := CAPS[owner][0]) is not None and amount > most for owner, amount in to.items()):
            return False
        more = {owner: max(to[owner] - had.get(owner, 0), 0) for owner in ESCROW}
        return self.escrow[gate].take(more)

    def lease(self, gate: tuple[str, int]) -> None:
        """A round of a gate; what it asks is asked at once, so nothing of it waits."""
        policy = SimpleNamespace(
            node=SimpleNamespace(ledger_name=gate[0], grant_s=SLICE // US, gates=1),
            spends=lambda name: SimpleNamespace(at=lambda _: with_escrow(f"money:{name}")),
            with_escrow=lambda: [account.removeprefix("money:") for account in ESCROW],
        )
        doing = self.escrow[gate].round(cast("Snapshot", policy), 0.0)
        with pytest.raises(StopIteration):
            doing.send(None)

    def new_escrow(self, gate: tuple[str, int]) -> Escrow:
        client = cast("LiveClient", _LeaseClient(self, gate))
        return Escrow(client, gate[1], lambda: self.now / US)


async def _withdraw(gate: LiveClient, held: Held) -> None:
    gate.withdraw(held)


class _LeaseClient:
    """A gate's client, for its leases: as long as Valkey is in reach, the machine's own."""

    def __init__(self, machine: LedgerInUse, gate: tuple[str, int]) -> None:
        self._machine, self._gate = machine, gate
        machine.heard[gate] = machine.model.epoch

    @property
    def ledger(self) -> int:
        """The epoch it has heard last."""
        if not self._machine.out_of_reach:
            self._machine.heard[self._gate] = self._machine.model.epoch
        return self._machine.heard[self._gate]

    async def look(self) -> bool:
        return not self._machine.out_of_reach

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
        return self._machine.renewed(self._gate[0], legs, asks)

    async def give_up(self, names: list[str]) -> bool:
        if self._machine.out_of_reach:
            return False
        for name in names:
            self._machine.give_back(name)
        return True
