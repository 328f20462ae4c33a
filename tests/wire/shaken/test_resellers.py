"""Whose certificate signs a call, and who says at which level: by whom its trunk is sold."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipkit.call import HeaderLines
from sipkit.passports import head_of, verified
from trunkward.engines.pki_files import PkiFiles
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.node.parties import (
    ACME_NUMBER,
    NORTH_NUMBER,
    carrier_agent,
    connect,
    customer_agent,
    place,
    run,
    tls_carrier,
)

OWN_X5U = "https://cert.example.com/trunkward/test.pem"
#: By trunk: reseller, where its connections leave from, its number.
TRUNKS = {
    "acme-hq": ("", "127.0.0.1", ACME_NUMBER),
    "globex-hq": ("resale", "127.0.0.2", "+12025550111"),
    "initech-hq": ("switched", "127.0.0.4", "+12025550112"),
    "hotel-hq": ("switched", "127.0.0.5", "+12025550113"),
}
_RESELLERS = """
resellers:
  - name: resale
    identity: {spc: "111T", x5u: https://cert.example.com/resale.pem}
  - name: switched
    identity: {spc: "222T", x5u: https://cert.example.com/switched.pem, third_party: true}

tenants:
"""
_TENANT = """\
  - name: {tenant}
    reseller: {reseller}
    customer: {{reference: KYC-2026-18, verified: 2026-01-15}}
    trunks:
      - name: {trunk}
        networks: [{host}/32]
        client_certificate: issued
        numbers: ["{number}"]
"""
#: Of `switched`; the other trunk is one of his customers'.
_SWITCH = "initech-hq"


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """The example, with a customer of each of two resellers."""
    tenants = "".join(
        _TENANT.format(tenant=trunk.split("-")[0], reseller=reseller, trunk=trunk, host=host, number=number)
        + ("        supplies_levels: true\n" if trunk == _SWITCH else "")
        for trunk, (reseller, host, number) in TRUNKS.items()
        if reseller
    )
    text = EXAMPLE.read_text(encoding="utf-8").replace("\ntenants:\n", _RESELLERS, 1)
    running = start_node(text.replace("\ncarriers:\n", f"{tenants}\ncarriers:\n", 1))
    yield running
    stop_node(running)


def certificate(node: Node, reseller: str) -> Path:
    """What a reseller's calls are signed with."""
    pki = PkiFiles(node.state / "pki")
    return pki.identity_chain(reseller) if reseller else pki.shaken


async def called(node: Node, trunk: str, headers: HeaderLines = ()) -> tuple[tuple[str, ...], str, str]:
    """The Identity headers of a call as they arrive, its level on record, and why it has none."""
    _, host, number = TRUNKS[trunk]
    customer, north = customer_agent(), carrier_agent()
    async with tls_carrier(node, north):
        flow = await connect(node, customer, trunk, host)
        call = await place(customer, flow, NORTH_NUMBER, sender=f"<sip:{number}@inner.acme>", headers=headers)
        there = await north.incoming()
        await call.answered()
        await there.confirmed()
        assert (await call.bye()).status == 200
        await flow.close()
    assert not there.invite.has("Attestation-Info")
    record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
    return there.invite.get_all("Identity"), record["attest"], record["attest_reason"]


def test_the_certificate_is_the_resellers(node: Node) -> None:
    """Summary: a call is signed with the certificate of the trunk's reseller where he has one, with the node's else; what a customer says in Attestation-Info changes nothing."""

    async def scenario() -> None:
        for trunk, x5u in (("acme-hq", OWN_X5U), ("globex-hq", "https://cert.example.com/resale.pem")):
            values, level, why = await called(node, trunk, [("Attestation-Info", "C")])
            assert (level, why) == ("A", "")
            [value] = values
            assert head_of(value)["x5u"] == x5u
            assert verified(value, certificate(node, TRUNKS[trunk][0]))["attest"] == "A"

    run(node, scenario)


def test_a_level_that_is_supplied_and_no_other(node: Node) -> None:
    """Summary: Property 6: in third-party mode the level is the one in the Attestation-Info of the provider's own switch, whatever is known here of the number; without one, with two or with nonsense the call goes unsigned."""

    async def scenario() -> None:
        for level in ("A", "B", "C"):
            values, recorded, why = await called(node, "initech-hq", [("Attestation-Info", level)])
            assert (recorded, why) == (level, "")
            [value] = values
            assert verified(value, certificate(node, "switched"))["attest"] == level
        for headers in (
            [],
            [("Attestation-Info", "D")],
            [("Attestation-Info", "A"), ("Attestation-Info", "C")],
        ):
            values, recorded, why = await called(node, "initech-hq", headers)
            assert (values, recorded, why) == ((), "", "none-level-not-supplied")

    run(node, scenario)


def test_a_customer_of_that_provider_supplies_no_level(node: Node) -> None:
    """Summary: Property 6: Attestation-Info of a trunk that is not the provider's own switch means nothing: its call goes unsigned, whatever is in it."""

    async def scenario() -> None:
        for level in ("A", "B", "C"):
            values, recorded, why = await called(node, "hotel-hq", [("Attestation-Info", level)])
            assert (values, recorded, why) == ((), "", "none-level-not-supplied")

    run(node, scenario)
