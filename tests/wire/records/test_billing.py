"""From calls on a running node to the bill: rated, exported, rated again, compared with what the carrier itself has."""

import asyncio
import csv
import io
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from trunkward.spend.tariff import Tariff
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.node.parties import NORTH_NUMBER, carrier_agent, connect, customer_agent, run, tls_carrier
from wire.running.test_dead_mans_switch import talk

DECKS = {
    "retail": "prefix,name,rate,increments,connect fee\n1,North America,0.6,1/1,0.005\n",
    "north": "prefix,name,rate,increments\n1202,Washington,0.3,6/6\n",
}
SOLD = Tariff(rate_nano=600_000_000, connect_nano=5_000_000)
COST = Tariff(rate_nano=300_000_000, first_s=6, next_s=6)
#: How far the carrier's clock is off, in seconds.
OFF_S = 3600


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """One whose customer and carrier have decks."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for name, owner in (("retail", "acme"), ("north", "north")):
        text = text.replace(f"  - name: {owner}\n", f"  - name: {owner}\n    deck: {name}\n", 1)
    running = start_node(text)
    for name, deck in DECKS.items():
        take_in(running, "import", name, deck)
    yield running
    stop_node(running)


def take_in(node: Node, act: str, name: str, text: str, *more: str) -> None:
    file = node.home / f"{name}.csv"
    file.write_text(text)
    told(node, "deck", act, name, str(file), "--currency", "EUR", *more)


def told(node: Node, *words: str, code: int = 0) -> tuple[str, str]:
    done = node.trunkward(*words)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout, done.stderr


@dataclass
class Seen:
    """A call as its parties have it: seconds since the epoch between which it was answered, and ended."""

    number: str
    answered: tuple[float, float]
    ended: tuple[float, float]


def at(call: dict[str, Any]) -> float:
    """When a call of the export was answered, in seconds since the epoch."""
    return datetime.fromisoformat(call["answered_at"]).timestamp()


def test_calls_are_rated_exported_rated_again_and_compared(node: Node) -> None:
    """Summary: calls of some seconds, one for help and one nobody answers are rated exactly; export and its sums agree; the carrier's own file, an hour off and with a line twice, is explained but for that line; a corrected deck makes revisions with a journal entry, and the first ones stay."""

    seen: list[Seen] = []

    async def one_call(customer: Any, flow: Any, north: Any, number: str, lasts_s: float) -> None:
        placed = time.time()
        there = await talk(customer, flow, north, number)
        answered = placed, time.time()
        await asyncio.sleep(lasts_s)
        hangs_up = time.time()
        assert (await there.call.bye()).status == 200
        seen.append(Seen(number, answered, (hangs_up, time.time())))

    async def scenario() -> None:
        customer, north = customer_agent(), carrier_agent()
        async with tls_carrier(node, north):
            flow = await connect(node, customer)
            for lasts_s in (0.6, 1.7, 2.8):
                await one_call(customer, flow, north, NORTH_NUMBER, lasts_s)
            await one_call(customer, flow, north, "911", 0.5)

    began = time.time() - 60
    run(node, scenario)
    period = ("--from", datetime.fromtimestamp(began, UTC).isoformat())
    until = time.monotonic() + 30
    while len(lines := told(node, "export", "billing", *period, "--json-lines")[0].splitlines()) < 4:
        assert time.monotonic() < until, lines
        time.sleep(0.2)

    calls = [json.loads(line) for line in lines]
    assert [call["charged"] for call in calls] == ["charged"] * 3 + ["emergency"]
    for call, own in zip(calls[:3], seen, strict=False):
        answered_at, lasted_s = at(call), float(call["lasted_s"])
        # by the node's clock, which rounds to the thousandth
        assert own.answered[0] - 0.01 < answered_at < own.answered[1] + 0.01, (call, own)
        assert own.ended[0] - 0.01 < answered_at + lasted_s < own.ended[1] + 0.01, (call, own)
        assert call["price"] == f"{SOLD.price_micro(lasted_s) / 10**6:.6f}"
        assert call["cost"] == f"{COST.price_micro(lasted_s) / 10**6:.6f}"
        assert (call["price_deck"], call["cost_deck"], call["cost_prefix"], call["carrier"]) == (
            "retail",
            "north",
            "1202",
            "north",
        )
        assert (call["price_basis"], call["tenant"], call["currency"]) == ("deck", "acme", "EUR")
    assert (calls[3]["price"], calls[3]["price_basis"], calls[3]["cost"]) == ("0.000000", "free", "0.000000")

    text, summary = told(node, "export", "billing", *period, "--tenant", "acme", "--summary")
    assert text == told(node, "export", "billing", *period, "--tenant", "acme")[0]
    assert [row["record_id"] for row in csv.DictReader(io.StringIO(text))] == [c["record_id"] for c in calls]
    sums = json.loads(summary)
    assert (sums["calls"], sums["without_price"]) == (4, 0)
    assert sums["price"]["EUR"] == f"{sum(round(float(c['price']) * 10**6) for c in calls) / 10**6:.6f}"

    # ---- the carrier's own file: whole seconds, an hour ahead, one line twice, its amounts in hundredths of a cent
    def line(number: str, answered_at: float, lasted_s: float) -> str:
        theirs = datetime.fromtimestamp(answered_at + OFF_S, UTC)
        cost = math.ceil(COST.price_micro(lasted_s) / 100) / 10**4
        return f"{number.lstrip('+')},{theirs:%d.%m.%Y %H:%M:%S},00:00:{math.ceil(lasted_s):02},{cost:.4f}\n"

    theirs = [line(call["called_number"], at(call), float(call["lasted_s"])) for call in calls[:3]]
    file = node.home / "own.csv"
    text = "B-Number,Answer Time,Duration,Amount\n" + "".join(theirs)
    file.write_text(text)
    same = json.loads(told(node, "reconcile", "north", str(file), *period, "--json")[0])
    assert (same["matched"], abs(same["clock_offset_s"] - OFF_S) < 2) == (3, True), same
    assert set(same["kinds"]) <= {"rounding"}, same
    file.write_text(text + theirs[1] + line("+12025550177", at(calls[2]), 59.0))
    other = json.loads(told(node, "reconcile", "north", str(file), *period, "--json", code=3)[0])
    assert (other["kinds"]["double"]["count"], other["kinds"]["unknown-to-us"]["count"]) == (1, 1), other
    file.write_text(text.replace("00:00:", "some "))
    assert "line 2, Duration:" in told(node, "reconcile", "north", str(file), *period, code=2)[1]

    # ---- their deck was wrong
    since = datetime.fromtimestamp(began, UTC).isoformat(timespec="seconds").removesuffix("+00:00")
    take_in(node, "correct", "north", DECKS["north"].replace("0.3", "0.2"), "--since", since)
    again = ("rerate", "--deck", "north", *period, "--json")
    shown = json.loads(told(node, *again, code=1)[0])
    assert (shown["calls"], [one["name"] for one in shown["owners"]]) == (3, ["north"])
    told(node, *again, "--apply", "--why", "their mail of today")
    assert json.loads(told(node, *again)[0])["calls"] == 0
    newest = [
        json.loads(one) for one in told(node, "export", "billing", *period, "--json-lines")[0].splitlines()
    ]
    cheaper = Tariff(rate_nano=200_000_000, first_s=6, next_s=6)
    for before, after in zip(calls[:3], newest[:3], strict=True):
        assert after["cost"] == f"{cheaper.price_micro(float(after['lasted_s'])) / 10**6:.6f}"
        assert (after["revision"], after["cost_before"], after["price"]) == (
            "2",
            before["cost"],
            before["price"],
        )
        assert (after["revision_reason"], after["revised_by"] != "") == ("their mail of today", True)
    assert newest[3] == calls[3]
    history = json.loads(told(node, "history", "--json", "--limit", "1")[0])
    assert history["summary"].startswith("3 calls rated again by deck north: sold +0.00, cost -"), history
