"""What comes after the first INVITE: requests of running calls, emergencies, and both when no gate is there."""

import asyncio
import signal
import time
from collections.abc import Callable

import pytest

from sipkit.call import Call
from sipkit.message import Message
from sipkit.transport import Flow
from wire.conftest import Node
from wire.identification.conftest import Site
from wire.identification.digest_client import Answering, digest_call, final
from wire.identification.test_ways import ANYWHERE, HOME, Shown, come, identity
from wire.node.parties import (
    NORTH_NUMBER,
    carrier_agent,
    customer_agent,
    faults_in,
    invite,
    reoffer,
    run,
    tls_carrier,
)
from wire.running.test_dead_mans_switch import rows


def answering(site: Site, trunk: str) -> Answering:
    username = "west-digest" if trunk == "by-digest" else trunk
    return Answering(username=username, password=site.passwords[trunk])


@pytest.mark.parametrize(
    ("host", "told"),
    [
        # a connection was lost, and the PBX is where it was: it can still hang up
        (ANYWHERE, 200),
        ("127.0.9.7", 481),
    ],
)
def test_a_call_by_digest_goes_on_on_its_connection_or_from_its_address(
    site: Site, host: str, told: int
) -> None:
    """Summary: a re-INVITE and the ACK go unchallenged on the connection the call came on; a BYE on another one is taken from the same address only."""
    node = site.node

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()
        customer.identity = identity("by-digest")
        async with tls_carrier(node, carrier):
            flow = await come(site, customer, Shown())
            call, reply = await digest_call(customer, flow, NORTH_NUMBER, answering(site, "by-digest"))
            assert reply.status == 200
            there = await carrier.incoming()
            await there.confirmed()
            again = await call.reinvite(reoffer(call))
            assert again.status == 200
            other = await come(site, customer, Shown(host=host))
            call.flow = other
            assert (await call.bye()).status == told
            if told != 200:
                assert not there.is_over
                call.flow = flow
                assert (await call.bye()).status == 200
            await there.ended()

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


def test_one_nonce_is_good_for_many_calls_with_its_count(site: Site) -> None:
    """Summary: a PBX that counts nc up is challenged once, not for each call."""
    node = site.node

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()
        customer.identity = identity("by-digest")
        async with tls_carrier(node, carrier):
            flow = await come(site, customer, Shown())
            knows = answering(site, "by-digest")
            for number in range(3):
                call, reply = await digest_call(customer, flow, NORTH_NUMBER, knows)
                assert (reply.status, knows.count) == (200, number + 1)
                there = await carrier.incoming()
                await there.confirmed()
                await call.bye()
                await there.ended()
        assert sum(raw.startswith(b"SIP/2.0 407") for raw in customer.raw) == 1

    run(node, scenario)


def test_what_was_used_before_is_refused_with_a_fresh_nonce(site: Site) -> None:
    """Summary: the same nonce and count a second time, from wherever, is no call: it is asked for anew, and on record; a count that was passed over is good."""
    node = site.node

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()
        customer.identity = identity("by-digest")
        async with tls_carrier(node, carrier):
            flow = await come(site, customer, Shown())
            knows = answering(site, "by-digest")

            async def shown(count: int, flow: Flow) -> tuple[Call, Message]:
                knows.count = count - 1
                uri = f"sip:{NORTH_NUMBER}@sbc.example.com"
                headers = (("Proxy-Authorization", knows.header("INVITE", uri)),)
                call, reply = await final(
                    customer, flow, invite(customer, flow, NORTH_NUMBER, headers=headers)
                )
                if reply.status == 200:
                    there = await carrier.incoming()
                    await there.confirmed()
                    await call.bye()
                    await there.ended()
                return call, reply

            _, asked = await final(customer, flow, invite(customer, flow, NORTH_NUMBER))
            knows.take(asked.get("Proxy-Authenticate"))
            for count in (1, 3, 2):
                _, reply = await shown(count, flow)
                assert reply.status == 200, count
            call, reply = await shown(3, flow)
            assert reply.status == 407
            assert reply.get("Proxy-Authenticate").endswith("stale=true")
            assert node.record(call.invite.call_id)["reason"] == "credentials-replayed"
            _, reply = await shown(1, await come(site, customer, Shown(host="127.0.9.6")))
            assert reply.status == 407

    run(node, scenario)


@pytest.mark.parametrize(
    ("nonce", "altered"),
    [("made-up", {}), ("", {"nonce": "AAAA"}), ("", {"realm": "sbc.example.net"})],
)
def test_a_nonce_of_nobodys_is_asked_for_anew(site: Site, nonce: str, altered: dict[str, str]) -> None:
    """Summary: a nonce this node has not made, or not for this realm, is answered with a fresh one, whoever shows it."""

    async def scenario() -> None:
        customer = customer_agent()
        flow = await come(site, customer, Shown())
        for username in ("west-digest", "nobody"):
            knows = Answering(
                username=username, password="x", nonce=nonce, realm="sbc.example.com", altered=altered
            )
            knows.nonce = nonce or "x"
            uri = f"sip:{NORTH_NUMBER}@sbc.example.com"
            headers = (("Proxy-Authorization", knows.header("INVITE", uri)),)
            _, reply = await final(customer, flow, invite(customer, flow, NORTH_NUMBER, headers=headers))
            assert reply.status == 407
            # credentials for another realm are none
            assert reply.get("Proxy-Authenticate").endswith("stale=true") is ("realm" not in altered)

    run(site.node, scenario)


#: Seconds for which the edge leaves a gate alone that has not answered (`edge.gate`), and a little.
RESTS_S = 1.2


def _frozen(node: Node) -> Callable[[int], None]:
    def tell(number: int) -> None:
        for index in range(2):
            node.signal(f"gate-{index}", number)

    return tell


#: By trunk, what is shown, and whether its call for help goes.
EMERGENCIES = [
    ("by-network", Shown(host=HOME["by-network"]), True),
    ("by-certificate", Shown(certificate="by-certificate"), True),
    ("by-both", Shown(host=HOME["by-both"]), True),
    ("by-both", Shown(), False),
    ("by-all", Shown(host=HOME["by-all"], certificate="by-all"), True),
    ("by-all", Shown(host=HOME["by-all"]), False),
    ("by-all", Shown(certificate="by-all"), False),
    ("by-digest", Shown(), False),
]


async def emergency(site: Site, trunk: str, shown: Shown) -> int:
    """What is said to a call for help; hung up if it goes."""
    customer, carrier = customer_agent(), carrier_agent()
    customer.identity = identity(trunk)
    async with tls_carrier(site.node, carrier):
        flow = await come(site, customer, shown)
        call, reply = await final(customer, flow, invite(customer, flow, "911"))
        if reply.status == 200:
            there = await carrier.incoming()
            await there.confirmed()
            await call.bye()
            await there.ended()
        await flow.close()
    return reply.status


@pytest.mark.parametrize(("trunk", "shown", "goes"), EMERGENCIES)
def test_an_emergency_is_not_challenged_where_something_else_tells_who_calls(
    site: Site, trunk: str, shown: Shown, goes: bool
) -> None:
    """Summary: 911 goes unchallenged if what a trunk demands besides digest holds."""

    async def scenario() -> None:
        assert await emergency(site, trunk, shown) == (200 if goes else 407)

    run(site.node, scenario)


def test_nor_is_one_when_no_gate_answers(site: Site) -> None:
    """Summary: the same calls for help go when no gate answers; and those that would be challenged are refused."""
    node = site.node

    async def scenario() -> None:
        _frozen(node)(signal.SIGSTOP)
        try:
            told = [await emergency(site, trunk, shown) for trunk, shown, _ in EMERGENCIES]
        finally:
            _frozen(node)(signal.SIGCONT)
        assert told == [200 if goes else 503 for _, _, goes in EMERGENCIES]
        await asyncio.to_thread(node.wait_ready)
        await asyncio.sleep(RESTS_S)

    run(node, scenario)


def test_what_a_connection_was_recognised_as_ends_with_it(site: Site) -> None:
    """Summary: a PBX that opens a connection for each call leaves nothing behind in the edge's memory."""
    node = site.node

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()
        customer.identity = identity("by-digest")
        async with tls_carrier(node, carrier):
            for _ in range(3):
                flow = await come(site, customer, Shown())
                call, reply = await digest_call(customer, flow, NORTH_NUMBER, answering(site, "by-digest"))
                assert reply.status == 200
                there = await carrier.incoming()
                await there.confirmed()
                assert "trunk:by-digest" in await asyncio.to_thread(rows, node, "identified")
                await call.bye()
                await there.ended()
                await flow.close()
                until = time.monotonic() + 20
                while "trunk:by-digest" in await asyncio.to_thread(rows, node, "identified"):
                    assert time.monotonic() < until
                    await asyncio.sleep(0.05)

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


def test_who_was_recognised_on_a_connection_calls_an_emergency_without_gates(site: Site) -> None:
    """Summary: a trunk with nothing but digest, or an authority's certificate, is known to the edge by the connection it has called on."""
    node = site.node
    west = site.authority.issue("pbx.west.example.com")

    async def scenario() -> None:
        carrier = carrier_agent()
        async with tls_carrier(node, carrier):

            async def talked(made: tuple[object, Message]) -> None:
                call, reply = made
                assert reply.status == 200
                there = await carrier.incoming()
                await there.confirmed()
                await call.bye()  # type: ignore[attr-defined]
                await there.ended()

            known = []
            for trunk in ("by-digest", "by-authority"):
                customer = customer_agent()
                customer.identity = identity(trunk)
                credential = west if trunk == "by-authority" else None
                flow: Flow = await come(site, customer, Shown(), credential)
                knows = Answering(username="west-digest", password=site.passwords["by-digest"])
                await talked(await digest_call(customer, flow, NORTH_NUMBER, knows))
                known.append((customer, flow))
            _frozen(node)(signal.SIGSTOP)
            try:
                for customer, flow in known:
                    await talked(await final(customer, flow, invite(customer, flow, "911")))
            finally:
                _frozen(node)(signal.SIGCONT)
        await asyncio.to_thread(node.wait_ready)
        await asyncio.sleep(RESTS_S)

    run(node, scenario)
