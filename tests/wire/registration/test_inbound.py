"""Calls to a trunk that registers, on the connection it registered on."""

from __future__ import annotations

import asyncio
import json
import time

from sipkit import sdp
from sipkit.message import Message
from wire.conftest import Node
from wire.media.legs import CM, agree, heard_both_ways, open_leg
from wire.node.parties import (
    ACME_NUMBER,
    CARRIER_MARKS,
    SBC_PLAIN,
    connect,
    faults_in,
    forgotten,
    place,
    run,
    south_agent,
    udp_carrier,
    until,
)
from wire.registration.pbx import CONFIG, INNER, INSTANCE, Pbx, final_of_a_call, pbx_agent

#: Of the one registration whose events are looked at.
HERE = '"<urn:uuid:00000000-0000-1000-8000-000A95A0E129>"'


def contacts(answer: Message) -> list[str]:
    """The URIs of the bindings an answer lists."""
    return [value.partition(">")[0].lstrip("<") for value in answer.get_all("Contact")]


def test_a_call_comes_on_the_connection_that_registered(node: Node) -> None:
    """Summary: audio both ways, in-dialog requests from both sides, the number in the Request-URI, nothing leaks."""

    async def scenario() -> None:
        async with (
            open_leg("pbx", 41000, (CM,), 1) as inner,
            open_leg("carrier", 42000, (), 2, sdp.Profile.PLAIN) as outer,
        ):
            party, carrier = pbx_agent(session=inner.session), south_agent(session=outer.session)
            pbx = Pbx(party)
            async with udp_carrier(carrier) as endpoint:
                flow = await connect(node, party)
                answer = await pbx.register(flow)
                assert answer.status == 200
                assert contacts(answer) == [INNER]
                assert answer.get("Date")
                call = await place(carrier, carrier.own(endpoint.flow(SBC_PLAIN)), ACME_NUMBER)
                there = await party.incoming()
                await call.answered()
                assert there.flow is flow
                assert there.invite.uri == INNER.replace("acme-hq", ACME_NUMBER)
                assert there.invite.get("P-Called-Party-ID") == f"<sip:{ACME_NUMBER}@sbc.example.com>"
                agree(call, there, outer, inner)
                await heard_both_ways(outer, inner)
                assert (await there.reinvite(there.local_sdp)).status == 200
                assert (await call.reinvite(call.local_sdp)).status == 200
                assert (await there.bye()).status == 200
                assert not party.saw(CARRIER_MARKS)

    run(node, scenario)


def test_without_a_registration_there_is_a_reason(node: Node) -> None:
    """Summary: 480 not-registered; after a registration the call goes; after `Contact: *` it is 480 again."""

    async def scenario() -> None:
        party, carrier = pbx_agent(), south_agent()
        pbx = Pbx(party)
        async with udp_carrier(carrier) as endpoint:
            outer = carrier.own(endpoint.flow(SBC_PLAIN))
            flow = await connect(node, party)
            assert (await pbx.register(flow, contact="*", expires=0)).status == 200
            call = await place(carrier, outer, ACME_NUMBER)
            final = await call.final()
            assert final.status == 480
            assert 'SIP;cause=480;text="not-registered"' in final.get_all("Reason")
            record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
            assert (record["verdict"], record["end_reason"]) == ("admit", "not-registered")
            assert (await pbx.register(flow)).status == 200
            assert (await final_of_a_call(carrier, outer)).status == 200
            gone = await pbx.register(flow, contact="*", expires=0)
            assert (gone.status, contacts(gone)) == (200, [])
            assert (await final_of_a_call(carrier, outer)).status == 480

    run(node, scenario)


def test_a_connection_that_is_gone_is_not_used(node: Node) -> None:
    """Summary: the newest binding first, the next when its connection is gone, 480 when none is left."""

    async def scenario() -> None:
        first, second, carrier = pbx_agent(), pbx_agent(), south_agent()
        one, two = Pbx(first), Pbx(second, "<sip:branch@10.9.8.6:5066;transport=tls>")
        async with udp_carrier(carrier) as endpoint:
            outer = carrier.own(endpoint.flow(SBC_PLAIN))
            flow, other = await connect(node, first), await connect(node, second)
            assert (await one.register(flow)).status == 200
            assert len(contacts(await two.register(other))) == 2
            assert (await final_of_a_call(carrier, outer)).status == 200
            there = await second.incoming()
            # its own name for itself is left to it
            assert there.invite.uri == "sip:branch@10.9.8.6:5066;transport=tls"
            local = other.local
            await other.close()
            await forgotten(node, local)
            assert (await final_of_a_call(carrier, outer)).status == 200
            assert (await first.incoming()).flow is flow
            # and it is taken out, by a process that was left to tell a gate of it
            end = time.monotonic() + 20
            while contacts(await one.register(flow, contact="", expires=None)) != [INNER]:
                assert time.monotonic() < end, "a binding of a connection that is gone is listed"
                await asyncio.sleep(0.1)
            local = flow.local
            await flow.close()
            await forgotten(node, local)
            assert (await final_of_a_call(carrier, outer)).status == 480
        assert not faults_in(node.log("kamailio"))

    run(node, scenario)


def test_a_new_connection_takes_over(node: Node) -> None:
    """Summary: by contact, or by instance and reg-id; a running call goes on over it from both sides."""

    async def scenario() -> None:
        for contact in (f"<{INNER}>", f"<{INNER}>;+sip.instance={INSTANCE};reg-id=1"):
            party, carrier = pbx_agent(), south_agent()
            pbx = Pbx(party, contact)
            async with udp_carrier(carrier) as endpoint:
                outer = carrier.own(endpoint.flow(SBC_PLAIN))
                old = await connect(node, party)
                await pbx.register(old, headers=[("Supported", "path, outbound")])
                call = await place(carrier, outer, ACME_NUMBER)
                there = await party.incoming()
                await call.answered()
                await old.close()
                new = await connect(node, party)
                there.flow = new
                answer = await pbx.register(new, headers=[("Supported", "path, outbound")])
                assert len(contacts(answer)) == 1
                assert ("Flow-Timer" in [name for name, _ in answer.headers]) == ("reg-id" in contact)
                assert (await call.reinvite(call.local_sdp)).status == 200
                assert (await there.bye()).status == 200
                assert (await final_of_a_call(carrier, outer)).status == 200
                assert (await party.incoming()).flow is new
                await pbx.register(new, contact="*", expires=0)

    run(node, scenario)


def test_a_network_that_was_taken_away_takes_no_calls(node: Node) -> None:
    """Summary: after an `apply` that takes the PBX's network away its calls get 480, though its connection stands."""

    async def scenario() -> None:
        party, carrier = pbx_agent(), south_agent()
        async with udp_carrier(carrier) as endpoint:
            outer = carrier.own(endpoint.flow(SBC_PLAIN))
            flow = await connect(node, party)
            assert (await Pbx(party).register(flow)).status == 200
            assert (await final_of_a_call(carrier, outer)).status == 200
            try:
                await asyncio.to_thread(
                    apply, node, CONFIG.replace("127.0.0.1/32, 127.0.0.21/32", "127.0.0.21/32")
                )
                assert (await final_of_a_call(carrier, outer)).status == 480
            finally:
                await asyncio.to_thread(apply, node, CONFIG)
            assert flow.is_open
            assert (await final_of_a_call(carrier, outer)).status == 200

    run(node, scenario)


def apply(node: Node, config: str) -> None:
    (node.home / "node.yaml").write_text(config, encoding="utf-8")
    answered = node.trunkward("apply")
    assert answered.returncode == 0, answered.stdout + answered.stderr
    time.sleep(1.5)  # each process looks at its settings once a second


def test_a_registration_from_elsewhere_is_on_record(node: Node) -> None:
    """Summary: a PBX that registers from another address is an event with trunk, address, network, instance and program; again from there is none."""

    def seen() -> list[dict[str, object]]:
        asked = node.trunkward("events", "--trunk", "acme-hq", "--limit", "0", "--json")
        assert asked.returncode == 0, asked.stderr
        found = (json.loads(line) for line in asked.stdout.splitlines())
        return [event for event in found if event.get("instance") == HERE.strip('"')]

    async def scenario() -> None:
        party = pbx_agent()
        pbx = Pbx(party, f"<{INNER}>;+sip.instance={HERE};reg-id=1")
        at_home = await connect(node, party)
        # what the test before was registered by may still be there, and would make this place a known one
        assert (await pbx.register(at_home, contact="*", expires=0)).status == 200
        for _ in range(2):
            assert (await pbx.register(at_home)).status == 200
        away = await connect(node, party, host="127.0.0.21")
        assert (await pbx.register(away)).status == 200

        def both() -> list[dict[str, object]]:
            events = seen()
            return events if {"registered", "registered-elsewhere"} <= {e["event"] for e in events} else []

        events = await until(both, "the events", 20)
        assert [e["source"] for e in events] == ["127.0.0.21", "127.0.0.1"]
        newest = events[0]
        assert newest["event"] == "registered-elsewhere"
        assert (newest["tenant"], newest["network"], newest["user_agent"]) == (
            "acme",
            "127.0.0.0/24",
            "InnerPBX/1.0",
        )
        assert newest["since"] == newest["at"]
        assert (await pbx.register(away, contact="*", expires=0)).status == 200

    run(node, scenario)
