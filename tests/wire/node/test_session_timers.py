"""Session timers (RFC 4028): offered to a carrier where the caller offers none, asked of whoever can refresh."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from sipkit.call import Call
from sipkit.message import Message
from wire.conftest import Node
from wire.node.parties import (
    NORTH_NUMBER,
    carrier_agent,
    connect,
    customer_agent,
    faults_in,
    place,
    reoffer,
    run,
    tls_carrier,
)

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
        # the caller's own offer stays as it is where it is shorter; its least is kept (section 8.1)
        (
            [SUPPORTED, ("x", "600;refresher=uac")],
            [("Session-Expires", "600;refresher=uac"), ("Require", "timer")],
            "600;refresher=uac",
            "600;refresher=uac",
        ),
        ([("Min-SE", "3600")], [("x", "3600;refresher=uas")], "3600", "3600;refresher=uas"),
        # how long a leg may last alone is not the caller's to say
        (
            [SUPPORTED, ("x", "86400;refresher=uac")],
            [("Session-Expires", "1800;refresher=uac"), ("Require", "timer")],
            "1800;refresher=uac",
            "1800;refresher=uac",
        ),
        (
            [SUPPORTED, ("Session-Expires", "86400"), ("Min-SE", "2400")],
            [("Session-Expires", "2400;refresher=uas")],
            "2400",
            "2400;refresher=uas",
        ),
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


def test_a_refresh_is_no_longer_than_the_first(node: Node) -> None:
    """Summary: a re-INVITE and an UPDATE that ask for a day, or for nothing, reach the carrier with half an hour."""

    async def scenario() -> None:
        customer, north = customer_agent(), carrier_agent(on_call=answers([]))
        async with tls_carrier(node, north):
            call = await place(customer, await connect(node, customer), NORTH_NUMBER, headers=[SUPPORTED])
            await call.answered()
            there = await north.incoming()
            await there.confirmed()
            for lines, offered in (
                ([SUPPORTED, ("Session-Expires", "86400;refresher=uac")], "1800;refresher=uac"),
                ([SUPPORTED], "1800"),
                ([SUPPORTED, ("x", "900")], "900"),
            ):
                seen: list[str] = []

                def agree(message: Message, seen: list[str] = seen) -> None:
                    seen.extend(message.get_all("Session-Expires") or message.get_all("x"))

                there.on_request = agree
                assert (await call.reinvite(reoffer(call), headers=lines)).status == 200
                assert (await call.update(headers=lines)).status == 200
                assert seen == [offered, offered]
            await call.bye()

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))
