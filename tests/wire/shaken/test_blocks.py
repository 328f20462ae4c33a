"""A node under a real certificate: level A for its own numbers rests on blocks that two people have looked at."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from sipkit.sti import OTHER_SPC, SPC, Provider
from trunkward.engines.in_force import read_in_force
from trunkward.engines.pki_files import PkiFiles, read_evidence_key
from trunkward.engines.signer_wire import SignRequest
from trunkward.engines.users import gid, uid
from trunkward.shaken.evidence import issue, read_token
from trunkward.stiauthority.server import Where
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.node.parties import ACME_NUMBER, NORTH_NUMBER, run
from wire.shaken.test_evidence import as_person, done, level_of

X5U = "    x5u: https://cert.example.com/trunkward/test.pem\n"
IDENTITY = """\
    x5u: https://cert.example.com/trunkward/test.pem
    certificates: files
    files: {{chain: {home}/chain.pem, key: {home}/signing.key}}
  policy_administrator:
    url: {provider.sti.administrator.url}
    certificate: {provider.sti.home.administrator_certificate}
    ca: {provider.trust}
"""
#: Where the authorities of this module are.
WHERE = Where(address="127.0.0.71")
BLOCK = "+12025550000-+12025559999"
_ASK = """
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.settimeout(10)
body = sys.argv[2].encode()
s.sendall(len(body).to_bytes(4, "big") + body); print(s.recv(65536)[4:].decode())
"""
ASSIGNMENT = b"202-555 was assigned to Example Telecom."


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="tw-sti-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def node(home: Path) -> Iterator[Node]:
    """With a certificate that a person has put there, of an authority on the list it is told to trust."""
    provider = Provider(home, where=WHERE)
    provider.sti.start()
    running = None
    try:
        (home / "chain.pem").write_bytes(provider.issued())
        (home / "other.pem").write_bytes(provider.issued(OTHER_SPC))
        os.chown(provider.key_file, uid("tw-signer"), gid("tw-signer"))
        provider.key_file.chmod(0o600)
        text = EXAMPLE.read_text(encoding="utf-8")
        assert text.count(X5U) == 1
        running = start_node(text.replace(X5U, IDENTITY.format(home=home, provider=provider)))
        yield running
    finally:
        if running is not None:
            stop_node(running)
        provider.sti.stop()


def token_of(node: Node) -> str:
    """The token by which the trunk's main number is signed A, as a gate has it."""
    in_force = read_in_force(node.paths.declared)
    assert in_force is not None
    (token,) = in_force.evidence["acme-hq"]
    return token


def replayed(node: Node, token: str) -> str:
    """What the signer says to a gate's user who has kept a token."""
    in_force = read_in_force(node.paths.declared)
    assert in_force is not None
    request = SignRequest(
        id="1",
        trunk="acme-hq",
        tenant="acme",
        customer="KYC-2026-17",
        orig=ACME_NUMBER[1:],
        dest=[NORTH_NUMBER[1:]],
        level="A",
        rule="A-own-inventory",
        relationship=in_force.relationships["acme-hq"],
        evidence=token,
        origid="8a1e9f7c-7a0a-4a54-a1f8-6d8a2b7c9d10",
        record_id="r",
    )
    return answered(node, request)


def answered(node: Node, request: SignRequest) -> str:
    """What the signer of its identity says to a gate's user who asks for just this."""
    become = ["setpriv", f"--reuid={uid('tw-gate')}", f"--regid={gid('tw-gate')}", "--clear-groups"]
    socket = str(node.paths.signer_socket_of(request.identity))
    told = subprocess.run(
        [*become, sys.executable, "-c", _ASK, socket, msgspec.json.encode(request).decode()],
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return told.stdout


def test_property_4_own_numbers_are_a_within_a_block_that_one_person_entered_and_another_accepted(
    node: Node,
) -> None:
    """Summary: Property 4 on the wire: a number in the node file is B; with the block it lies in, accepted by another person, A; revoked, the next call is B, and the signer refuses the token a gate has kept."""
    alice, bob = as_person(node, "alice", 41001), as_person(node, "bob", 41002)
    assignment = node.home / "assignment.pdf"
    assignment.write_bytes(ASSIGNMENT)
    until = f"{datetime.now(UTC) + timedelta(days=100):%Y-%m-%d}"

    async def scenario() -> None:
        async def cli(who: Node, *arguments: str, code: int = 0) -> str:
            return await asyncio.to_thread(done, who, *arguments, code=code)

        level, shown, record = await level_of(node, ACME_NUMBER)
        assert (level, shown, record["attestation"]["lack"]) == ("B", ACME_NUMBER, "no-evidence-for-number")
        nobodys = "3 of its numbers (+12025550101-+12025550103) lie in no block of identity node"
        for command in ("status", "plan", ("evidence", "list")):
            arguments = (command,) if isinstance(command, str) else command
            assert nobodys in " ".join((await cli(node, *arguments)).split())

        await cli(
            *(alice, "evidence", "add", BLOCK, "--kind", "block", "--file", str(assignment)),
            *("--until", until, "--why", "assigned by the administrator, filed as 2026/50"),
        )
        (listed,) = (await cli(node, "evidence", "list", "--json")).splitlines()
        entered = json.loads(listed)
        assert (entered["identity"], entered["state"], entered["trunk"]) == ("node", "entered", None)
        number = str(entered["id"])
        assert (await level_of(node, ACME_NUMBER))[0] == "B"
        said = await cli(alice, "evidence", "review", number, "--accept", "--why", "sure", code=2)
        assert "another person has to look at it" in said

        await cli(bob, "evidence", "review", number, "--accept", "--why", "as in the list of the plan")
        level, shown, record = await level_of(node, ACME_NUMBER)
        assert (level, shown, record["attestation"]["rule"]) == ("A", ACME_NUMBER, "A-own-inventory")
        assert record["attestation"]["evidence"] == f"evidence-{number}"
        page = json.loads(await cli(node, "why", record["record_id"], "--json"))
        assert page["journal"]["agrees"], page["journal"]
        assert page["number"]["declared"].startswith("since version 1, by ")
        document = page["number"]["record"]
        assert (document["kind"], document["numbers"]) == ("block", BLOCK)
        assert (document["entered_by"], document["reviewed_by"]) == ("alice (uid 41001)", "bob (uid 41002)")
        assert "lie in no block" not in await cli(node, "status")
        token = token_of(node)
        assert '"identities"' in replayed(node, token)
        # what was declared before there was a real certificate, which needed no block
        key = read_evidence_key(PkiFiles(node.paths.pki).evidence_key)
        alone = issue(key, replace(read_token(token), id="inventory-acme-hq"))
        assert "evidence-without-record" in replayed(node, alone)

        await cli(alice, "evidence", "revoke", number, "--why", "given back")
        level, _, record = await level_of(node, ACME_NUMBER)
        assert (level, record["attestation"]["lack"]) == ("B", "no-evidence-for-number")
        assert "evidence-revoked" in replayed(node, token)

    run(node, scenario)


def changed(node: Node, **instead: str) -> str:
    """Applies the node file with other words in it, each of which stands there once."""
    file = node.home / "node.yaml"
    text = file.read_text(encoding="utf-8")
    for before, after in instead.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    file.write_text(text, encoding="utf-8")
    return done(node, "apply", "--restart")


def test_property_4_a_block_is_of_the_provider_it_was_given_to(node: Node) -> None:
    """Summary: Property 4 on the wire: under another provider's certificate the blocks of the one before give no A, and `apply`, `evidence list` say so; entered for that provider, A; and not under the first one's again."""
    alice, bob = as_person(node, "alice", 41001), as_person(node, "bob", 41002)
    assignment = node.home / "assignment.pdf"
    assignment.write_bytes(ASSIGNMENT)
    until = f"{datetime.now(UTC) + timedelta(days=100):%Y-%m-%d}"

    async def scenario() -> None:
        async def cli(who: Node, *arguments: str, code: int = 0) -> str:
            return await asyncio.to_thread(done, who, *arguments, code=code)

        async def accepted(*more: str) -> str:
            await cli(
                *(alice, "evidence", "add", BLOCK, "--kind", "block", "--file", str(assignment)),
                *("--until", until, "--why", "filed", *more),
            )
            newest = json.loads((await cli(node, "evidence", "list", "--json")).splitlines()[0])
            return str(newest["id"])

        first = await accepted()
        await cli(bob, "evidence", "review", first, "--accept", "--why", "looked it up")
        level, _, record = await level_of(node, ACME_NUMBER)
        assert (level, record["attestation"]["evidence"]) == ("A", f"evidence-{first}")

        told = await asyncio.to_thread(changed, node, **{SPC: OTHER_SPC, "chain.pem": "other.pem"})
        nobodys = f"lie in no block of identity node, SPC {OTHER_SPC}"
        assert nobodys in " ".join(told.split())
        listed = " ".join((await cli(node, "evidence", "list")).split())
        assert nobodys in listed
        assert "accepted, but of another provider" in listed
        level, _, record = await level_of(node, ACME_NUMBER)
        assert (level, record["attestation"]["lack"]) == ("B", "no-evidence-for-number")

        second = await accepted("--replaces", first)
        await cli(alice, "evidence", "revoke", first, "--why", "another provider's")
        await cli(bob, "evidence", "review", second, "--accept", "--why", "looked it up")
        level, _, record = await level_of(node, ACME_NUMBER)
        assert (level, record["attestation"]["evidence"]) == ("A", f"evidence-{second}")
        shown = await cli(node, "evidence", "show", second)
        assert f"of identity node, SPC {OTHER_SPC}" in shown

        await asyncio.to_thread(changed, node, **{OTHER_SPC: SPC, "other.pem": "chain.pem"})
        assert (await level_of(node, ACME_NUMBER))[0] == "B"

    run(node, scenario)
