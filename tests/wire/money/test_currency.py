"""A node that begins to count in another currency: nothing is added to what was spent in the one before."""

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal

import pytest

from wire.conftest import Node
from wire.money.conftest import SETTLED_S, config, grants, node_with
from wire.money.test_money import THAWED_S
from wire.node.parties import (
    NORTH_NUMBER,
    carrier_agent,
    connect,
    customer_agent,
    place,
    run,
    tls_carrier,
    until,
)
from wire.records.parties import eventually

SPEND = "{day: 30}"


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """One that counts in euro, and has a deck in dollars at hand."""
    with node_with(SPEND) as running:
        file = running.home / "dollars.csv"
        file.write_text("prefix,Rate (USD/min)\n1202,6.00\n", encoding="utf-8")
        done = running.trunkward("deck", "import", "dollars", str(file))
        assert done.returncode == 0, done.stdout + done.stderr
        yield running


def test_a_currency_is_changed_when_what_was_spent_is_forgotten(node: Node) -> None:
    """Summary: plan says it beforehand; in the new currency no call that costs money goes, and a running one is waited for; spend forget begins anew, with a journal entry."""

    def spent() -> Decimal:
        done = node.trunkward("spend", "trunk:acme-hq", "--json")
        assert done.returncode == 0, done.stderr
        return Decimal(json.loads(done.stdout)["owners"][0]["windows"][1]["settled"])

    async def scenario() -> None:
        customer, north = customer_agent(), carrier_agent()
        async with tls_carrier(node, north):
            flow = await connect(node, customer)

            async def call(status: int) -> None:
                made = await place(customer, flow, NORTH_NUMBER)
                assert (await made.final()).status == status
                if status == 200:
                    await (await north.incoming()).confirmed()
                    assert (await made.bye()).status == 200

            await call(200)
            await asyncio.to_thread(change)
            await call(503)
            await asyncio.to_thread(forget)
            await until(lambda: grants(node), "the ledger to grant again", THAWED_S)
            await call(200)

    def change() -> None:
        eventually(lambda: spent() > 0, SETTLED_S, "the call to be charged")
        text = (
            config(SPEND)
            .replace("deck: retail", "deck: dollars")
            .replace("  gates: 2\n", "  gates: 2\n  currency: USD\n", 1)
        )
        file = node.home / "dollars.yaml"
        file.write_text(text, encoding="utf-8")
        planned = json.loads(node.trunkward("plan", "--config", str(file), "--json").stdout)
        assert [one[:30] for one in planned["warnings"]] == ["what is spent is counted in EU"]
        done = node.trunkward("apply", "--config", str(file))
        assert done.returncode == 0, done.stderr
        eventually(
            lambda: "another currency than node.currency" in node.log("worker"), 20, "the worker's word"
        )

    def forget() -> None:
        done = node.trunkward("spend", "forget", "--why", "")
        assert (done.returncode, "say why" in done.stderr) == (2, True)
        done = node.trunkward("spend", "forget", "--why", "dollars from today")
        assert done.returncode == 0, done.stderr
        assert spent() == 0

    run(node, scenario)
    eventually(lambda: len(node.calls()) == 3 and node.calls()[0]["ending"], 20, "all records")
    assert [one["reason"] for one in node.calls()] == ["admitted", "spend-frozen", "admitted"]
    history = json.loads(node.trunkward("history", "--json", "--limit", "1").stdout)
    assert history["summary"] == "what was spent is forgotten (dollars from today)"
