"""A node with a reseller who has a certificate of his own: who signs, who reads what, and what the journals prove."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from sipkit.passports import verified
from trunkward.engines.users import USERS, gid, uid
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
from wire.records.parties import eventually
from wire.signer.conftest import lines_below

#: What a journal's first segment is called.
FIRST = "000000000001.jsonl"
RESOLD_NUMBER, FROM_RESOLD = "+12025550111", "127.0.0.2"
_RESELLER = """
resellers:
  - name: resold
    identity: {spc: "001T", x5u: "https://cert.example.com/resold/1.pem"}

tenants:
"""
_TENANT = f"""
  - name: second
    reseller: resold
    customer: {{reference: KYC-2026-18, verified: 2026-01-15}}
    trunks:
      - name: resold-hq
        networks: [{FROM_RESOLD}/32]
        client_certificate: issued
        numbers: ["{RESOLD_NUMBER}"]

carriers:
"""
CALLS = {"acme-hq": ("127.0.0.1", ACME_NUMBER), "resold-hq": (FROM_RESOLD, RESOLD_NUMBER)}


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """Such a node, with a signed call of each trunk."""
    text = EXAMPLE.read_text(encoding="utf-8")
    running = start_node(text.replace("\ntenants:\n", _RESELLER, 1).replace("\ncarriers:\n", _TENANT, 1))
    yield running
    stop_node(running)


def signed_call(node: Node, trunk: str) -> tuple[str, str]:
    """The Identity header of an answered call of a trunk, and the record's id of that call."""
    host, number = CALLS[trunk]
    found: list[str] = []
    call_id = ""

    async def scenario() -> None:
        nonlocal call_id
        caller, north = customer_agent(), carrier_agent()
        async with tls_carrier(node, north):
            flow = await connect(node, caller, trunk, host)
            call = await place(caller, flow, NORTH_NUMBER, sender=f"<sip:{number}@inner.acme>")
            there = await north.incoming()
            await call.answered()
            await there.confirmed()
            found.extend(there.invite.get_all("Identity"))
            call_id = call.invite.call_id
            assert (await call.bye()).status == 200
            await flow.close()

    run(node, scenario)
    (identity,) = found
    record: str = node.record(call_id)["record_id"]
    return identity, record


def identity_of(node: Node, trunk: str) -> str:
    """The Identity header of such a call."""
    return signed_call(node, trunk)[0]


def test_a_resellers_own_certificate_signs_its_own_calls(node: Node) -> None:
    """Summary: each trunk's call is signed with the certificate and under the URL of its reseller, or of the node, and is in that signer's journal."""
    pki = node.state / "pki"
    (own, own_record), (resold, resold_record) = (signed_call(node, trunk) for trunk in CALLS)
    assert verified(own, pki / "shaken.pem")["orig"] == {"tn": ACME_NUMBER[1:]}
    assert verified(resold, pki / "identities" / "resold.pem")["orig"] == {"tn": RESOLD_NUMBER[1:]}
    assert verified(resold, pki / "identities" / "resold.pem")["attest"] == "A"
    assert "info=<https://cert.example.com/resold/1.pem>" in resold
    for name, trunk in (("signer", "acme-hq"), ("signer-resold", "resold-hq")):
        journal = node.state / name / "journal"

        def signed(journal: Path = journal) -> set[str]:
            return {line["trunk"] for line in lines_below(journal) if line["kind"] == "signed"}

        assert eventually(signed, 20, "the signature's line") == {trunk}
    # the page names issuer and code of each, also of a reseller's that no file of the node's own has
    for record, code in ((own_record, "000T"), (resold_record, "001T")):
        why = node.trunkward("why", record, "--json")
        certificate = json.loads(why.stdout)["certificate"]
        assert (certificate["spc"], bool(certificate["issuer"])) == (code, True), certificate
    assert (
        "001T"
        in subprocess.run(
            ["openssl", "x509", "-in", pki / "identities" / "resold.pem", "-noout", "-subject"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )


def may_read(user: str, path: Path) -> bool:
    become = [
        "setpriv",
        f"--reuid={uid(user)}",
        f"--regid={gid(user)}",
        "--clear-groups",
        "--inh-caps=-all",
        "--",
    ]
    code = "import sys; open(sys.argv[1], 'rb').read(1)"
    tried = subprocess.run(
        [*become, sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert tried.returncode == 0 or "PermissionError" in tried.stderr, tried.stderr
    return tried.returncode == 0


@pytest.mark.parametrize(
    ("file", "reader"),
    [
        ("pki/shaken.key", "tw-signer"),
        ("pki/identities/resold.key", "tw-signer-1"),
        (f"signer/journal/{FIRST}", "tw-signer"),
        (f"signer-resold/journal/{FIRST}", "tw-signer-1"),
        ("pki/heads.key", "tw-worker"),
    ],
)
def test_property_10_each_key_and_journal_is_its_signers_alone(node: Node, file: str, reader: str) -> None:
    """Summary: Property 10: tried as every user of the node: Kamailio, the gates and the signers of other identities read neither key nor journal."""
    assert {user for user in USERS if may_read(user, node.state / file)} == {reader}


@pytest.fixture(scope="module")
def heads(node: Node) -> dict[str, int]:
    """How far each journal is by the last signed head, once that of the reseller is signed to its end."""
    identity_of(node, "resold-hq")
    journal = node.state / "signer-resold" / "journal"

    def signatures() -> list[int]:
        return [line["seq"] for line in lines_below(journal) if line["kind"] == "signed"]

    last = eventually(signatures, 20, "the signature's line")[-1]

    def told() -> bool:
        file = node.paths.signer_head("resold")
        return file.exists() and json.loads(file.read_bytes())["seq"] >= last

    eventually(told, 30, "its signer tells how far it is")
    node.signal("worker", signal.SIGTERM)  # one that starts signs at once

    def signed() -> dict[str, int]:
        shown = node.trunkward("journal", "heads", "--json")
        named = json.loads(shown.stdout)["heads"] if shown.returncode == 0 else []
        return {head["journal"]: head["seq"] for head in named}

    eventually(lambda: signed().get("resold", 0) >= last, 90, "its head is signed")
    node.wait_ready()
    return signed()


@contextmanager
def no_head_signed(node: Node) -> Iterator[None]:
    """No head is signed meanwhile: what is put back over the file would take it away."""
    node.signal("worker", signal.SIGSTOP)
    try:
        yield
    finally:
        node.signal("worker", signal.SIGCONT)


def test_heads_of_all_journals_are_signed(node: Node, heads: dict[str, int]) -> None:
    """Summary: Property 5: the signed heads name the last lines of both signers' journals and of the journal of acts, and journal verify finds all as it was written."""
    assert heads.keys() == {"node", "resold", "configuration"}
    assert all(seq > 0 for seq in heads.values())
    good = node.trunkward("journal", "verify")
    assert good.returncode == 0, good.stdout + good.stderr
    assert good.stdout.count("lines as they were written") == 3


@pytest.fixture
def journal(node: Node, heads: dict[str, int]) -> Iterator[Path]:
    """The reseller's journal with signed heads; as it was again afterwards."""
    path = node.state / "signer-resold" / "journal" / FIRST
    kept = path.read_bytes()
    yield path
    put(path, kept)


def put(path: Path, content: bytes) -> None:
    """In place: owner, mode and the signer's open file stay."""
    with path.open("r+b") as file:
        file.write(content)
        file.truncate()


def made_anew(lines: list[bytes]) -> bytes:
    """Another first line, and all hashes behind it as they then have to be."""
    prev, anew = "0" * 64, []
    for line in lines:
        entry = json.loads(line.replace(b'"kind":"started"', b'"kind":"stopped"')) | {"prev": prev}
        anew.append(json.dumps(entry).encode())
        prev = sha256(anew[-1]).hexdigest()
    return b"\n".join(anew) + b"\n"


@pytest.mark.parametrize("tamper", ["change", "remove", "cut off", "replace", "values", "heads"])
def test_a_changed_journal_is_found(node: Node, journal: Path, tamper: str) -> None:
    """Summary: Property 5: on a running node, a line changed, removed or cut off, a journal made anew, values taken away and a changed file of heads are each found by journal verify, which names the journal and the line."""
    lines = journal.read_bytes().splitlines(keepends=True)
    (details,) = sorted((journal.parent.parent / "details").glob("*.jsonl"))[-1:]
    heads = node.state / "heads" / "heads.log"
    with no_head_signed(node):
        kept = {path: path.read_bytes() for path in (details, heads)}
        said = ""
        match tamper:
            case "change":
                at = next(n for n, line in enumerate(lines) if b'"signed"' in line)
                changed = lines[at].replace(b'"level":"A"', b'"level":"B"')
                put(journal, b"".join(lines).replace(lines[at], changed))
                said = f"line {at + 1}"
            case "remove":
                put(journal, b"".join(lines[:1] + lines[2:]))
                said = "line 2"
            case "cut off":
                put(journal, b"".join(lines[:-1]))
                said = f"line {len(lines)}, "
            case "replace":
                put(journal, made_anew(lines))
                said = "rewritten"
            case "values":
                put(details, b"")
                said = "values"
            case "heads":
                put(heads, kept[heads].replace(b'"journal":"node"', b'"journal":"n0de"', 1))
                said = "the one of n0de was changed"
        try:
            found = node.trunkward("journal", "verify")
        finally:
            for path, content in kept.items():
                put(path, content)
    assert found.returncode == 1
    assert said in found.stdout + found.stderr
    if tamper != "heads":
        assert "resold: NOT as it was written" in found.stdout
        assert "node: " in found.stdout
        assert "node: NOT" not in found.stdout


def test_a_copy_of_the_heads_proves_more_than_the_node_itself(
    node: Node, journal: Path, tmp_path: Path
) -> None:
    """Summary: who is root and makes journal and heads anew is found by heads and key that were copied elsewhere."""
    copies = {name: tmp_path / Path(name).name for name in ("heads/heads.log", "pki/heads.pub")}
    for name, copy in copies.items():
        copy.write_bytes((node.state / name).read_bytes())
    against = ("--heads", str(copies["heads/heads.log"]), "--key", str(copies["pki/heads.pub"]))
    assert node.trunkward("journal", "verify", *against).returncode == 0
    first = journal.read_bytes().splitlines(keepends=True)[0]
    with no_head_signed(node):
        put(journal, first)
        kept = (node.state / "heads/heads.log").read_bytes()
        put(node.state / "heads/heads.log", b"")
        try:
            found = node.trunkward("journal", "verify", *against)
        finally:
            put(node.state / "heads/heads.log", kept)
    assert found.returncode == 1
    assert "cut off" in found.stdout


@pytest.mark.usefixtures("heads")
def test_the_configurations_acts_are_followed_too(node: Node) -> None:
    """Summary: an entry of the journal of acts that was changed in the database is found, against the signed heads."""
    database = node.state / "config" / "config.db"
    change = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"

    def sql(text: str) -> None:
        subprocess.run([sys.executable, "-c", change, str(database), text], check=True)

    sql('UPDATE journal SET entry = replace(entry, \'"command":"up"\', \'"command":"xx"\') WHERE seq = 1')
    try:
        found = node.trunkward("journal", "verify")
    finally:
        sql('UPDATE journal SET entry = replace(entry, \'"command":"xx"\', \'"command":"up"\') WHERE seq = 1')
    assert found.returncode == 1
    assert "configuration: NOT as it was written" in found.stdout
    assert node.trunkward("journal", "verify").returncode == 0


def test_one_signers_end_is_nothing_to_the_other(node: Node) -> None:
    """Summary: while the reseller's signer is down his calls go unsigned and the node's own are signed; it comes back by itself."""
    ended = node.pid("signer-resold")
    os.kill(ended, signal.SIGKILL)
    assert verified(identity_of(node, "acme-hq"), node.state / "pki" / "shaken.pem")["attest"] == "A"
    node.wait_ready()
    assert identity_of(node, "resold-hq")
