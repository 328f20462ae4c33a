"""TLS 1.2 for old PBXs: a listener of its own, for the trunks that are declared for it and nobody else."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sipkit.certificates import ThrowawayAuthority
from sipkit.transport import Address, client_context, listen_stream, open_stream, server_context
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.node.parties import (
    NORTH,
    NORTH_NUMBER,
    SBC,
    Party,
    carrier_agent,
    customer_agent,
    faults_in,
    forgotten,
    place,
    run,
    tls_carrier,
)

EXCEPTION = Address(host=SBC.host, port=5062)
OLD_PBX = Address(host="127.0.0.23", port=15061)
OLD_NUMBER = "+12025550121"
OLD_TRUNK = f"""\
      - name: old-pbx
        networks: [127.0.0.1/32, {OLD_PBX.host}/32]
        client_certificate: issued
        numbers: ["{OLD_NUMBER}"]
        caller: {{other: replace, number: "{OLD_NUMBER}"}}
        host: {OLD_PBX}
        tls_names: [old.acme.example.com]
        unsafe_tls12: true

carriers:
"""


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    running = start_node(EXAMPLE.read_text(encoding="utf-8").replace("carriers:\n", OLD_TRUNK, 1))
    yield running
    stop_node(running)


def handshake(node: Node, to: Address, version: ssl.TLSVersion, ciphers: str = "") -> tuple[str, str]:
    """Version and cipher suite that were agreed on."""
    context = client_context(node.authority, node.credential("old-pbx"), version=version)
    if ciphers:
        context.set_ciphers(ciphers)
    with (
        socket.create_connection((to.host, to.port), 20) as plain,
        context.wrap_socket(plain, server_hostname=to.host) as tls,
    ):
        agreed = tls.cipher()
        assert agreed is not None
        return tls.version() or "", agreed[0]


def test_versions_and_suites_of_each_listener(node: Node) -> None:
    """Summary: 1.2 with forward secrecy and AEAD on the exception's port only; 1.1 and CBC suites nowhere."""
    assert handshake(node, EXCEPTION, ssl.TLSVersion.TLSv1_3)[0] == "TLSv1.3"
    version, suite = handshake(node, EXCEPTION, ssl.TLSVersion.TLSv1_2)
    assert version == "TLSv1.2"
    assert suite.startswith("ECDHE-ECDSA-")
    assert "GCM" in suite or "CHACHA20" in suite
    refused: list[tuple[Address, ssl.TLSVersion, str]] = [
        (SBC, ssl.TLSVersion.TLSv1_2, ""),
        (EXCEPTION, ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0"),
        (EXCEPTION, ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256:@SECLEVEL=0"),
    ]
    for to, old, ciphers in refused:
        with pytest.raises(ssl.SSLError, match=r"(?i)alert|version|no shared"):
            handshake(node, to, old, ciphers)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_1_1_is_refused(node: Node) -> None:
    """Summary: a client that speaks 1.1 alone gets no handshake on either port."""
    for to in (SBC, EXCEPTION):
        with pytest.raises(ssl.SSLError, match=r"(?i)alert|version"):
            handshake(node, to, ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0")


def test_a_connection_keeps_what_it_began_with(node: Node) -> None:
    """Summary: renegotiation, which could change the certificate a call was judged by, ends the connection."""
    credential = node.credential("old-pbx")
    command = ["openssl", "s_client", "-connect", str(EXCEPTION), "-tls1_2"]
    command += ["-cert", str(credential.certificate), "-key", str(credential.key)]
    # "R" on a line of its own asks to renegotiate
    asked = subprocess.run(command, input="R\n", capture_output=True, text=True, check=False, timeout=30)
    assert "RENEGOTIATING" in asked.stdout + asked.stderr
    assert re.search("no renegotiation|unexpected eof", asked.stdout + asked.stderr)


async def connected(
    node: Node, party: Party, to: Address, name: str, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
) -> Any:
    tls = client_context(node.authority, node.credential(name) if name else None, version=version)
    return party.own(await open_stream(to, party.receive, tls=tls, local_host="127.0.0.1"))


@pytest.mark.parametrize(
    ("to", "version", "shown"),
    [(EXCEPTION, ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (SBC, ssl.TLSVersion.TLSv1_3, "TLSv1.3")],
)
def test_a_declared_trunk_calls(node: Node, to: Address, version: ssl.TLSVersion, shown: str) -> None:
    """Summary: a trunk with the exception calls over TLS 1.2 on its port and over 1.3 on the other; records say so."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()
        async with tls_carrier(node, carrier):
            flow = await connected(node, customer, to, "old-pbx", version)
            call = await place(customer, flow, NORTH_NUMBER)
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            assert (await there.reinvite(carrier.session)).status == 200
            assert (await call.reinvite(customer.session)).status == 200
            assert (await there.bye()).status == 200
            assert await call.ended() == "peer-bye"
            await flow.close()
        record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
        assert (record["trunk"], record["tls_version"]) == ("old-pbx", shown)
        versions = {leg["side"]: leg["tls_version"] for leg in record["legs"]}
        assert versions == {"caller": shown, "callee": "TLSv1.3"}

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


def test_nobody_else_calls_there(node: Node) -> None:
    """Summary: a trunk or carrier without the exception is told so; a stranger gets the 403 of every stranger."""

    async def scenario() -> None:
        for name, version, reason in (
            ("acme-hq", ssl.TLSVersion.TLSv1_2, "tls12-refused"),
            ("acme-hq", ssl.TLSVersion.TLSv1_3, "tls12-refused"),
            ("north", ssl.TLSVersion.TLSv1_2, "tls12-refused"),
            ("", ssl.TLSVersion.TLSv1_2, ""),
        ):
            customer = customer_agent()
            flow = await connected(node, customer, EXCEPTION, name, version)
            call = await place(customer, flow, "+12025550101" if name == "north" else NORTH_NUMBER)
            final = await call.final()
            assert final.status == 403
            assert (reason in final.get("Reason")) if reason else not final.has("Reason")
            record = await asyncio.to_thread(node.record, call.invite.call_id)
            assert record["reason"] == (reason or "certificate-required")
            await flow.close()

    run(node, scenario)


def test_an_emergency_call_is_taken_on_any_listener(node: Node) -> None:
    """Summary: an identified trunk without the exception reaches 933 there."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()
        async with tls_carrier(node, carrier):
            flow = await connected(node, customer, EXCEPTION, "acme-hq", ssl.TLSVersion.TLSv1_3)
            call = await place(customer, flow, "933")
            await carrier.incoming()
            assert (await call.final()).status == 200
            assert (await call.bye()).status == 200
            await flow.close()

    run(node, scenario)


def test_a_declared_pbx_is_dialled_with_tls_1_2_and_no_other_peer(node: Node) -> None:
    """Summary: calls reach an old PBX that has TLS 1.2 alone; a carrier that offers no more gets none."""

    async def scenario() -> None:
        customer, carrier, north = customer_agent(), carrier_agent(), carrier_agent()
        for party, at, name in ((customer, OLD_PBX, "old-pbx"), (north, NORTH, "north")):
            context = server_context(node.credential(name), node.authority)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
            listener = await listen_stream(at, party.receive, tls=context, on_open=party.own)
            try:
                if party is customer:
                    flow = await connected(node, carrier, SBC, "north", ssl.TLSVersion.TLSv1_3)
                    call = await place(carrier, flow, OLD_NUMBER)
                    there = await customer.incoming()
                    await call.answered()
                    await there.confirmed()
                    assert (await call.bye()).status == 200
                    record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
                    versions = {leg["side"]: leg["tls_version"] for leg in record["legs"]}
                    assert versions == {"caller": "TLSv1.3", "callee": "TLSv1.2"}
                else:
                    mine = await connected(node, customer, EXCEPTION, "old-pbx")
                    assert (await (await place(customer, mine, NORTH_NUMBER)).final()).status == 503
                    assert not north.raw
            finally:
                await listener.close()
                await forgotten(node, at)

    run(node, scenario)


def test_the_exception_is_shown(node: Node) -> None:
    """Summary: `up` and `status` name the trunk and the port as a deviation."""
    said = "deviation trunk old-pbx: may speak TLS 1.2, on port 5062 and where we connect to it"
    assert said in node.trunkward("status").stdout
    assert said in (node.home / "up.out").read_text(errors="replace")
    assert f"{EXCEPTION}" in node.trunkward("status").stdout


def test_the_chain_of_a_dialled_pbx_is_checked_with_tls_1_2_too(node: Node, tmp_path: Path) -> None:
    """Summary: the right name from a foreign authority gets no call over TLS 1.2 either."""
    impostor = ThrowawayAuthority(tmp_path).issue("old.acme.example.com")

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()
        context = server_context(impostor)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        listener = await listen_stream(OLD_PBX, customer.receive, tls=context, on_open=customer.own)
        try:
            flow = await connected(node, carrier, SBC, "north", ssl.TLSVersion.TLSv1_3)
            assert (await (await place(carrier, flow, OLD_NUMBER)).final()).status == 503
            assert not customer.raw
        finally:
            await listener.close()

    run(node, scenario)
