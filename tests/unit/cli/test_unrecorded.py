"""Property 31: a line of a signer whose call is not on record is named, by `journal verify` and by the daily look; nobody is accused by it."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trunkward.cli import journal, journals_examined, verify_journals
from trunkward.cli.changing import configuration_store
from trunkward.control import configuration
from trunkward.control.acts import put_down
from trunkward.control.effects import Effects
from trunkward.control.node_file import accept_node_file
from trunkward.control.restored import Restored
from trunkward.engines.node_facts import verified_facts
from trunkward.engines.verified_state import read_verified
from trunkward.journal.examine import Report
from trunkward.journal.heads import ACTS
from trunkward.records.model import DecisionRecord, Event
from trunkward.records.segment import encode
from trunkward.store.schema import calls as table
from unit.cli.evidence_node import ACCEPTED, ALICE, EXAMPLE
from unit.cli.journal_node import Calls, Node

DAY = 86_400.0


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    monkeypatch.setattr(journals_examined, "_acts", lambda *_: Report(journal=ACTS))
    monkeypatch.setattr("trunkward.signer.segments.DAY_S", 1e12)  # also around midnight
    made = Calls(Node(tmp_path))
    with configuration_store(made.node.paths, make=True) as store:
        planned = configuration.plan(store, ACCEPTED, Effects())
        configuration.accept(store, planned, actor=ALICE, command="up", at=time.time() - 500 * DAY)
    yield made
    made.engine.dispose()


def taken_out(calls: Calls, *record_ids: str) -> None:
    with calls.engine.begin() as connection:
        gone = connection.execute(table.delete().where(table.c.record_id.in_(record_ids)))
        assert gone.rowcount == len(record_ids)


def told(calls: Calls, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """By `journal verify`, which finds everything as it was written."""
    capsys.readouterr()
    assert journal.run_verify(calls.node.paths, heads=None, key=None, as_json=True) == 0
    found: list[str] = json.loads(capsys.readouterr().out)["unrecorded"]
    return found


def test_property_31_who_takes_calls_out_of_the_records_is_not_unseen(
    calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    """Summary: Property 31: lines are counted and named by number and record, journals hold all the same; the daily look says so in status and as an event, and a good look after it does not forget that."""
    record_ids = [calls.signed(ago_s) for ago_s in (900.0, 800.0, 700.0)]
    calls.node.write(650, "f" * 32, kind="refused")
    calls.node.sign(600)
    assert told(calls, capsys) == []
    taken_out(calls, *record_ids[1:])
    (said,) = told(calls, capsys)
    assert said.startswith("node: 2 signed lines have no call on record, of ")
    assert f": line 2 (record {record_ids[1]}), line 3 (record {record_ids[2]}); a gate ended before" in said
    assert journal.run_verify(calls.node.paths, heads=None, key=None, as_json=False) == 0
    assert said in " ".join(capsys.readouterr().out.split())

    assert verify_journals.run(calls.node.paths) == 0
    found = read_verified(calls.node.paths)
    assert found is not None
    assert found.told.unrecorded.endswith(said)
    facts = verified_facts(calls.node.paths)
    assert facts is not None
    assert facts.unrecorded == found.told.unrecorded
    (event,) = [one for one in calls.store.events.find() if one.event == Event.JOURNALS_HOLD]
    assert said in event.detail

    calls.signed(400)
    calls.node.sign(300)
    assert verify_journals.run(calls.node.paths) == 0
    after = read_verified(calls.node.paths)
    assert after is not None
    assert after.told.unrecorded == found.told.unrecorded
    assert after.told.good_at > found.told.good_at


def test_of_many_lines_some_are_named_and_all_are_counted(
    calls: Calls, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trunkward.cli.unrecorded._PAGE", 4)
    record_ids = [calls.signed(900.0 - number) for number in range(9)]
    calls.node.sign(600)
    taken_out(calls, *record_ids)
    calls.node.write(30, "e" * 32)  # of this moment
    (said,) = told(calls, capsys)
    assert said.startswith("node: 9 signed lines have no call on record")
    assert f"line 5 (record {record_ids[4]}), and 4 more; " in said


def test_calls_whose_time_was_over_are_not_missed(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    """Summary: by all versions there were: one that kept calls for less had those deleted that the newest would have."""
    calls.node.write(400 * DAY, "a" * 32)
    calls.node.write(30 * DAY, "b" * 32, tenant="acme")
    calls.node.sign(100)
    assert [said.split(" ")[1] for said in told(calls, capsys)] == ["1"]
    shorter = EXAMPLE.replace("\n  tls_port:", "\n  retention: 7\n  tls_port:", 1)
    for text, ago_s in ((shorter, 20 * DAY), (EXAMPLE, 10 * DAY)):
        with configuration_store(calls.node.paths, make=True) as store:
            planned = configuration.plan(store, accept_node_file(text, "node.yaml"), Effects())
            configuration.accept(store, planned, actor=ALICE, command="apply", at=time.time() - ago_s)
    assert told(calls, capsys) == []
    # what came after that is kept for as long as the newest says
    calls.node.write(9 * DAY, "c" * 32, tenant="acme")
    calls.node.sign(90)
    assert [said.split(" ")[1] for said in told(calls, capsys)] == ["1"]


def test_what_a_restore_took_and_what_is_shipped_yet_is_not_missed(
    calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    calls.node.write(2000, "a" * 32)
    calls.node.write(500, "b" * 32)
    calls.node.sign(300)
    assert [said.split(" ")[1] for said in told(calls, capsys)] == ["2"]
    now = time.time()
    made_at = datetime.fromtimestamp(now - 2500, UTC).isoformat(timespec="seconds")
    with configuration_store(calls.node.paths, make=True) as store:
        act = Restored(made_at=made_at, version="1", evidence=())
        put_down(store, act, actor=ALICE, command="restore", at=now - 1000, beyond=0)
    (said,) = told(calls, capsys)
    assert said.startswith("node: 1 signed line has no call on record")
    assert "line 2 (record " in said
    # the worker could not reach the database for a while
    segment = calls.node.paths.gate_records(0) / "2.jsonl"
    segment.parent.mkdir(parents=True)
    waiting = DecisionRecord(
        record_id="b" * 32, at=now - 499, attempt_id="a", call_id="b", verdict="", reason=""
    )
    segment.write_bytes(b'["a message"]\n' + encode(waiting))
    assert told(calls, capsys) == []
    calls.store.ship([], "gate-0/2.jsonl", segment.stat().st_size)
    assert len(told(calls, capsys)) == 1
