"""Flows: the connections and sockets SIP travels on (RFC 3261 section 18), TLS 1.3, TCP and UDP.

A flow hands every framed message to its receiver as raw bytes; parsing is the receiver's business. `send`
takes any bytes, so a test can write half a message, two at once, or rubbish. One stream flow may carry
many calls.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sipkit.certificates import Credential
from sipkit.framing import Framer, UnframeableStreamError

Receiver = Callable[["Flow", bytes], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An IP address and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return host:port, IPv6 in brackets, as SIP writes it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Flow(Protocol):
    """What a user agent sends on."""

    transport_name: str  # "TLS", "TCP" or "UDP", as Via writes it

    @property
    def local(self) -> Address:
        """This end."""

    @property
    def remote(self) -> Address:
        """The other end."""

    @property
    def is_open(self) -> bool:
        """False once the connection is closed by either side."""

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""

    async def close(self) -> None:
        """Close and wait until it is closed."""


class StreamFlow(asyncio.Protocol):
    """A TLS or TCP connection, framed by Content-Length (RFC 3261 section 18.3)."""

    def __init__(self, receiver: Receiver, on_open: Callable[[StreamFlow], None] | None = None) -> None:
        """Make an unconnected flow; asyncio connects it."""
        self._receiver = receiver
        self._on_open = on_open
        self._framer = Framer()
        self._transport: asyncio.Transport | None = None
        self.transport_name = "TCP"
        self.closed = asyncio.get_running_loop().create_future()
        self.close_cause: Exception | None = None
        self.keep_alives = 0

    # --- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the ends; they stay readable after the connection is gone."""
        self._transport = transport  # type: ignore[assignment]  # uvloop's transports are no subclass
        self._local = _address(transport.get_extra_info("sockname"))
        self._remote = _address(transport.get_extra_info("peername"))
        self._tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        if self._tls is not None:
            self.transport_name = "TLS"
        if self._on_open is not None:
            self._on_open(self)

    def data_received(self, data: bytes) -> None:
        """Frame and hand on."""
        try:
            messages = self._framer.feed(data)
        except UnframeableStreamError:
            self.abort()
            return
        for message in messages:
            self._receiver(self, message)
        while (
            self._framer.pings and self.is_open
        ):  # RFC 5626 section 4.4.1: a double CRLF is answered by one CRLF
            self._framer.pings -= 1
            self.keep_alives += 1
            self.send(b"\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits on `closed`."""
        self.close_cause = exc
        if not self.closed.done():
            self.closed.set_result(None)

    # --- the user agent's side

    @property
    def local(self) -> Address:
        """This end."""
        return self._local

    @property
    def remote(self) -> Address:
        """The other end."""
        return self._remote

    @property
    def is_open(self) -> bool:
        """False once the connection is closed by either side."""
        return self._transport is not None and not self._transport.is_closing() and not self.closed.done()

    @property
    def tls_version(self) -> str | None:
        """The negotiated version such as `TLSv1.3`; None on TCP."""
        return self._tls.version() if self._tls else None

    @property
    def tls_cipher(self) -> str | None:
        """The negotiated cipher suite; None on TCP."""
        cipher = self._tls.cipher() if self._tls else None
        return cipher[0] if cipher else None

    def peer_certificate(self) -> bytes | None:
        """The peer's certificate, DER; None when it showed none."""
        return self._tls.getpeercert(binary_form=True) if self._tls else None

    def send(self, data: bytes) -> None:
        """Send bytes as they are.

        Raises:
            ConnectionError: the flow is closed.
        """
        if self._transport is None or not self.is_open:
            raise ConnectionError("the flow is closed")
        self._transport.write(data)

    def abort(self) -> None:
        """Drop the connection at once, with a reset and no TLS goodbye."""
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        """Close and wait until it is closed."""
        if self._transport is not None:
            self._transport.close()
            await self.closed


class UdpEndpoint(asyncio.DatagramProtocol):
    """A UDP socket; every peer it talks to is a flow of its own."""

    def __init__(self, receiver: Receiver) -> None:
        """Make an unbound endpoint; asyncio binds it."""
        self._receiver = receiver
        self._flows: dict[Address, UdpFlow] = {}
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the bound address."""
        self.transport = transport  # type: ignore[assignment]  # uvloop's transports are no subclass
        self.local = _address(transport.get_extra_info("sockname"))

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """One datagram is one message (RFC 3261 section 18.3)."""
        if data.strip(b"\r\n\0"):
            self._receiver(self.flow(_address(addr)), data)

    def flow(self, remote: Address) -> UdpFlow:
        """Return the flow to a peer."""
        if remote not in self._flows:
            self._flows[remote] = UdpFlow(self, remote)
        return self._flows[remote]

    async def close(self) -> None:
        """Close the socket."""
        if self.transport is not None:
            self.transport.close()
            await asyncio.sleep(0)


class UdpFlow:
    """One peer of a UDP endpoint."""

    transport_name = "UDP"

    def __init__(self, endpoint: UdpEndpoint, remote: Address) -> None:
        """Bind endpoint and peer together."""
        self._endpoint = endpoint
        self._remote = remote

    @property
    def local(self) -> Address:
        """This end."""
        return self._endpoint.local

    @property
    def remote(self) -> Address:
        """The other end."""
        return self._remote

    @property
    def is_open(self) -> bool:
        """False once the socket is closed."""
        return self._endpoint.transport is not None and not self._endpoint.transport.is_closing()

    def send(self, data: bytes) -> None:
        """Send one datagram."""
        if self._endpoint.transport is None:
            raise ConnectionError("the socket is closed")
        self._endpoint.transport.sendto(data, (self._remote.host, self._remote.port))

    async def close(self) -> None:
        """Close the whole socket."""
        await self._endpoint.close()


@dataclass(slots=True, kw_only=True)
class Listener:
    """A listening TLS or TCP socket and the flows it accepted so far."""

    server: asyncio.Server
    local: Address
    flows: list[StreamFlow]

    async def close(self) -> None:
        """Stop listening and drop every accepted flow."""
        await stop_listening(self.server)


async def stop_listening(server: asyncio.Server) -> None:
    """Close a server and drop whoever it has let in, also those whose TLS handshake is under way.

    First it takes nobody more: a connection that was taken a moment before `close` would get a transport of
    a server that is closed, and nobody would end it (CPython's `_attach` asserts, its warning fails a test).
    """
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        loop.remove_reader(listening.fileno())
    await asyncio.sleep(0)
    server.close()
    server.abort_clients()
    await asyncio.sleep(0)


def _address(sockaddr: Any) -> Address:  # the socket module's own loose tuple
    return Address(host=str(sockaddr[0]), port=int(sockaddr[1]))


def client_context(
    trust: Path | None,
    credential: Credential | None = None,
    *,
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> ssl.SSLContext:
    """Return a client context of exactly one TLS version; without `trust` the server goes unchecked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = version
    if trust is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(trust)
    if credential is not None:
        context.load_cert_chain(credential.certificate, credential.key)
    return context


def server_context(
    credential: Credential, trust: Path | None = None, *, demand_client: bool = False
) -> ssl.SSLContext:
    """Return a TLS 1.3 server context; with `trust` it asks for a client certificate, or demands one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(credential.certificate, credential.key)
    if trust is not None:
        context.load_verify_locations(trust)
        context.verify_mode = ssl.CERT_REQUIRED if demand_client else ssl.CERT_OPTIONAL
    return context


async def open_stream(
    remote: Address,
    receiver: Receiver,
    *,
    tls: ssl.SSLContext | None = None,
    server_name: str | None = None,
    local_host: str | None = None,
) -> StreamFlow:
    """Connect over TLS (when a context is given) or TCP. `server_name` is checked and sent as SNI.

    Raises:
        ssl.SSLError, OSError: as asyncio raises them. TLS 1.3 reports a refused client certificate only
            later: the flow opens and then closes.
    """
    loop = asyncio.get_running_loop()
    _, flow = await loop.create_connection(
        lambda: StreamFlow(receiver),
        remote.host,
        remote.port,
        ssl=tls,
        server_hostname=(server_name or remote.host) if tls else None,
        local_addr=(local_host, 0) if local_host else None,
    )
    return flow


async def listen_stream(
    local: Address,
    receiver: Receiver,
    *,
    tls: ssl.SSLContext | None = None,
    on_open: Callable[[StreamFlow], None] | None = None,
) -> Listener:
    """Listen for TLS (when a context is given) or TCP; port 0 takes a free one, named by `Listener.local`."""
    flows: list[StreamFlow] = []

    def opened(flow: StreamFlow) -> None:
        flows.append(flow)
        if on_open is not None:
            on_open(flow)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: StreamFlow(receiver, opened), local.host, local.port, ssl=tls, backlog=1024
    )
    return Listener(server=server, local=_address(server.sockets[0].getsockname()), flows=flows)


async def open_udp(local: Address, receiver: Receiver) -> UdpEndpoint:
    """Bind a UDP socket; port 0 takes a free one."""
    loop = asyncio.get_running_loop()
    _, endpoint = await loop.create_datagram_endpoint(
        lambda: UdpEndpoint(receiver), local_addr=(local.host, local.port)
    )
    return endpoint


async def send_raw(
    remote: Address, data: bytes, *, tls: ssl.SSLContext | None = None, listen_s: float = 1.0
) -> bytes:
    """Open a connection, write bytes as they are, and return all that comes back until it closes or time
    is up."""
    server_name = remote.host if tls else None
    reader, writer = await asyncio.open_connection(
        remote.host, remote.port, ssl=tls, server_hostname=server_name
    )
    received = bytearray()
    try:
        writer.write(data)
        async with asyncio.timeout(listen_s):
            while chunk := await reader.read(65536):
                received += chunk
    except (TimeoutError, ConnectionError, ssl.SSLError):
        pass  # a peer that slams the door is a legitimate answer to rubbish
    finally:
        writer.transport.abort()
    return bytes(received)
