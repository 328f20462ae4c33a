"""Carriers' call records in their many spellings: taken whole, or refused with every wrong line."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest

from trunkward.spend.cdr_csv import CdrCsvRefused, CdrLine, read_cdrs

BERLIN = ZoneInfo("Europe/Berlin")
AT = int(datetime(2026, 11, 25, 14, 30, tzinfo=UTC).timestamp()) * 1000


def one(text: str, zone: tzinfo = UTC, dates: str = "") -> CdrLine:
    found = read_cdrs(text, zone, dates).lines
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("text", "zone", "dates"),
    [
        ("called,start time,duration,amount\n442079460123,2026-11-25 14:30:00,75,0.012\n", UTC, ""),
        (
            '\ufeff"Dialed Number","Call Date","Secs","Charge"\r\n"+44 20 7946-0123","2026-11-25T14:30:00Z","1:15",".012"\r\n',
            UTC,
            "",
        ),
        (
            "B-Number;Answer Time;Duration;Cost\n00442079460123;25.11.2026 15:30:00;00:01:15;0,012\n",
            BERLIN,
            "",
        ),
        ("dst\tdate\ttime\tbillsec\tprice\n442079460123\t25/11/2026\t14:30\t75\t0.0120\n", UTC, "day"),
        ("dst,date,time,billsec,price\n442079460123,11/25/2026,2:30:00 PM,75,0.0120\n", UTC, "month"),
        (
            "to,date,time,seconds,total\n442079460123,2026-11-26,12:30 am,75,0.012\n",
            timezone(timedelta(hours=10)),
            "",
        ),
        ("to,timestamp,seconds,total\n442079460123,1795617000,75,0.012\n", UTC, ""),
        ("to,timestamp,seconds,total\n442079460123,1795617000000,75.000,0.012\n", UTC, ""),
        ("to,timestamp,seconds,total\n442079460123,20261125143000,75 s,0.012\n", UTC, ""),
        ("to,start,seconds,total\n442079460123,2026-11-25T15:30:00+01:00,75,0.012\n", UTC, ""),
        (
            "destination,destination number,start,seconds,total\nUK,442079460123,2026-11-25 14:30,75,0.012\n",
            UTC,
            "",
        ),
    ],
)
def test_taken(text: str, zone: tzinfo, dates: str) -> None:
    found = one(text, zone, dates)
    assert (found.called, found.at_ms, found.lasted_ms, found.charge_nano) == (
        "442079460123",
        AT,
        75_000,
        12_000_000,
    )


def test_what_else_a_line_may_say() -> None:
    text = "id,called,connect time,duration,billed duration,rate,amount,currency\n7,+1,2026-11-25 14:30:00.250,61.5,66,0.01,0.011,eur\n"
    read = read_cdrs(text)
    found = read.lines[0]
    assert (found.at_ms, found.lasted_ms, found.billed_s, found.rate_nano) == (
        AT + 250,
        61_500,
        66,
        10_000_000,
    )
    assert (read.currency, read.answered, read.ignored, read.quantum_nano) == ("EUR", True, ("id",), 10**6)


@pytest.mark.parametrize(
    ("written", "country", "called"),
    [
        ("020 7946 0123", "44", "442079460123"),
        ("442079460123", "44", "442079460123"),
        ("+33140000000", "44", "33140000000"),
        ("0033140000000", "44", "33140000000"),
        ("(202) 555-0101", "1", "12025550101"),
        ("12025550101", "1", "12025550101"),
        # where nothing stands before national numbers, one without + or 00 is national
        ("0612345678", "39", "390612345678"),
        ("+390612345678", "39", "390612345678"),
        ("84951234567", "7", "74951234567"),
    ],
)
def test_national_numbers_have_a_country(written: str, country: str, called: str) -> None:
    text = f"called,start,duration,amount\n{written},2026-11-25 14:30,75,0.012\n"
    assert read_cdrs(text, country=country).lines[0].called == called


def test_what_is_given_back_is_below_zero() -> None:
    assert (
        one("called;start;duration;amount\n442079460123;2026-11-25 14:30;75;-0,012\n").charge_nano
        == -12_000_000
    )


def test_what_a_column_says_of_its_unit_holds() -> None:
    text = "called,Start Time (MM/DD/YYYY UTC),Duration (hh:mm:ss),Amount (EUR)\n44,11/25/2026 14:30,00:01:15,1\n"
    read = read_cdrs(text, BERLIN)
    assert (read.lines[0].at_ms, read.lines[0].lasted_ms, read.currency) == (AT, 75_000, "EUR")


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["the file: there is no header"]),
        ("a,b\n1,2\n", ["column for the called number", "for the duration", "for the amount", "for the start"]),
        ("called,start,duration,amount\nx,2026-11-25 14:30,1,1\n", ["line 2, called: 'x' is no telephone number"]),
        ("called,start,duration,amount\n44,03/04/2026 14:30,1,1\n", ["line 2, start: 03/04/2026: day or month first?"]),
        ("called,start,duration,amount\n44,2026-02-30 14:30,1,1\n", ["is no moment of the calendar"]),
        ("called,start,duration,amount\n44,yesterday,1,1\n", ["line 2, start: 'yesterday' is no time"]),
        ("called,start,duration,amount\n44,2026-11-25 14:30,1:75,1\n", ["'1:75' is no duration"]),
        ("called,start,duration,amount\n44,2026-11-25 14:30,1,--3\n", ["line 2, amount: '-3' is no amount"]),
        ("called,start,duration,amount,rate\n44,2026-11-25 14:30,1,1,-3\n", ["line 2, rate: '-3' is no amount"]),
        ("called,start,duration,amount\n020 7946 0123,2026-11-25 14:30,1,1\n", ["line 2, called: '020 7946 0123' is no number with its country code: of which one, --country 44?"]),
        ("called,start,duration,amount\n44,2026-11-25 14:30,1,\n44,,1,1\n", ["line 2, amount: it is empty", "line 3, start"]),
        ("called,start,duration,amount,currency\n44,2026-11-25 14:30,1,1,EUR\n44,2026-11-25 14:30,1,1,USD\n", ["EUR and USD"]),
        ("called,start,duration (min),amount\n", ["duration (min): 'min' is no unit that is read here, which is seconds"]),
        ("called,start,duration,Amount (ct)\n", ["Amount (ct): 'ct' is no unit"]),
        ("called,start,duration,amount,Rate (EUR/sec)\n", ["Rate (EUR/sec): 'sec' is no unit"]),
        ("called,Start Time (CET),duration,amount\n", ["'CET' is no unit that is read here, which is UTC, as (UTC); say --zone"]),
        ("called,start,duration,Amount (EUR),currency\n44,2026-11-25 14:30,1,1,USD\n", ["EUR and USD"]),
        ("called,dst,start,duration,amount\n", ["'called' is the same column"]),
    ],
)  # fmt: skip
def test_refused_whole(text: str, problems: list[str]) -> None:
    with pytest.raises(CdrCsvRefused) as refused:
        read_cdrs(text)
    told = [str(problem) for problem in refused.value.problems]
    assert len(told) == len(problems), told
    for said, problem in zip(told, problems, strict=True):
        assert problem in said
