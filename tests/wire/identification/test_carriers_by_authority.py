"""A carrier's authority is believed for that carrier: it cannot write another one's name."""

import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from sipkit.certificates import Credential, ThrowawayAuthority
from sipkit.transport import client_context, open_stream
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.node.parties import (
    ACME_NUMBER,
    PBX,
    SBC,
    carrier_agent,
    customer_agent,
    place,
    run,
    tls_carrier,
    until,
)

#: A second carrier in the same network.
EAST = """  - name: east
    hosts: [127.0.0.51:25061]
    transport: tls
    prefixes: ["+1404"]
    networks: [127.0.0.1/32, 127.0.0.51/32]
    tls_names: [east.example.net]
    ca: {ca}

  - name: south
"""


class Site:
    """A node with two carriers, each with an authority of its own."""

    def __init__(self, directory: Path) -> None:
        self.north = ThrowawayAuthority(directory / "north", "north's authority")
        self.east = ThrowawayAuthority(directory / "east", "east's authority")
        text = EXAMPLE.read_text(encoding="utf-8")
        for old, new in (
            ("    ca: local\n", f"    ca: {self.north.trust}\n"),
            ("  - name: south\n", EAST.format(ca=self.east.trust)),
        ):
            assert text.count(old) == 1
            text = text.replace(old, new)
        self.node = start_node(text)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    directory = Path(tempfile.mkdtemp(prefix="tw-ca-"))
    directory.chmod(0o755)
    made = Site(directory)
    yield made
    stop_node(made.node)
    shutil.rmtree(directory)


def test_a_carrier_is_known_by_its_own_authority(site: Site) -> None:
    """Summary: two carriers with authorities of their own: each calls in with its own certificate; one with the other's name is nobody, and its record says why."""
    node: Node = site.node
    own = [
        (site.north.issue("north.example.net"), "north"),
        (site.east.issue("east.example.net"), "east"),
    ]
    forged = [
        (site.east.issue("north.example.net"), "carrier north"),
        (site.north.issue("EAST.example.net"), "carrier east"),
    ]

    async def scenario() -> None:
        async def called(credential: Credential) -> tuple[int, str]:
            carrier = carrier_agent()
            tls = client_context(node.authority, credential)
            flow = carrier.own(await open_stream(SBC, carrier.receive, tls=tls, local_host="127.0.0.1"))
            call = await place(carrier, flow, ACME_NUMBER)
            final = await call.final()
            if final.status == 200:
                await call.bye()
            await flow.close()
            return final.status, call.invite.call_id

        def decided(call_id: str) -> bool:
            return bool(node.record(call_id)["verdict"])

        customer = customer_agent()
        async with tls_carrier(node, customer, PBX, node.credential("acme-hq")):
            for credential, name in own:
                status, call_id = await called(credential)
                assert status == 200, name
                # an outcome may be shipped before its decision
                await until(partial(decided, call_id), "its decision")
                assert node.record(call_id)["source_name"] == name
            for credential, whose in forged:
                status, call_id = await called(credential)
                assert status == 403, whose
                record = node.record(call_id)
                assert (record["reason"], record["source_name"]) == ("unknown-source", "")
                assert whose in record["findings"][-1]["detail"]

    run(node, scenario)
