"""Shipping: everything once, bad lines told once, old segments removed only when all is shipped."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from trunkward.records.model import DecisionRecord, MessageRecord
from trunkward.records.segment import encode
from trunkward.store.database import migrate, open_database
from trunkward.store.records import RecordStore
from trunkward.worker import ship as shipping
from trunkward.worker.ship import KEEP_SHIPPED_S, ship


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RecordStore]:
    engine = open_database(f"sqlite:///{tmp_path}/records.db")
    migrate(engine)
    yield RecordStore(engine)
    engine.dispose()


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    directory = tmp_path / "records" / "gate-0"
    directory.mkdir(parents=True)
    return directory


def _line(name: str, size: int = 0) -> bytes:
    return encode(
        DecisionRecord(
            record_id=name,
            at=1.0,
            attempt_id=name,
            call_id="c" + "x" * size,
            verdict="admit",
            reason="admitted",
        )
    )


def test_it_goes_on_where_it_stopped(store: RecordStore, gate: Path) -> None:
    segment = gate / "1.jsonl"
    segment.write_bytes(_line("a") + _line("b")[:-5])
    told: list[str] = []
    assert ship([gate], store, 1.0, told.append) == 1
    segment.write_bytes(_line("a") + _line("b") + _line("c"))
    assert ship([gate], store, 1.0, told.append) == 2
    assert ship([gate], store, 1.0, told.append) == 0
    assert told == []


def test_a_long_round_gives_signs_of_life(
    store: RecordStore, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "_CHUNK", 1000)
    (gate / "1.jsonl").write_bytes(b"".join(_line(f"r{number}") for number in range(20)))
    signs: list[None] = []
    assert ship([gate], store, 1.0, print, lambda: signs.append(None)) == 20
    assert len(signs) > 5


def test_a_bad_line_at_the_end_is_told_once(store: RecordStore, gate: Path) -> None:
    (gate / "1.jsonl").write_bytes(_line("a") + b"rubbish\n")
    told: list[str] = []
    for _ in range(3):
        ship([gate], store, 1.0, told.append)
    assert len(told) == 1


def test_nothing_stands_in_the_way_of_what_follows(
    store: RecordStore, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "_CHUNK", 512)
    data = b"x\n" * 1000 + _line("long", 5000) + _line("a")
    (gate / "1.jsonl").write_bytes(data)
    told: list[str] = []
    assert ship([gate], store, 1.0, told.append) == 2
    assert len(told) == 1000
    assert store.offset("gate-0/1.jsonl") == len(data)


def test_a_line_its_writer_died_in_is_told_when_nobody_writes_on(store: RecordStore, gate: Path) -> None:
    torn = gate / "1.jsonl"
    torn.write_bytes(_line("a") + b'{"kind":"deci')
    told: list[str] = []
    assert ship([gate], store, 1.0, told.append) == 1
    assert told == []
    (gate / "2.jsonl").write_bytes(_line("b"))
    now = torn.stat().st_mtime
    for late in (1.0, 59.0):  # one who was slow may still be at it
        ship([gate], store, now + late, told.append)
    assert told == []
    for late in (61.0, 62.0, 63.0):
        ship([gate], store, now + late, told.append)
    assert len(told) == 1
    assert store.counts() == (2, 0)


def test_an_old_segment_goes_when_all_of_it_is_shipped(store: RecordStore, gate: Path) -> None:
    old, newest = gate / "1.jsonl", gate / "2.jsonl"
    for segment in (old, newest):
        segment.write_bytes(_line(segment.stem))
        os.utime(segment, (1.0, 1.0))
    ship([gate], store, KEEP_SHIPPED_S, lambda _: None)
    assert old.exists()
    ship([gate], store, KEEP_SHIPPED_S + 2, lambda _: None)
    assert not old.exists()
    assert newest.exists()
    assert store.counts() == (2, 0)


def test_another_file_of_the_same_name_is_shipped_whole(store: RecordStore, gate: Path) -> None:
    (gate / "1.jsonl").write_bytes(_line("a") + _line("b"))
    told: list[str] = []
    assert ship([gate], store, 1.0, told.append) == 2
    (gate / "1.jsonl").write_bytes(_line("c"))
    assert ship([gate], store, 1.0, told.append) == 1
    assert len(told) == 1
    assert store.counts() == (3, 0)


def test_what_a_full_disk_left_of_an_outcome_costs_no_other(store: RecordStore, gate: Path) -> None:
    lines = b"\n" + _line("a") + b'\n{"kind":"outc' + b"\n" + _line("b")
    (gate / "1.jsonl").write_bytes(lines)
    told: list[str] = []
    assert ship([gate], store, 5.0, told.append) == 2
    assert len(told) == 1
    assert store.counts() == (2, 0)
    assert store.offset("gate-0/1.jsonl") == len(lines)


def test_messages_do_not_stay_when_they_are_shipped(store: RecordStore, tmp_path: Path) -> None:
    directory = tmp_path / "ladder"
    directory.mkdir()
    message = MessageRecord(record_id="a", at=1.0, side="caller", way="in", what="INVITE")
    for name in ("1", "2"):
        (directory / f"{name}.jsonl").write_bytes(encode(message))
    written = (directory / "2.jsonl").stat().st_mtime
    for late, left in ((1.0, ["1.jsonl", "2.jsonl"]), (120.0, ["2.jsonl"])):
        ship([directory], store, written + late, print)
        assert sorted(path.name for path in directory.iterdir()) == left
    assert store.messages(["a"], 0, 10) == [message]


def test_an_outcome_is_never_shipped_before_its_decision(
    store: RecordStore, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call is decided and ends while a round is under way: its end waits for the round that has its decision."""
    edge = gate.with_name("edge")
    edge.mkdir()
    (gate / "1.jsonl").write_bytes(_line("before"))
    (edge / "1.jsonl").write_bytes(_line("before-too"))
    shipped: list[list[str]] = []
    ships = store.ship

    def while_shipping(records: list[DecisionRecord], segment: str, offset: int) -> None:
        shipped.append([record.record_id for record in records])
        ships(records, segment, offset)
        if len(shipped) == 1:
            for place, name in ((gate, "decision"), (edge, "outcome")):
                with (place / "1.jsonl").open("ab") as file:
                    file.write(_line(name))

    monkeypatch.setattr(store, "ship", while_shipping)
    assert ship([gate, edge], store, 1.0, lambda _: None) == 2
    assert ship([gate, edge], store, 1.0, lambda _: None) == 2
    assert shipped == [["before"], ["before-too"], ["decision"], ["outcome"]]
