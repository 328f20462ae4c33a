"""A provider says the levels, and we make the signatures: under a real certificate by a contract two people saw."""

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sipkit.passports import claims_of
from sipkit.sti import OTHER_SPC, Provider
from trunkward.engines.in_force import read_in_force
from trunkward.engines.signer_wire import SignRequest
from trunkward.engines.users import gid, uid
from trunkward.stiauthority.server import Where
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.node.parties import (
    NORTH_NUMBER,
    carrier_agent,
    connect,
    customer_agent,
    place,
    run,
    tls_carrier,
)
from wire.shaken.test_blocks import answered
from wire.shaken.test_evidence import as_person, done

#: Where the authorities of this module are.
WHERE = Where(address="127.0.0.72")
#: The switch of a reseller who says the level: where its connections leave from, and its number.
HOST, NUMBER = "127.0.0.4", "+12025550112"
_ADMINISTRATOR = """\
  policy_administrator:
    url: {provider.sti.administrator.url}
    certificate: {provider.sti.home.administrator_certificate}
    ca: {provider.trust}
"""
_RESELLERS = """
resellers:
  - name: switched
    identity:
      spc: "{spc}"
      x5u: https://cert.example.com/switched.pem
      third_party: true
      certificates: files
      files: {{chain: {home}/chain.pem, key: {home}/signing.key}}

tenants:
  - name: initech
    reseller: switched
    trunks:
      - name: initech-hq
        networks: [{host}/32]
        client_certificate: issued
        numbers: ["{number}"]
        supplies_levels: true
"""
AGREEMENT = b"Example Telecom signs for Initech what Initech decides, under the certificate of Initech."


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="tw-sti-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def node(home: Path) -> Iterator[Node]:
    """The example, with a reseller whose own certificate is of an authority that others trust, too."""
    provider = Provider(home, where=WHERE)
    provider.sti.start()
    running = None
    try:
        (home / "chain.pem").write_bytes(provider.issued(OTHER_SPC))
        os.chown(provider.key_file, uid("tw-signer-1"), gid("tw-signer-1"))
        provider.key_file.chmod(0o600)
        text = EXAMPLE.read_text(encoding="utf-8")
        resellers = _RESELLERS.format(spc=OTHER_SPC, home=home, host=HOST, number=NUMBER)
        assert text.count("\ntenants:\n") == text.count("  number_plan:\n") == 1
        text = text.replace("\ntenants:\n", resellers)
        administrator = _ADMINISTRATOR.format(provider=provider)
        running = start_node(text.replace("  number_plan:\n", f"{administrator}  number_plan:\n"))
        yield running
    finally:
        if running is not None:
            stop_node(running)
        provider.sti.stop()


async def supplied(node: Node, level: str) -> tuple[str, dict[str, Any]]:
    """The level a call of the switch was signed at, "" for none, and its record."""
    switch, north = customer_agent(), carrier_agent()
    async with tls_carrier(node, north):
        flow = await connect(node, switch, "initech-hq", HOST)
        headers = [("Attestation-Info", level)]
        call = await place(switch, flow, NORTH_NUMBER, sender=f"<sip:{NUMBER}@inner.acme>", headers=headers)
        there = await north.incoming()
        await call.answered()
        await there.confirmed()
        assert (await call.bye()).status == 200
        await flow.close()
    record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
    values = there.invite.get_all("Identity")
    assert [claims_of(value)["attest"] for value in values] == [one for one in [record["attest"]] if one]
    return record["attest"], record


def replayed(node: Node, token: str | None) -> str:
    """What the reseller's signer says to a gate's user who shows this contract."""
    in_force = read_in_force(node.paths.declared)
    assert in_force is not None
    request = SignRequest(
        id="1",
        identity="switched",
        trunk="initech-hq",
        tenant="initech",
        orig=NUMBER[1:],
        dest=[NORTH_NUMBER[1:]],
        level="A",
        supplied="A",
        rule="A-supplied",
        relationship=in_force.relationships["initech-hq"],
        evidence=token,
        origid="8a1e9f7c-7a0a-4a54-a1f8-6d8a2b7c9d10",
        record_id="r",
    )
    return answered(node, request)


def test_property_6_what_is_supplied_is_signed_by_a_contract_one_person_entered_and_another_accepted(
    node: Node,
) -> None:
    """Summary: Property 6 on the wire: without a contract nothing that is supplied is signed, and the signer gives a gate nothing either; accepted by another person, the next call is; revoked, the next is not, and a token the gate has kept is refused."""
    alice, bob = as_person(node, "alice", 41001), as_person(node, "bob", 41002)
    agreement = node.home / "agreement.pdf"
    agreement.write_bytes(AGREEMENT)
    until = f"{datetime.now(UTC) + timedelta(days=100):%Y-%m-%d}"

    async def scenario() -> None:
        async def cli(who: Node, *arguments: str, code: int = 0) -> str:
            return await asyncio.to_thread(done, who, *arguments, code=code)

        for level in ("A", "B", "C"):
            signed, record = await supplied(node, level)
            assert (signed, record["attest_reason"]) == ("", "none-without-contract")
            assert record["attestation"]["lack"] == "no-contract"
            page = await cli(node, "why", record["record_id"])
            assert "no written agreement that two people have looked at" in page
        lacks = f"identity switched: no contract with the provider of SPC {OTHER_SPC} is accepted"
        for command in ("status", "plan", ("evidence", "list")):
            arguments = (command,) if isinstance(command, str) else command
            assert lacks in " ".join((await cli(node, *arguments)).split())
        assert "contract-missing" in replayed(node, None)

        await cli(
            *(alice, "evidence", "add", "--kind", "contract", "--identity", "switched"),
            *("--file", str(agreement), "--until", until, "--why", "signed by both, filed as 2026/61"),
        )
        (listed,) = (await cli(node, "evidence", "list", "--json")).splitlines()
        entered = json.loads(listed)
        assert (entered["identity"], entered["spc"], entered["numbers"]) == ("switched", OTHER_SPC, "")
        number = str(entered["id"])
        assert (await supplied(node, "A"))[0] == ""
        said = await cli(alice, "evidence", "review", number, "--accept", "--why", "sure", code=2)
        assert "another person has to look at it" in said

        await cli(bob, "evidence", "review", number, "--accept", "--why", "called Initech")
        by_contract = ""
        for level in ("A", "B", "C"):
            signed, record = await supplied(node, level)
            assert (signed, record["attestation"]["rule"]) == (level, f"{level}-supplied")
            by_contract = record["record_id"]
            told = json.loads(await cli(node, "why", by_contract, "--json"))
            assert told["journal"]["agrees"], told["journal"]
            document = told["number"]["record"]
            assert (document["kind"], document["spc"]) == ("contract", OTHER_SPC)
            assert (document["entered_by"], document["reviewed_by"]) == (
                "alice (uid 41001)",
                "bob (uid 41002)",
            )
        assert "no contract" not in await cli(node, "status")
        in_force = read_in_force(node.paths.declared)
        assert in_force is not None
        token = in_force.contracts["switched"]
        assert '"identities"' in replayed(node, token)

        await cli(alice, "evidence", "revoke", number, "--why", "cancelled")
        signed, record = await supplied(node, "A")
        assert (signed, record["attest_reason"]) == ("", "none-without-contract")
        assert "contract-revoked" in replayed(node, token)
        page = " ".join((await cli(node, "why", record["record_id"])).split())
        assert (
            f"record {number} (contract of SPC {OTHER_SPC}) spoke for it until it was revoked by alice"
            in page
        )
        page = " ".join((await cli(node, "why", by_contract)).split())
        assert "revoked since by alice (uid 41001)" in page

    run(node, scenario)
