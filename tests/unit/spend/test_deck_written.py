"""A deck that is exported and taken in again says the same, to the last digit and second."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from trunkward.spend.deck import Deck, Rate, changed, deck, written
from trunkward.spend.deck_csv import Defaults, read_deck
from trunkward.spend.deck_written import as_csv
from trunkward.spend.tariff import Tariff

NOW = 1_800_000_000
#: Around now, also at once; and for ever.
TIMES = st.sampled_from([0, 1, NOW - 86_400, NOW - 1, NOW, NOW + 1, NOW + 3600, NOW + 86_400])
NAMES = st.text(st.characters(exclude_categories=("C", "Z")) | st.sampled_from(" ,;\"#'"), max_size=30).map(
    str.strip
)
TARIFFS = st.builds(
    Tariff,
    rate_nano=st.integers(0, 10**12),
    connect_nano=st.integers(0, 10**12),
    first_s=st.integers(1, 3600),
    next_s=st.integers(1, 3600),
)
RATES = st.builds(
    Rate,
    prefix=st.from_regex(r"[1-9][0-9]{0,3}", fullmatch=True),
    tariff=TARIFFS,
    name=NAMES,
    since=TIMES,
    until=st.none() | TIMES,
).filter(lambda rate: rate.until is None or rate.until > rate.since)


@given(st.lists(RATES, min_size=1, max_size=12, unique_by=lambda one: (one.prefix, one.since)))
def test_the_same_deck_takes_it_without_a_change(rates: list[Rate]) -> None:
    """Of what held before nothing is in the file, and nothing of it is lost."""
    # as the deck would be kept: two spans that say the same are one
    held = changed(Deck(currency="EUR", rates=()), deck("EUR", rates), 0, whole=True)
    text = "".join(as_csv(held, NOW))
    if text.count("\r\n") == 1:
        return  # nothing holds any more
    read = read_deck(text, Defaults())
    assert (read.ignored, read.assumed) == ((), frozenset())
    assert written(changed(held, read.deck, NOW, whole=True)) == written(held)


@given(st.lists(RATES, min_size=1, max_size=12, unique_by=lambda one: (one.prefix, one.since)))
def test_all_it_ever_said_is_the_same_text(rates: list[Rate]) -> None:
    """By its SHA-256, which bills name, anybody can check the file."""
    held = deck("USD", rates)
    read = read_deck("".join(as_csv(held, None)), Defaults()).deck
    assert hashlib.sha256(written(read).encode()).digest() == hashlib.sha256(written(held).encode()).digest()


def test_as_it_looks() -> None:
    tariff = Tariff(rate_nano=12_345_678, connect_nano=20_000_000, first_s=60, next_s=6)
    held = deck(
        "EUR",
        [
            Rate(prefix="1202", tariff=tariff, name="Washington, DC", until=NOW + 1),
            Rate(prefix="44", tariff=Tariff(rate_nano=10**9), since=NOW, until=None),
            Rate(prefix="49", tariff=tariff, until=NOW),
        ],
    )
    assert "".join(as_csv(held, NOW)) == (
        "prefix,name,rate,increments,connect fee,effective,end,currency\r\n"
        '1202,"Washington, DC",0.012345678,60/6,0.02,,2027-01-15 08:00:01,EUR\r\n'
        "44,,1.00,1/1,0.00,2027-01-15 08:00:00,,EUR\r\n"
    )
