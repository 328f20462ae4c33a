"""Calls of a dead node: charged until the carrier's leg is known to have ended, or cannot be alive; in a real ledger."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import cast

import msgspec
import pytest

from sipkit.valkey import OwnValkey
from trunkward.admission.ports import Asked, Charge, Held, RunningLeg, RunningShare, Share
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.orphan import CallLeft, Left, OrphansAsked
from trunkward.calls.outcome import Ending, Outcome
from trunkward.gate.counts import Counts
from trunkward.gate.orphans import Orphans, cannot_be_alive, costs, outcome
from trunkward.gate.recorder import RecordNotWritten
from trunkward.live import money, nodes
from trunkward.live.money import KeptLeg, KeptShare
from trunkward.live.nodes import SURVIVOR_S
from trunkward.records.model import OutcomeRecord, Record
from trunkward.spend.tariff import Tariff
from trunkward.trunks.spending import NO_CAPS, Spending

#: Seconds a call is held; only `Scene.passes` brings them to an end.
HOLD_S = 60.0
#: Seconds after which one that was looked at is looked at again.
AGAIN_S = 1.05
#: 0.60 a minute, to the second: a cent each.
TARIFF = Tariff(rate_nano=600_000_000, first_s=1, next_s=1)
TRUNK, NORTH, SOUTH = "money:trunk:acme-hq", "money:carrier:north", "money:carrier:south"
ID = "f" * 32
CENT = 10_000


@pytest.fixture
def own() -> Iterator[OwnValkey]:
    running = OwnValkey()
    yield running
    running.close()


def node(name: str) -> Snapshot:
    """As much of a policy as is looked at."""
    return cast(
        "Snapshot",
        SimpleNamespace(node=SimpleNamespace(currency="EUR", ledger_name=name, grant_s=1, max_call_s=7200)),
    )


class Scene:
    """A call of n1, which is answered and then renewed no more; n2 and n3 are there."""

    def __init__(self, own: OwnValkey) -> None:
        self.own = own
        self.clients = {name: own.gate() for name in ("n1", "n2", "n3")}
        #: What is on the disks, and whether they are full.
        self.records: list[Record] = []
        self.is_full = False
        self.orphans = {
            name: Orphans(Counts(client), lambda name=name: node(name), self.write)  # type: ignore[misc]
            for name, client in self.clients.items()
        }

    def write(self, records: list[Record]) -> None:
        if self.is_full:
            raise RecordNotWritten("no space left")
        self.records += records

    @property
    def outcomes(self) -> list[Outcome]:
        return [record.outcome for record in self.records if isinstance(record, OutcomeRecord)]

    def told(self, name: str) -> list[OutcomeRecord]:
        """What a node finds when it is back."""
        with self.own.asks("worker") as worker:
            return [
                msgspec.json.decode(text, type=OutcomeRecord) for text in worker.ask(*nodes.ends(name))[1::2]
            ]

    def passes(self, seconds: float) -> None:
        """The time legs live by goes on by so much: as if clocks had leapt back by it before (`money.lua`)."""
        with self.own.asks("root") as root:
            root.ask("HINCRBY", "ledger", "leapt", str(-round(seconds * 1e6)))

    async def admit(self) -> None:
        shares = [
            Share(
                owner=TRUNK,
                tariff=TARIFF.compact(),
                slice_micro=16 * CENT,
                caps=Spending(day_micro=100 * CENT),
            )
        ]
        shares += [
            Share(owner=one, tariff=TARIFF.compact(), slice_micro=16 * CENT, caps=NO_CAPS, carrier=True)
            for one in (NORTH, SOUTH)
        ]
        charge = Charge(node="n1", currency="EUR", longest_s=0.01, shares=tuple(shares))
        for _ in range(100):  # a new ledger is frozen for the longest grant
            if isinstance(
                await self.clients["n1"].admit(Asked(record_id=ID, hold_s=HOLD_S, money=charge)), Held
            ):
                return
            await asyncio.sleep(0.02)
        raise AssertionError("not admitted")

    def answer(self, session_s: int = 0) -> None:
        self.orphans["n1"].left(
            CallLeft(
                record_id=ID,
                carrier="north",
                lasted_ms=1000,
                session_s=session_s,
                call_id="c@pbx",
                text="a BYE",
            )
        )

    async def asked(
        self, name: str, *ended: tuple[str, int, float], ending: Sequence[str] = (), room: int = 200
    ) -> dict[str, str]:
        asked = OrphansAsked(ended=list(ended), ending=list(ending), room=room)
        return (await self.orphans[name].asked(asked)).hang_up

    def spent(self) -> dict[str, tuple[int, int]]:
        with self.own.asks("root") as root:
            found = money.windows_of(root.ask(*money.spent([TRUNK, NORTH, SOUTH])))
        return {
            owner: (one.day, one.granted) for owner, one in zip((TRUNK, NORTH, SOUTH), found, strict=True)
        }

    async def close(self) -> None:
        for client in self.clients.values():
            await client.close()


def play(own: OwnValkey, scenario: Callable[[Scene], Awaitable[None]]) -> None:
    async def run() -> None:
        scene = Scene(own)
        try:
            await scenario(scene)
        finally:
            await scene.close()

    asyncio.run(run())


@pytest.mark.parametrize("status", [200, 408, 481])
def test_one_node_ends_it_and_the_carriers_answer_settles_it(own: OwnValkey, status: int) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.admit()
        answered = time.monotonic()
        scene.answer()
        assert await scene.asked("n2") == {}, "its node may still renew it"
        scene.passes(HOLD_S)
        # one sees to it, the other does not
        assert await scene.asked("n2") == {ID: "a BYE"}
        assert await scene.asked("n3") == {}
        # no answer: again with the next round, and charged on
        for status_ in (0, 503):
            assert await scene.asked("n2", ending=[ID]) == {}, "it is about to"
            assert await scene.asked("n2", (ID, status_, 0.0)) == {}
            scene.passes(AGAIN_S)
            assert await scene.asked("n2") == {ID: "a BYE"}
        day, granted = scene.spent()[TRUNK]
        assert day + granted >= 16 * CENT
        # the carrier has ended it
        scene.passes(AGAIN_S)
        assert scene.records == [], "nothing is known of its end before"
        asked_s = time.time()
        assert await scene.asked("n2", (ID, status, 0.2)) == {}
        (known,) = scene.outcomes
        assert (known.record_id, known.call_id, known.ending, known.status) == (ID, "c@pbx", Ending.BYE, 200)
        assert (known.peer, known.ended_by, known.cut) == ("north", "us", "node-lost")
        assert (known.survivor, known.bye_status) == ("n2", status)
        assert known.answered_ms is not None
        assert known.ended_at is not None
        assert known.answered_at is not None
        passed_ms = round((HOLD_S + 3 * AGAIN_S) * 1000)  # and what the test took
        assert 0 <= known.answered_ms - (1000 + passed_ms - 200) <= (time.monotonic() - answered) * 1000 + 1
        assert asked_s - 0.2 <= known.ended_at <= time.time() - 0.2
        assert known.ended_at - known.answered_at == pytest.approx(known.answered_ms / 1000)
        # its own node is told, the one that tells is not
        assert scene.told("n1") == scene.records
        assert scene.told("n2") == []
        spent = scene.spent()
        # what it has cost and nothing held; the carrier it did not go by has earned nothing
        # by the same time, and what the node may have been late to tell of its answer
        assert spent[TRUNK][0] - -(-known.answered_ms // 1000) * CENT in (0, CENT)
        assert spent[NORTH] == spent[TRUNK] == (spent[TRUNK][0], 0)
        assert spent[SOUTH] == (0, 0)
        with scene.own.asks("root") as root:
            assert root.ask("EXISTS", f"left:{ID}") == 0

    play(own, scenario)


def test_a_thousand_are_told_as_the_edge_takes_them_and_none_waits_for_ever(own: OwnValkey) -> None:
    """Many cannot be ended, and what all have left together is more than one message holds."""
    many, text = 1000, "x" * 1000

    async def scenario(scene: Scene) -> None:
        share = RunningShare(
            owner=TRUNK,
            tariff=TARIFF.compact(),
            used_micro=0,
            had_micro=0,
            next_micro=16 * CENT,
            caps=NO_CAPS,
        )
        names = [f"{number:032x}" for number in range(many)]
        for at in range(0, many, 100):
            legs = [RunningLeg(record_id=name, lasted_s=1, shares=(share,)) for name in names[at : at + 100]]
            await scene.clients["n1"].renew_legs(legs, hold_s=HOLD_S, node="n1", longest_s=0.01)
        with scene.own.asks("gate") as gate:
            left = msgspec.json.encode(Left(carrier="north", session_s=0, text=text)).decode()
            for at in range(0, many, 100):
                gate.ask(*nodes.leave([(name, 1000, left) for name in names[at : at + 100]]))
        scene.passes(HOLD_S)
        told: set[str] = set()
        for _ in range(80):
            found = await scene.asked("n2")
            assert len(found) <= 200
            assert sum(map(len, found.values())) <= 100_000
            told |= found.keys()
            if len(told) == many:
                break
            scene.passes(0.1)  # nobody can end them
        assert len(told) == many
        # all of them are charged on
        day, granted = scene.spent()[TRUNK]
        assert day + granted >= many * 16 * CENT
        assert len(await scene.asked("n2", room=3)) <= 3

    play(own, scenario)


def test_a_node_that_sees_to_them_and_dies_is_followed_by_another(own: OwnValkey) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.admit()
        scene.answer()
        scene.passes(HOLD_S)
        assert await scene.asked("n2") == {ID: "a BYE"}
        scene.passes(AGAIN_S)
        assert await scene.asked("n3") == {}
        with own.asks("root") as root:  # it does not ask for so long
            assert 0 <= root.ask("TTL", "survivor") <= SURVIVOR_S
            root.ask("DEL", "survivor")
        assert await scene.asked("n3") == {ID: "a BYE"}
        scene.passes(AGAIN_S)
        assert await scene.asked("n2") == {}

    play(own, scenario)


def test_a_call_that_is_renewed_is_nobody_elses(own: OwnValkey) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.admit()
        scene.answer()
        share = RunningShare(
            owner=TRUNK,
            tariff=TARIFF.compact(),
            used_micro=CENT,
            had_micro=0,
            next_micro=17 * CENT,
            caps=NO_CAPS,
        )
        leg = RunningLeg(record_id=ID, lasted_s=1, shares=(share,))
        for _ in range(5):
            await scene.clients["n1"].renew_legs([leg], hold_s=HOLD_S, node="n1", longest_s=0.01)
            assert await scene.asked("n2") == {}
            scene.passes(HOLD_S / 2)

    play(own, scenario)


def test_in_a_ledger_that_may_have_lost_something_nobody_is_taken_for_dead(own: OwnValkey) -> None:
    """A call of an older file may have ended since: its node, or its record, says so."""

    async def scenario(scene: Scene) -> None:
        await scene.admit()
        scene.answer()
        scene.passes(HOLD_S)
        with own.asks("worker") as worker:  # so that there is a freeze to speak of
            worker.ask(*money.watch(1.0, None))
        own.wait_until_written()
        own.kill()
        own.start()
        for client in scene.clients.values():
            await client.close()
        scene = Scene(own)
        began = time.monotonic()
        while not await scene.asked("n2"):
            assert time.monotonic() - began < 30
            await asyncio.sleep(0.05)
        assert time.monotonic() - began > 0.8
        await scene.close()

    play(own, scenario)


def test_what_no_disk_takes_is_settled_and_told_all_the_same(own: OwnValkey) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.admit()
        scene.answer()
        scene.passes(HOLD_S)
        assert await scene.asked("n2") == {ID: "a BYE"}
        scene.is_full = True
        scene.passes(AGAIN_S)
        await scene.asked("n2", (ID, 200, 0.0))
        assert scene.spent()[TRUNK][1] == 0
        assert [record.record_id for record in scene.told("n1")] == [ID]

    play(own, scenario)


def test_an_end_nobody_has_seen_is_on_record_as_one_nobody_knows(own: OwnValkey) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.admit()
        scene.answer(session_s=1)
        scene.passes(HOLD_S + 1.1)
        await scene.asked("n2")
        (unknown,) = scene.outcomes
        assert (unknown.ending, unknown.survivor, unknown.peer) == (Ending.ENDED_UNKNOWN, "n2", "north")
        assert (unknown.bye_status, unknown.answered_at, unknown.answered_ms) == (None, None, None)

    play(own, scenario)


def test_the_first_who_tells_is_believed(own: OwnValkey) -> None:
    with own.asks("gate") as gate, own.asks("worker") as worker:
        for text in ("first", "second"):
            gate.ask(*nodes.tell([("n1", "a", text), ("n2", "b", text)]))
        assert worker.ask(*nodes.ends("n1")) == [b"a", b"first"]
        worker.ask(*nodes.heard("n1", ["a"]))
        assert worker.ask(*nodes.ends("n1")) == []
    with own.asks("root") as root:
        assert 29 * 86_400 < root.ask("TTL", "left:ends:n2") <= 30 * 86_400


def kept(*, lasted_s: float | None, overdue_s: float) -> KeptLeg:
    shares = tuple(
        KeptShare(owner=owner, tariff=TARIFF.compact(), settled=CENT, granted=CENT, forced=0)
        for owner in (TRUNK, NORTH, SOUTH)
    )
    return KeptLeg(
        record_id=ID,
        node="n1",
        left_ms=round(-overdue_s * 1000),
        admitted_ms=0,
        lasted_ms=None if lasted_s is None else round(lasted_s * 1000),
        shares=shares,
    )


@pytest.mark.parametrize(
    ("lasted_s", "overdue_s", "session_s", "over"),
    [
        # the carrier's timer ends it, since nobody has refreshed it
        (500.0, 1799.0, 1800, False),
        (500.0, 1801.0, 1800, True),
        (9000.0, 100.0, 1800, False),
        # without one nobody knows: the time a call may last is taken
        (7199.0, 600.0, 0, False),
        (7201.0, 600.0, 0, True),
        # it rang: until nobody can answer it any more
        (None, 211.0, 0, False),
        (None, 213.0, 0, True),
    ],
)
def test_when_a_leg_cannot_be_alive(
    lasted_s: float | None, overdue_s: float, session_s: int, over: bool
) -> None:
    left = Left(carrier="north", session_s=session_s, text="") if lasted_s is not None else None
    assert cannot_be_alive(kept(lasted_s=lasted_s, overdue_s=overdue_s), left, 7200) is over


def test_of_one_that_rang_the_end_is_not_known() -> None:
    """Whatever is answered to a BYE that nobody can have sent."""
    told = outcome(kept(lasted_s=None, overdue_s=300), None, 481, 1000.0)
    assert (told.ending, told.call_id, told.peer, told.answered_at) == (Ending.ENDED_UNKNOWN, "", None, None)
    assert outcome(kept(lasted_s=0.1, overdue_s=1), None, 200, 1000.0, 5.0).answered_ms == 1


def test_what_it_has_cost() -> None:
    left = Left(carrier="north", session_s=0, text="")
    ten = kept(lasted_s=10, overdue_s=0)
    # a second begun: it took half of one at most to be told of its answer
    assert costs(ten, left) == ((TRUNK, 11 * CENT), (NORTH, 11 * CENT))
    assert dict(costs(ten, None)).keys() == {TRUNK, NORTH, SOUTH}
    # one that rang may have been answered in vain, for 64 * T1
    assert dict(costs(kept(lasted_s=None, overdue_s=300), None))[TRUNK] == 32 * CENT
    # never less than is charged already
    assert dict(costs(kept(lasted_s=0.1, overdue_s=0), left))[TRUNK] >= CENT
