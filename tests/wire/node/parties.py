"""The parties around a node: sipkit agents that mark everything they send with names of their inside.

Every message a party sends carries its inside in all places a peer's software puts it: Via, Contact, From
host, Call-ID, User-Agent, Server, X-headers, and `o=` and `s=` of its SDP. `Party.raw` is all that reached it,
so what crossed the node is found by looking for the other party's marks in there.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from sipkit import UserAgent, sdp
from sipkit.call import Call, HeaderLines, Session
from sipkit.certificates import Credential
from sipkit.identity import fresh_branch, fresh_id
from sipkit.message import Message, request
from sipkit.transaction import branch_of
from sipkit.transport import (
    Address,
    Flow,
    Listener,
    UdpEndpoint,
    client_context,
    listen_stream,
    open_stream,
    open_udp,
    server_context,
)
from wire.conftest import Node

SBC = Address(host="127.0.0.10", port=5061)
SBC_PLAIN = Address(host="127.0.0.10", port=5060)
NORTH = Address(host="127.0.0.31", port=25061)
SOUTH = Address(host="127.0.0.41", port=35060)
PBX = Address(host="127.0.0.21", port=15061)

NORTH_NUMBER = "+12025550199"
SOUTH_NUMBER = "+13035550188"
ACME_NUMBER = "+12025550101"

#: What a party's inside is recognised by.
CUSTOMER_MARKS = ("10.9.8.7", "InnerPBX", "X-Inner", "inner.acme")
CARRIER_MARKS = ("10.66.6.6", "CarrierSoft", "X-Carrier-Inner", "core.carrier")


class Party(UserAgent):
    """A user agent that shows its inside in every message, and keeps every byte it receives."""

    #: Parties whose connections `run` closes at its end.
    alive: list[Party] = []  # noqa: RUF012

    def __init__(self, identity: str, marks: tuple[str, ...], **more: Any) -> None:
        self.marks = marks
        super().__init__(identity, **more)
        self.raw: list[bytes] = []
        self.flows: list[Any] = []
        Party.alive.append(self)
        #: Changes a message just before it leaves; None drops it.
        self.on_wire: Callable[[bytes], bytes | None] | None = None

    def own(self, flow: Any) -> Any:
        """Marks all that leaves by a flow from now on."""
        if flow not in self.flows:
            self.flows.append(flow)
            plain_send = flow.send

            def send(data: bytes) -> None:
                marked = self._marked(data)
                if self.on_wire is not None:
                    marked = self.on_wire(marked)  # type: ignore[assignment]
                if marked is not None:
                    plain_send(marked)

            flow.send = send
        return flow

    def _marked(self, data: bytes) -> bytes:
        address, software, header, host = self.marks
        start, crlf, rest = data.partition(b"\r\n")
        if not crlf or b"SIP/2.0" not in start:
            return data
        product = "Server" if start.startswith(b"SIP/2.0") else "User-Agent"
        lines = f'{product}: {software}/1.0\r\n{header}: {address}\r\nWarning: 399 {host} "x"\r\nP-Asserted-Identity: <sip:1@{host}>\r\n'
        return start + crlf + lines.encode() + rest

    def receive(self, flow: Flow, raw: bytes) -> None:
        """Keeps the bytes, then takes the message."""
        self.own(flow)
        self.raw.append(raw)
        super().receive(flow, raw)

    def via(self, flow: Flow) -> str:
        """A Via that names the inside; the answer comes back by `rport` or the connection."""
        return f"SIP/2.0/{flow.transport_name} {self.marks[0]}:5099;branch={fresh_branch()};rport"

    def saw(self, marks: tuple[str, ...]) -> list[str]:
        """Where any of these marks stands in what was received."""
        return [
            line.decode(errors="replace")
            for raw in self.raw
            for line in raw.split(b"\r\n")
            if any(mark.encode().lower() in line.lower() for mark in marks)
        ]


def reached(party: Party, *methods: str) -> list[Message]:
    """The requests of these methods that reached a party, each once: over UDP who is slow gets it again."""
    asked = [seen.message for seen in party.trace if not seen.sent and seen.message.is_request]
    once = {(branch_of(message), message.method): message for message in reversed(asked)}
    return [message for message in reversed(once.values()) if message.method in methods]


def described(profile: sdp.Profile, marks: tuple[str, ...]) -> Callable[[str], str]:
    """A session of this profile whose `o=` and `s=` name the inside."""

    def session(offered: str) -> str:
        text = sdp.answer(offered, prefer=sdp.USUAL_SUITES) if offered else sdp.offer(profile)
        lines = text.split("\r\n")
        lines[1] = lines[1].replace("o=-", f"o={marks[1]}").replace("127.0.0.1", marks[0])
        lines[2] = f"s={marks[3]}"
        return "\r\n".join(lines)

    return session


def customer_agent(**more: Any) -> Party:
    """Acme's PBX behind NAT: its Contact and From name an inner address."""
    more.setdefault("session", described(sdp.Profile.SDES, CUSTOMER_MARKS))
    return Party(
        f'"Alice" <sip:{ACME_NUMBER}@inner.acme>',
        CUSTOMER_MARKS,
        contact_uri="sip:alice@10.9.8.7:5066;transport=tls",
        **more,
    )


async def connect(node: Node, party: Party, name: str = "acme-hq", host: str = "127.0.0.1") -> Flow:
    """A trunk's TLS connection to the node."""
    tls = client_context(node.authority, node.credential(name) if name else None)
    flow: Flow = party.own(await open_stream(SBC, party.receive, tls=tls, local_host=host))
    return flow


def carrier_agent(profile: sdp.Profile = sdp.Profile.SDES, contact: str = "", **more: Any) -> Party:
    """A carrier's border element."""
    more.setdefault("session", described(profile, CARRIER_MARKS))
    return Party(
        "<sip:+12125550177@core.carrier>",
        CARRIER_MARKS,
        contact_uri=contact or f"sip:gw@{NORTH};transport=tls",
        **more,
    )


@asynccontextmanager
async def tls_carrier(
    node: Node, party: Party, at: Address = NORTH, credential: Credential | None = None
) -> AsyncIterator[Listener]:
    """Lets a party listen for TLS with the certificate of a carrier."""
    context = server_context(credential or node.credential("north"), node.authority)
    listener = await listen_stream(at, party.receive, tls=context, on_open=party.own)
    try:
        yield listener
    finally:
        await listener.close()
        await forgotten(node, at)


def kamcmd(node: Node, *command: str) -> str:
    """What Kamailio answers on its control socket; "" if it does not run."""
    asked = subprocess.run(
        ["kamcmd", "-s", f"unix:{node.run}/edge/ctl.sock", *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    return asked.stdout


def holds_connection(node: Node, peer: Address) -> bool:
    """Whether Kamailio, if it runs, thinks it has a connection to a peer."""
    ends = re.findall(r"^\s*src_ip: (\S+)\s+src_port: (\d+)", kamcmd(node, "core.tcp_list"), re.MULTILINE)
    return (peer.host, str(peer.port)) in ends


async def forgotten(node: Node, peer: Address) -> None:
    """Waits until Kamailio has seen that its connections to a peer are gone."""
    end = time.monotonic() + 20
    while await asyncio.to_thread(holds_connection, node, peer):
        assert time.monotonic() < end, f"Kamailio still holds a connection to {peer}"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def udp_carrier(party: Party, at: Address = SOUTH) -> AsyncIterator[UdpEndpoint]:
    """Lets a party listen on UDP."""
    endpoint = await open_udp(at, party.receive)
    try:
        yield endpoint
    finally:
        await endpoint.close()


def south_agent(**more: Any) -> Party:
    """The plain carrier."""
    return carrier_agent(sdp.Profile.PLAIN, contact=f"sip:gw@{SOUTH}", **more)


async def place(
    party: Party,
    flow: Flow,
    number: str,
    *,
    headers: HeaderLines = (),
    session: Session = None,
    call_id: str = "",
    from_tag: str = "",
    sender: str = "",
) -> Call:
    """Calls a number with a Call-ID that names the inside."""
    return party.place(
        invite(
            party,
            flow,
            number,
            headers=headers,
            session=session,
            call_id=call_id,
            from_tag=from_tag,
            sender=sender,
        ),
        flow,
        session=party.session,
    )


def invite(
    party: Party,
    flow: Flow,
    number: str,
    *,
    headers: HeaderLines = (),
    session: Session = None,
    call_id: str = "",
    from_tag: str = "",
    sender: str = "",
) -> Message:
    """An initial INVITE by hand."""
    chosen = session if session is not None else party.session
    body = (chosen("") if callable(chosen) else chosen or "").encode()
    lines = [
        ("Via", party.via(flow)),
        ("Max-Forwards", "70"),
        ("From", f"{sender or party.identity};tag={from_tag or fresh_id('f')}"),
        ("To", f"<sip:{number}@sbc.example.com>"),
        ("Call-ID", call_id or f"{fresh_id('c')}@{party.marks[0]}"),
        ("CSeq", "1 INVITE"),
        ("Contact", party.contact(flow)),
        *headers,
    ]
    if body:
        lines.append(("Content-Type", "application/sdp"))
    return request("INVITE", f"sip:{number}@sbc.example.com", lines, body)


async def until[T](found: Callable[[], T | bool | None], what: str, within_s: float = 20.0) -> T:
    """Waits for something to become true."""
    end = time.monotonic() + within_s
    while not (value := found()):
        assert time.monotonic() < end, f"not within {within_s} s: {what}"
        await asyncio.sleep(0.02)
    return value  # type: ignore[return-value]


def signals_in(log: str) -> list[str]:
    """Lines of Kamailio's log that tell of a process that died."""
    return [
        line
        for line in log.splitlines()
        if "exited by a signal" in line or "core was" in line or "SIGSEGV" in line
    ]


def faults_in(log: str) -> list[str]:
    """Lines that tell of an exception in a callback."""
    return [line for line in log.splitlines() if "edge callback" in line or "Traceback" in line]


def run(node: Node, scenario: Callable[[], Any]) -> None:
    """Runs a scenario and closes whatever connection it left open; shows what was said when it failed."""

    async def whole() -> None:
        try:
            async with asyncio.timeout(90):
                await scenario()
        except BaseException:
            for party in Party.alive:
                print(f"---- {party.marks[1]}")
                for seen in party.trace:
                    print(">>>" if seen.sent else "<<<", seen.message.to_bytes().decode(errors="replace"))
            print(node.log("kamailio")[-6000:])
            raise
        finally:
            for party in Party.alive:
                for flow in party.flows:
                    if flow.is_open:
                        await flow.close()
            Party.alive.clear()
            await asyncio.sleep(0)

    asyncio.run(whole())


def reoffer(call: Call) -> str:
    """An offer of what the call uses already, with fresh keys and the inside in `o=` and `s=`."""
    used = [crypto.suite for crypto in sdp.cryptos_of(call.local_sdp)]
    answered = [crypto.suite for crypto in sdp.cryptos_of(call.remote_sdp)]
    suites = tuple(suite for suite in used if suite in answered or not answered)[:1]
    marks = call.agent.marks  # type: ignore[attr-defined]
    profile = sdp.Profile(sdp.profile_of(call.local_sdp))
    lines = sdp.offer(profile, suites=suites).split("\r\n")
    lines[1] = lines[1].replace("o=-", f"o={marks[1]}").replace("127.0.0.1", marks[0])
    lines[2] = f"s={marks[3]}"
    return "\r\n".join(lines)
