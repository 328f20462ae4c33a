"""From the segments into the database: waiting, torn and corrupt lines, outcomes with no gate, a full disk."""

import asyncio
import json
import os
import signal
import subprocess
from collections import Counter
from pathlib import Path

from trunkward.engines.users import gid, uid
from wire.conftest import Node
from wire.records.conftest import segment_lines, supervise
from wire.records.parties import eventually, parties


def test_records_wait_for_a_worker_and_a_bad_line_costs_itself(node: Node) -> None:
    """Summary: with the worker stopped calls go on; started again it ships each record once, a corrupt line is told."""

    async def calls(count: int) -> list[str]:
        async with parties(node) as lab:
            return [(await lab.whole_call())[0].invite.call_id for _ in range(count)]

    supervise(node, "stop", "worker")
    call_ids = asyncio.run(calls(2))
    for index in (0, 1):
        segment = max((node.state / "records" / f"gate-{index}").glob("*.jsonl"))
        with segment.open("ab") as file:
            file.write(b'{"kind":"decision","record_id":"half\n\xff\xfe\n')
    call_ids += asyncio.run(calls(2))
    assert not [call for call in node.calls() if call["call_id"] in call_ids]
    supervise(node, "start", "worker")
    for call_id in call_ids:
        assert node.record(call_id, ended=True)["ending"] == "bye"
    found = [call["call_id"] for call in node.calls() if call["call_id"] in call_ids]
    assert sorted(found) == sorted(call_ids)

    def told() -> list[str]:
        return [line for line in node.log("worker").splitlines() if "the line is skipped" in line]

    eventually(lambda: len(told()) >= 4, 20, "all are told")
    assert len(told()) == 4, told()  # two lines in each gate's segment, each told once
    node.wait_ready()


def test_outcomes_need_no_gate(node: Node) -> None:
    """Summary: calls that end while the gates are frozen, which are then killed, have their outcomes, each once."""
    gates = [node.pid("gate-0"), node.pid("gate-1")]

    async def run() -> list[str]:
        async with parties(node) as lab:
            calls = [await lab.call() for _ in range(8)]
            for call in calls:
                await call.answered()
                await (await lab.north.incoming()).confirmed()
            for pid in gates:
                os.kill(pid, signal.SIGSTOP)
            for call in calls:
                assert (await call.bye()).status == 200
            await asyncio.sleep(0.5)  # what the edge still does for a call after its BYE
            for pid in gates:
                os.kill(pid, signal.SIGKILL)
            return [call.invite.call_id for call in calls]

    call_ids = asyncio.run(run())
    records = [node.record(call_id, ended=True) for call_id in call_ids]
    assert {record["ending"] for record in records} == {"bye"}
    assert min(record["duration_s"] for record in records) >= 0
    written = Counter(line["record_id"] for line in segment_lines(node.state) if line["kind"] == "outcome")
    assert {written[record["record_id"]] for record in records} == {1}
    node.wait_ready()


def test_a_full_disk_refuses_and_recovers(node: Node) -> None:
    """Summary: with no room for a record a call gets 503 record-not-written, on record all the same; with room again calls go, nothing is torn."""
    records = node.state / "records"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=751", "tmpfs", str(records)], check=True)
    try:
        os.chown(records, uid("tw-worker"), gid("tw-worker"))
        for name, owner in (("edge", "tw-edge"), ("gate-0", "tw-gate"), ("gate-1", "tw-gate")):
            (records / name).mkdir()
            os.chown(records / name, uid(owner), gid("tw-worker"))
            (records / name).chmod(0o2770)
        for part in ("gate-0", "gate-1", "kamailio"):  # they hold segments open
            os.kill(node.pid(part), signal.SIGKILL)
        eventually(lambda: len(list(records.glob("gate-?/*.jsonl"))) == 2, 30, "new segments")
        node.wait_ready()
        asyncio.run(_fill_and_free(node, records))
        # every line of a gate is whole: what a full disk took of a record was taken back
        for segment in records.glob("gate-?/*.jsonl"):
            for line in segment.read_bytes().splitlines():
                assert json.loads(line)["kind"] == "decision"
    finally:
        supervise(node, "stop", "worker", "gate-0", "gate-1", "kamailio")
        subprocess.run(["umount", str(records)], check=True)
        supervise(node, "start", "worker", "gate-0", "gate-1", "kamailio")
        node.wait_ready()


async def _fill_and_free(node: Node, records: Path) -> None:
    async with parties(node) as lab:
        running = await lab.call()
        await running.answered()
        await (await lab.north.incoming()).confirmed()
        filler = records / "filler"
        _fill(filler)
        refused = call = None
        for _ in range(40):  # the last page of each segment still takes some
            _fill(filler)
            call = await lab.call()
            if (final := await call.final()).status == 503:
                refused = final
                break
            await (await lab.north.incoming()).confirmed()
            await call.bye()
        assert refused is not None
        assert call is not None
        assert "record-not-written" in refused.get("Reason")
        # what the gate could not write the edge has, in memory if need be
        record = await asyncio.to_thread(node.record, call.invite.call_id)
        assert (record["verdict"], record["reason"], record["gate"]) == ("reject", "record-not-written", -1)
        # in-dialog requests go all the same, and the outcome is kept somewhere else
        assert (await running.bye()).status == 200
        overflow = node.run / "overflow"
        await asyncio.to_thread(eventually, lambda: any(overflow.glob("*.jsonl")), 20, "an outcome in memory")
        filler.unlink()
        call, _ = await lab.whole_call()
    assert (await asyncio.to_thread(node.record, call.invite.call_id, ended=True))["ending"] == "bye"
    kept = await asyncio.to_thread(node.record, running.invite.call_id, ended=True)
    assert kept["ending"] == "bye"


def _fill(filler: Path) -> None:
    with filler.open("ab", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
