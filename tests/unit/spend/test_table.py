"""The compiled deck says what the deck says, for every number and time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkward.spend.deck import Deck, Overlap, Rate, changed, deck, difference
from trunkward.spend.table import DeckRefused, DeckTable, compile_deck
from trunkward.spend.tariff import Tariff


def rate(prefix: str, nano: int, since: int = 0, until: int | None = None) -> Rate:
    return Rate(prefix=prefix, tariff=Tariff(rate_nano=nano), since=since, until=until)


DIGITS = st.text("012", min_size=1, max_size=5)
RATES = st.builds(rate, DIGITS, st.integers(0, 50), st.integers(0, 30))


@st.composite
def decks(draw: st.DrawFn) -> Deck:
    found = draw(st.lists(RATES, max_size=30, unique_by=lambda one: (one.prefix, one.since)))
    return deck("EUR", found)


def plainly(source: Deck, number: str, at: int) -> tuple[str, Tariff] | None:
    fits = [one for one in source.at(at).values() if number.startswith(one.prefix)]
    best = max(fits, key=lambda one: len(one.prefix), default=None)
    return (best.prefix, best.tariff) if best else None


@given(decks(), st.integers(0, 10), st.lists(st.tuples(DIGITS, st.integers(0, 40)), max_size=20))
def test_it_says_what_the_deck_says(source: Deck, now: int, asked: list[tuple[str, int]]) -> None:
    table = DeckTable(compile_deck(source, now))
    for number, after in asked:
        assert table.find(number, now + after) == plainly(source, number, now + after)
    assert table.currency == "EUR"


def test_a_damaged_file_is_refused() -> None:
    good = compile_deck(deck("EUR", [rate("44", 1), rate("447", 2)]), 0)
    for bad in (b"", good[:-1], good[:-1] + bytes([good[-1] ^ 1]), b"X" + good[1:]):
        with pytest.raises(DeckRefused):
            DeckTable(bad)


@given(decks(), decks(), st.integers(0, 40), st.integers(0, 40), st.booleans())
def test_a_new_file_changes_nothing_that_was(
    before: Deck, said: Deck, now: int, at: int, whole: bool
) -> None:
    after = changed(before, said, now, whole=whole)
    if at < now:
        assert after.at(at).keys() == before.at(at).keys()
        assert all(after.at(at)[p].tariff == r.tariff for p, r in before.at(at).items())
    else:
        told = said.at(at)
        for prefix, one in after.at(at).items():
            assert one.tariff == (told.get(prefix) or before.at(at)[prefix]).tariff
        assert told.keys() <= after.at(at).keys()
        if whole:
            later = {one.prefix for one in said.rates if one.since > at}
            assert after.at(at).keys() <= told.keys() | later
        else:
            assert after.at(at).keys() >= before.at(at).keys() - {one.prefix for one in said.rates}
    # of one prefix no two hold at once
    assert len(after.at(at)) == sum(one.holds(at) for one in after.rates)


def test_two_rates_from_one_moment_on_are_refused() -> None:
    with pytest.raises(Overlap, match="44 has two rates"):
        deck("EUR", [rate("44", 1), rate("44", 2)])


def test_the_difference_is_told_by_size() -> None:
    before = deck("EUR", [rate("1", 10), rate("2", 10), rate("3", 10), rate("4", 10), rate("5", 10)])
    after = deck(
        "EUR",
        [
            rate("1", 11),
            rate("2", 90),
            rate("3", 9),
            Rate(prefix="4", tariff=Tariff(rate_nano=10, first_s=60)),
            rate("6", 1),
        ],
    )
    told = difference(before, after, 0)
    assert [new.prefix for _, new in told.dearer] == ["2", "1"]
    assert [new.prefix for _, new in told.cheaper] == ["3"]
    assert [new.prefix for _, new in told.otherwise] == ["4"]
    assert ([one.prefix for one in told.new], [one.prefix for one in told.gone]) == (["6"], ["5"])


def test_each_rate_is_one_row_however_many_dates_there_are() -> None:
    found = [rate(f"{n}", n, since) for n in range(100, 1100) for since in (0, 1000 + n)]
    many = compile_deck(deck("EUR", found), 0)
    one_date = compile_deck(
        deck("EUR", [rate(f"{n}", n, since) for n in range(100, 1100) for since in (0, 9)]), 0
    )
    assert len(many) == len(one_date) < 2000 * 80


def test_before_its_own_time_a_table_says_what_holds_at_that() -> None:
    table = DeckTable(compile_deck(deck("EUR", [rate("44", 1), rate("44", 2, 50)]), 60))
    assert [found and found[1].rate_nano for found in (table.find("442", at) for at in (0, 59.9, 60))] == [
        2
    ] * 3
