"""Carriers of one number: the cheapest first, the next by cause, none beyond its own cap or below the margin."""

from collections.abc import Awaitable, Callable, Iterator

import pytest

from sipkit import Call
from sipkit.agent import answer_at_once
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.money.test_money import spent
from wire.node.parties import (
    NORTH_NUMBER,
    Party,
    carrier_agent,
    connect,
    customer_agent,
    place,
    run,
    south_agent,
    tls_carrier,
    udp_carrier,
    until,
)
from wire.records.parties import eventually

DECKS = {
    "retail": "prefix,rate,increments\n1202,0.60,1/1\n1202555017,0.10,1/1\n",
    "of-north": "prefix,rate,increments\n1202,0.30,1/1\n",
    "of-south": "prefix,rate,increments\n1202,0.20,1/1\n",
}
#: Sold for less than each of them asks.
TOO_CHEAP = "+12025550177"


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """Both carriers take the same numbers; south is cheaper, and may cost a cent an hour more than one call's slice."""
    text = EXAMPLE.read_text(encoding="utf-8")
    text = text.replace("  - name: acme\n", "  - name: acme\n    deck: retail\n", 1)
    text = text.replace("  gates: 2\n", "  gates: 2\n  routing: least-cost\n", 1)
    for name in ("north", "south"):
        spend = ', spend: {hour: "0.26"}' if name == "south" else ""
        text = text.replace(
            f"  - name: {name}\n", f"  - name: {name}\n    deck: of-{name}\n{_lines(spend)}", 1
        )
    text = text.replace('    prefixes: ["+1303"]', '    prefixes: ["+1202"]', 1)
    running = start_node(text)
    for name, deck in DECKS.items():
        file = running.home / f"{name}.csv"
        file.write_text(deck, encoding="utf-8")
        done = running.trunkward("deck", "import", name, str(file), "--currency", "EUR")
        assert done.returncode == 0, done.stdout + done.stderr
    running.wait_ready()
    yield running
    stop_node(running)


def _lines(spend: str) -> str:
    return f"    {spend.removeprefix(', ')}\n" if spend else ""


def answers(status: int, cause: int) -> Callable[[Call], Awaitable[None]]:
    async def reply(call: Call) -> None:
        call.reply(status, headers=[("Reason", f"Q.850;cause={cause}")])

    return reply


def test_which_carrier_takes_a_call(node: Node) -> None:
    """Summary: least cost first; a cause of the network goes on to the dearer one, one of the callee does not; a carrier at its own cap is left out while its money is held; below cost nobody takes it."""

    async def scenario() -> None:
        customer, north, south = customer_agent(), carrier_agent(), south_agent()
        async with tls_carrier(node, north), udp_carrier(south):
            flow = await connect(node, customer)

            async def ended(status: int, by: Party | None, number: str = NORTH_NUMBER) -> None:
                call = await place(customer, flow, number)
                final = await call.final()
                assert final.status == status, final.get_all("Reason")
                if by is not None:
                    await (await by.incoming()).confirmed()
                    assert (await call.bye()).status == 200

            async def south_is_free() -> None:
                await until(lambda: not spent(node, "money:carrier:south").granted, "south to be free")

            await ended(200, south)
            await south_is_free()
            south.on_call = answers(404, 3)
            await ended(200, north)
            await south_is_free()
            south.on_call = answers(503, 17)
            await ended(500, None)  # RFC 3261 16.7, step 6: no 503 goes back
            await south_is_free()
            south.on_call = answer_at_once
            first = await place(customer, flow, NORTH_NUMBER)
            assert (await first.final()).status == 200
            while (there := await south.incoming()).is_over:
                pass
            await there.confirmed()
            # its cap has no room for a second slice while the first is held
            await ended(200, north)
            assert (await first.bye()).status == 200
            await ended(404, None, TOO_CHEAP)

    run(node, scenario)
    eventually(
        lambda: len(node.calls()) == 6 and all(c["ending"] for c in node.calls()[1:]), 20, "all records"
    )
    found = [(call["reason"], call["peer"], [one["peer"] for one in call["tried"]]) for call in node.calls()]
    assert found == [
        ("no-margin", None, []),
        ("admitted", "north", []),
        ("admitted", "south", []),
        ("admitted", "south", []),
        ("admitted", "north", ["south"]),
        ("admitted", "south", []),
    ]
