"""Registrations while parts of the node are lost, and what the node tells of them."""

from __future__ import annotations

import asyncio
import json
import signal

import pytest

from wire.conftest import Node
from wire.node.parties import (
    ACME_NUMBER,
    SBC_PLAIN,
    connect,
    faults_in,
    place,
    run,
    south_agent,
    udp_carrier,
    until,
)
from wire.node.test_restart import answers_again
from wire.registration.pbx import INNER, Pbx, final_of_a_call, pbx_agent


def told(node: Node) -> tuple[int, list[dict[str, object]]]:
    """Exit code and bindings of the command."""
    answered = node.trunkward("registrations", "--json")
    lines = [json.loads(line) for line in answered.stdout.splitlines()]
    return answered.returncode, lines[0]["bindings"] if lines else []


def test_the_command_tells_who_is_registered(node: Node) -> None:
    """Summary: contact, source, since, until, transport, user agent; 1 and a word for a trunk without any."""

    async def scenario() -> None:
        party = pbx_agent()
        pbx = Pbx(party)
        flow = await connect(node, party)
        await pbx.register(flow, expires=120)

        def registered() -> list[dict[str, object]]:
            return told(node)[1]

        [one] = await until(registered, "the binding to be told of", 20)
        assert (one["contact"], one["source"], one["transport"]) == (INNER, str(flow.local), "tls")
        assert one["user_agent"] == "InnerPBX/1.0"
        assert 100 < float(str(one["expires_at"])) - float(str(one["since"])) <= 121
        shown = node.trunkward("registrations")
        assert shown.returncode == 0
        assert INNER in shown.stdout
        await flow.close()
        await until(lambda: told(node) == (1, []), "it to be gone", 20)
        assert "not registered: calls to it get 480" in node.trunkward("registrations").stdout

    run(node, scenario)


def test_without_valkey_calls_go_and_registrations_wait(node: Node) -> None:
    """Summary: Valkey frozen: calls to a registered trunk go, a REGISTER gets 503; back again, both go."""

    async def scenario() -> None:
        party, carrier = pbx_agent(), south_agent()
        pbx = Pbx(party)
        async with udp_carrier(carrier) as endpoint:
            outer = carrier.own(endpoint.flow(SBC_PLAIN))
            flow = await connect(node, party)
            assert (await pbx.register(flow)).status == 200
            node.signal("valkey", signal.SIGSTOP)
            try:
                refused = await pbx.register(flow)
                assert refused.status == 503
                assert "registrations-unavailable" in refused.get("Reason")
                assert (await final_of_a_call(carrier, outer)).status == 200
            finally:
                node.signal("valkey", signal.SIGCONT)
            for _ in range(200):
                if (await pbx.register(flow)).status == 200:
                    break
                await asyncio.sleep(0.1)
            else:
                pytest.fail("Valkey is back, registrations are not")
            await pbx.register(flow, contact="*", expires=0)

    run(node, scenario)


def test_with_kamailio_its_connections_end(node: Node) -> None:
    """Summary: Kamailio killed: 480 until the PBX has registered anew, and only its new binding stands."""

    async def scenario() -> None:
        party, carrier = pbx_agent(), south_agent()
        pbx = Pbx(party)
        async with udp_carrier(carrier) as endpoint:
            outer = carrier.own(endpoint.flow(SBC_PLAIN))
            flow = await connect(node, party)
            await pbx.register(flow)
            was = node.pid("kamailio")
            node.signal("kamailio", signal.SIGKILL)
            await answers_again(was, node)
            assert (await final_of_a_call(carrier, outer)).status == 480
            new = await connect(node, party)
            # another Contact, as of a program that was started anew
            answer = await pbx.register(new, contact="<sip:acme-hq@10.9.8.7:6000;transport=tls>")
            assert len(answer.get_all("Contact")) == 1
            call = await place(carrier, outer, ACME_NUMBER)
            assert (await call.final()).status == 200
            assert (await party.incoming()).flow is new
            await call.bye()
        assert not faults_in(node.log("kamailio"))

    run(node, scenario)


def test_gates_restarted_forget_nothing(node: Node) -> None:
    """Summary: both gates killed and back: the binding stands, and its order is remembered."""

    async def scenario() -> None:
        party, carrier = pbx_agent(), south_agent()
        pbx = Pbx(party)
        async with udp_carrier(carrier) as endpoint:
            outer = carrier.own(endpoint.flow(SBC_PLAIN))
            flow = await connect(node, party)
            await pbx.register(flow)
            for gate in ("gate-0", "gate-1"):
                node.signal(gate, signal.SIGKILL)
            await asyncio.to_thread(node.wait_ready)
            assert (await final_of_a_call(carrier, outer)).status == 200
            assert (await pbx.register(flow, cseq=pbx.cseq)).status == 500
            assert (await pbx.register(flow, contact="*", expires=0)).status == 200

    run(node, scenario)
