"""Decks as they come by mail: taken whole, or refused with every wrong line named."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkward.spend.deck_csv import DeckCsvRefused, Defaults, Read, read_deck

EUR = Defaults(currency="EUR")


def read(text: str, defaults: Defaults = EUR) -> Read:
    return read_deck(text, defaults)


def at(year: int, month: int, day: int, hour: int = 0) -> int:
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("prefix,rate\n44,0.012\n", [("44", "12000000:0:1:1", 0)]),
        # a mark at the beginning, quotes, Windows lines, plus and zeros, empty lines and remarks
        (
            '\ufeff"Dial Code","Destination","Price (EUR/min)"\r\n"+44","UK, proper",".012"\r\n\r\n# no\r\n"00441","x","0"\r\n',
            [("44", "12000000:0:1:1", 0), ("441", "0:0:1:1", 0)],
        ),
        # semicolons, so decimal commas; increments and fee; a list, a range, a short range
        (
            "Code;Name;Rate;Billing Increment;Connect Fee\n447000-447002;M;0,05;60/6;0,01\n33 | 34;F;1;30+6;\n496-8;G;2;1/1;0",
            [
                ("33", "1000000000:0:30:6", 0),
                ("34", "1000000000:0:30:6", 0),
                ("447000", "50000000:10000000:60:6", 0),
                ("447001", "50000000:10000000:60:6", 0),
                ("447002", "50000000:10000000:60:6", 0),
                ("496", "2000000000:0:1:1", 0),
                ("497", "2000000000:0:1:1", 0),
                ("498", "2000000000:0:1:1", 0),
            ],
        ),
        # country and area code in two columns; first and next in two
        (
            "country code\tcode\trate\tminimum\tincrement\n44\t20\t0.1\t60\t60/1\n",
            [("4420", "100000000:0:60:1", 0)],
        ),
        (
            "prefix,rate,effective date\n1,0.01,2026-12-01\n1,0.02,01.01.2027 06:00\n",
            [("1", "10000000:0:1:1", at(2026, 12, 1)), ("1", "20000000:0:1:1", at(2027, 1, 1, 6))],
        ),
    ],
)
def test_taken(text: str, rates: list[tuple[str, str, int]]) -> None:
    assert [(one.prefix, one.tariff.compact(), one.since) for one in read(text).deck.rates] == rates


def test_dates_with_slashes_are_asked_about() -> None:
    text = "prefix,rate,effective\n1,0.01,03/04/2027\n"
    with pytest.raises(DeckCsvRefused) as refused:
        read(text)
    assert "--dates day" in str(refused.value.problems[0])
    for dates, moment in (("day", at(2027, 4, 3)), ("month", at(2027, 3, 4))):
        found = read(text, Defaults(currency="EUR", dates=dates)).deck.rates
        assert [one.since for one in found] == [moment]


def test_a_unit_that_is_the_one_read() -> None:
    text = "Code (E.164),Rate (GBP per minute),Connect (£),Billing Increment (sec),Effective Date (DD/MM/YYYY)\n1,0.5,0.1,60/6,03/04/2027\n"
    found = read(text, Defaults()).deck
    (one,) = found.rates
    assert (found.currency, one.tariff.compact(), one.since) == (
        "GBP",
        "500000000:100000000:60:6",
        at(2027, 4, 3),
    )
    with pytest.raises(DeckCsvRefused, match="1 problems") as refused:
        read(text, Defaults(dates="month"))
    assert "that is --dates day" in str(refused.value.problems[0])


def test_columns_that_mean_nothing_are_told() -> None:
    assert read("prefix,rate,Change,Notes\n1,2,up,x\n").ignored == ("Change", "Notes")


def test_its_currency_may_stand_in_it() -> None:
    assert read("prefix,rate,currency\n1,2,usd\n", Defaults()).deck.currency == "USD"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["the file: there is no header"]),
        ("prefix,rate\n", ["the file: it has a header and no rates"]),
        ("code,name\n44,x\n", ["line 1: no column for the rate"]),
        ("prefix,code,rate\n1,2,3\n", ["line 1, code: 'prefix' is the same column"]),
        (
            "prefix,rate,increments,effective\n44,x,60/6,\n,1,1/1,\n4a,1,1/1,\n44,1,60,\n45,1,0/1,\n46,1,1/1,2026-13-01\n47,-1,1/1,\n",
            [
                "line 2, rate: 'x' is no amount",
                "line 3, prefix: it is empty",
                "line 4, prefix: '4a' is no prefix",
                "line 5, increments: '60' is no pair",
                "line 6, increments: 0/1",
                "line 7, effective: '2026-13-01' is no day",
                "line 8, rate: '-1' is no amount",
            ],
        ),
        ("prefix,rate\n44,1\n45,1\n44,2\n", ["line 4, prefix: 44 stands in line 2 with the same date"]),
        ("prefix,rate\n044,1\n", ["line 2, prefix: 044: no country code begins with 0"]),
        ("prefix,rate\n1234567890123456,1\n", ["line 2, prefix: 1234567890123456 has more than 15"]),
        ("prefix,rate\n447-446,1\n", ["line 2, prefix: 447-446 is no range"]),
        ("prefix,rate\n10000-99999,1\n", ["line 2, prefix: 10000-99999 is more than 10,000"]),
        ("prefix,rate,currency\n1,1,USD\n", ["line 2, currency: USD and EUR: a deck has one currency"]),
        ("prefix,rate,from,to\n1,1,2027-01-02,2027-01-01\n", ["line 2, to: it ends before it begins"]),
        ('prefix,rate\n"1,1\n', ["line 2: it cannot be read as CSV"]),
        (
            "prefix,Rate (USD/sec)\n1,1\n",
            [
                "line 1, Rate (USD/sec): 'sec' is no unit that is read here, which is a price for a minute",
                "line 1: USD and EUR",
            ],
        ),
        ("prefix;Rate (ct/min)\n1;1,2\n", ["line 1, Rate (ct/min): 'ct' is no unit that is read here"]),
        ("prefix,Rate (EUR per 10 min)\n1,1\n", ["line 1, Rate (EUR per 10 min): '10' is no unit"]),
        ("prefix,Price ($)\n1,1\n", ["line 1, Price ($): '$' is no unit"]),
        (
            "prefix,rate,Connect Fee (cents)\n1,1,1\n",
            ["line 1, Connect Fee (cents): 'cents' is no unit that is read here, which is an amount"],
        ),
        (
            "prefix,rate,Minimum (min)\n1,1,1\n",
            ["line 1, Minimum (min): 'min' is no unit that is read here, which is seconds"],
        ),
        ("prefix,rate,Effective (CET)\n1,1,2026-12-01\n", ["line 1, Effective (CET): 'CET' is no unit"]),
        ("prefix,Rate (USD)\n1,1\n", ["line 1: USD and EUR: a deck has one currency"]),
        ("prefix,rate\n1,0.0000000001\n", ["line 2, rate: 0.0000000001 has more than 9 decimals"]),
    ],
)
def test_refused_with_every_wrong_line(text: str, said: list[str]) -> None:
    with pytest.raises(DeckCsvRefused) as refused:
        read(text)
    told = [str(problem) for problem in refused.value.problems]
    assert len(told) == len(said)
    for problem, expected in zip(told, said, strict=True):
        assert problem.startswith(expected)


def test_no_currency_anywhere_is_refused() -> None:
    with pytest.raises(DeckCsvRefused) as refused:
        read("prefix,rate\n1,1\n", Defaults())
    assert "--currency EUR" in str(refused.value.problems[0])


def test_of_very_many_problems_the_number_is_told() -> None:
    with pytest.raises(DeckCsvRefused) as refused:
        read("prefix,rate\n" + "x,1\n" * 500)
    assert (len(refused.value.problems), refused.value.more) == (200, 300)


@given(st.text(st.sampled_from('prefix,rate\n\r;"\t0123456789.-/+#€\x00')))
def test_whatever_it_is_it_is_read_or_refused(text: str) -> None:
    try:
        found = len(read(text).deck.rates)
    except DeckCsvRefused as refused:
        found = len(refused.problems)
    assert found


@pytest.mark.parametrize(
    ("text", "assumed"),
    [
        ("prefix,rate\n44,1\n1,2\n", {"44", "1"}),
        ("prefix,rate,increments\n44,1,60/6\n1,2,\n", {"1"}),
        ("prefix,rate,first,next\n44,1,60,6\n1,2,60,\n", {"1"}),
    ],
)
def test_increments_nobody_has_said_are_told(text: str, assumed: set[str]) -> None:
    assert read(text).assumed == assumed
    asked = Defaults(currency="EUR", first_s=60, next_s=60, increments_said=True)
    assert read(text, asked).assumed == set()


@pytest.mark.parametrize("first", ["minimum", "initial"])
@pytest.mark.parametrize("following", ["increment", "additional"])
def test_first_and_next_in_two_columns(first: str, following: str) -> None:
    found = read(f"prefix,rate,{first},{following}\n44,1,60,6\n1,2,30,\n33,3,,6\n")
    increments = {one.prefix: (one.tariff.first_s, one.tariff.next_s) for one in found.deck.rates}
    assert increments == {"44": (60, 6), "1": (30, 1), "33": (1, 6)}
    assert found.assumed == {"1", "33"}
    with pytest.raises(DeckCsvRefused) as refused:
        read("prefix,rate,increment\n44,1,6\n")
    assert "'6' is no pair of seconds" in str(refused.value.problems[0]), "first or next: nobody knows"


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("prefix,rate,currency\n44,free,EUR\n1,free,EUR\n", False),
        ("prefix,currency\n44,EUR\n", False),
        ("prefix,rate\n44,free\n", True),
        ("prefix,rate,currency\n44,1,\n1,free,\n", True),
    ],
)
def test_a_currency_is_missing_only_where_nothing_says_it(text: str, missing: bool) -> None:
    with pytest.raises(DeckCsvRefused) as refused:
        read(text, Defaults())
    assert any("says its currency" in str(one) for one in refused.value.problems) == missing
