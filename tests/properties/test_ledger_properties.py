"""Money that cannot be overspent, as a state machine on a real Valkey: at the carrier, nothing is ever beyond a cap.

Two nodes' gates and edges do what they do, in any order: admit, ask again, fork to several carriers and fail over, renew, hang
up, settle late or twice; nodes die, and are found out or not; Valkey is killed and comes back, on what it had or on an
older copy of it; its clock leaps, and is put back; gates lease escrow, and spend it while Valkey is out of their reach. Each answer is compared with `ledger_model.py`, and, what
matters, with the carriers' own bills: each call's true time, by its increments.

Time is the machine's: the functions read a key instead of Valkey's clock, in the copy of their text that is loaded here.
"""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from properties.ledger_in_use import LedgerInUse
from properties.ledger_model import US, WINDOWS, Ask, Ledger
from properties.ledger_server import Server
from properties.ledger_world import (
    ALL_GATES,
    BOUND,
    CAPS,
    GATES,
    NODES,
    NORTH,
    RELEASE,
    SLICE,
    TRUNKS,
    Call,
    leg_of,
    price,
)
from trunkward.admission.ports import Settlement
from trunkward.live import money, nodes


class LedgerMachine(LedgerInUse):
    """Nodes, carriers, a Valkey, and the ledger as it should be."""

    @initialize()
    def start(self) -> None:
        self.server.runs += 1
        self.set_clock()
        self.server.empty()
        self.model.started(self.server.runs)
        self.server.load()
        self.gate = self.server.valkey.gate()
        # a node that is new has no call that could be unknown
        self.watch(vouched=False)
        self.escrow = {gate: self.new_escrow(gate) for gate in ALL_GATES}
        for node in NODES:
            self.tell_restored(node)
            self.recall(node)
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
        self.all_gates_are_new(node)
        if silent_s:
            # nobody may have looked for a while; then each two seconds
            looked_s = min(silent_s, 100)
            self.pass_time((silent_s - looked_s) * US)
            self.seconds_pass(looked_s)
            self.reap()

    def node_is_back(self, node: str) -> None:
        """It ends what it finds in its files."""
        for call in self.calls.values():
            if call.orphan and call.node == node and call.ended is not None and call.ended > self.now:
                call.ended = self.now
            if call.orphan and call.node == node and call.by_escrow and call.is_over(self.now):
                self.tell(call)
        self.alive[node] = True
        self.all_gates_are_new(node)

    def all_gates_are_new(self, node: str) -> None:
        for gate in range(GATES[node]):
            self.escrow[node, gate] = self.new_escrow((node, gate))

    @rule()
    def worker_reaps(self) -> None:
        self.reap()

    @rule(
        node=st.sampled_from(NODES),
        answered=st.booleans(),
        seconds=st.sampled_from([40, 90, 300, 300]),
        calls=st.integers(0, 2),
    )
    def node_is_cut_off(self, node: str, answered: bool, seconds: int, calls: int) -> None:
        """From Valkey alone: its calls go on as long as they may, while others spend, see to them, and settle them."""
        other = NODES[1 - NODES.index(node)]
        if not (self.alive[node] and self.alive[other]):
            return
        self.admit_one(TRUNKS[1], node, (NORTH,), "once")  # it rings
        self.cut_off.add(node)
        for _ in range(seconds // 10):
            if answered:
                self.answer_those([call for call in self.running(node) if call.answered is None])
            self.seconds_pass(10)
            for _ in range(calls):
                self.admit_one(TRUNKS[0], other, (NORTH,), "once")
            if self.running(other):
                self.renew_calls(other, self.running(other))
            self.reap()
        self.cut_off.discard(node)
        for call in self.over():
            if call.node == node and not (call.told or call.orphan):
                self.tell(call)
        if self.running(node):
            self.renew_calls(node, self.running(node))

    def seconds_pass(self, seconds: int) -> None:
        """As the worker looks: legs grow older by what it sees."""
        for _ in range(seconds // 2):
            self.pass_time(2 * US)
            self.watch(vouched=True)

    def reap(self) -> None:
        """Legs that nobody renews are charged on until they cannot be alive; none is that its node has had no time to renew."""
        for leg in money.kept_legs(self.server.worker(*money.legs(1000, overdue=True))):
            known, seen = self.model.legs[leg.record_id], self.model.copy()
            seen.look(self.clock)
            assert {share.owner: (share.settled, share.granted, share.forced) for share in leg.shares} == {
                owner: (share.settled, share.granted, share.forced) for owner, share in known.shares.items()
            }
            assert leg.left_ms == known.until_ms - seen.legs_ms <= 0
            assert leg.lasted_ms == seen.lasted_ms(leg.record_id, self.clock)
            if leg.record_id in self.due:
                held, leaps = self.due[leg.record_id]
                assert self.now >= held - 2 * US * (self.leaps - leaps) - 1000, leg
            if leg.record_id not in self.calls:
                continue  # escrow is charged already
            call = self.calls[leg.record_id]
            if leg.lasted_ms is not None and call.answered is not None and not self.leaps:
                assert leg.lasted_ms >= (min(self.now, call.ended or self.now) - call.answered) // 1000 - 1
            if nodes.over_in_s(leg, BOUND // US, 0) < 0:
                self.settle_at_least(call, leg)
            else:
                self.charge_on(leg)

    def charge_on(self, leg: money.KeptLeg) -> None:
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
        self.renewed("-", [leg_of(leg.record_id, None, asks, tariffs, dead=True)], [asks])

    def settle_at_least(self, call: Call, leg: money.KeptLeg) -> None:
        """It cannot be alive; what it has cost its node alone knows, if anybody does."""
        lasted = (32_000 if leg.lasted_ms is None else leg.lasted_ms) * 1000
        costs = {share.owner: max(price(share.tariff, lasted), share.settled) for share in leg.shares}
        call.beyond = {
            owner: max(call.beyond.get(owner, 0), self.beyond(call, owner)) for owner in call.owners
        }
        told = Settlement(record_id=call.name, costs=tuple(costs.items()), at_least=True)
        assert self.run(self.gate.settled([told]))
        self.model.settle(call.name, costs, self.clock, at_least=True)
        self.follow()

    # ---- Valkey ----------------------------------------------------------------------------------
    @rule(
        how=st.sampled_from(["loaded again", "copied", "copied", "killed", "older", "older", "nothing"]),
        at=st.integers(0, 9),
        reaped=st.booleans(),
        known=st.sampled_from([True, True, False]),
        deaf=st.sampled_from([None, None, *ALL_GATES]),
    )
    def something_is_done_to_valkey(
        self, how: str, at: int, reaped: bool, known: bool, deaf: tuple[str, int] | None
    ) -> None:
        """Killed, and back on what it had; or on an older copy, as a failover may be; or without anything."""
        self.server.valkey.wait_until_written()
        if how == "loaded again":
            self.server.load()
            self.model.latest = 0
            return
        if how == "copied" or (how == "older" and not self.copies):
            self.copies.append((self.server.copy(len(self.copies)), self.model.copy(), self.least_pace))
            return
        if how == "nothing":
            self.model = Ledger()
            self.back_again(self.server.nothing)
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
            self.recall(node, deaf)

    @rule(node=st.sampled_from(NODES), deaf=st.sampled_from([None, *ALL_GATES]))
    def node_looks(self, node: str, deaf: tuple[str, int] | None) -> None:
        self.recall(node, deaf)

    @rule(gate=st.sampled_from(ALL_GATES), calls=st.integers(1, 3), answered=st.booleans())
    def gate_misses_an_epoch(self, gate: tuple[str, int], calls: int, answered: bool) -> None:
        """What it has leased an older file does not know: while others are given what there is, it goes on spending."""
        self.server.valkey.wait_until_written()
        self.copies.append((self.server.copy(len(self.copies)), self.model.copy(), self.least_pace))
        self.escrow_is_leased(gate, later=True)
        directory, model, self.least_pace = self.copies[-1]
        self.model = model.copy()
        self.back_again(directory)
        for node in NODES:
            self.recall(node, deaf=gate)
        for node in NODES:
            for _ in range(2):
                self.admit_one(TRUNKS[0], node, (NORTH,), "once")
        self.answer(first=True, most=4)
        self.valkey_is_out_of_reach(gate, leased=False, calls=calls, answered=answered, silent_s=45)

    @rule(
        calls=st.integers(1, 3),
        rings_s=st.sampled_from([2, 20, 58, 62, 90]),
        heard=st.booleans(),
        after_s=st.sampled_from([2, 20, 50]),
    )
    def renewals_are_not_heard(self, calls: int, rings_s: int, heard: bool, after_s: int) -> None:
        """Calls ring at a node no gate answers while an older file forgets them, and are answered; others come."""
        self.server.valkey.wait_until_written()
        directory, model, least_pace = self.server.copy(-1), self.model.copy(), self.least_pace
        node, other = NODES
        for _ in range(calls):
            self.admit_one(TRUNKS[0], node, (NORTH,), "once")
        ringing = [call for call in self.running(node) if call.answered is None]
        self.model, self.least_pace = model, least_pace
        self.back_again(directory)
        shutil.rmtree(directory)
        self.time_passes(rings_s, watched=True)
        for call in ringing:
            if call.ended is None:
                self.answer_one(call, first=True)
        if heard and self.running(node):
            self.renew_calls(node, self.running(node), at_once=True)
        self.time_passes(after_s, watched=True)
        for _ in range(3):
            self.admit_one(TRUNKS[0], other, (NORTH,), "once")
        self.answer(first=True, most=3)
        self.time_passes(50, watched=True)

    def back_again(self, directory: Path | None) -> None:
        self.server.runs += 1
        # an older file knows of earlier holds
        self.due.clear()
        self.leaps += 2
        self.server.restart(directory, self.clock)
        self.model.started(self.server.runs)
        self.model.heard = self.gate.ledger
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

    def recall(self, node: str, deaf: tuple[str, int] | None = None) -> None:
        """A node's gates hear of the epoch; it tells that each call it has, and has had, is known.

        `deaf`: a gate that does not hear; the node tells nothing then.
        """
        if not self.alive[node] or any(
            call.orphan and call.node == node and not call.told for call in self.calls.values()
        ):
            return
        all_have = [self.hears(gate) for gate in ALL_GATES if gate[0] == node and gate != deaf][-1:] == [True]
        if self.running(node):
            self.renew_calls(node, self.running(node))
        for call in self.over():
            if call.node == node and not call.told:
                self.tell(call)
        if all_have and not any(
            call.node == node and call.ended and not call.is_over(self.now) for call in self.calls.values()
        ):
            self.tell_recalled(node)

    def hears(self, gate: tuple[str, int]) -> bool:
        """A gate tells that it has heard; whether all of its node have."""
        node, number = gate
        # of another epoch, it says nothing
        assert self.server.worker(*money.heard(node, self.model.epoch - 1, number, GATES[node])) == 0
        said = self.server.worker(*money.heard(node, self.model.epoch, number, GATES[node]))
        self.model.look(self.clock)
        self.heard[gate] = self.model.marks[gate] = self.model.epoch
        assert said == all(
            self.model.marks.get((node, one)) == self.model.epoch for one in range(GATES[node])
        )
        self.follow()
        return bool(said)

    def tell_recalled(self, node: str) -> None:
        # of another epoch, it says nothing
        said = self.server.worker(*money.recalled(node, self.model.epoch - 1, [node]))
        assert said == self.model.look(self.clock)[1]
        left = self.server.worker(*money.recalled(node, self.model.epoch, NODES))
        self.model.look(self.clock)
        self.model.recalled[node] = self.model.epoch
        self.thaws(left)
        self.follow()

    def tell_restored(self, node: str) -> None:
        left = self.server.worker(*money.restored(node, "place", self.model.epoch, NODES))
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

    @invariant()
    def the_ledger_says_the_same(self) -> None:
        at = self.model.copy().look(self.clock)[0]
        owners = list(CAPS)
        for owner, said in zip(owners, money.windows_of(self.server.root(*money.spent(owners))), strict=True):
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
        for leg in money.kept_legs(self.server.root(*money.legs(1000))):
            if leg.record_id.startswith("escrow"):
                self.give_back(leg.record_id)
        left = money.kept_legs(self.server.root(*money.legs(1000)))
        assert not left, left
        for said in money.windows_of(self.server.root(*money.spent(list(CAPS)))):
            assert said.granted == 0
        for owner in CAPS:
            charged = sum(amount for _, whose, amount in self.model.charges if whose == owner)
            assert charged == sum(
                max(call.billed(owner, self.now), self.model.least.get(call.name, {}).get(owner, 0))
                for call in self.calls.values()
            ), owner
        self.the_ledger_says_the_same()
        # and what has left all windows is not kept, either
        self.off = 0
        last = max([self.now, *(at for at, _, _ in self.model.charges)])
        self.pass_time(last - self.now + 31 * 86_400 * US)
        self.watch(vouched=True)
        told = Settlement(record_id="last", costs=tuple((owner, 1) for owner in CAPS))
        self.settle_in_ledger(told)
        for at, owner, _ in self.model.charges:
            assert self.server.root("HGET", owner, f"h{at // US // 60}") is None


def _machine(examples: int, steps: int) -> None:
    LedgerMachine.server = Server()  # hypothesis makes the machines
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
        LedgerMachine.server.close()


@pytest.mark.timeout(600)  # beside four other processes of tests
def test_money_is_never_overspent_and_never_locked() -> None:
    _machine(examples=80, steps=40)


@pytest.mark.parametrize("rings_s", [20, 58, 62, 90])
@pytest.mark.parametrize("heard", [True, False])
def test_what_rings_while_no_renewal_is_heard_outlasts_no_freeze(rings_s: int, heard: bool) -> None:
    LedgerMachine.server = Server()
    machine = LedgerMachine()
    try:
        machine.start()
        LedgerMachine.renewals_are_not_heard(machine, calls=3, rings_s=rings_s, heard=heard, after_s=50)
        machine.never_more_than_the_cap_at_the_carrier()
    finally:
        machine.teardown()
        LedgerMachine.server.close()


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_money_is_never_overspent_whatever_happens() -> None:
    _machine(examples=int(os.environ.get("TRUNKWARD_SOAK_EXAMPLES", "2000")), steps=60)
