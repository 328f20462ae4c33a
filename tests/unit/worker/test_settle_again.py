"""A ledger that has lost charges gets them again from the records: each call once, what is long over in sums."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sipkit.valkey import OwnValkey
from trunkward.admission.ports import Settlement
from trunkward.control.node_file import read_node_file
from trunkward.live import money
from trunkward.records.model import OutcomeRecord
from trunkward.store.database import migrate, open_database
from trunkward.store.rated import RatedStore
from trunkward.store.records import RecordStore
from trunkward.worker import settle_again as module
from trunkward.worker.settle_again import SettlesAgain
from unit.records.test_rated import MONEY, decision, outcome

EXAMPLE = Path("examples/node.yaml").read_text(encoding="utf-8")
ALONE = read_node_file(EXAMPLE, "node.yaml").node
OWNED = msgspec.structs.replace(MONEY, owners=["trunk:acme-hq", "carrier:north"])
#: What each call has cost, in micro-units.
SALE, COST = 22_000, 12_200
HOUR, DAY = 3600.0, 86_400.0


@pytest.fixture
def own() -> Iterator[OwnValkey]:
    running = OwnValkey()
    yield running
    running.close()


@pytest.fixture
def records(tmp_path: Path) -> Iterator[tuple[RecordStore, RatedStore]]:
    engine = open_database(f"sqlite:///{tmp_path}/records.sqlite")
    migrate(engine)
    yield RecordStore(engine), RatedStore(engine)
    engine.dispose()


def ended(store: RecordStore, name: str, ago_s: float) -> None:
    at = time.time() - ago_s
    store.ship([decision(record_id=name, at=at - 70, money=OWNED)], "gate-0/1", 1)
    over = outcome(record_id=name, answered_at=at - 61, ended_at=at)
    store.ship([OutcomeRecord(record_id=name, at=at, outcome=over)], "edge/1", 1)


def settled(own: OwnValkey) -> tuple[int, ...]:
    with own.asks("root") as root:
        trunk, carrier = money.windows_of(
            root.ask(*money.spent(["money:trunk:acme-hq", "money:carrier:north"]))
        )
    assert trunk.hour * COST == carrier.hour * SALE
    assert trunk.month * COST == carrier.month * SALE
    return tuple(amount // SALE for amount in (trunk.hour, trunk.day, trunk.month))


def looked(own: OwnValkey, asker: Any) -> money.Watched:
    return money.watched(asker.ask(*money.watch(60, None)))


def round_of(
    again: SettlesAgain, own: OwnValkey, worker: Any, *, shipped: bool = True, frozen_ms: int | None = None
) -> None:
    watched = looked(own, worker)
    if frozen_ms is not None:
        watched = replace(watched, frozen_ms=frozen_ms)
    again.round(worker, watched, ALONE, lambda: None, shipped=shipped)


def is_restored(own: OwnValkey) -> bool:
    with own.asks("root") as root:
        return bool(root.ask("HGET", "ledger", f"restored:{ALONE.name}"))


def a_quarter_of_an_hour_passes(own: OwnValkey) -> None:
    """The ledger forgets which calls have ended: what is told of one again is charged again."""
    with own.asks("root") as root:
        _, legs = root.ask("SCAN", "0", "MATCH", "leg:*", "COUNT", "1000")
        root.ask("DEL", *legs)


def test_nothing_is_left_of_the_ledger(own: OwnValkey, records: tuple[RecordStore, RatedStore]) -> None:
    store, rated = records
    told: list[Any] = []
    again = SettlesAgain(rated, "sqlite:///here", lambda *words, **more: told.append(more))
    for name, ago_s in (
        *(("now", 1.0), ("lately", HOUR / 2), ("today", 5 * HOUR), ("today2", 5 * HOUR + 1)),
        *(("this-month", 5 * DAY), ("this-month2", 29 * DAY), ("before", 40 * DAY)),
    ):
        ended(store, name, ago_s)
    with own.asks("worker") as worker:
        for _ in range(2):  # killed before it has said that it is through, it begins anew
            again._epoch = 0
            worker.ask("HDEL", "ledger", f"restored:{ALONE.name}")
            round_of(again, own, worker)
            assert settled(own) == (2, 4, 6)
        assert len(told) == 1, "the second time all of it was there"
        # and no more in this epoch
        ended(store, "later", -0.5)
        round_of(again, own, worker)
        round_of(SettlesAgain(rated, "sqlite:///here", told.append), own, worker)
        assert settled(own) == (2, 4, 6)
        assert worker.ask(*money.recalled(ALONE.name, looked(own, worker).epoch, [ALONE.name])) == 0, (
            "all is known"
        )


def test_what_the_ledger_has_kept_is_not_charged_twice(
    own: OwnValkey, records: tuple[RecordStore, RatedStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, rated = records
    again = SettlesAgain(rated, "sqlite:///here", lambda *_, **__: None)
    ended(store, "hours-ago", 5 * HOUR)  # in a sum, which has another name in each epoch
    with own.asks("worker") as worker:
        first = looked(own, worker)
        again.round(worker, first, ALONE, lambda: None, shipped=True)
        costs = (("money:trunk:acme-hq", SALE), ("money:carrier:north", COST))
        ended(store, "kept", 2.0)
        worker.ask(*money.settle([(Settlement(record_id="kept", costs=costs), None)]))
        own.wait_until_written()
    ended(store, "lost", 1.0)
    own.kill()
    own.start()
    with own.asks("worker") as worker:
        watched = looked(own, worker)
        assert watched.epoch > first.epoch
        monkeypatch.setattr(module, "_ON_ITS_WAY_S", -1.0)
        again.round(worker, watched, ALONE, lambda: None, shipped=True)
    assert settled(own) == (2, 3, 3)


def test_what_was_lost_twice_is_charged_once(
    own: OwnValkey, records: tuple[RecordStore, RatedStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed again before its first loss is charged again, and in the middle of that."""
    store, rated = records
    monkeypatch.setattr(module, "_ON_ITS_WAY_S", -1.0)
    again = SettlesAgain(rated, "sqlite:///here", lambda *_, **__: None)
    with own.asks("worker") as worker:
        round_of(again, own, worker)
    ended(store, "hours-ago", 5 * HOUR)
    ended(store, "lately", HOUR / 2)
    own.lose_everything()
    with own.asks("worker") as worker:
        lost = looked(own, worker)

        def killed() -> None:
            """The sum is charged; the call is not."""
            raise Killed

        with pytest.raises(Killed):
            again.round(worker, lost, ALONE, killed, shipped=True)
        assert settled(own) == (0, 1, 1)
        own.wait_until_written()
    for _ in range(2):
        own.kill()
        own.start()
        with own.asks("worker") as worker:
            assert looked(own, worker).epoch > lost.epoch
            assert (settled(own), is_restored(own)) == ((0, 1, 1), False)
            own.wait_until_written()
    with own.asks("worker") as worker:
        round_of(again, own, worker)
        assert (settled(own), is_restored(own)) == ((1, 2, 2), True)


class Killed(Exception):
    """In the middle of a round."""


def test_a_node_that_was_away_charges_what_it_had_not_shipped(
    own: OwnValkey, records: tuple[RecordStore, RatedStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums of what is long over are the others', who share the database; so are calls that ended since."""
    store, rated = records
    monkeypatch.setattr(module, "_ON_ITS_WAY_S", -1.0)
    nodes = [replace(ALONE, id=name, ledger_nodes=()) for name in ("n1", "n2")]

    def round_of_node(node: Any, worker: Any) -> None:
        again = SettlesAgain(rated, "postgresql://one", lambda *_, **__: None)
        again.round(worker, looked(own, worker), node, lambda: None, shipped=True)

    with own.asks("worker") as worker:
        for node in nodes:
            round_of_node(node, worker)
    ended(store, "today", 5 * HOUR)
    own.lose_everything()
    with own.asks("worker") as worker:
        round_of_node(nodes[0], worker)
        assert settled(own) == (0, 1, 1)
        a_quarter_of_an_hour_passes(own)
        ended(store, "not-shipped", 1.0)
        ended(store, "since", -60.0)
        round_of_node(nodes[1], worker)
        assert settled(own) == (1, 2, 2)


@pytest.mark.parametrize(("database", "calls"), [("postgresql://one", 1), ("sqlite:///of-each", 2)])
def test_nodes_that_share_a_database_charge_each_sum_once(
    own: OwnValkey, records: tuple[RecordStore, RatedStore], database: str, calls: int
) -> None:
    store, rated = records
    ended(store, "today", 5 * HOUR)
    with own.asks("worker") as worker:
        for name in ("n1", "n2"):
            again = SettlesAgain(rated, database, lambda *_, **__: None)
            node = replace(ALONE, id=name, ledger_nodes=())
            again.round(worker, looked(own, worker), node, lambda: None, shipped=True)
        assert settled(own) == (0, calls, calls)
        assert worker.ask(*money.recalled("n1", looked(own, worker).epoch, [])) > 0, (
            "who else has calls nobody knows"
        )


def test_what_ended_while_valkey_was_out_of_reach_is_charged(
    own: OwnValkey, records: tuple[RecordStore, RatedStore]
) -> None:
    """A gate that was to tell of it may have died, too."""
    store, rated = records
    again = SettlesAgain(rated, "sqlite:///here", lambda *_, **__: None)
    with own.asks("worker") as worker:
        round_of(again, own, worker)
        ended(store, "meanwhile", 0.0)
        round_of(again, own, worker)
        assert settled(own) == (0, 0, 0), "a gate is to tell of it"
    for _ in range(2):
        with own.asks("worker") as worker:
            round_of(again, own, worker)
            assert settled(own) == (1, 1, 1)


def test_while_records_are_not_shipped_the_ledger_stays_frozen_for_as_long_as_it_is_by_itself(
    own: OwnValkey, records: tuple[RecordStore, RatedStore]
) -> None:
    """Then it has what is there, and the rest when that is shipped: each call once, however long it takes."""
    store, rated = records
    again = SettlesAgain(rated, "sqlite:///here", lambda *_, **__: None)
    with own.asks("worker") as worker:
        round_of(again, own, worker)
    again._shipped_s = time.time() - HOUR / 4
    ended(store, "today", 5 * HOUR)
    ended(store, "lately", HOUR / 2)
    own.lose_everything()
    with own.asks("worker") as worker:
        round_of(again, own, worker, shipped=False)
        assert (settled(own), is_restored(own)) == ((0, 0, 0), False)
        round_of(again, own, worker, shipped=False, frozen_ms=5000)
        assert (settled(own), is_restored(own)) == ((1, 2, 2), True)
        a_quarter_of_an_hour_passes(own)
        ended(store, "not-shipped", HOUR / 8)
        ended(store, "told-by-a-gate", -1.0)
        round_of(again, own, worker, shipped=False)
        assert settled(own) == (1, 2, 2)
        for _ in range(2):
            round_of(again, own, worker)
            assert settled(own) == (2, 3, 3)


def test_a_freeze_that_is_over_waits_for_no_records(
    own: OwnValkey, records: tuple[RecordStore, RatedStore]
) -> None:
    """A worker that starts while the database takes none: the last hour comes when it does."""
    store, rated = records
    again = SettlesAgain(rated, "sqlite:///here", lambda *_, **__: None)
    ended(store, "today", 5 * HOUR)
    with own.asks("worker") as worker:
        round_of(again, own, worker, shipped=False, frozen_ms=0)
        assert (settled(own), is_restored(own)) == ((0, 1, 1), True)
        ended(store, "now", 5.0)
        round_of(again, own, worker)
        assert settled(own) == (1, 2, 2)


def test_what_was_on_its_way_to_the_disk_when_the_ledger_was_lost_is_charged(
    own: OwnValkey, records: tuple[RecordStore, RatedStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the ledger is told that it has all; and what comes later still, once."""
    store, rated = records
    again = SettlesAgain(rated, "sqlite:///here", lambda *_, **__: None)
    for name in ("_ON_ITS_WAY_S", "_LATE_S"):  # over when the test says so
        monkeypatch.setattr(module, name, 600.0)
    with own.asks("worker") as worker:
        round_of(again, own, worker)
    own.lose_everything()
    with own.asks("worker") as worker:
        round_of(again, own, worker)
        assert not is_restored(own)
        ended(store, "on-its-way", 5.0)
        monkeypatch.setattr(module, "_ON_ITS_WAY_S", -1.0)
        round_of(again, own, worker)
        assert (settled(own), is_restored(own)) == ((1, 1, 1), True)
        ended(store, "late", 5.0)
        round_of(again, own, worker)
        assert settled(own) == (2, 2, 2)
        monkeypatch.setattr(module, "_LATE_S", -1.0)
        round_of(again, own, worker)
        a_quarter_of_an_hour_passes(own)
        round_of(again, own, worker)
        assert settled(own) == (2, 2, 2)


def test_what_ended_out_of_reach_is_charged_once_it_is_shipped(
    own: OwnValkey, records: tuple[RecordStore, RatedStore]
) -> None:
    store, rated = records
    again = SettlesAgain(rated, "sqlite:///here", lambda *_, **__: None)
    with own.asks("worker") as worker:
        round_of(again, own, worker)
    with own.asks("worker") as worker:
        round_of(again, own, worker, shipped=False)
        ended(store, "meanwhile", 5.0)
        round_of(again, own, worker, shipped=False)
        assert settled(own) == (0, 0, 0)
        round_of(again, own, worker)
        assert settled(own) == (1, 1, 1)
