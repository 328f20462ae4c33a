"""A call in that goes on to another trunk has its places there first, and then no more where it was."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from copy import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sipkit.places import TABLE
from sipkit.valkey import OwnValkey
from trunkward.admission.ports import Asked, Counter, Held
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.place import PlaceAsked
from trunkward.control.node_file import read_node_file
from trunkward.gate.counts import Counts
from trunkward.gate.credentials import Verifier
from trunkward.gate.line import Line
from trunkward.gate.signing import Signers
from trunkward.live import library
from trunkward.trunks.model import Limits
from unit.gate.kept_here import KeptHere
from unit.gate.unverified import unverified

EXAMPLE = Path(__file__).parents[3] / "examples" / "node.yaml"
HQ, BRANCH, TENANT = "calls:trunk:acme-hq", "calls:trunk:branch", "calls:tenant:acme"
CALLED = "+12025550101"


@pytest.fixture(scope="module")
def valkey() -> Iterator[OwnValkey]:
    running = OwnValkey()
    yield running
    running.close()


@pytest.fixture
def policy() -> Snapshot:
    """Two trunks of a tenant with three lines: the one has two, the one that stands in has one."""
    declared = read_node_file(EXAMPLE.read_text(encoding="utf-8"), "examples/node.yaml")
    hq = replace(declared.trunks[0], limits=Limits(calls=2), failover=("branch",))
    branch = replace(hq, name="branch", numbers=(), failover=(), limits=Limits(calls=1))
    off = replace(branch, name="off", enabled=False)
    world = replace(declared, trunks=(hq, branch, off), tenant_limits={"acme": Limits(calls=3)})
    return Snapshot(compile_snapshot(world, {}, 1, TABLE))


def asked(record_id: str, trunk: str = "branch", counters: tuple[str, ...] = (HQ, TENANT)) -> PlaceAsked:
    return PlaceAsked(id=record_id, trunk=trunk, instead_of="acme-hq", called=CALLED, counters=list(counters))


def run(valkey: OwnValkey, policy: Snapshot, scenario: Callable[[Line, Counts], Awaitable[None]]) -> None:
    async def whole() -> None:
        client = valkey.gate(0.5)
        counts = Counts(client)
        line = Line(
            index=1,
            policy=lambda: policy,
            signers=Signers(lambda _: Path("/nowhere")),
            origid_secret=b"s" * 32,
            clock=Any,  # type: ignore[arg-type]
            recorder=SimpleNamespace(write=list),  # type: ignore[arg-type]
            counts=counts,
            verifier=Verifier(b"k" * 32, lambda: 7),
            verifying=unverified(),
            registrar=KeptHere(),
        )
        try:
            await scenario(line, counts)
        finally:
            await client.close()

    asyncio.run(whole())


async def admitted(counts: Counts, record_id: str) -> None:
    places = (Counter(key=HQ, most=2), Counter(key=TENANT, most=3))
    fact = await counts.admit(Asked(record_id=record_id, hold_s=60, counters=places))
    assert isinstance(fact, Held)


def in_use(valkey: OwnValkey) -> list[int]:
    with valkey.asks("root") as root:
        found: list[int] = root.ask(
            *library.count([Counter(key=key, most=9) for key in (HQ, BRANCH, TENANT)])
        )
        return found


def test_it_takes_the_places_of_the_trunk_it_goes_to(valkey: OwnValkey, policy: Snapshot) -> None:
    async def scenario(line: Line, counts: Counts) -> None:
        await admitted(counts, "a")
        await admitted(counts, "b")
        assert in_use(valkey) == [2, 0, 2]
        given = await line.place(asked("a"))
        assert given.counters == [TENANT, BRANCH]
        await admitted(counts, "c")  # in the place that is free again; answers come in order
        assert in_use(valkey) == [2, 1, 3]
        # the branch has one line: nothing changes for a call it has none for, nor for one asked twice
        assert (await line.place(asked("b"))).counters is None
        assert (await line.place(asked("a"))).counters == [TENANT, BRANCH]
        assert (await line.place(asked("b", trunk="off"))).counters is None
        assert (await line.place(asked("b", trunk="nobody"))).counters is None
        assert in_use(valkey) == [2, 1, 3]
        # renewals hold the new places; the call's end is the end of them
        counts.renew([("a", [TENANT, BRANCH])], 60)
        for record_id, keys in (("a", [TENANT, BRANCH]), ("b", [HQ, TENANT]), ("c", [HQ, TENANT])):
            counts.ended([(record_id, keys)])
        await counts.admit(Asked(record_id="x", hold_s=1, counters=(Counter(key="calls:trunk:x", most=0),)))
        assert in_use(valkey) == [0, 0, 0]

    run(valkey, policy, scenario)


def test_without_valkey_this_gate_counts(valkey: OwnValkey, policy: Snapshot) -> None:
    async def scenario(line: Line, counts: Counts) -> None:
        valkey.kill()
        assert (await line.place(asked("a"))).counters == [TENANT, BRANCH]
        assert (await line.place(asked("b"))).counters is None
        valkey.start()

    run(valkey, policy, scenario)
