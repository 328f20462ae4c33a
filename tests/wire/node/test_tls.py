"""TLS on both sides: version 1.3 only, and no call over a connection whose peer has not shown its name."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sipkit.certificates import Credential, ThrowawayAuthority
from sipkit.transport import client_context
from wire.conftest import Node
from wire.node.parties import (
    NORTH_NUMBER,
    SBC,
    SBC_PLAIN,
    SOUTH,
    carrier_agent,
    connect,
    customer_agent,
    place,
    run,
    tls_carrier,
)
from wire.node.probes import asked_from


def handshake(node: Node, version: ssl.TLSVersion) -> str | None:
    context = client_context(node.authority, node.credential("acme-hq"), version=version)
    with (
        socket.create_connection((SBC.host, SBC.port), 20) as plain,
        context.wrap_socket(plain, server_hostname=SBC.host) as tls,
    ):
        return tls.version()


def test_only_tls_1_3(node: Node) -> None:
    """Summary: the node's port accepts TLS 1.3 with a certificate that names it, and refuses 1.2."""
    assert handshake(node, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    with pytest.raises(ssl.SSLError, match=r"(?i)alert protocol version|unsupported protocol|version"):
        handshake(node, ssl.TLSVersion.TLSv1_2)


def test_plain_listener_answers_only_configured_sources(node: Node) -> None:
    """Summary: the plain listener answers a configured carrier's address and says nothing to any other."""
    assert asked_from(SOUTH.host, 20).startswith(b"SIP/2.0 200")
    assert asked_from("127.0.0.3") == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((SBC_PLAIN.host, SBC_PLAIN.port), 2)  # no carrier names TCP


def other_name(node: Node, _directory: Path) -> Credential:
    return node.credential("acme-hq")


def foreign_authority(_node: Node, directory: Path) -> Credential:
    return ThrowawayAuthority(directory).issue("north.example.net")


@pytest.mark.parametrize(
    # a foreign certificate ends the handshake: not even the OPTIONS is sent
    ("wrong", "seen"),
    [(other_name, {"OPTIONS"}), (foreign_authority, set())],
)
def test_no_call_to_a_peer_of_another_name(
    node: Node, tmp_path: Path, wrong: Callable[[Node, Path], Credential], seen: set[str]
) -> None:
    """Summary: a valid certificate for another name, or the right name from a foreign authority, gets no INVITE."""

    async def scenario() -> None:
        customer, impostor, carrier = customer_agent(), carrier_agent(), carrier_agent()
        flow = await connect(node, customer)
        async with tls_carrier(node, impostor, credential=wrong(node, tmp_path)):
            call = await place(customer, flow, NORTH_NUMBER)
            assert (await call.final()).status == 503
        assert {s.message.method for s in impostor.trace if not s.sent} == seen
        async with tls_carrier(node, carrier):
            until = time.monotonic() + 30  # a refused peer is left alone for a few seconds
            while True:
                call = await place(customer, flow, NORTH_NUMBER)
                if (await call.final()).status == 200:
                    break
                assert time.monotonic() < until, "the right certificate helps nothing"
                await asyncio.sleep(0.3)
            assert (await call.bye()).status == 200

    run(node, scenario)
