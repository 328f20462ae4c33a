"""Rated calls: once each, in revisions that stay, on both databases; and the act that makes a revision."""

import json
from dataclasses import replace
from itertools import permutations
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from store.test_deck_store import imported, priced
from store.test_verified_number_store import ACCEPTED, ALICE
from trunkward.calls.outcome import Ending
from trunkward.control import configuration
from trunkward.control.acts import put_down
from trunkward.control.effects import Effects
from trunkward.control.rerating import Effects as Rerated
from trunkward.records.model import DecisionRecord, OutcomeRecord
from trunkward.records.rated import Corrected, RatedCall
from trunkward.records.rated import rated as once
from trunkward.spend.rating import Charged
from trunkward.spend.table import DeckTable, compile_deck
from trunkward.spend.tariff import Tariff
from trunkward.store.configuration import SqlConfiguration
from trunkward.store.rated import Cost, RatedFilter, RatedStore
from trunkward.store.records import RecordStore
from trunkward.store.schema import rated as table
from trunkward.worker.metrics import CountedStore
from unit.records.test_rated import MONEY, decision, outcome

EVERYTHING = RatedFilter(since=0, until=10**9)


@pytest.fixture
def records(engine: sa.Engine) -> RecordStore:
    return RecordStore(engine)


@pytest.fixture
def rated(engine: sa.Engine) -> RatedStore:
    return RatedStore(engine)


def made(record_id: str, at: float = 1000.0, **more: Any) -> DecisionRecord:
    return decision(record_id=record_id, at=at, **more)


def over(record_id: str, **more: Any) -> OutcomeRecord:
    return OutcomeRecord(record_id=record_id, at=1100.0, outcome=outcome(record_id=record_id, **more))


def newest(rated: RatedStore, wanted: RatedFilter = EVERYTHING) -> list[RatedCall]:
    return [call for page in rated.newest(wanted) for call in page]


def test_a_call_is_rated_once_whichever_record_comes_last(records: RecordStore, rated: RatedStore) -> None:
    records.ship([made("a")], "gate-0/1", 1)
    assert newest(rated) == []
    records.ship([over("a"), over("b")], "edge/1", 1)
    assert [call.record_id for call in newest(rated)] == ["a"]
    records.ship([made("b")], "gate-0/1", 2)
    for _ in range(2):
        records.ship([made("a"), over("a"), made("b"), over("b")], "gate-0/1", 3)
    found = newest(rated)
    assert [(c.record_id, c.revision, c.sale.micro, c.cost.micro) for c in found] == [
        ("a", 1, 22_000, 12_200),
        ("b", 1, 22_000, 12_200),
    ]
    assert rated.revisions("a") == found[:1]


def test_a_call_the_worker_closes_is_rated_as_one_whose_end_nobody_knows(
    engine: sa.Engine, rated: RatedStore
) -> None:
    counted = CountedStore(engine, lambda _: None)
    counted.ship([made("a")], "gate-0/1", 1)
    counted.close([over("a", ending="ended-unknown", answered_at=None)])
    found = newest(rated)[0]
    assert (found.charged, found.sale.micro, found.cost.micro, found.lasted_ms) == (
        Charged.END_UNKNOWN,
        None,
        None,
        None,
    )


UNKNOWN: dict[str, Any] = {
    "ending": Ending.ENDED_UNKNOWN,
    "answered_at": None,
    "ended_at": 1090.0,
    "peer": None,
}
#: Of one call: seen by its own node, and by another when that one was taken for dead.
OWN: dict[str, Any] = {"ended_at": 1063.5, "answered_ms": 60_500}
SURVIVORS: dict[str, Any] = {
    "survivor": "n2",
    "ended_at": 1070.0,
    "answered_ms": 67_000,
    "bye_status": 481,
    "cut": "node-lost",
}


@pytest.mark.parametrize("wins", ["own", "survivor", "unknown"])
def test_there_is_one_truth_whatever_comes_first(
    records: RecordStore, rated: RatedStore, engine: sa.Engine, wins: str
) -> None:
    """The decision, an end nobody knows, a survivor's and the node's own, in each order, some of them twice."""
    told = {"unknown": UNKNOWN, "survivor": SURVIVORS, "own": OWN}
    parts = ["decision", *list(told)[: list(told).index(wins) + 1]]
    for number, order in enumerate(permutations(parts)):
        name = f"{number:03}"
        for part in (*order, *order[:1]):
            if part == "decision":
                records.ship([made(name)], "gate-0/1", 1)
            elif part == "unknown":
                records.close([over(name, **UNKNOWN)])
            else:
                records.ship([over(name, **told[part])], "edge/1", 1)
        (view,) = records.look_up(name)
        assert view["survivor"] == ("n2" if wins == "survivor" else None), order
        assert view["ended_at"] == told[wins]["ended_at"]
        found = rated.revisions(name)
        assert [call.revision for call in found] == list(range(1, len(found) + 1))
        last = found[-1]
        assert (last.lasted_ms, last.sale.micro) == {
            "own": (60_500, 22_000),
            "survivor": (67_000, 24_000),
            "unknown": (None, None),
        }[wins], order
        assert (last.actor == "") == (len(found) == 1)
        if len(found) > 1:
            assert last.actor == ("node n2" if wins == "survivor" else "the call's own node")
            assert (last.version, last.why) == (0, "its end is known")
    # what is charged again after a loss: each once
    with engine.begin() as connection:
        connection.execute(sa.update(table).values(owners="trunk:acme-hq"))
    charged = [cost for page in rated.costs(0, 9e9, "EUR") for cost in page]
    expected = {"own": 22_000, "survivor": 24_000, "unknown": 0}[wins]
    assert [cost.micro["trunk:acme-hq"] for cost in charged] == [expected] * (number + 1 if expected else 0)
    assert sum(cost.micro["trunk:acme-hq"] for cost in rated.sums(0, 9e9, 1800, "EUR")) == expected * (
        number + 1
    )


def test_an_end_that_is_known_later_is_rated_by_the_corrected_deck(
    records: RecordStore, rated: RatedStore
) -> None:
    records.ship([made("a"), over("a", **SURVIVORS)], "gate-0/1", 1)
    (first,) = rated.revisions("a")
    assert first.cost.terms is not None
    terms = replace(first.cost.terms, tariff=Tariff(rate_nano=60_000_000, first_s=1, next_s=1))
    corrected = replace(
        first, revision=2, version=4, actor="ann", cost=replace(first.cost, micro=67_000, terms=terms)
    )
    rated.add([corrected])
    records.ship([over("a", **OWN)], "edge/1", 1)
    (*_, last) = rated.revisions("a")
    assert (last.revision, last.version, last.sale.micro, last.cost.micro) == (3, 0, 22_000, 61_000)


def test_every_fact_comes_back(records: RecordStore, rated: RatedStore) -> None:
    calls: dict[str, dict[str, Any]] = {
        "a": {},
        "b": {"money": None},
        "c": {"called_number": "911"},
        "d": {"direction": "inbound"},
    }
    for record_id, more in calls.items():
        records.ship([made(record_id, **more), over(record_id)], "gate-0/1", 1)
    expected = [once(made(record_id, **more), over(record_id).outcome) for record_id, more in calls.items()]
    assert newest(rated) == expected


def test_pages_filters_and_their_order(
    records: RecordStore, rated: RatedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trunkward.store.rated.PAGE", 3)
    names = [f"{n:02}" for n in range(20)]
    for n, name in enumerate(reversed(names)):
        tenant = "acme" if n % 2 else "bolt"
        ended = (
            {"peer": "spare"}
            if n % 5 == 0
            else {"answered_at": None, "ending": "failed"}
            if n % 7 == 0
            else {}
        )
        records.ship([made(name, 1000.0 + int(name) // 4, tenant=tenant), over(name, **ended)], "gate-0/1", 1)
    assert [call.record_id for call in newest(rated)] == names
    assert newest(rated, RatedFilter(since=1001.0, until=1002.0)) == newest(rated)[4:8]
    assert {c.tenant for c in newest(rated, RatedFilter(since=0, until=9e9, tenant="bolt"))} == {"bolt"}
    assert len(newest(rated, RatedFilter(since=0, until=9e9, carrier="spare"))) == 4
    assert {c.charged for c in newest(rated, replace(EVERYTHING, charged=(Charged.UNANSWERED,)))} == {
        Charged.UNANSWERED
    }


def test_each_call_is_in_the_one_period_it_ended_in(
    records: RecordStore, rated: RatedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that runs when the period is over, and whose end is heard of later; those without an end are told."""
    monkeypatch.setattr("trunkward.store.rated.PAGE", 2)
    ends = {"a": 1999.9, "b": 2000.0, "c": 2001.0, "d": 1500.0, "e": 2001.0}
    for name, ended_at in ends.items():
        records.ship([made(name, 1000.0), over(name, ended_at=ended_at)], "gate-0/1", 1)
    records.ship([made("f", 1000.0), made("g", 2500.0), made("h", 1001.0, tenant="bolt")], "gate-0/1", 2)
    records.ship([made("i", 1000.0, verdict="reject", reason="no-route")], "gate-0/1", 3)
    first, second = (
        RatedFilter(since=since, until=since + 1000.0, by_end=True) for since in (1000.0, 2000.0)
    )
    assert [[call.record_id for call in newest(rated, one)] for one in (first, second)] == [
        ["d", "a"],
        ["b", "c", "e"],
    ]
    assert [rated.open_calls(one) for one in (first, second)] == [2, 3]
    assert rated.open_calls(replace(first, tenant="acme")) == 1
    records.ship([over("f", ended_at=2000.5)], "edge/1", 4)
    assert [[call.record_id for call in newest(rated, one)] for one in (first, second)] == [
        ["d", "a"],
        ["b", "f", "c", "e"],
    ]
    assert rated.open_calls(first) == 1
    # rated again, it stays where it is
    was = newest(rated, first)[1]
    rated.add([replace(was, revision=2, revised_at=9000.0)])
    assert [call.revision for call in newest(rated, first)] == [1, 2]


def test_a_revision_is_added_and_the_first_one_stays(records: RecordStore, rated: RatedStore) -> None:
    records.ship([made("a"), over("a"), made("b"), over("b")], "gate-0/1", 1)
    was = newest(rated)[0]
    now = replace(
        was,
        revision=2,
        cost=replace(was.cost, micro=1),
        actor="ann",
        why="wrong",
        version=4,
        revised_at=5000.0,
    )
    for other in (
        now,
        replace(now, cost=replace(was.cost, micro=99)),
    ):  # the same revision again changes nothing
        rated.add([other])
    assert rated.revisions("a") == [was, now]
    found = newest(rated)
    assert [c.revision for c in found] == [2, 1]
    assert rated.before(found) == {"a": was}
    assert newest(rated, replace(EVERYTHING, revised_since=4000.0)) == [now]
    assert newest(rated, replace(EVERYTHING, revised_since=6000.0)) == []


def test_what_is_deleted_is_deleted_with_its_revisions(records: RecordStore, rated: RatedStore) -> None:
    records.ship([made("a"), over("a"), made("b", 2000.0), over("b")], "gate-0/1", 1)
    rated.add([replace(newest(rated)[0], revision=2)])
    records.delete_calls("acme", 1500.0, 10)
    assert [call.record_id for call in newest(rated)] == ["b"]
    assert rated.revisions("a") == []


@pytest.fixture
def correction() -> Corrected:
    deck = priced(p44=6_000_000)
    return Corrected(
        name="north", sha256="c" * 64, currency="EUR", table=DeckTable(compile_deck(deck, 0)),
        tenants=frozenset(), carriers=frozenset({"north"}),
    )  # fmt: skip


@pytest.fixture
def versions(configuration_engine: sa.Engine) -> SqlConfiguration:
    """With one version."""
    store = SqlConfiguration(configuration_engine)
    configuration.accept(
        store, configuration.plan(store, ACCEPTED, Effects()), actor=ALICE, command="apply", at=10
    )
    return store


def test_rating_again_is_an_act_with_a_journal_entry(
    versions: SqlConfiguration,
    correction: Corrected,
) -> None:
    imported(versions, priced(p44=1), 100)
    effects = Rerated(by=correction)
    for n in range(3):
        after = effects.add(once(made(f"{n}"), over(f"{n}").outcome))
        assert after is not None
        assert effects.add(after) is None
    act = effects.act(0.0, 86_400.0, "their deck of May was wrong")
    version = put_down(versions, act, actor=ALICE, command="rerate north", at=500.0, beyond=0)
    assert (
        version.summary
        == "3 calls rated again by deck north: sold +0.00, cost -0.0183; their deck of May was wrong"
    )
    assert len(configuration.history(versions, None)) == 3
    _, entries = versions.history()
    told = msgspec.json.decode(entries[-1].text)
    assert told["rerated"] == {
        "deck": "north", "sha256": "c" * 64, "since": "1970-01-01T00:00:00Z", "until": "1970-01-02T00:00:00Z",
        "calls": 3, "sold_micro": [0, 0], "cost_micro": [36_600, 18_300], "why": "their deck of May was wrong",
    }  # fmt: skip
    assert json.loads(entries[-1].text)["actor"] == ALICE.name


def test_what_calls_were_charged_is_found_by_when_they_ended(records: RecordStore, rated: RatedStore) -> None:
    owners = ["trunk:acme-hq", "reseller:bolt", "carrier:north", "carrier:spare"]
    money = msgspec.structs.replace(MONEY, owners=owners)
    for name, ended in (("a", 1799.0), ("b", 1800.0), ("c", 3599.5), ("d", 3600.0)):
        records.ship([made(name, at=900.0, money=money)], "gate-0/1", 1)
        records.ship([over(name, answered_at=ended - 61, ended_at=ended)], "edge/1", 1)
    # it counts under no cap; it was not answered; nobody knows when it ended
    for name, decided, ended_so in (
        ("e", {}, {}),
        ("f", {"money": money}, {"answered_at": None, "ending": Ending.FAILED}),
        ("g", {"money": money}, {"answered_at": None, "ending": Ending.ENDED_UNKNOWN}),
    ):
        facts: dict[str, Any] = {"answered_at": 2000.0, "ended_at": 2061.0}
        records.ship([made(name, at=900.0, **decided)], "gate-0/1", 1)
        records.ship([over(name, **facts | ended_so)], "edge/1", 1)
    each = {"trunk:acme-hq": 22_000, "reseller:bolt": 22_000, "carrier:north": 12_200}
    costs = [cost for page in rated.costs(1799.5, 3600.0, "EUR") for cost in page]
    assert costs == [Cost(of="b", ended_at=1800.0, micro=each), Cost(of="c", ended_at=3599.5, micro=each)]
    double = {owner: 2 * micro for owner, micro in each.items()}
    assert rated.sums(1799.0, 3600.5, 1800, "EUR") == [
        Cost(of="0", ended_at=1799.0, micro=each),
        Cost(of="1", ended_at=3599.5, micro=double),
        Cost(of="2", ended_at=3600.0, micro=each),
    ]
    # amounts in another currency have no sum with these
    assert list(rated.costs(1799.5, 3600.0, "USD")) == []
    assert rated.sums(1799.0, 3600.5, 1800, "USD") == []
    # a deck that was wrong changes what is billed, not what was charged
    (first,) = (call for call in newest(rated) if call.record_id == "b")
    rated.add([replace(first, revision=2, version=4, sale=replace(first.sale, micro=1))])
    assert [cost for page in rated.costs(1799.5, 3600.0, "EUR") for cost in page] == costs
    assert rated.sums(1799.5, 3600.0, 1800, "EUR")[0].micro == double
