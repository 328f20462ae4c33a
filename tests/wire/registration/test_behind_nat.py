"""A PBX behind a real NAT that writes its inner address into SDP, as PBXs do: heard both ways, moved by nobody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from sipkit import sdp
from sipkit.call import Call
from sipkit.transport import Address, Flow, client_context, open_stream
from wire.conftest import Node, start_node, stop_node
from wire.media.legs import CM, GCM, QUIET_S, Leg, Socket, agree, heard_both_ways, open_leg, open_socket
from wire.media.test_wrong_tags import inject, report
from wire.node.parties import (
    ACME_NUMBER,
    SOUTH_NUMBER,
    carrier_agent,
    faults_in,
    forgotten,
    place,
    run,
    udp_carrier,
    until,
)
from wire.registration.nat import (
    CARRIER,
    NAT_CONFIG,
    NEIGHBOUR,
    PBX,
    ROUTER,
    ROUTER_LATER,
    SBC,
    SBC_PLAIN,
    STRANGER,
    Nat,
    nat,
)
from wire.registration.pbx import Pbx, pbx_agent
from wire.registration.test_inbound import apply


@pytest.fixture(scope="module")
def behind() -> Iterator[Nat]:
    with nat() as made:
        yield made


@pytest.fixture(scope="module")
def node(behind: Nat) -> Iterator[Node]:
    running = start_node(NAT_CONFIG)
    yield running
    stop_node(running)


@pytest.fixture(autouse=True)
def rules(behind: Nat) -> None:
    """Those of most routers, whatever the test before has made of them."""
    behind.rules()


@dataclass
class Talk:
    """An answered call between the PBX and the carrier, its keys exchanged."""

    inner: Leg
    outer: Leg
    flow: Flow
    pbx: Pbx
    #: The PBX's side of the call, and the carrier's.
    here: Call
    there: Call

    async def agree_anew(self, *, by_pbx: bool) -> None:
        """A re-INVITE of one side, its answer, and the keys in them."""
        side, leg = (self.here, self.inner) if by_pbx else (self.there, self.outer)
        assert (await side.reinvite(leg.session)).status == 200
        await asyncio.sleep(0.1)
        self.inner.agree(self.here.remote_sdp)
        self.outer.agree(self.there.remote_sdp)


@asynccontextmanager
async def talking(node: Node, behind: Nat, *, inbound: bool, suite: str = CM) -> AsyncIterator[Talk]:
    async with AsyncExitStack() as stack:
        with behind.sockets_inside():
            inner = await stack.enter_async_context(open_leg("pbx", 41000, (suite,), 1, host=PBX))
        plain = open_leg("carrier", 42000, (), 2, sdp.Profile.PLAIN, host=CARRIER.host)
        outer = await stack.enter_async_context(plain)
        party = pbx_agent(session=inner.session)
        carrier = carrier_agent(sdp.Profile.PLAIN, contact=f"sip:gw@{CARRIER}", session=outer.session)
        endpoint = await stack.enter_async_context(udp_carrier(carrier, CARRIER))
        pbx = Pbx(party)
        flow = await connected(node, behind, pbx)
        if inbound:
            call = await place(carrier, carrier.own(endpoint.flow(SBC_PLAIN)), ACME_NUMBER)
            there = await party.incoming()
        else:
            call = await place(party, flow, SOUTH_NUMBER)
            there = await carrier.incoming()
        await call.answered()
        await there.confirmed()
        agree(call, there, *((outer, inner) if inbound else (inner, outer)))
        # nothing in it tells where it is
        assert f"c=IN IP4 {PBX}" in inner.described[-1]
        yield Talk(inner, outer, flow, pbx, *((there, call) if inbound else (call, there)))
        if not call.is_over:
            assert (await call.bye()).status == 200


async def connected(node: Node, behind: Nat, pbx: Pbx) -> Flow:
    """A connection through the NAT, on which the PBX is registered."""
    tls = client_context(node.authority, node.credential("acme-hq"))
    with behind.sockets_inside():
        flow: Flow = pbx.party.own(await open_stream(SBC, pbx.party.receive, tls=tls, local_host=PBX))
    assert (await pbx.register(flow)).status == 200
    return flow


@pytest.mark.parametrize("unasked", ["drop", "accept"])
@pytest.mark.parametrize(("inbound", "suite"), [(True, GCM), (False, CM)], ids=["called", "calls"])
def test_it_is_heard_and_hears(node: Node, behind: Nat, inbound: bool, suite: str, unasked: str) -> None:
    """Summary: audio and reports both ways; after re-INVITEs of both sides; a router that takes the unasked is no harm."""
    behind.rules(unasked=unasked)

    async def scenario() -> None:
        async with talking(node, behind, inbound=inbound, suite=suite) as talk:
            inner, outer = talk.inner, talk.outer
            # a first packet from outside would have its place in the router's table, and the PBX's be given another
            await outer.talk(5)
            await asyncio.sleep(QUIET_S)
            assert inner.take() == []
            # opens the way
            said = await inner.talk(1)
            await until(lambda: len(outer.rtp.arrived) == 1, "media", 20.0)
            assert outer.take() == said
            await heard_both_ways(inner, outer)
            assert inner.sends is not None
            inner.rtcp.transport.sendto(
                inner.sends.seal_rtcp(report(inner)), (inner.remote.host, inner.remote.port + 1)
            )
            await until(lambda: outer.rtcp.arrived, "a report", 20.0)
            for by_pbx in (True, False):
                await talk.agree_anew(by_pbx=by_pbx)
                await heard_both_ways(inner, outer)

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


@pytest.mark.parametrize("inbound", [True, False], ids=["called", "calls"])
@pytest.mark.parametrize("attacker", ["stranger", "neighbour", "own-port"])
def test_forged_packets_move_nothing(node: Node, behind: Nat, inbound: bool, attacker: str) -> None:
    """Summary: from elsewhere, from behind the same NAT, through the PBX's own mapping; before it speaks and later."""

    async def scenario() -> None:
        async with talking(node, behind, inbound=inbound) as talk:
            inner, outer = talk.inner, talk.outer
            forger: Socket | None = None
            if attacker == "stranger":
                forger = await open_socket(43000, STRANGER)
            elif attacker == "neighbour":
                with behind.sockets_inside():
                    forger = await open_socket(43001, NEIGHBOUR)
            sent = 0
            for _ in range(3):
                sent += await inject([inner], forger)
                # what the carrier says meanwhile goes to the PBX or nowhere
                await outer.talk(5)
                await asyncio.sleep(QUIET_S)
                assert outer.take() == [], "a forged packet went on"
                inner.take()
                await inner.talk(1)
                await until(lambda: len(outer.rtp.arrived) == 1, "media", 20.0)
                outer.take()
                await heard_both_ways(inner, outer)
                assert (await talk.here.reinvite(talk.here.local_sdp)).status == 200
            assert sent == 3 * 3 * (9 + 6 * 2)
            if forger is not None:
                assert not forger.arrived, "media or reports were sent to the attacker"
                forger.transport.close()

    run(node, scenario)


@pytest.mark.parametrize("by_pbx", [True, False], ids=["by-pbx", "by-carrier"])
def test_a_new_public_address_is_followed(node: Node, behind: Nat, by_pbx: bool) -> None:
    """Summary: the PBX connects anew; its media is there from the next re-INVITE on, whoever sends it."""

    async def scenario() -> None:
        async with talking(node, behind, inbound=True) as talk:
            inner, outer = talk.inner, talk.outer
            await inner.talk(1)
            await until(outer.take, "media", 20.0)
            await heard_both_ways(inner, outer)
            seen_at = Address(host=ROUTER, port=talk.flow.local.port)  # this NAT keeps ports
            await talk.flow.close()
            await forgotten(node, seen_at)
            behind.move(ROUTER, ROUTER_LATER)
            try:
                talk.here.flow = await connected(node, behind, talk.pbx)
                await inner.talk(5)
                await asyncio.sleep(QUIET_S)
                assert outer.take() == []
                await talk.agree_anew(by_pbx=by_pbx)
                await inner.talk(1)
                await until(outer.take, "media", 20.0)
                await heard_both_ways(inner, outer)
                assert (await talk.here.bye()).status == 200
            finally:
                behind.move(ROUTER_LATER, ROUTER)

    run(node, scenario)


def test_a_nat_that_draws_ports_gets_no_media(node: Node, behind: Nat) -> None:
    """Summary: no packet moves media, not even one with the right tag (docs/media.md)."""
    behind.rules(ports="random")

    async def scenario() -> None:
        async with talking(node, behind, inbound=False) as talk:
            for _ in range(2):
                await talk.inner.talk(5)
                await talk.outer.talk(5)
                await asyncio.sleep(QUIET_S)
            assert (talk.inner.take(), talk.outer.take()) == ([], [])

    run(node, scenario)


def test_it_is_an_exception(node: Node, behind: Nat) -> None:
    """Summary: `status` and `plan` show it; without it the same PBX gets no media and gives none."""

    async def scenario() -> None:
        async with talking(node, behind, inbound=True) as talk:
            await talk.inner.talk(5)
            await talk.outer.talk(5)
            await asyncio.sleep(QUIET_S)
            assert (talk.inner.take(), talk.outer.take()) == ([], [])

    told = json.loads(node.trunkward("status", "--json").stdout)["deviations"]
    assert any(one["where"] == "trunk acme-hq" and "behind NAT" in one["what"] for one in told), told
    without = NAT_CONFIG.replace("        behind_nat: true\n", "")
    (node.home / "node.yaml").write_text(without, encoding="utf-8")
    assert "behind_nat: true -> false" in node.trunkward("plan").stdout
    apply(node, without)
    try:
        run(node, scenario)
    finally:
        apply(node, NAT_CONFIG)
