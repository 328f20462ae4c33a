"""Level A rests on evidence that one person entered and another accepted; each piece that goes lowers the next call."""

import asyncio
import fcntl
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from sipkit.message import Message
from sipkit.passports import claims_of
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

#: May be shown by the trunk without evidence, too; and one that only evidence speaks for.
VERIFIED, HELD = "+12125550150", "+12125550151"
RANGE = "+12125550150-+12125550159"
LETTER = b"The numbers below are assigned to Example Corp, which lets Acme show them."
CUSTOMER = "    customer: {reference: KYC-2026-17, verified: 2026-01-15}\n"


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """The example, with one foreign number that its trunk may show."""
    running = start_node(EXAMPLE.read_text(encoding="utf-8"))
    try:
        until = f"{datetime.now(UTC) + timedelta(days=100):%Y-%m-%d}"
        done(running, "number", "verify", VERIFIED, "--trunk", "acme-hq", "--evidence", "x", "--until", until)
        yield running
    finally:
        stop_node(running)


def as_person(node: Node, name: str, uid: int) -> Node:
    """The node, for somebody who has logged in under a name of his own and became root."""
    sudo = {"SUDO_UID": str(uid), "SUDO_USER": name}  # the platform does not know the machine's people
    return replace(node, login=uid, environment=node.environment | sudo)


def done(node: Node, *arguments: str, code: int = 0) -> str:
    """What a command said; it ends with this code."""
    finished = node.trunkward(*arguments)
    assert finished.returncode == code, finished.stdout + finished.stderr
    return finished.stdout + finished.stderr


async def call_from(node: Node, number: str) -> tuple[Message, dict[str, Any]]:
    """The INVITE of a call that shows a number, as it came to the carrier, and its record."""
    caller, north = customer_agent(), carrier_agent()
    async with tls_carrier(node, north):
        flow = await connect(node, caller)
        call = await place(caller, flow, NORTH_NUMBER, sender=f"<sip:{number}@inner.acme>")
        there = await north.incoming()
        await call.answered()
        await there.confirmed()
        assert (await call.bye()).status == 200
        await flow.close()
    return there.invite, await asyncio.to_thread(node.record, call.invite.call_id, ended=True)


async def level_of(node: Node, number: str) -> tuple[str, str, dict[str, Any]]:
    """Level and number that were signed, and the record's word on it."""
    invite, record = await call_from(node, number)
    (value,) = invite.get_all("Identity")
    claims = claims_of(value)
    assert claims["attest"] == record["attest"]
    return claims["attest"], f"+{claims['orig']['tn']}", record


def test_property_4_evidence_is_entered_by_one_accepted_by_another_and_its_end_lowers_the_next_call(
    node: Node,
) -> None:
    """Summary: Property 4 on the wire: a document alone is B; its enterer cannot accept it; another person can, and the next call is A; revoked, the next call is B, or shows it no more; without a KYC record it is C."""
    alice, bob = as_person(node, "alice", 41001), as_person(node, "bob", 41002)
    letter = node.home / "letter.pdf"
    letter.write_bytes(LETTER)
    until = f"{datetime.now(UTC) + timedelta(days=100):%Y-%m-%d}"

    async def scenario() -> None:
        async def cli(who: Node, *arguments: str, code: int = 0) -> str:
            return await asyncio.to_thread(done, who, *arguments, code=code)

        level, shown, record = await level_of(node, VERIFIED)
        assert (level, shown) == ("B", VERIFIED)
        assert record["attestation"]["lack"] == "no-evidence-for-number"
        said = await cli(node, "why", record["record_id"])
        assert "signed B by rule B-known-customer" in said
        assert "it lacked: live evidence that the number belongs to the customer" in said
        level, _, record = await level_of(node, ACME_NUMBER)
        page = json.loads(await cli(node, "why", record["record_id"], "--json"))
        assert (level, page["rule"], page["journal"]["agrees"]) == ("A", "A-own-inventory", True)
        assert page["number"]["declared"].startswith("since version 1, by ")

        said = await cli(
            *(alice, "evidence", "add", RANGE, "--trunk", "acme-hq", "--kind", "delegate"),
            *("--file", str(letter), "--until", until, "--why", "no certificate"),
            code=2,
        )
        assert "no delegate certificate that is good" in said
        await cli(
            *(alice, "evidence", "add", RANGE, "--trunk", "acme-hq", "--kind", "loa"),
            *("--file", str(letter), "--until", until, "--why", "filed as 2026/44"),
        )
        (listed,) = (await cli(node, "evidence", "list", "--json")).splitlines()
        entered = json.loads(listed)
        assert (entered["state"], entered["entered_by"]) == ("entered", "alice (uid 41001)")
        number = str(entered["id"])
        assert (await level_of(node, VERIFIED))[0] == "B"

        said = await cli(alice, "evidence", "review", number, "--accept", "--why", "sure", code=2)
        assert "another person has to look at it" in said
        assert (await level_of(node, VERIFIED))[0] == "B"

        # whoever is root can say to be somebody else, and that makes no second person
        sudo = replace(node, environment=node.environment | {"SUDO_UID": "41003", "SUDO_USER": "mallory"})
        said = await cli(sudo, "evidence", "review", number, "--accept", "--why", "sure", code=2)
        assert "nobody knows who you are (SUDO_UID says so" in said
        assert (await level_of(node, VERIFIED))[0] == "B"

        out = node.home / "looked-at.pdf"
        await cli(bob, "evidence", "show", number, "--file", str(out))
        assert out.read_bytes() == LETTER
        await cli(bob, "evidence", "review", number, "--accept", "--why", "called them")
        level, shown, record = await level_of(node, VERIFIED)
        assert (level, shown) == ("A", VERIFIED)
        said_of_it = record["attestation"]
        assert (said_of_it["rule"], record["customer"]) == ("A-loa", "KYC-2026-17")
        assert said_of_it["evidence"] == f"evidence-{number}"
        # what only the document speaks for may be shown, too
        assert (await level_of(node, HELD))[:2] == ("A", HELD)
        await _why(node, record, cli)

        await cli(alice, "evidence", "revoke", number, "--why", "ported out")
        level, shown, record = await level_of(node, VERIFIED)
        assert (level, shown) == ("B", VERIFIED)
        assert record["attestation"]["rule"] == "B-known-customer"
        # as the trunk's rule for others says: its main number instead, which is its own
        assert (await level_of(node, HELD))[:2] == ("A", ACME_NUMBER)

        config = node.home / "node.yaml"
        text = config.read_text(encoding="utf-8")
        assert CUSTOMER in text
        config.write_text(text.replace(CUSTOMER, ""), encoding="utf-8")
        assert "no KYC record is named" in await cli(node, "apply")
        level, _, record = await level_of(node, ACME_NUMBER)
        assert level == "C"
        assert record["attestation"]["lack"] == "customer-not-known"
        said = await cli(node, "why", record["record_id"])
        assert "signed C by rule C-unknown-customer" in said
        assert "tenant acme: no KYC record was named" in said
        config.write_text(text, encoding="utf-8")
        await cli(node, "apply")
        assert (await level_of(node, ACME_NUMBER))[0] == "A"

    run(node, scenario)


def test_property_4_a_revocation_waits_for_nobody(node: Node) -> None:
    """Summary: while another change holds the node, so that no version can be made, a record is revoked: the gate still shows its token, and the next call is B; afterwards the act is written down."""
    alice, bob = as_person(node, "alice", 41001), as_person(node, "bob", 41002)
    letter = node.home / "letter.pdf"
    letter.write_bytes(LETTER)
    until = f"{datetime.now(UTC) + timedelta(days=100):%Y-%m-%d}"

    async def scenario() -> None:
        async def cli(who: Node, *arguments: str, code: int = 0) -> str:
            return await asyncio.to_thread(done, who, *arguments, code=code)

        await cli(
            *(alice, "evidence", "add", VERIFIED, "--trunk", "acme-hq", "--kind", "loa"),
            *("--file", str(letter), "--until", until, "--why", "filed as 2026/45"),
        )
        newest = (await cli(node, "evidence", "list", "--json")).splitlines()[0]
        number = str(json.loads(newest)["id"])
        await cli(bob, "evidence", "review", number, "--accept", "--why", "called them")
        assert (await level_of(node, VERIFIED))[0] == "A"
        before = (node.run / "policy" / "current").readlink()
        with node.paths.configuration_lock.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            said = await cli(node, "evidence", "revoke", number, "--why", "ported out", code=1)
            assert "is denied to gates and signers" in said
            assert "the act itself is to be written down yet" in said
            level, _, record = await level_of(node, VERIFIED)
            assert (level, record["attestation"]["lack"]) == ("B", "no-evidence-for-number")
            # the policy is the one before, with the token in it, and nothing says that it was revoked
            assert (node.run / "policy" / "current").readlink() == before
        (listed,) = (await cli(node, "evidence", "list", "--json")).splitlines()
        assert (json.loads(listed)["state"], json.loads(listed)["denied"]) == ("accepted", True)
        await cli(node, "evidence", "revoke", number, "--why", "ported out")
        assert (await level_of(node, VERIFIED))[0] == "B"
        assert "revoked" in await cli(node, "evidence", "show", number)

    run(node, scenario)


async def _why(node: Node, record: dict[str, Any], cli: Any) -> None:
    """Property 5: "why was this A?" is answered by one command, and the signer's journal says the same."""
    page = json.loads(await cli(node, "why", record["record_id"], "--json"))
    assert (page["level"], page["rule"]) == ("A", "A-loa")
    evidence = page["number"]["record"]
    assert (evidence["entered_by"], evidence["reviewed_by"]) == ("alice (uid 41001)", "bob (uid 41002)")
    assert evidence["file_sha256"] == sha256(LETTER).hexdigest()
    assert page["customer"] == {"tenant": "acme", "reference": "KYC-2026-17", "verified": "2026-01-15"}
    assert page["authenticated"]["by"] == ["network", "certificate"]
    assert page["certificate"]["spc"] == "000T"
    assert page["journal"]["agrees"], page["journal"]
    assert page["journal"]["broken"] == []
    assert page["configuration"] == ""
    assert len(page["lowered_by"]) == 4
    said = await cli(node, "why", record["record_id"])
    assert "accepted by bob (uid 41002)" in said
    assert "a valid KYC record of the customer: C (C-unknown-customer)" in said
