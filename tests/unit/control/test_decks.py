"""What is refused of decks, and what is told of them."""

import re
import zlib
from copy import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkward.control.decks import (
    DeckActRefused,
    all_lines,
    corrected,
    dropped,
    imported,
    in_lines,
    journaled,
    prefixes_in,
    restored,
    state_of,
    unused,
    wanting,
    would_be,
)
from trunkward.control.decks import said as saying
from trunkward.spend.deck import Deck, Rate, deck, difference, read_written, written
from trunkward.spend.kept import KeptDeck
from trunkward.spend.tariff import Tariff
from unit.control.test_spend_keys import accepted


def rate(prefix: str, nano: int, name: str = "") -> Rate:
    return Rate(prefix=prefix, tariff=Tariff(rate_nano=nano), name=name)


def kept(name: str, currency: str = "EUR", version: int = 1) -> KeptDeck:
    return KeptDeck(
        version=version, name=name, currency=currency, sha256="0" * 64, rates=1, file_sha256="1" * 64
    )


RATES = st.builds(
    lambda prefix, nano, since, name: Rate(
        prefix=prefix, tariff=Tariff(rate_nano=nano, first_s=60), since=since, name=name
    ),
    st.text("0123456789", min_size=1, max_size=15),
    st.integers(0, 10**10),
    st.integers(0, 10**10),
    st.text(st.characters(exclude_categories=("C", "Z"))),
)


@given(st.lists(RATES, unique_by=lambda one: (one.prefix, one.since)))
def test_what_is_written_is_read_back(rates: list[Rate]) -> None:
    source = deck("USD", rates)
    assert read_written(written(source)) == source


def test_the_same_again_and_another_currency_are_refused() -> None:
    said = deck("EUR", [rate("44", 1)])
    change, _ = imported("retail", None, said, b"", 100, whole=True, even_so=False)
    assert change.added is not None
    held = (
        replace(change.added, version=7),
        Deck(currency="EUR", rates=(replace(said.rates[0], since=100),)),
    )
    with pytest.raises(DeckActRefused, match="says all of that already"):
        imported("retail", held, said, b"", 200, whole=True, even_so=False)
    with pytest.raises(DeckActRefused, match="is in EUR, and the file in USD"):
        imported("retail", held, replace(said, currency="USD"), b"", 200, whole=True, even_so=False)
    with pytest.raises(DeckActRefused, match="is no name"):
        imported("Re tail", None, said, b"", 100, whole=True, even_so=False)


def test_a_deck_in_use_is_not_dropped() -> None:
    declared = accepted(tenant={"deck": "retail"}).declared
    with pytest.raises(DeckActRefused, match="what tenant acme are rated by"):
        dropped("retail", [kept("retail")], declared)
    with pytest.raises(DeckActRefused, match="there is no deck other"):
        dropped("other", [kept("retail")], declared)
    assert dropped("spare", [kept("spare", version=5)], declared).ended == 5


def test_decks_that_are_missing_are_told() -> None:
    declared = accepted(tenant={"deck": "retail"}, carrier={"deck": "north-1"}).declared
    told = wanting(declared, [kept("north-1", "USD")])
    assert [re.sub(r":.*", "", one) for one in told] == [
        "deck north-1 is in USD, and this node counts in EUR",
        "there is no deck retail, by which tenant acme would be rated",
    ]


def test_the_largest_changes_come_first() -> None:
    before = deck("EUR", [rate(str(n), 10) for n in range(100, 200)])
    after = deck("EUR", [rate(str(n), n, f"place {n}") for n in range(100, 200)])
    lines = in_lines(difference(before, after, 0))
    assert lines[0] == "dearer: 199 place 199: 0.00000001 -> 0.000000199 (+1890.0 %)"
    assert lines[-1] == "dearer: 80 more"


def test_a_correction_says_something_of_the_past_and_of_nothing_before_it() -> None:
    was = deck("EUR", [rate("44", 10), rate("1", 3)])
    held = (kept("north", version=5), was)
    said = deck("EUR", [rate("44", 7)])
    change, told = corrected("north", held, said, b"mail", 100, 500, whole=False, even_so=False)
    assert (change.act, change.ended, change.added and change.added.name) == ("correct", 5, "north")
    after = read_written(zlib.decompress(change.packed).decode())
    assert {p: one.tariff.rate_nano for p, one in after.at(99).items()} == {"44": 10, "1": 3}
    assert {p: one.tariff.rate_nano for p, one in after.at(100).items()} == {"44": 7, "1": 3}
    assert (change.effect, [now.prefix for _, now in told.cheaper]) == ("1 cheaper", ["44"])
    assert saying(change) == "deck north corrected since 1970-01-01T00:01:40Z: 1 cheaper"
    with pytest.raises(DeckActRefused, match="of the past"):
        corrected("north", held, said, b"mail", 501, 500, whole=False, even_so=False)
    with pytest.raises(DeckActRefused, match="there is no deck north"):
        corrected("north", None, said, b"mail", 100, 500, whole=False, even_so=False)


def test_a_slip_is_taken_in_by_who_says_that_it_is_none() -> None:
    held = (kept("north", version=5), deck("EUR", [rate("44", 10), rate("1", 3)]))
    said = deck("EUR", [rate("44", 10)])
    with pytest.raises(
        DeckActRefused, match=r"looks like a slip: 1 of 2 prefixes .* If it is meant: --even-so"
    ):
        imported("north", held, said, b"", 100, whole=True, even_so=False)
    imported("north", held, deck("EUR", [rate("44", 11)]), b"", 100, whole=False, even_so=False)
    change, _ = imported("north", held, said, b"", 100, whole=True, even_so=True)
    assert journaled(change, 6)["even_so"] == list(change.doubts) != []
    with pytest.raises(DeckActRefused, match="looks like a slip"):
        corrected("north", held, deck("EUR", [rate("44", 1)]), b"", 100, 500, whole=True, even_so=False)


def test_an_earlier_state_holds_again_and_what_was_meanwhile_stays() -> None:
    first, second = deck("EUR", [rate("44", 10), rate("1", 3)]), deck("EUR", [rate("44", 1)])
    change, _ = imported("north", None, first, b"mail", 100, whole=True, even_so=False)
    assert change.added is not None
    good = (replace(change.added, version=5), read_written(zlib.decompress(change.packed).decode()))
    change, _ = imported("north", good, second, b"cut", 200, whole=True, even_so=True)
    assert change.added is not None
    bad = (replace(change.added, version=6), read_written(zlib.decompress(change.packed).decode()))
    assert state_of("north", 5, [bad[0], good[0], kept("south", version=4)]) == good[0]
    states = [bad[0], good[0], kept("north", version=9), kept("south", version=7)]
    assert [state_of("north", version, states).version for version in (5, 6, 7, 8, 9, 12)] == [
        5,
        6,
        6,
        6,
        9,
        9,
    ]
    with pytest.raises(DeckActRefused, match=r"as of version 4 there was no deck north yet; .*: 6, 5"):
        state_of("north", 4, [bad[0], good[0], kept("south", version=4)])

    change, told = restored("north", bad, good, 300)
    assert change.added is not None
    assert (change.act, change.ended, change.added.file_sha256) == ("restore", 6, good[0].file_sha256)
    assert (journaled(change, 7)["restored"], saying(change)) == (
        5,
        "deck north again as of version 5: 1 new, 1 dearer",
    )
    after = read_written(zlib.decompress(change.packed).decode())
    rates = [{p: one.tariff.rate_nano for p, one in after.at(at).items()} for at in (150, 250, 300)]
    assert rates == [{"44": 10, "1": 3}, {"44": 1}, {"44": 10, "1": 3}]
    assert [new.prefix for new in told.new] == ["1"]
    with pytest.raises(DeckActRefused, match="says all of that already"):
        restored("north", good, good, 300)
    # a deck that was dropped, too
    assert restored("north", None, good, 300)[0].ended == 0


def test_a_file_without_increments_is_asked_about() -> None:
    minutes = Rate(prefix="44", tariff=Tariff(rate_nano=10, first_s=60, next_s=60))
    held = (kept("north", version=5), deck("EUR", [minutes]))
    said = deck("EUR", [rate("44", 10)])
    with pytest.raises(DeckActRefused, match=r"44 \(60/60 -> 1/1\) .*--increments"):
        imported("north", held, said, b"", 100, whole=True, even_so=False, assumed=frozenset({"44"}))
    change, _ = imported("north", held, said, b"", 100, whole=True, even_so=True, assumed=frozenset({"44"}))
    assert len(change.doubts) == 1
    with pytest.raises(DeckActRefused, match="--increments"):
        corrected("north", held, said, b"", 50, 100, whole=True, even_so=False, assumed=frozenset({"44"}))


def test_every_difference_is_told_with_its_moment() -> None:
    day = 1_796_083_200  # 2026-12-01
    was = deck("EUR", [rate("1", 10**7, "US"), rate("33", 10**7), rate("44", 10**7), rate("49", 10**7, "DE")])
    said = deck(
        "EUR",
        [
            Rate(prefix="1", tariff=Tariff(rate_nano=10**7, first_s=60, next_s=6), name="US"),
            rate("33", 10**7),
            Rate(prefix="33", tariff=Tariff(rate_nano=2 * 10**7), since=day),
            Rate(prefix="44", tariff=Tariff(rate_nano=10**7, connect_nano=10**8), since=day),
            rate("49", 10**7, "Germany"),
            Rate(prefix="7", tariff=Tariff(rate_nano=10**7, first_s=30), name="RU", since=day),
            Rate(prefix="81", tariff=Tariff(rate_nano=10**7), until=day),
        ],
    )
    before, after = would_be("north", (kept("north"), was), said, 100, whole=True)
    assert all_lines(before, after, 100) == [
        "dearer: 33: 0.01 -> 0.02 (+100.0 %), from 2026-12-01 00:00 UTC",
        "increments or fee: 1 US: 0.01, increments 1/1 -> 60/6, from now",
        "increments or fee: 44: 0.01, fee 0.00 -> 0.10, from 2026-12-01 00:00 UTC",
        "new: 7 RU: 0.01, 30/1, fee 0.00, from 2026-12-01 00:00 UTC",
        "new: 81: 0.01, 1/1, fee 0.00, from now",
        "renamed: 49 Germany: 0.01, was 'DE', from now",
        "the same: 0",
    ]
    again = would_be("north", (kept("north"), after), said, 200, whole=True)
    assert again == (after, after), "nothing would change, which is exit code 0"
    assert all_lines(*again, 200) == ["the same: 6"]
    assert all_lines(was, Deck(currency="EUR", rates=()), 100)[0] == "gone: 1 US: 0.01, from now"


def test_a_deck_by_a_mistyped_name_is_told() -> None:
    declared = accepted(tenant={"deck": "retail-2027"}).declared
    there = [kept("retail-2027"), kept("north")]
    (told,) = unused("retial-2027", declared, there)
    assert told.startswith("nobody is rated by deck retial-2027: ")
    assert "Was retail-2027 meant? Then ./trunkward deck drop retial-2027" in told
    assert "Was retail-2027 meant" in unused("retail-2028", declared, [])[0], "one that is only named, too"
    assert "meant" not in unused("wholesale", declared, there)[0]
    assert "meant" not in unused("retail-2026", declared, [*there, kept("retail-2026")])[0]
    assert unused("retail-2027", declared, there) == []


def test_prefixes_are_counted_apart_from_what_was_said_of_them() -> None:
    first = deck("EUR", [rate("1", 10), rate("33", 10), rate("44", 10)])
    change, _ = imported("north", None, first, b"", 100, whole=True, even_so=False)
    assert change.added is not None
    held = (change.added, read_written(zlib.decompress(change.packed).decode()))
    later = Rate(prefix="44", tariff=Tariff(rate_nano=12), since=900)
    second = deck("EUR", [rate("1", 11), rate("44", 11), later])
    change, _ = imported("north", held, second, b"", 200, whole=True, even_so=True)
    assert change.added is not None
    assert change.added.rates == 6, "two that ended, one that is gone, two now, one later"
    assert [prefixes_in(change.added, change.packed, at) for at in (150, 200, 900)] == [3, 2, 2]
    with pytest.raises(ValueError, match="is damaged"):
        prefixes_in(change.added, b"", 200)
