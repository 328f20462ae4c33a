"""Session timers (RFC 4028): offered to a carrier where the caller offers none, asked of whoever can refresh."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from sipkit.call import Call
from wire.conftest import Node
from wire.node.parties import NORTH_NUMBER, carrier_agent, connect, customer_agent, place, run, tls_carrier

type Lines = list[tuple[str, str]]

SUPPORTED = ("Supported", "timer, 100rel")


def answers(lines: Lines) -> Callable[[Call], Coroutine[Any, Any, None]]:
    async def answer(call: Call) -> None:
        call.answer(headers=lines)

    return answer


@pytest.mark.parametrize(
    ("caller", "carrier", "offered", "agreed"),
    [
        # the carrier refreshes
        ([], [("Session-Expires", "1800;refresher=uas")], "1800", "1800;refresher=uas"),
        # it cannot, and the caller can (section 8.2)
        ([SUPPORTED], [], "1800", "1800;refresher=uac"),
        # neither can
        ([], [], "1800", None),
        # the caller's own offer stays as it is; its least is kept (section 8.1)
        (
            [SUPPORTED, ("x", "600;refresher=uac")],
            [("Session-Expires", "600;refresher=uac"), ("Require", "timer")],
            "600;refresher=uac",
            "600;refresher=uac",
        ),
        ([("Min-SE", "3600")], [("x", "3600;refresher=uas")], "3600", "3600;refresher=uas"),
    ],
)
def test_who_is_offered_what(
    node: Node, caller: Lines, carrier: Lines, offered: str, agreed: str | None
) -> None:
    """Summary: a caller without a session timer, a carrier without one, both with and both without: what each is shown is what RFC 4028 has a proxy do."""

    async def scenario() -> None:
        customer, north = customer_agent(), carrier_agent(on_call=answers(carrier))
        async with tls_carrier(node, north):
            flow = await connect(node, customer)
            call = await place(customer, flow, NORTH_NUMBER, headers=caller)
            final = await call.final()
            there = await north.incoming()
            shown = there.invite.get_all("Session-Expires") or there.invite.get_all("x")
            assert list(shown) == [offered]
            got = final.get_all("Session-Expires") or final.get_all("x")
            assert list(got) == ([agreed] if agreed else [])
            assert (list(final.get_all("Require")) == ["timer"]) is ("uac" in (agreed or ""))
            await call.bye()

    run(node, scenario)
