"""What `spend` and `status` say of money: amounts exact, caps as they are at this moment, calls by their ids."""

import re
from dataclasses import replace
from io import StringIO
from typing import Any

from rich.console import Console

from trunkward.cli import money_status
from trunkward.cli.spent import document, page
from trunkward.control.declared import InForce
from trunkward.engines.alerts_file import Message
from trunkward.live.money import KeptLeg, KeptShare, Spent
from trunkward.trunks.spending import Hold, HoldScope, OwnerSpending, Raise, Spending, Window

NOW = 1_800_000_000.0
RAISE = Raise(version=2, owner="trunk:acme-hq", window=Window.DAY, to_micro=60_000_000, until=NOW + 1)
ACME = OwnerSpending(
    owner="trunk:acme-hq",
    spending=Spending(call_micro=5_000_000, hour_micro=10_000_000, day_micro=30_000_000),
    raises=(RAISE,),
)
SPENT = Spent(granted=1_000_000, hour=9_000_001, day=23_000_000, month=23_000_000)


def leg(
    record_id: str, lasted_ms: int | None, *owners: str, left_ms: int = 60_000, forced: int = 0
) -> KeptLeg:
    shares = tuple(
        KeptShare(owner=owner, tariff="1:0:1:1", settled=250_000, granted=500_000, forced=forced)
        for owner in owners
    )
    return KeptLeg(
        record_id=record_id,
        node="sbc",
        left_ms=left_ms,
        admitted_ms=70_000,
        lasted_ms=lasted_ms,
        shares=shares,
    )


def told(now: float, *legs: KeptLeg) -> dict[str, Any]:
    return document(ACME, SPENT, list(legs), now) | {"hold": None}


def shown(*found: dict[str, Any], width: int = 200) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(page(list(found), "EUR"))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_windows_with_the_caps_of_this_moment() -> None:
    hour, day, month = told(NOW)["windows"]
    assert (hour["settled"], hour["held"], hour["cap"], hour["percent"]) == (
        "9.000001",
        "1.00",
        "10.00",
        100.0,
    )
    assert (day["cap"], day["percent"], day["raised_until"]) == ("60.00", 40.0, NOW + 1)
    assert (month["cap"], month["percent"], month["raised_until"]) == (None, None, None)
    # on a terminal of 80 columns the bar stays with its number; times are UTC, as those of spend caps
    narrow = shown(told(NOW), width=80)
    assert "[########............] 40 %" in narrow
    assert "raised until 2027-01-15 08:00 UTC" in shown(told(NOW))
    later = told(NOW + 1)["windows"][1]
    assert (later["cap"], later["percent"], later["raised_until"]) == ("30.00", 80.0, None)


def test_calls_are_those_the_owner_pays_for() -> None:
    legs = [
        leg("a" * 32, None, "money:trunk:acme-hq", "money:tenant:acme"),
        leg("b" * 32, 12_345, "money:trunk:other"),
        leg("c" * 32, 65_000, "money:trunk:acme-hq", left_ms=-3000, forced=200_000),
    ]
    rings, runs = told(NOW, *legs)["calls"]
    assert (rings["record_id"], rings["lasted_s"], rings["overdue_s"]) == ("a" * 32, None, 0)
    assert (runs["record_id"], runs["lasted_s"], runs["overdue_s"], runs["forced"]) == (
        "c" * 32,
        65.0,
        3.0,
        "0.20",
    )
    said = shown(told(NOW, *legs))
    assert f"{'a' * 32} on sbc, rings: settled 0.25, held 0.50\n" in said
    assert f"{'c' * 32} on sbc, 65 s: settled 0.25, held 0.50, 0.20 of it beyond what was granted" in said
    assert "its node is lost" not in said
    # by when it is over, and how sure that is
    for session_s, how in ((1800, "at the latest"), (0, "a guess: no session timer was agreed")):
        bounds = {"c" * 32: {"session_s": session_s, "over_in_s": 60.0, "damaged": None}}
        found = document(ACME, SPENT, legs, NOW, bounds)
        assert found["calls"][1]["session_s"] == session_s
        line = next(line for line in shown(found | {"hold": None}).splitlines() if "c" * 32 in line)
        assert re.search(rf"; its node is lost, it is over by \d\d:\d\d:\d\d, {how}$", line)
    runs_on = document(
        ACME, SPENT, legs, NOW, {"c" * 32: {"session_s": 0, "over_in_s": None, "damaged": None}}
    )
    assert "was granted; no session timer was agreed\n" in shown(runs_on | {"hold": None})
    assert "[####################] 100 %" in said
    assert "[########............] 40 %" in said


def test_escrow_is_no_call_that_rings() -> None:
    lease = leg("escrow:sbc:1:money:trunk:acme-hq", None, "money:trunk:acme-hq")
    others = leg("escrow:sbc:0:money:tenant:acme", None, "money:tenant:acme")
    found = told(NOW, lease, others, leg("a" * 32, None, "money:trunk:acme-hq"))
    assert [call["record_id"] for call in found["calls"]] == ["a" * 32]
    assert found["escrow"] == [{"node": "sbc", "gate": 1, "held": "0.50"}]
    said = shown(found)
    assert "  in escrow: 0.50 with gate 1 of sbc, should Valkey be lost" in said
    assert said.count("rings") == 1


def test_a_hold_stands_out_and_many_calls_do_not() -> None:
    legs = [leg(f"{number:032}", 1000, "money:trunk:acme-hq") for number in range(25)]
    hold = {"scope": "outbound", "cut": False, "why": "Latvia"}
    said = shown(told(NOW, *legs) | {"hold": hold})
    assert "trunk:acme-hq (EUR)   HELD: outbound calls" in said
    assert said.count(" on sbc, ") == 20
    assert "and 5 more calls" in said
    assert "nobody has spent anything" in shown()


def test_status_tells_of_holds_raises_and_alerts_that_wait() -> None:
    in_force = InForce(
        version=1,
        node_file="",
        certificates={},
        evidence={},
        holds=[Hold(version=1, owner="tenant:acme", scope=HoldScope.INTERNATIONAL)],
        raises=[RAISE, replace(RAISE, window=Window.HOUR)],
    )
    message = Message(
        id="m", channel="https://h.example.com/", subject="", body="", at=1.0, problem="answered 500"
    )
    waiting = {"https://h.example.com/": [message, message]}
    assert list(money_status.lines(money_status.document(in_force, waiting, NOW))) == [
        ("held", "tenant:acme: international calls; ./trunkward release tenant:acme takes them again"),
        ("raised", "trunk:acme-hq: 60.00 a day, until 2027-01-15 08:00 UTC"),
        ("raised", "trunk:acme-hq: 60.00 an hour, until 2027-01-15 08:00 UTC"),
        ("alerts", "2 wait for https://h.example.com/: answered 500"),
    ]
    # one that is over is not told of any more
    assert money_status.document(in_force, {}, NOW + 1)["raised"] == []
