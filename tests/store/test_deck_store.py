"""Decks are versions with an actor, a time and a journal entry, on both databases."""

import msgspec
import pytest
import sqlalchemy as sa

from store.test_verified_number_store import ACCEPTED, ALICE
from trunkward.control import configuration
from trunkward.control.acts import put_down
from trunkward.control.configuration import Version
from trunkward.control.decks import imported as taken_in
from trunkward.control.decks import in_force, restored, unpacked
from trunkward.control.effects import Effects
from trunkward.spend.deck import Deck, Rate, deck
from trunkward.spend.kept import DeckChange
from trunkward.spend.tariff import Tariff
from trunkward.store.configuration import SqlConfiguration


@pytest.fixture
def store(configuration_engine: sa.Engine) -> SqlConfiguration:
    """With one version."""
    made = SqlConfiguration(configuration_engine)
    planned = configuration.plan(made, ACCEPTED, Effects())
    configuration.accept(made, planned, actor=ALICE, command="apply", at=10)
    return made


def priced(**rates: int) -> Deck:
    return deck("EUR", [Rate(prefix=p[1:], tariff=Tariff(rate_nano=n)) for p, n in rates.items()])


def put(store: SqlConfiguration, change: DeckChange) -> Version:
    return put_down(store, change, actor=ALICE, command="deck import", at=50.0, beyond=0)


def imported(store: SqlConfiguration, said: Deck, now: int) -> Version:
    held = in_force(store.decks()).get("retail")
    before = (held, unpacked(held, store.packed_deck(held))) if held else None
    change, _ = taken_in("retail", before, said, b"the file", now, whole=True, even_so=True)
    return put(store, change)


def test_each_state_of_a_deck_is_kept(store: SqlConfiguration) -> None:
    assert store.decks() == []
    imported(store, priced(p44=10, p1=3), 100)
    second = imported(store, priced(p44=12), 200)
    assert (second.number, second.summary) == (3, "deck retail taken in: 1 gone, 1 dearer")
    put(store, DeckChange(act="drop", name="retail", ended=3))
    assert [(one.version, one.ended, one.rates) for one in store.decks()] == [(3, 4, 3), (2, 3, 2)]
    newest = store.decks()[0]
    found = unpacked(newest, store.packed_deck(newest))
    # what was in force before is still known
    assert {p: r.tariff.rate_nano for p, r in found.at(150).items()} == {"44": 10, "1": 3}
    assert {p: r.tariff.rate_nano for p, r in found.at(250).items()} == {"44": 12}
    assert [version.number for version in configuration.history(store, None)] == [4, 3, 2, 1]
    _, entries = store.history()
    told = [msgspec.json.decode(entry.text).get("deck") for entry in entries]
    assert [one and (one["act"], one["added"], one["ended"]) for one in told] == [
        None,
        ("import", 2, None),
        ("import", 3, 2),
        ("drop", None, 3),
    ]


def test_an_earlier_state_is_restored(store: SqlConfiguration) -> None:
    imported(store, priced(p44=10, p1=3), 100)
    imported(store, priced(p44=12), 200)
    newest, first = store.decks()
    before, state = ((one, unpacked(one, store.packed_deck(one))) for one in (newest, first))
    version = put(store, restored("retail", before, state, 300)[0])
    assert version.summary == "deck retail again as of version 2: 1 new, 1 cheaper"
    held = in_force(store.decks())["retail"]
    assert (held.version, held.file_sha256) == (4, first.file_sha256)
    found = unpacked(held, store.packed_deck(held))
    assert {p: r.tariff.rate_nano for p, r in found.at(300).items()} == {"44": 10, "1": 3}
    told = msgspec.json.decode(store.history()[1][-1].text)["deck"]
    assert (told["act"], told["restored"], told["ended"]) == ("restore", 2, 3)


def test_a_damaged_deck_is_named(store: SqlConfiguration) -> None:
    imported(store, priced(p44=10), 100)
    held = store.decks()[0]
    with pytest.raises(ValueError, match="deck retail of version 2 is damaged"):
        unpacked(held, store.packed_deck(held)[:-1])


def test_before_anybody_has_migrated_there_are_none(store: SqlConfiguration) -> None:
    with store._engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE decks"))
    assert store.decks() == []
