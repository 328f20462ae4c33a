"""Exceptions inside callbacks, made by real faults: a request gets 500 and goes nowhere, a reply goes on emptied."""

import asyncio
import subprocess

from sipkit.call import Call
from wire.conftest import Node
from wire.node.parties import (
    CARRIER_MARKS,
    CUSTOMER_MARKS,
    SOUTH_NUMBER,
    connect,
    customer_agent,
    faults_in,
    place,
    reoffer,
    run,
    signals_in,
    south_agent,
    udp_carrier,
    until,
)
from wire.records.parties import eventually


async def ring_only(call: Call) -> None:
    call.ring()


def spoil(node: Node, record_id: str) -> None:
    """Puts rubbish in place of what is remembered of a call."""
    control = f"unix:{node.run}/edge/ctl.sock"
    subprocess.run(
        ["kamcmd", "-s", control, "htable.sets", "calls", record_id, "{rubbish"],
        check=True,
        capture_output=True,
        timeout=10,
    )


def test_a_request_whose_callback_fails(node: Node) -> None:
    """Summary: with a call's state spoilt each request of it gets 500 from us, on both sides, and reaches nobody."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        async with udp_carrier(carrier):
            call = await place(customer, await connect(node, customer), SOUTH_NUMBER)
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            record = await asyncio.to_thread(node.record, call.invite.call_id)
            spoil(node, record["record_id"])
            before = len(customer.raw), len(carrier.raw)
            for one in (call, there):
                for method in ("INFO", "BYE"):
                    assert (await one.request(method)).status == 500
                assert (await one.reinvite(reoffer(one))).status == 500
            heard = customer.raw[before[0] :] + carrier.raw[before[1] :]
            assert all(raw.startswith((b"SIP/2.0 500", b"SIP/2.0 100")) for raw in heard)
            assert not carrier.saw(CUSTOMER_MARKS)
            assert not customer.saw(CARRIER_MARKS)
        await until(lambda: faults_in(node.log("kamailio")), "the faults in the log")
        assert not signals_in(node.log("kamailio"))

    run(node, scenario)


def test_the_dialogs_directory_gone(node: Node) -> None:
    """Summary: a call whose file cannot be written is set up, goes on and ends like any other; the log says so."""
    dialogs = node.run / "dialogs"

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        async with udp_carrier(carrier):
            call = await place(customer, await connect(node, customer), SOUTH_NUMBER)
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            assert (await call.reinvite(reoffer(call))).status == 200
            assert (await there.bye()).status == 200
            assert await call.ended() == "peer-bye"
            assert not carrier.saw(CUSTOMER_MARKS)
            assert not customer.saw(CARRIER_MARKS)
            record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
            assert record["ending"] == "bye"

    dialogs.rename(dialogs.with_name("away"))
    try:
        run(node, scenario)
    finally:
        dialogs.with_name("away").rename(dialogs)
    eventually(lambda: "would be lost with Kamailio" in node.log("kamailio"), 20, "a word of it in the log")


def test_what_is_remembered_spoilt_before_the_answer(node: Node) -> None:
    """Summary: with the row of a ringing call spoilt its answer puts it right, and the call goes on and ends."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        carrier.on_call = ring_only
        async with udp_carrier(carrier):
            call = await place(customer, await connect(node, customer), SOUTH_NUMBER)
            there = await carrier.incoming()
            await call.received(180)
            record = await asyncio.to_thread(node.record, call.invite.call_id)
            spoil(node, record["record_id"])
            there.answer()
            assert (await call.final()).status == 200
            assert (await call.bye()).status == 200
            assert await there.ended() == "peer-bye"
            assert not customer.saw(CARRIER_MARKS)
            assert not carrier.saw(CUSTOMER_MARKS)
        assert not signals_in(node.log("kamailio"))

    run(node, scenario)
