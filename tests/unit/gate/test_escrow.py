"""Escrow on a real ledger: leased where there is room, spent by one gate alone, given back when all is known again."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from copy import replace
from pathlib import Path

import pytest

from sipkit.places import TABLE
from sipkit.valkey import OwnValkey
from trunkward.admission.ports import Charge, Settlement, Share
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.control.node_file import read_node_file
from trunkward.gate.escrow import Escrow
from trunkward.live import money
from trunkward.live.client import LiveClient
from trunkward.trunks.spending import Spending

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
ACCOUNT = "money:trunk:acme-hq"
#: Two gates share it.
CAPS = Spending(call_micro=100, day_micro=1000, escrow_micro=600)
NOW = 1_800_000_000.0
#: Of the example: a grant, and its release.
LONGEST_S = 75


@pytest.fixture
def valkey() -> Iterator[OwnValkey]:
    running = OwnValkey()
    thaw(running)
    yield running
    running.close()


def thaw(valkey: OwnValkey) -> None:
    """All that is spent is known to it."""
    with valkey.asks("worker") as worker:
        epoch = money.watched(worker.ask(*money.watch(LONGEST_S, None))).epoch
        worker.ask(*money.restored("sbc.example.com", "place", epoch, ["sbc.example.com"]))
        assert worker.ask(*money.recalled("sbc.example.com", epoch, ["sbc.example.com"])) == 0


def policy(caps: Spending = CAPS) -> Snapshot:
    declared = read_node_file(EXAMPLE, "node.yaml")
    trunk = replace(declared.trunks[0], spending=caps)
    return Snapshot(compile_snapshot(replace(declared, trunks=(trunk,)), {}, 1, TABLE))


CHARGE = Charge(
    node="sbc.example.com",
    currency="EUR",
    longest_s=LONGEST_S,
    shares=(Share(owner=ACCOUNT, tariff="0:0:1:1", slice_micro=10, caps=CAPS),),
)


class Bench:
    """A gate's escrow, its clock in the test's hand."""

    def __init__(self, valkey: OwnValkey, client: LiveClient) -> None:
        self.valkey, self.client = valkey, client
        self.now_s = 1000.0
        self.escrow = self.of_gate(0)

    def of_gate(self, gate: int) -> Escrow:
        return Escrow(self.client, gate, lambda: self.now_s)

    async def round(self, caps: Spending = CAPS) -> None:
        await self.escrow.round(policy(caps), NOW)

    async def leased(self) -> None:
        """After a start, and its first call."""
        self.escrow.want(CHARGE)
        await self.round()
        assert self.escrow.left(ACCOUNT) == 0, "what a gate before it had taken is not known yet"
        self.now_s += LONGEST_S + 1
        await self.round()
        await self.round()

    def spent(self) -> money.Spent:
        with self.valkey.asks("root") as root:
            (found,) = money.windows_of(root.ask(*money.spent([ACCOUNT])))
        return found


def scenario(valkey: OwnValkey, play: Callable[[Bench], Awaitable[None]]) -> None:
    async def run() -> None:
        client = valkey.gate()
        try:
            await client.greet()
            await play(Bench(valkey, client))
        finally:
            await client.close()

    asyncio.run(run())


def test_leased_taken_and_given_back(valkey: OwnValkey) -> None:
    async def play(bench: Bench) -> None:
        await bench.leased()
        assert bench.escrow.left(ACCOUNT) == bench.spent().granted == 300
        assert bench.escrow.take({ACCOUNT: 200})
        assert not bench.escrow.take({ACCOUNT: 101})
        assert not bench.escrow.take({ACCOUNT: 1, "money:tenant:acme": 1}), "all who pay, or nobody"
        assert bench.escrow.left(ACCOUNT) == 100
        # its call is over, and has cost a little less
        bench.client.settle([Settlement(record_id="a" * 32, costs=((ACCOUNT, 190),))])
        await bench.round()
        found = bench.spent()
        assert (found.granted, found.day, bench.escrow.left(ACCOUNT)) == (300, 190, 100)
        bench.now_s += LONGEST_S + 1
        await bench.round()
        await bench.round()
        found = bench.spent()
        assert (found.granted, found.day, bench.escrow.left(ACCOUNT)) == (300, 190, 300)
        await bench.escrow.close()
        assert (bench.spent().granted, bench.spent().day) == (0, 190)

    scenario(valkey, play)


def test_no_room_no_lease(valkey: OwnValkey) -> None:
    async def play(bench: Bench) -> None:
        bench.client.settle([Settlement(record_id="a" * 32, costs=((ACCOUNT, 701),))])
        await bench.leased()
        assert (bench.escrow.left(ACCOUNT), bench.spent().granted) == (0, 0)
        assert not bench.escrow.take({ACCOUNT: 1})

    scenario(valkey, play)


def test_what_was_spent_without_valkey_is_not_leased_again_beyond_a_cap(valkey: OwnValkey) -> None:
    async def play(bench: Bench) -> None:
        bench.client.settle([Settlement(record_id="a" * 32, costs=((ACCOUNT, 700),))])
        await bench.leased()
        assert bench.escrow.take({ACCOUNT: 300})
        bench.client.settle([Settlement(record_id="b" * 32, costs=((ACCOUNT, 300),))])
        await bench.client.look()  # answers come in the order of what was told and asked
        # until each call that took of it is in the ledger it is held beside what they cost
        assert (bench.spent().granted, bench.spent().day) == (300, 1000)
        bench.now_s += LONGEST_S + 1
        await bench.round()
        await bench.round()
        found = bench.spent()
        assert (found.granted, found.day) == (0, 1000)
        assert not bench.escrow.take({ACCOUNT: 1})

    scenario(valkey, play)


def test_a_gate_that_is_started_anew_takes_over_what_was_leased(valkey: OwnValkey) -> None:
    async def play(bench: Bench) -> None:
        await bench.leased()
        bench.escrow = bench.of_gate(0)
        await bench.leased()
        assert bench.escrow.left(ACCOUNT) == bench.spent().granted == 300
        other = bench.of_gate(1)
        bench.escrow = other
        await bench.leased()
        assert bench.spent().granted == 600, "each gate its own"

    scenario(valkey, play)


def test_a_gate_that_is_started_gives_up_what_the_one_before_it_had(valkey: OwnValkey) -> None:
    """Though nobody calls by it: it would be taken for dead, and all of it for spent."""

    async def play(bench: Bench) -> None:
        await bench.leased()
        assert bench.spent().granted == 300
        bench.escrow = bench.of_gate(0)
        await bench.round()
        assert bench.spent().granted == 300, "what that had spent is not known yet"
        bench.now_s += LONGEST_S + 1
        await bench.round()
        assert bench.spent().granted == 0

    scenario(valkey, play)


def test_a_lease_is_nobodys_an_hour_after_it_was_heard_of(valkey: OwnValkey) -> None:
    """Another node has charged it for a dead gate's by then; that has left the hour's window."""

    async def play(bench: Bench) -> None:
        await bench.leased()
        valkey.kill()
        bench.now_s += 3599
        await bench.round()
        assert bench.escrow.left(ACCOUNT) == 300
        bench.now_s += 1
        assert bench.escrow.left(ACCOUNT) == 0
        assert not bench.escrow.take({ACCOUNT: 1})

    scenario(valkey, play)


def test_a_lease_that_was_charged_for_a_dead_gates_is_spent(valkey: OwnValkey) -> None:
    async def play(bench: Bench) -> None:
        await bench.leased()
        with valkey.asks("worker") as worker:
            (leg,) = money.kept_legs(worker.ask(*money.legs(10)))
            worker.ask(*money.settle([(Settlement(record_id=leg.record_id, costs=((ACCOUNT, 300),)), None)]))
        await bench.round()
        assert bench.escrow.left(ACCOUNT) == 0
        assert (bench.spent().granted, bench.spent().day) == (0, 300)

    scenario(valkey, play)


def test_a_lease_is_given_back_under_the_name_it_was_leased_under(valkey: OwnValkey) -> None:
    """The node may be called otherwise by now."""

    async def play(bench: Bench) -> None:
        await bench.leased()
        assert bench.escrow.take({ACCOUNT: 1})
        bench.now_s += LONGEST_S + 1
        declared = read_node_file(EXAMPLE.replace("sbc.example.com", "other.example.com"), "node.yaml")
        trunk = replace(declared.trunks[0], spending=CAPS)
        renamed = Snapshot(compile_snapshot(replace(declared, trunks=(trunk,)), {}, 1, TABLE))
        assert renamed.node.ledger_name == "other.example.com"
        await bench.escrow.round(renamed, NOW)
        assert bench.spent().granted == 300, "the old one is free, the new one held"

    scenario(valkey, play)


def test_a_lost_valkey_leases_nothing_and_takes_nothing_away(valkey: OwnValkey) -> None:
    async def play(bench: Bench) -> None:
        await bench.leased()
        valkey.kill()
        await bench.round()
        assert bench.escrow.left(ACCOUNT) == 300
        assert bench.escrow.take({ACCOUNT: 300})
        assert bench.escrow.left(ACCOUNT) == 0

    scenario(valkey, play)


@pytest.mark.parametrize("taken", [0, 100])
def test_what_is_left_of_a_lease_the_ledger_has_lost_is_nobodys(valkey: OwnValkey, taken: int) -> None:
    async def play(bench: Bench) -> None:
        await bench.leased()
        if taken:
            assert bench.escrow.take({ACCOUNT: taken})
        before = bench.client.ledger
        valkey.lose_everything()
        await until(bench.client.look, lambda: bench.client.ledger != before)
        thaw(valkey)
        # others may have it by now
        bench.client.settle([Settlement(record_id="a" * 32, costs=((ACCOUNT, 900),))])
        assert bench.escrow.left(ACCOUNT) == 0
        assert not bench.escrow.take({ACCOUNT: 1})
        await bench.round()
        assert bench.escrow.left(ACCOUNT) == 0
        # what was taken is held until the calls that took it must be known
        assert bench.spent() == money.Spent(granted=300 if taken else 0, hour=900, day=900, month=900)
        bench.now_s += LONGEST_S + 1
        await bench.round()
        await bench.round(replace(CAPS, escrow_micro=200))
        assert bench.escrow.left(ACCOUNT) == bench.spent().granted == 100

    scenario(valkey, play)


async def until(again: Callable[[], Awaitable[object]], holds: Callable[[], bool]) -> None:
    for _ in range(200):
        await again()
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("never")


def test_a_gate_started_while_valkey_is_away_gives_up_nothing_before_calls_have_told(
    valkey: OwnValkey,
) -> None:
    """What the one before it had taken is known when calls have had the longest grant's time, with Valkey there."""

    async def play(bench: Bench) -> None:
        await bench.leased()
        patience_s, bench.client._wire._deadline_s = bench.client._wire._deadline_s, 0.05
        os.kill(valkey.process.pid, signal.SIGSTOP)
        try:
            assert bench.escrow.take({ACCOUNT: 300}), "a call goes on by it, and then by another gate"
            bench.escrow = bench.of_gate(0)
            for _ in range(LONGEST_S // 10 + 2):
                bench.now_s += 10
                await bench.round()
        finally:
            os.kill(valkey.process.pid, signal.SIGCONT)
            bench.client._wire._deadline_s = patience_s
        for waited_s in (0, LONGEST_S):
            bench.now_s += waited_s
            heard = False
            while not heard:
                heard = await bench.client.look()
            await bench.round()
            assert bench.spent().granted == 300, waited_s
        bench.now_s += 1
        await bench.round()
        assert bench.spent().granted == 0

    scenario(valkey, play)


def test_escrow_that_is_lowered_is_given_back(valkey: OwnValkey) -> None:
    async def play(bench: Bench) -> None:
        await bench.leased()
        await bench.round(replace(CAPS, escrow_micro=200))
        assert bench.spent().granted == bench.escrow.left(ACCOUNT) == 100
        assert bench.escrow.take({ACCOUNT: 60})
        for _ in range(2):  # what was taken is still to be told of
            await bench.round(replace(CAPS, escrow_micro=0))
            assert bench.spent().granted == 100
            bench.now_s += LONGEST_S
        bench.now_s += 1
        await bench.round(replace(CAPS, escrow_micro=0))
        assert (bench.spent().granted, bench.escrow.left(ACCOUNT)) == (0, 0)

    scenario(valkey, play)


def test_what_is_forgotten_does_not_come_back_with_a_lease(valkey: OwnValkey) -> None:
    """Amounts of another currency are nobody's any more."""

    async def play(bench: Bench) -> None:
        with valkey.asks("worker") as worker:
            await bench.leased()
            assert bench.spent().granted == 300
            assert worker.ask(*money.forget([ACCOUNT], "USD")) == 0
            bench.client.currency = "USD"
            few = Spending(day_micro=100, escrow_micro=20)
            await bench.round(few)
            assert (bench.spent().granted, bench.escrow.left(ACCOUNT)) == (0, 0)
            thaw(valkey)
            for _ in range(30):
                bench.now_s += 10
                await bench.round(few)
                assert bench.spent().granted <= 10

    scenario(valkey, play)
