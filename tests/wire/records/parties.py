"""The example's customer and its TLS carrier as user agents, for calls through a whole node."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sipkit import Call, UserAgent, sdp
from sipkit.call import HeaderLines
from sipkit.certificates import Credential
from sipkit.load.caller import Caller, TrunkNumbers
from sipkit.load.carrier import Carrier
from sipkit.transport import Address, StreamFlow, client_context, listen_stream, open_stream, server_context

NODE = Address(host="127.0.0.10", port=5061)
NORTH = Address(host="127.0.0.31", port=25061)
DOMAIN = "sbc.example.com"
PBX = Address(host="127.0.0.21", port=15061)
OWN, FOREIGN, CALLED = "+12025550101", "+12025550199", "+12025550142"


class RunningNode(Protocol):
    """What of a node is needed here."""

    @property
    def authority(self) -> Path:
        """The node's own SIP authority."""

    def credential(self, name: str) -> Credential:
        """What the node issued to a trunk or carrier."""


def eventually[T](ask: Callable[[], T], within_s: float, what: str) -> T:
    """Asks until the answer is true, and returns it."""
    until = time.monotonic() + within_s
    while not (answer := ask()):
        assert time.monotonic() < until, f"not within {within_s} s: {what}"
        time.sleep(0.02)
    return answer


def speak(offered: str) -> str:
    """An offer, or the answer to one."""
    return sdp.answer(offered) if offered else sdp.offer(sdp.Profile.SDES)


@dataclass
class Parties:
    """A customer with its connection, and the carrier."""

    customer: UserAgent
    flow: StreamFlow
    north: UserAgent
    #: The carrier's own connection to the node, for inbound calls.
    north_flow: StreamFlow

    async def call(self, *, sender: str = OWN, called: str = CALLED) -> Call:
        """Places a call."""
        return await self.customer.call(
            f"sip:{called}@{DOMAIN}", self.flow, sender=f"<sip:{sender}@{DOMAIN}>"
        )

    async def inbound_call(self, headers: HeaderLines = ()) -> Call:
        """A call from the carrier to the customer's number, answered and hung up by the caller."""
        call = await self.north.call(
            f"sip:{OWN}@{DOMAIN}",
            self.north_flow,
            sender=f"<sip:{CALLED}@north.example.net>",
            headers=headers,
        )
        await call.answered()
        await (await self.customer.incoming()).confirmed()
        assert (await call.bye()).status == 200
        return call

    async def whole_call(self, *, sender: str = OWN, called: str = CALLED) -> tuple[Call, Call]:
        """Places a call, has it answered and hangs up; both sides of it."""
        call = await self.call(sender=sender, called=called)
        await call.answered()
        received = await self.north.incoming()
        await received.confirmed()
        assert (await call.bye()).status == 200
        return call, received


@asynccontextmanager
async def parties(node: RunningNode) -> AsyncIterator[Parties]:
    """Both parties of the example, connected."""
    customer = UserAgent(f"<sip:{OWN}@{DOMAIN}>", session=speak)
    north = UserAgent("<sip:north@north.example.net>", session=speak)
    listener = await listen_stream(
        NORTH, north.receive, tls=server_context(node.credential("north"), node.authority)
    )
    flow = await open_stream(
        NODE,
        customer.receive,
        tls=client_context(node.authority, node.credential("acme-hq")),
        server_name=DOMAIN,
    )
    pbx = await listen_stream(
        PBX, customer.receive, tls=server_context(node.credential("acme-hq"), node.authority)
    )
    north_flow = await open_stream(
        NODE,
        north.receive,
        tls=client_context(node.authority, node.credential("north")),
        server_name=DOMAIN,
    )
    try:
        yield Parties(customer=customer, flow=flow, north=north, north_flow=north_flow)
        customer.check()
        north.check()
    finally:
        await flow.close()
        await north_flow.close()
        await listener.close()
        await pbx.close()


@asynccontextmanager
async def load(node: RunningNode, caller: Caller | None = None) -> AsyncIterator[Caller]:
    """A caller for open-loop load, and a carrier that answers everything."""
    carrier = Carrier(NORTH.host)
    listener = await listen_stream(
        NORTH, carrier.receive, tls=server_context(node.credential("north"), node.authority)
    )
    carrier.listen_on(listener.local)
    caller = caller or Caller()
    flow = await open_stream(
        NODE,
        caller.receive,
        tls=client_context(node.authority, node.credential("acme-hq")),
        server_name=DOMAIN,
    )
    numbers = TrunkNumbers(caller=f"sip:{OWN}@{DOMAIN}", called=f"sip:{CALLED}@{DOMAIN}")
    caller.trunks.append((flow, numbers))
    try:
        yield caller
    finally:
        await flow.close()
        await listener.close()


async def all_kinds(lab: Parties, running: Call) -> tuple[Call, float]:
    """An outbound, an inbound, an emergency call and one that ran before; the outbound one and its set-up time."""
    began = time.monotonic()
    call, received = await lab.whole_call()
    took = received.trace[0].at_s - began
    await lab.inbound_call()
    emergency, _ = await lab.whole_call(called="911")
    assert emergency.invite.uri.startswith("sip:911@")
    assert (await running.bye()).status == 200
    return call, took


async def running_call(lab: Parties) -> Call:
    """A call that has been answered."""
    call = await lab.call()
    await call.answered()
    await (await lab.north.incoming()).confirmed()
    return call


def signed(lab: Parties, call: Call) -> bool:
    """Whether the carrier got an Identity header with the call that has this caller's tag."""
    tag = call.local_tag
    invites = [
        seen.message
        for seen in lab.north.trace
        if not seen.sent and seen.message.is_request and seen.message.method == "INVITE"
    ]
    wanted = [message for message in invites if f"tag={tag}" in message.get("From")]
    assert len(wanted) == 1
    return bool(wanted[0].get("Identity"))
