"""A running call's dead man's switch: granted by slices, ended at its maximum or when nobody grants more."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from sipkit.call import Call
from sipkit.message import Message
from sipkit.transport import Flow
from wire.conftest import Node
from wire.node.parties import (
    ACME_NUMBER,
    CARRIER_MARKS,
    CUSTOMER_MARKS,
    NORTH_NUMBER,
    PBX,
    SBC_PLAIN,
    SOUTH_NUMBER,
    Party,
    carrier_agent,
    connect,
    customer_agent,
    faults_in,
    kamcmd,
    place,
    reoffer,
    run,
    south_agent,
    tls_carrier,
    udp_carrier,
    until,
)
from wire.node.test_gate_failures import frozen
from wire.node.test_restart import answers_again, first_process
from wire.running.conftest import GRANT_S, MAX_CALL_S

#: Seconds a round, the call's set-up and a busy machine may add.
LATE_S = 15


@dataclass
class Talk:
    """A running call, both of its sides."""

    call: Call
    there: Call
    #: Before the node can have begun to count.
    placed_s: float

    async def over(self, within_s: float) -> float:
        """Waits until both sides got a BYE of the node; seconds since the call was placed."""
        for side in (self.call, self.there):
            assert await side.ended(within_s) == "peer-bye"
        return time.monotonic() - self.placed_s

    def bye(self, side: Call) -> Message:
        """The one BYE a side received."""
        found = [
            s.message for s in side.trace if not s.sent and s.message.method == "BYE" and s.message.is_request
        ]
        assert len({message.to_bytes() for message in found}) == 1
        return found[0]


async def talk(customer: Party, flow: Flow, carrier: Party, number: str, **more: Any) -> Talk:
    placed_s = time.monotonic()
    call = await place(customer, flow, number, **more)
    there = await carrier.incoming()
    await call.answered()
    await there.confirmed()
    return Talk(call, there, placed_s)


def rows(node: Node, table: str) -> str:
    """A shared table of Kamailio's, as text."""
    return kamcmd(node, "htable.dump", table)


def as_its_side_knows_it(side: Call, bye: Message, reason: str) -> None:
    """Asserts that a BYE is one of this side's dialog, and tells why (RFC 3261 12.2.1.1, RFC 3326)."""
    assert side.dialog is not None
    assert bye.call_id == side.invite.call_id
    assert f"tag={side.dialog.local_tag}" in bye.get("To")
    assert f"tag={side.dialog.remote_tag}" in bye.get("From")
    seen = [
        s.message.cseq[0]
        for s in side.trace
        if not s.sent and s.message.is_request and s.message.method != "BYE"
    ]
    assert bye.cseq[0] > max([0, *seen])
    assert bye.get("Reason") == f'Q.850;cause={31 if reason == "maximum-duration" else 41};text="{reason}"'
    assert len(bye.values("Via")) == 1
    assert not bye.get("P-SR-XUID")
    assert bye.get("Max-Forwards")


def test_calls_end_at_the_maximum_of_their_trunk(node: Node) -> None:
    """Summary: outbound and inbound calls get BYE on both sides at eight seconds, not before, answered or not, gates frozen for a while or not, also a plain carrier whose Contact is a name; a 911 call none."""

    async def scenario() -> None:
        customer, north, south = customer_agent(), carrier_agent(), south_agent()
        pbx, quiet = customer_agent(), customer_agent()
        async with (
            tls_carrier(node, north),
            udp_carrier(south) as at_south,
            tls_carrier(node, pbx, PBX, node.credential("acme-hq")),
        ):
            flow = await connect(node, customer)
            proxy = "<sip:10.9.8.1:5061;transport=tls;lr>"
            # the PBX stands behind a proxy, which takes itself off the route of what it sends on (RFC 3261 16.4)
            customer.on_wire = lambda data: data.replace(f"\r\nRoute: {proxy}".encode(), b"")
            outbound = await talk(customer, flow, north, NORTH_NUMBER, headers=[("Record-Route", proxy)])
            plain = await talk(customer, flow, south, SOUTH_NUMBER)
            # a carrier without TLS whose Contact is a name that nobody knows: as we reach it, not as DNS would
            south.contact_uri = "sip:gw@core.south.example.net"
            named = await talk(customer, flow, south, SOUTH_NUMBER)
            south.contact_uri = None
            emergency = await talk(customer, flow, north, "911")
            inbound = await talk(south, south.own(at_south.flow(SBC_PLAIN)), pbx, ACME_NUMBER)
            silent = await talk(quiet, await connect(node, quiet), south, SOUTH_NUMBER)
            unanswered = silent.there.invite.call_id.encode()
            quiet.on_wire = lambda data: None if b" BYE\r\n" in data else data
            south.on_wire = lambda data: None if b" BYE\r\n" in data and unanswered in data else data
            granted = [outbound, plain, named, inbound]
            # sequence numbers of both sides go on, and a grant is renewed though the gates stood still
            with frozen(node):
                assert (await outbound.call.reinvite(reoffer(outbound.call))).status == 200
                assert (await outbound.call.request("INFO")).status == 200
                assert (await outbound.there.options()).status == 200
                assert len(await asyncio.to_thread(node.media)) >= 4
                await asyncio.sleep(1.2)
            for ended in granted:
                lasted = await ended.over(MAX_CALL_S + LATE_S)
                assert MAX_CALL_S - 0.5 <= lasted < MAX_CALL_S + LATE_S, lasted
                for side in (ended.call, ended.there):
                    as_its_side_knows_it(side, ended.bye(side), "maximum-duration")
            assert outbound.bye(outbound.call).get("Route") == proxy
            assert not outbound.bye(outbound.there).get("Route")
            await asyncio.sleep(1.5)  # longer than a round
            # nobody knows yet whether the leg is over whose carrier has not answered its BYE
            assert silent.there.is_over
            assert not any(
                call["ended_at"] for call in node.calls() if call["call_id"] == silent.call.invite.call_id
            )
            south.on_wire = None
            assert not emergency.call.is_over
            assert (await emergency.call.bye()).status == 200
            for inner in (customer, pbx, quiet):
                assert not inner.saw(CARRIER_MARKS)
            assert not north.saw(CUSTOMER_MARKS) + south.saw(CUSTOMER_MARKS)
            for ended in (*granted, silent):
                record = await asyncio.to_thread(
                    node.record, ended.call.invite.call_id, ended=True, within_s=30
                )
                assert (record["ending"], record["ended_by"]) == ("bye", "us")
                assert (record["cut"], record["unreached"]) == ("maximum-duration", [])
                late_s = 2 * LATE_S if ended is silent else LATE_S
                assert MAX_CALL_S - 0.5 <= record["duration_s"] < MAX_CALL_S + late_s
                assert len(record["legs"]) == 2
            await nothing_is_left(node)

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


def test_without_gates_calls_end_with_their_grant(node: Node) -> None:
    """Summary: all gates frozen: a call lives to the end of its grant, then BYE to both sides, one side alone where the other's connection is gone."""

    async def scenario() -> None:
        customer, gone, north = customer_agent(), customer_agent(), carrier_agent()
        async with tls_carrier(node, north):
            whole = await talk(customer, await connect(node, customer), north, NORTH_NUMBER)
            flow = await connect(node, gone)
            half = await talk(gone, flow, north, NORTH_NUMBER)
            with frozen(node):
                await flow.close()
                for side in (whole.call, whole.there, half.there):
                    assert await side.ended(GRANT_S + LATE_S) == "peer-bye"
                lasted = time.monotonic() - whole.placed_s
                assert lasted >= GRANT_S - 0.5, lasted
                for side in (whole.call, whole.there):
                    as_its_side_knows_it(side, whole.bye(side), "grant-not-renewed")
            for ended, unreached in ((whole, []), (half, ["caller"])):
                record = await asyncio.to_thread(node.record, ended.call.invite.call_id, ended=True)
                assert (record["cut"], record["unreached"]) == ("grant-not-renewed", unreached)
                noted = partial(byes_noted, node, ended, "grant-not-renewed")
                told = {"caller", "callee"} - set(unreached)
                await until(partial(_are, noted, told), "BYEs in the ladder")
            await nothing_is_left(node)

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


def test_a_call_that_outlives_kamailio_keeps_its_grant(node: Node) -> None:
    """Summary: kill -9 of Kamailio under a running call: it ends at its maximum all the same, by BYEs on connections made since."""

    async def scenario() -> None:
        customer, north = customer_agent(), carrier_agent()

        async def redial(_uri: str) -> Flow:
            return await connect(node, customer)

        customer.dial = redial
        async with tls_carrier(node, north):
            first = await talk(customer, await connect(node, customer), north, NORTH_NUMBER)
            was = node.pid("kamailio")
            os.kill(first_process(node)[0], signal.SIGKILL)
            await answers_again(was, node)
            await until(lambda: not first.call.flow.is_open, "the old connection to end")
            # from a new connection: the node knows again where the PBX is
            assert (await first.call.request("INFO")).status == 200
            lasted = await first.over(MAX_CALL_S + LATE_S)
            assert MAX_CALL_S - 0.5 <= lasted < MAX_CALL_S + LATE_S, lasted
            for side in (first.call, first.there):
                as_its_side_knows_it(side, first.bye(side), "maximum-duration")
            record = await asyncio.to_thread(node.record, first.call.invite.call_id, ended=True)
            assert (record["cut"], record["unreached"]) == ("maximum-duration", [])
            await nothing_is_left(node)

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


def _are(noted: Callable[[], set[str]], told: set[str]) -> bool:
    return noted() == told


def byes_noted(node: Node, ended: Talk, why: str) -> set[str]:
    """The sides that were sent a BYE of the node's own, as the call's ladder has it."""
    shown = node.trunkward("calls", "show", ended.call.invite.call_id, "--json")
    assert shown.returncode == 0, shown.stderr
    byes = [message for message in json.loads(shown.stdout)["messages"] if message["what"] == "BYE"]
    assert {(message["way"], message["why"]) for message in byes} <= {("out", why)}
    return {str(message["side"]) for message in byes}


async def nothing_is_left(node: Node) -> None:
    """Waits until no part knows any call."""
    await until(lambda: not node.media(), "the media to be deleted")
    await until(lambda: not list((node.run / "dialogs").iterdir()), "the calls' files to go")
    for table in ("calls", "grants", "cseqs"):
        await until(partial(_has_none, node, table), f"the rows of {table} to go")


def _has_none(node: Node, table: str) -> bool:
    return "entry" not in rows(node, table)
