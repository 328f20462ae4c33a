"""Fifty times kill -9 of whatever process, at whatever moment, under load: what the caller counted is what is on record.

And no call is left open: what a killed Kamailio could not end has an outcome as well.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
from collections import Counter

import pytest

from sipkit.load.caller import Caller, Plan, _Call
from trunkward.trunks.model import GRANT_S
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.records.conftest import segment_lines
from wire.records.parties import eventually, load, parties

RATE, SECONDS = 50.0, 1.5
KILLS = int(os.environ.get("TRUNKWARD_SOAK_KILLS", "50"))
#: Seconds a call of which no BYE is left may go on, before the node ends it itself; and until the last look for
#: what was left open when Kamailio died (`trunkward.worker.abandoned`), with some room.
MAX_CALL_S, CLOSED_S = 30, 150
PARTS = ("gate-0", "gate-1", "signer", "worker", "rtpengine", "kamailio", "web", "valkey")
#: Of three rounds one has two losses that meet: the worker's, and a moment later another's.
PAIRS, APART_S = 1 / 3, 0.1
#: Seconds a call is held after the last losses, then another one: over the first look for what Kamailio left open,
#: and over the second. For a minute without a packet rtpengine keeps the media.
HELD_S = 35

pytestmark = [
    pytest.mark.wire,
    pytest.mark.soak,
    pytest.mark.skipif(os.geteuid() != 0, reason="a node gives each process its own user: needs root"),
]


class Counting(Caller):
    """Remembers what became of each call."""

    def __init__(self) -> None:
        super().__init__()
        self.finals: dict[str, int] = {}
        self.hung_up: set[str] = set()

    def _on_final(self, call: _Call, status: int, raw: bytes) -> None:
        self.finals[call.call_id.decode()] = status
        super()._on_final(call, status, raw)

    def _on_bye_final(self, call: _Call, status: int) -> None:
        if status < 300:
            self.hung_up.add(call.call_id.decode())
        super()._on_bye_final(call, status)


def _kill(node: Node, part: str) -> None:
    pids = node.family(part) if part == "kamailio" else [node.pid(part)]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # a worker may end at once when its parent has
            os.kill(pid, signal.SIGKILL)


@pytest.mark.timeout(3600)
def test_calls_counted_equal_records(capsys: pytest.CaptureFixture[str]) -> None:
    """Summary: 50 kills over all processes at 50 calls/s, two at once in a third: each answered INVITE one record, each admitted call one outcome, none doubled, no live call closed."""
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    text = EXAMPLE.read_text(encoding="utf-8")
    assert text.count("\nnode:\n") == 1
    node = start_node(text.replace("\nnode:\n", f"\nnode:\n  max_call_s: {MAX_CALL_S}\n"))
    finals: dict[str, int] = {}
    hung_up: set[str] = set()
    killed: Counter[str] = Counter()

    async def under_load(parts: list[str], at_s: float) -> None:
        caller = Counting()
        async with load(node, caller):
            running = asyncio.create_task(caller.run(Plan(rate=RATE, seconds=SECONDS, held_s=0.2)))
            await asyncio.sleep(at_s)
            for part in parts:
                await asyncio.to_thread(_kill, node, part)
                await asyncio.sleep(APART_S)
            await running
        finals.update(caller.finals)
        hung_up.update(caller.hung_up)

    try:
        for _ in range(KILLS):
            parts = ["worker"] * (chance.random() < PAIRS) + [chance.choice(PARTS)]
            killed["+".join(parts)] += 1
            node.wait_ready(30)
            asyncio.run(under_load(parts, chance.uniform(0.0, SECONDS)))
        for part in ("worker", "kamailio", "kamailio"):  # two starts before the worker looks
            _kill(node, part)
        node.wait_ready(30)
        held = [asyncio.run(_held(node)) for _ in range(2)]
        calls = eventually(
            lambda: _all(node, set(finals)), CLOSED_S, f"every record and its end (seed {seed})"
        )
        with capsys.disabled():
            print(
                f"\nseed {seed}: {len(finals)} calls answered, {len(hung_up)} hung up, killed {dict(killed)},"
                f" ended as {dict(Counter(str(call['ending']) for call in calls))}"
            )
        counted = Counter(call["call_id"] for call in calls)
        assert {call_id for call_id in finals if counted[call_id] != 1} == set()
        assert {call_id for call_id, count in counted.items() if count > 1} == set()
        by_id = {call["call_id"]: call for call in calls}
        assert {by_id[call_id]["ending"] for call_id in held} == {"bye"}
        last = by_id[held[0]]["edge"]
        assert [c for c in calls if c["edge"] == last and c["ending"] == "ended-unknown"] == []
        assert {call_id for call_id in hung_up if by_id[call_id]["ending"] != "bye"} == set()
        answered = {call_id for call_id, status in finals.items() if status < 300}
        assert {call_id for call_id in answered if by_id[call_id]["verdict"] != "admit"} == set()
        outcomes = Counter(
            line["record_id"] for line in segment_lines(node.state) if line["kind"] == "outcome"
        )
        assert {name for name, count in outcomes.items() if count > 1} == set()
        # each admitted call one outcome: of the edge, or of the worker where Kamailio had died
        unknown = {str(call["record_id"]) for call in calls if call["ending"] == "ended-unknown"}
        assert unknown & set(outcomes) == set()
        admitted = {str(call["record_id"]) for call in calls if call["verdict"] == "admit"}
        assert admitted == unknown | set(outcomes)
        # whoever was killed: no call that is over holds a place
        eventually(lambda: _places(node) == 0, GRANT_S + 5, "every place is free")
    finally:
        stop_node(node)


async def _held(node: Node) -> str:
    """An emergency call, which has no longest duration, whose media stays until it is hung up; its Call-ID."""
    async with parties(node) as lab:
        call = await lab.call(called="911")
        await call.answered()
        await (await lab.north.incoming()).confirmed()
        call_id = call.invite.call_id
        record_id = (await asyncio.to_thread(node.record, call_id))["record_id"]
        for _ in range(HELD_S):
            media = await asyncio.to_thread(node.media)
            assert [name for name in media if name.startswith(record_id)], "the media of a live call is gone"
            await asyncio.sleep(1)
        assert (await call.bye()).status == 200
    return call_id


def _places(node: Node) -> int:
    told = json.loads(node.trunkward("limits", "acme-hq", "--json").stdout)
    return sum(int(row["in_use"]) for row in told["limits"] if row["what"] == "calls")


def _all(node: Node, finals: set[str]) -> list[dict[str, object]]:
    """Every record, once each that must be there is, and each admitted call has ended."""
    calls = node.calls()
    known = {call["call_id"] for call in calls}
    open_ones = [call for call in calls if call["verdict"] != "reject" and not call["ending"]]
    return calls if finals <= known and not open_ones else []
