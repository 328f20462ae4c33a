"""Legs that nobody renews, on a real Valkey by a time of the tests': whom they are taken for lost, and what they are charged.

What leaps here is clocks, and a Valkey that stands still; the gates' rooms are the real ones, and the edge is
played: what it is told to end its carrier has ended a second later.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from types import SimpleNamespace
from typing import cast

import pytest

from properties.ledger_server import Server
from trunkward.admission.ports import (
    AlreadyEnded,
    Asked,
    Charge,
    Held,
    RunningLeg,
    RunningShare,
    Settlement,
    Share,
)
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.orphan import OrphansAsked, OrphansGiven
from trunkward.gate.counts import Counts
from trunkward.gate.orphans import Orphans
from trunkward.live import money, nodes
from trunkward.live.client import LiveClient
from trunkward.records.model import Record
from trunkward.spend.tariff import Tariff
from trunkward.trunks.spending import NO_CAPS, Spending

S = 1_000_000
BEGAN = 1_800_000_000 * S
#: 0.60 a minute, to the second: a cent each.
TARIFF = Tariff(rate_nano=600_000_000, first_s=1, next_s=1)
TRUNK, CENT = "money:trunk:hq", 10_000
GRANT_S, RELEASE_S, HOLD_S = 60, 15, 62
LONGEST_S = float(GRANT_S + RELEASE_S)
#: The first slice.
SLICE = TARIFF.price_micro(LONGEST_S)
NODES = ("n1", "n2")
ID = "a" * 32
#: Of a call with a session timer of half an hour.
LEFT = '["north",1800,"a BYE","c"]'
WIDE = Spending(day_micro=10**12)


class Scene:
    """Two nodes, of which one gate each is played, and a ledger that grants money."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.clock = BEGAN
        self.records: list[Record] = []
        self.clients = {name: server.valkey.gate() for name in NODES}
        self.orphans = {name: self._orphans(name) for name in NODES}
        epoch = self.watch().epoch
        for name in NODES:
            server.worker(*money.restored(name, "place", epoch, NODES))
            server.worker(*money.recalled(name, epoch, NODES))

    def _orphans(self, name: str) -> Orphans:
        node = SimpleNamespace(currency="EUR", ledger_name=name, grant_s=GRANT_S, max_call_s=7200)
        policy = cast("Snapshot", SimpleNamespace(node=node))
        return Orphans(Counts(self.clients[name]), lambda: policy, self.records.extend)

    @property
    def n1(self) -> LiveClient:
        return self.clients["n1"]

    def watch(self, *, vouched: bool = True) -> money.Watched:
        self.server.set_clock(self.clock)
        now_s = self.clock / S if vouched else None
        return money.watched(self.server.worker(*money.watch(LONGEST_S, now_s, "EUR", 0)))

    def leaps(self, seconds: float, *, vouched: bool = True) -> None:
        """In one look: the clock is put right, or Valkey stood still."""
        self.clock += round(seconds * S)
        self.watch(vouched=vouched)

    def passes(self, seconds: int) -> None:
        for _ in range(seconds):
            self.leaps(1)

    def here(self, *names: str) -> None:
        """These nodes' workers say that they are there."""
        for name in names:
            self.server.worker(*nodes.here(name, f"of-{name}"))

    async def admit(self, record_id: str = ID, caps: Spending = WIDE, node: str = "n1") -> object:
        share = Share(owner=TRUNK, tariff=TARIFF.compact(), slice_micro=SLICE, caps=caps)
        charge = Charge(node=node, currency="EUR", longest_s=LONGEST_S, shares=(share,))
        return await self.clients[node].admit(Asked(record_id=record_id, hold_s=HOLD_S, money=charge))

    async def renew(self, lasted_s: float, record_id: str = ID) -> object:
        (fact,) = await self.n1.renew_legs(
            [running(record_id, lasted_s)], hold_s=HOLD_S, node="n1", longest_s=LONGEST_S
        )
        return fact

    async def answer(self, record_id: str = ID) -> None:
        """It is answered now."""
        self.n1.leave(record_id, 0, LEFT)
        await self.n1.renew_legs([running(record_id, 0)], hold_s=HOLD_S, node="n1", longest_s=LONGEST_S)

    async def settle(self, cost: int) -> None:
        assert await self.n1.settled([Settlement(record_id=ID, costs=((TRUNK, cost),))])

    async def asked(self, node: str, *ended: tuple[str, int, float]) -> OrphansGiven:
        return await self.orphans[node].asked(OrphansAsked(ended=list(ended), room=200))

    def spent(self) -> money.Spent:
        (found,) = money.windows_of(self.server.root(*money.spent([TRUNK])))
        return found

    def legs(self) -> list[money.KeptLeg]:
        return money.kept_legs(self.server.root(*money.legs(10_000)))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with closing(Server()) as one:
        yield one


@asynccontextmanager
async def opened(server: Server) -> AsyncIterator[Scene]:
    server.empty()
    server.set_clock(BEGAN)
    server.load()
    scene = Scene(server)
    try:
        yield scene
    finally:
        for client in scene.clients.values():
            await client.close()


def play(server: Server, scenario: Callable[[Scene], Awaitable[None]]) -> None:
    async def run() -> None:
        async with opened(server) as scene:
            await scenario(scene)

    asyncio.run(run())


def running(record_id: str, lasted_s: float) -> RunningLeg:
    share = RunningShare(
        owner=TRUNK,
        tariff=TARIFF.compact(),
        used_micro=TARIFF.price_micro(lasted_s) if lasted_s else 0,
        had_micro=TARIFF.price_micro(lasted_s + LONGEST_S),
        next_micro=TARIFF.price_micro(lasted_s + LONGEST_S),
        caps=NO_CAPS,
    )
    return RunningLeg(record_id=record_id, lasted_s=lasted_s, left_s=GRANT_S, shares=(share,))


def escrow(number: int) -> RunningLeg:
    share = RunningShare(
        owner=f"money:trunk:t{number}",
        tariff=TARIFF.compact(),
        used_micro=0,
        had_micro=0,
        next_micro=5,
        caps=NO_CAPS,
    )
    name = f"{nodes.ESCROW}n1:0:money:trunk:t{number}"
    return RunningLeg(record_id=name, lasted_s=None, left_s=60, shares=(share,))


@pytest.mark.parametrize("seconds", [101, 1_000, 90_000])
def test_a_clock_that_is_put_right_makes_no_call_overdue(server: Server, seconds: int) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.admit()
        await scene.answer()
        scene.passes(5)
        await scene.renew(5)
        await scene.admit("b" * 32)  # rings
        scene.leaps(seconds)
        for node in ("n2", "n1"):
            given = await scene.asked(node)
            assert (given.hang_up, given.yours) == ({}, [])
        assert len(scene.legs()) == 2
        assert all(leg.left_ms > 55_000 for leg in scene.legs())
        # its node is dead: that is found out by the seconds that pass
        scene.passes(63)
        assert (await scene.asked("n2")).hang_up == {ID: "a BYE"}

    play(server, scenario)


def test_valkey_that_stood_still_makes_no_nodes_calls_overdue(server: Server) -> None:
    """Neither do two nodes hang up each other's: each has the seconds it had before."""

    async def scenario(scene: Scene) -> None:
        calls = {"n1": ID, "n2": "b" * 32}
        for node, record_id in calls.items():
            assert isinstance(await scene.admit(record_id, node=node), Held)
            await scene.answer(record_id)
        scene.passes(20)  # a third of a slice: that is when an edge asks again
        scene.leaps(600)
        for node in NODES:  # whoever comes first, before anybody has renewed
            assert await scene.asked(node) == OrphansGiven(hang_up={})
        scene.passes(10)
        for node in NODES:
            assert await scene.asked(node) == OrphansGiven(hang_up={})
        for record_id in calls.values():
            await scene.renew(630, record_id)
        assert all(leg.left_ms == HOLD_S * 1000 for leg in scene.legs())

    play(server, scenario)


def test_a_node_that_is_there_sees_to_its_own_before_others_do(server: Server) -> None:
    async def scenario(scene: Scene) -> None:
        scene.here(*NODES)
        await scene.admit()
        await scene.answer()
        for _ in range(62):
            scene.passes(1)
            scene.here(*NODES)
        # n2 sees to overdue calls: this one is charged on, and not ended yet
        scene.passes(1)
        scene.here(*NODES)
        assert await scene.asked("n2") == OrphansGiven(hang_up={})
        assert scene.spent().granted == 75 * CENT
        assert await scene.asked("n1") == OrphansGiven(hang_up={}, yours=[ID])
        scene.passes(5)
        scene.here(*NODES)
        assert (await scene.asked("n2")).hang_up == {ID: "a BYE"}
        # it was there all the time, and renews it
        await scene.renew(68)
        assert await scene.asked("n2") == OrphansGiven(hang_up={})
        assert [share.forced for share in scene.legs()[0].shares] == [0]

    play(server, scenario)


def test_a_node_that_is_back_has_its_seconds(server: Server) -> None:
    """It was cut off from Valkey, or from everybody: its calls are overdue for long by then."""

    async def scenario(scene: Scene) -> None:
        scene.here("n1")
        await scene.admit()
        await scene.answer()
        scene.passes(90)
        scene.here(*NODES)
        assert await scene.asked("n2") == OrphansGiven(hang_up={})
        assert await scene.asked("n1") == OrphansGiven(hang_up={}, yours=[ID])
        # charged on meanwhile
        assert scene.spent().granted == 92 * CENT
        scene.passes(5)
        scene.here("n1")
        assert (await scene.asked("n2")).hang_up == {ID: "a BYE"}

    play(server, scenario)


@pytest.mark.parametrize("many", [1000, 3000])
def test_a_dead_nodes_calls_all_come_down(server: Server, many: int) -> None:
    """As its edge does, what has ended is told until a gate has taken it; other calls than those are looked at meanwhile."""

    async def scenario(scene: Scene) -> None:
        names = [f"{number:032x}" for number in range(many)]
        for at in range(0, many, 100):
            part = names[at : at + 100]
            legs = [running(name, 0) for name in part]
            await scene.n1.renew_legs(legs, hold_s=HOLD_S, node="n1", longest_s=LONGEST_S)
            left = LEFT.replace("a BYE", "x" * 1500)
            with scene.server.valkey.asks("gate") as gate:
                gate.ask(*nodes.leave([(name, 0, left) for name in part]))
        scene.passes(63)
        ended: dict[str, float] = {}
        over: set[str] = set()
        for second in range(many // 60 + 20):
            scene.leaps(1.03)
            told = [(name, 200, round(second - at_s + 0.5, 3)) for name, at_s in [*ended.items()][:500]]
            given = await scene.asked("n2", *told)
            for name in given.taken:
                del ended[name]
            assert not over & given.hang_up.keys(), "it is told of one again that has ended"
            over |= given.hang_up.keys()
            ended |= dict.fromkeys(given.hang_up, second + 1)
            if len(over) == many and not ended:
                break
        assert len(over) == many
        assert scene.legs() == []
        spent = scene.spent()
        assert spent.granted == 0
        # none is charged for more than the seconds until its BYE was answered
        assert 63 * many * CENT < spent.day < (63 + 1.03 * (many // 60 + 20)) * many * CENT
        assert len(scene.records) == many

    play(server, scenario)


def test_ends_that_no_gate_could_take_are_told_again(server: Server) -> None:
    """And are taken by any gate, whoever sees to calls; one that is settled needs no telling."""

    async def scenario(scene: Scene) -> None:
        await scene.admit()
        await scene.answer()
        scene.passes(63)
        assert (await scene.asked("n2")).hang_up == {ID: "a BYE"}
        end = (ID, 200, 0.0)
        given = await scene.asked("n1", end)
        assert given.taken == [ID]
        assert scene.spent() == money.Spent(granted=0, hour=64 * CENT, day=64 * CENT, month=64 * CENT)
        assert (await scene.asked("n2", end)).taken == [ID]
        await scene.n1.close()
        assert (await scene.asked("n2", end)).taken == [ID]
        assert scene.spent().day == 64 * CENT
        assert len(scene.records) == 1

    play(server, scenario)


def test_escrow_of_a_dead_gate_hides_no_calls(server: Server) -> None:
    """It is looked at when all that rang by it is over, and counts as spent then."""

    async def scenario(scene: Scene) -> None:
        await scene.n1.renew_legs(
            [escrow(number) for number in range(600)], hold_s=60, node="n1", longest_s=LONGEST_S
        )
        for number in range(20):
            await scene.admit(f"{number:032x}")
            await scene.answer(f"{number:032x}")
        scene.passes(63)
        assert len((await scene.asked("n2")).hang_up) == 20
        lease = "money:trunk:t7"

        def spent() -> tuple[int, int]:
            (found,) = money.windows_of(scene.server.root(*money.spent([lease])))
            return found.granted, found.day

        scene.passes(60 + 212 - 63 - 1)
        for _ in range(3):
            await scene.asked("n2")
        assert spent() == (5, 0)
        scene.passes(2)
        for _ in range(3):
            await scene.asked("n2")
        assert spent() == (0, 5)

    play(server, scenario)


def test_a_call_that_rang_at_a_node_cut_off_is_charged_what_it_has_cost(server: Server) -> None:
    """Others have settled it as one that nobody acknowledged: the rest is charged when its node is back, once."""

    async def scenario(scene: Scene) -> None:
        await scene.admit(caps=Spending(day_micro=SLICE))
        scene.passes(HOLD_S + 212 + 1)
        await scene.asked("n2")
        assert (scene.spent().granted, scene.spent().day) == (0, 32 * CENT)
        scene.passes(3600)
        assert await scene.renew(75) == AlreadyEnded()
        for _ in range(2):
            await scene.settle(75 * CENT)
            assert (scene.spent().granted, scene.spent().day) == (0, 75 * CENT)
        # and that is all: it is known how it ended
        await scene.settle(80 * CENT)
        assert scene.spent().day == 75 * CENT

    play(server, scenario)


def test_what_is_known_to_have_ended_costs_no_more_whoever_tells_so(server: Server) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.admit()
        await scene.answer()
        scene.passes(30)
        await scene.settle(30 * CENT)
        late = Settlement(record_id=ID, costs=((TRUNK, 63 * CENT),), at_least=True)
        assert await scene.clients["n2"].settled([late])
        await scene.settle(63 * CENT)
        assert scene.spent().day == 30 * CENT

    play(server, scenario)


def test_what_was_charged_at_the_least_is_never_taken_back(server: Server) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.admit()
        for cost in (32, 32, 40):
            least = Settlement(record_id=ID, costs=((TRUNK, cost * CENT),), at_least=True)
            assert await scene.n1.settled([least])
            assert scene.spent().day == cost * CENT
        await scene.settle(0)
        assert (scene.spent().granted, scene.spent().day) == (0, 40 * CENT)

    play(server, scenario)


def test_a_renewal_that_comes_late_makes_no_call_younger(server: Server) -> None:
    """Valkey stood still for half a minute with it in its sockets; its node has died meanwhile."""

    async def scenario(scene: Scene) -> None:
        await scene.admit()
        await scene.answer()
        scene.passes(10)
        await scene.renew(10)
        scene.leaps(40)
        await scene.renew(20)
        (leg,) = scene.legs()
        assert leg.lasted_ms == 50_000
        # earlier it may have been: the edge tells of its answer when it is acknowledged
        await scene.renew(51)
        (leg,) = scene.legs()
        assert leg.lasted_ms == 51_000

    play(server, scenario)


@pytest.mark.parametrize("vouched", [True, False])
def test_a_dead_nodes_call_is_charged_all_the_time_that_may_have_passed(
    server: Server, vouched: bool
) -> None:
    """Nobody has looked for ten minutes, and no clock is called right since."""

    async def scenario(scene: Scene) -> None:
        await scene.admit()
        await scene.answer()
        scene.leaps(600, vouched=vouched)
        while not (given := await scene.asked("n2")).hang_up:
            scene.leaps(1, vouched=vouched)
        assert given.hang_up == {ID: "a BYE"}
        lasted_s = round((scene.clock - BEGAN) / S)
        # its grant follows
        assert scene.spent().granted == (lasted_s + 2) * CENT
        await scene.asked("n2", (ID, 200, 0.0))
        assert scene.spent().day == (lasted_s + 1) * CENT

    play(server, scenario)


def test_a_call_that_rings_while_a_clock_is_put_right_is_charged_what_it_costs(server: Server) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.admit()
        scene.leaps(300)
        await scene.asked("n1")
        await scene.settle(60 * CENT)
        assert scene.spent().day == 60 * CENT

    play(server, scenario)
