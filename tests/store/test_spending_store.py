"""Holds and raises are versions with an actor, a time and a journal entry, on both databases."""

import msgspec
import pytest
import sqlalchemy as sa

from store.test_verified_number_store import ACCEPTED, ALICE
from trunkward.control import configuration
from trunkward.control.acts import put_down
from trunkward.control.effects import Effects
from trunkward.control.node_file import accept_node_file
from trunkward.control.spending import held, holds_now, lowered, raised, raises_now, released
from trunkward.store.configuration import SqlConfiguration
from trunkward.trunks.spending import HoldScope, SpendingChange, Window

TRUNK = "trunk:acme-hq"


@pytest.fixture
def store(configuration_engine: sa.Engine) -> SqlConfiguration:
    """With one version."""
    made = SqlConfiguration(configuration_engine)
    planned = configuration.plan(made, ACCEPTED, Effects())
    configuration.accept(made, planned, actor=ALICE, command="apply", at=10)
    return made


def put(store: SqlConfiguration, change: SpendingChange) -> int:
    return put_down(store, change, actor=ALICE, command="hold", at=50.0, beyond=0).number


def test_holds_and_raises_are_kept_with_their_ends(store: SqlConfiguration) -> None:
    declared = ACCEPTED.declared

    def hold(scope: HoldScope, *, cut: bool) -> int:
        return put(store, held(declared, store.holds(), owner=TRUNK, scope=scope, cut=cut, why="Latvia"))

    def more(to_micro: int) -> int:
        change = raised(
            declared,
            store.raises(),
            owner=TRUNK,
            window=Window.DAY,
            to_micro=to_micro,
            for_s=60,
            why="ticket",
            more=False,
            now=50,
        )
        return put(store, change)

    assert (store.holds(), store.raises()) == ([], [])
    assert [hold(HoldScope.OUTBOUND, cut=False), more(80_000_000)] == [2, 3]
    assert [hold(HoldScope.INTERNATIONAL, cut=True), more(90_000_000)] == [4, 5]
    found = [(one.version, one.scope, one.cut, one.why, one.ended) for one in store.holds()]
    assert found == [
        (4, HoldScope.INTERNATIONAL, True, "Latvia", 0),
        (2, HoldScope.OUTBOUND, False, "Latvia", 4),
    ]
    kept = [(one.version, one.window, one.to_micro, one.until, one.ended) for one in store.raises()]
    assert kept == [(5, Window.DAY, 90_000_000, 110.0, 0), (3, Window.DAY, 80_000_000, 110.0, 5)]
    assert [one.version for one in raises_now(store.raises(), 109.9)] == [5]
    assert raises_now(store.raises(), 110) == []
    assert put(store, released(store.holds(), owner=TRUNK, why="clean")) == 6
    assert put(store, lowered(store.raises(), owner=TRUNK, window=None, why="over", now=51)) == 7
    assert (holds_now(store.holds()), raises_now(store.raises(), 51)) == ([], [])
    assert [one.ended for one in store.holds()] == [6, 4]
    assert [one.ended for one in store.raises()] == [7, 5]
    assert [version.number for version in configuration.history(store, None)] == [7, 6, 5, 4, 3, 2, 1]
    _, entries = store.history()
    told = [msgspec.json.decode(entry.text).get("spending") for entry in entries]
    assert [one and (one["act"], one["why"], one["ended"]) for one in told] == [
        None,
        ("hold", "Latvia", []),
        ("raise", "ticket", []),
        ("hold", "Latvia", [2]),
        ("raise", "ticket", [3]),
        ("release", "clean", [4]),
        ("end", "over", [5]),
    ]


def test_before_anybody_has_migrated_there_are_none(store: SqlConfiguration) -> None:
    with store._engine.begin() as connection:
        for table in ("holds", "raises"):
            connection.execute(sa.text(f"DROP TABLE {table}"))
    assert (store.holds(), store.raises()) == ([], [])


def test_a_raise_ends_when_its_owner_leaves_the_file(store: SqlConfiguration) -> None:
    """Whoever has the name next is somebody else; a hold stays until it is released."""
    declared = ACCEPTED.declared
    change = raised(
        declared,
        store.raises(),
        owner=TRUNK,
        window=Window.DAY,
        to_micro=80_000_000,
        for_s=60,
        why="ticket",
        more=False,
        now=50,
    )
    put(store, change)
    put(store, held(declared, store.holds(), owner=TRUNK, scope=HoldScope.ALL, cut=False, why="Latvia"))

    def accept(text: str) -> int:
        planned = configuration.plan(store, accept_node_file(text, "node.yaml"), Effects())
        return configuration.accept(store, planned, actor=ALICE, command="apply", at=60).number

    renamed = accept(ACCEPTED.text.replace("name: acme-hq", "name: acme-north"))
    again = accept(ACCEPTED.text)
    assert (renamed, again) == (4, 5)
    assert [(one.version, one.ended) for one in store.raises()] == [(2, 4)]
    assert [one.ended for one in store.holds()] == [0]
    told = [msgspec.json.decode(entry.text).get("raises_ended") for entry in store.history()[1]]
    assert told == [None, None, None, [2], None]
