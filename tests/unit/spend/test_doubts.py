"""What of a new deck looks like a slip: told for each prefix and moment, and of nothing else."""

import pytest

from trunkward.spend.deck import Deck, Rate, changed, deck
from trunkward.spend.doubts import doubts
from trunkward.spend.tariff import Tariff

NOW = 1000
CENT = 10_000_000


def rate(prefix: str, cents: float, since: int = 0, **more: int) -> Rate:
    return Rate(prefix=prefix, tariff=Tariff(rate_nano=round(cents * CENT), **more), since=since)


def said(*rates: Rate) -> Deck:
    return deck("EUR", rates)


#: Twenty prefixes at a cent: one of them is half of what may go.
BEFORE = said(*(rate(str(n), 1) for n in range(40, 60)), rate("1", 0))


@pytest.mark.parametrize(
    ("changes", "gone", "told"),
    [
        ([], [], []),
        ([rate("44", 10), rate("45", 0.1), rate("1", 3), rate("70", 5)], ["46", "47"], []),
        ([], ["46", "47", "48"], ["3 of 21 prefixes have no rate any more (--merge keeps them)"]),
        ([rate("44", 0)], [], ["a minute costs nothing to 44 (0.01)"]),
        # a fee is a price, too; a number nobody could call, and one that was free
        ([rate("44", 0, connect_nano=CENT)], [], []),
        ([rate("70", 0), rate("1202", 0)], [], ["a minute costs nothing to 70 (new)"]),
        ([rate("44", 10.1)], [], ["a minute costs more than 10 times what it did to 44 (0.01 -> 0.101)"]),
        ([rate("44", 0.09)], [], ["a minute costs less than a 10th of what it did to 44 (0.01 -> 0.0009)"]),
        # a minute of 60 s is the same, and an hour's first increment is not
        ([rate("44", 1, first_s=3600)], [], ["a minute costs more than 10 times what it did to 44 (0.01 -> 0.60)"]),
        # what begins later, once or twice
        ([rate("44", 0, 2000)], [], ["a minute costs nothing to 44 (0.01)"]),
        ([rate("44", 2, 2000), rate("44", 0, 3000)], [], ["a minute costs nothing to 44 (0.01)"]),
        # by a shorter prefix
        ([rate("4420", 0)], [], ["a minute costs nothing to 4420 (0.01)"]),
        ([rate(f"44{n}", 0) for n in range(5)], [], ["a minute costs nothing to 440 (0.01), 441 (0.01), 442 (0.01) and 2 more"]),
    ],
)  # fmt: skip
def test_what_is_told(changes: list[Rate], gone: list[str], told: list[str]) -> None:
    new = {one.prefix for one in changes if not one.since}
    stay = [one for one in BEFORE.rates if one.prefix not in {*gone, *new}]
    after = changed(BEFORE, said(*stay, *changes), NOW, whole=True)
    assert doubts(BEFORE, after, NOW) == told


def test_a_dear_prefix_that_goes_is_called_at_the_shorter_ones_price() -> None:
    before = said(*BEFORE.rates, rate("4487", 50))
    after = changed(before, BEFORE, NOW, whole=True)
    assert doubts(before, after, NOW) == [
        "a minute costs less than a 10th of what it did to 4487 (0.50 -> 0.01)"
    ]


def test_a_first_deck_may_say_what_it_likes() -> None:
    assert doubts(said(), said(rate("1800", 0), rate("44", 1)), NOW) == []


def test_what_it_says_already_is_no_change() -> None:
    """A rate that is to fall later was looked at when it was taken in."""
    before = said(rate("44", 1), rate("44", 0, 2000))
    assert doubts(before, changed(before, said(rate("45", 1)), NOW, whole=False), NOW) == []


def test_increments_that_nobody_has_said_do_not_take_the_place_of_others() -> None:
    before = said(rate("44", 1, first_s=60, next_s=60), rate("1", 1))
    after = changed(before, said(rate("44", 1), rate("1", 2), rate("49", 1)), NOW, whole=True)
    assert doubts(before, after, NOW, {"44", "1", "49"}) == [
        (
            "the file does not say the increments, and the deck has others than would be taken for "
            "44 (60/60 -> 1/1), 49 (new -> 1/1) (--increments 60/6 says which, or a column increments)"
        )
    ]
    assert doubts(before, after, NOW) == []
    seconds = said(rate("44", 1))
    after = changed(seconds, said(rate("44", 2), rate("49", 1)), NOW, whole=True)
    assert doubts(seconds, after, NOW, {"44", "49"}) == [], "it has no others"
