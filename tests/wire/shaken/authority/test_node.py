"""A node whose signing certificate comes from an authority: who may read what, what calls carry, and a revocation.

In the order of a node's life, on one node.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from sipkit.passports import head_of
from sipkit.sti import SPC
from trunkward.control.deviations import deviations
from trunkward.control.node_file import read_node_file
from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.users import USERS, gid, uid
from trunkward.shaken.credential import credential_of
from trunkward.shaken.crl import read_crl
from trunkward.shaken.published import published_at
from trunkward.shaken.trusted_list import read_trusted_list
from trunkward.shaken.verify import CalledAs, Verstat, verify
from trunkward.stiauthority.home import serial
from trunkward.stiauthority.issuing import issue_signing, revocations_at
from trunkward.stiauthority.server import StiAuthority
from wire.conftest import Node, start_node_in, stop_node
from wire.health.conftest import ask
from wire.node.parties import ACME_NUMBER, NORTH_NUMBER
from wire.shaken.authority.conftest import (
    OTHER_SPC,
    certs,
    identities_of_a_call,
    wait_until,
    why_unsigned,
)


def metrics() -> dict[str, str]:
    """What is scraped of the node, by name and labels: as it was within the last second."""
    return dict(line.rpartition(" ")[::2] for line in ask("/metrics", within_s=20.0)[1].splitlines())


def test_its_signer_waits_for_its_first_certificate(node: Node, sti: StiAuthority) -> None:
    """Summary: before the first certificate is issued the node is up and calls go unsigned; its signer waits, says so once, and signs within seconds of the issue, in the same process."""
    assert "signer is not ready: waits for its first certificate" in (node.home / "up.out").read_text()
    wait_until(lambda: certs(node).get("failures"), "it was asked for")
    before = node.pid("signer")
    for command, more in (("certs", ""), ("status", "signer       not ready")):
        told = node.trunkward(command)
        assert told.returncode == 1
        assert "    its signer waits for its first certificate" in told.stdout
        assert more in told.stdout
    found = certs(node)
    assert (found["signs"], found["signs_nothing_because"]) == (False, "certificate-awaited")
    told_of = {
        'trunkward_signing_certificate_signs{identity="node"}': "0.0",
        'trunkward_signer_identity{part="signer",serial="",unfit="certificate-awaited"}': "1.0",
    }
    wait_until(lambda: told_of.items() <= metrics().items(), "it is scraped")
    assert why_unsigned(node) == "certificate-awaited"
    sti.authority.refused.clear()
    node.trunkward("certs", "renew", within_s=200)
    # it looks each second while it waits; at all else each half minute
    wait_until(lambda: certs(node).get("signs"), "it signs", within_s=20.0)
    assert len(identities_of_a_call(node)) == 1
    assert node.pid("signer") == before
    assert node.log("signer").count("waits-for-certificate") == 1
    assert "not-started" not in node.log("signer")


def test_a_node_gets_its_signing_certificate(node: Node, sti: StiAuthority) -> None:
    """Summary: a node asks for its signing certificate by real ACME, and `certs` and `status` say how it stands."""
    wait_until(lambda: certs(node).get("url"), "a certificate")
    found = certs(node)
    assert (found["spc"], found["certificates"], found["problem"]) == (SPC, "acme", "")
    assert found["revocation"] == "good"
    chain = (node.state / "identities" / "node.pem").read_bytes()
    assert found["url"] == published_at(sti.published_url, SPC, chain)
    said = node.trunkward("status").stdout
    assert f"signs as node                {SPC}, acme {sti.directory_url}: 89 days left" in said
    assert f"published at {found['url']}; last found there" in said
    assert "trusted list                 1 authorities" in said
    node.wait_ready()
    assert metrics()['trunkward_signing_certificate_problem{identity="node"}'] == "0.0"
    text = (node.home / "node.yaml").read_text()
    assert not [d for d in deviations(read_node_file(text, "node.yaml")) if "TEST authority" in d.what]


@pytest.mark.parametrize(
    ("file", "readers"),
    [
        ("state/pki/identities/node.key", {"tw-signer"}),
        ("state/pki/identities/node-account.key", {"tw-identity"}),
        ("run/identities/node.password", {"tw-identity"}),
        ("run/identities/task.json", {"tw-identity"}),
        ("state/identities/node.pem", set(USERS)),
        ("state/identities/trusted-list.jwt", set(USERS)),
        ("state/identities/crl.der", set(USERS)),
        ("run/identities/administrator.pem", set(USERS)),
    ],
)
def test_who_reads_what(node: Node, file: str, readers: set[str]) -> None:
    """Summary: Property 10: the process that speaks with authorities has no key that signs, the one that signs no account."""
    able = set()
    for user in USERS:
        become = [
            "setpriv",
            f"--reuid={uid(user)}",
            f"--regid={gid(user)}",
            "--clear-groups",
            "--inh-caps=-all",
            "--",
        ]
        done = subprocess.run([*become, "test", "-r", str(node.home / file)], check=False)
        if not done.returncode:
            able.add(user)
    assert able == readers


def test_account_and_certificate_have_different_keys(node: Node) -> None:
    """Summary: Property 11: the account's key is not the certificate's."""
    pki = node.state / "pki" / "identities"
    assert (pki / "node.key").read_bytes() != (pki / "node-account.key").read_bytes()


def test_calls_are_signed_under_the_published_certificate(node: Node, sti: StiAuthority) -> None:
    """Summary: what a carrier finds behind a call's x5u verifies it, by the lists the administrator signed."""
    (identity,) = identities_of_a_call(node)
    url = head_of(identity)["x5u"]
    assert url == certs(node)["url"]
    assert sti.published is not None
    pem, now_s = (sti.published / url.rpartition("/")[2]).read_bytes(), time.time()
    administrator = sti.home.administrator.certificate
    trusted = read_trusted_list(
        (node.state / "identities" / "trusted-list.jwt").read_bytes(), [administrator], now_s
    )
    revoked = read_crl((node.state / "identities" / "crl.der").read_bytes(), [administrator], now_s)
    credential = credential_of(pem, trusted, revoked, now_s, hard=True)
    called = CalledAs(
        orig=(ACME_NUMBER[1:],),
        to=NORTH_NUMBER[1:],
        request_uri=NORTH_NUMBER[1:],
        date_s=None,
        call_id="1",
    )
    found = verify([identity], call=called, credentials={url: credential}, now_s=now_s)
    assert (found.outcome, found.spc) == (Verstat.PASSED, SPC)


def test_property_35_what_is_scraped_of_its_certificate_and_lists(node: Node) -> None:
    """Summary: Property 35: on a node that knows a policy administrator /metrics has all that alerts ask of its signing certificate and of the two lists."""

    def found() -> dict[str, float]:
        ours = re.compile(r"trunkward_(signing|list)_")
        return {name: float(value) for name, value in metrics().items() if ours.match(name)}

    wait_until(
        lambda: "trunkward_signing_certificate_found_timestamp_seconds" in str(found()), "it was found"
    )
    told = {re.sub(r'(part="[^"]*",?)', "", name): value for name, value in found().items()}
    for name in ("expiry_timestamp_seconds", "renewal_timestamp_seconds"):
        assert told[f'trunkward_signing_certificate_{name}{{identity="node"}}'] > time.time()
    assert told['trunkward_signing_certificate_revoked{identity="node"}'] == 0
    assert told['trunkward_signing_certificate_problem{identity="node"}'] == 0
    for which in ("trusted", "revocations"):
        assert told[f'trunkward_list_failing{{list="{which}"}}'] == 0
        assert time.time() - told[f'trunkward_list_fetched_timestamp_seconds{{list="{which}"}}'] < 600


type SomeKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


#: A key that is not the certificate's, how it is kept, and the one cause that is told.
CANNOT_SIGN: list[tuple[Callable[[], SomeKey], KeySerializationEncryption, str]] = [
    (lambda: rsa.generate_private_key(65537, 2048), NoEncryption(), "key-not-p256"),
    (lambda: ec.generate_private_key(ec.SECP384R1()), NoEncryption(), "key-not-p256"),
    (p256, BestAvailableEncryption(b"secret"), "key-unreadable"),
    (p256, NoEncryption(), "certificate-key-mismatch"),
]


@pytest.mark.parametrize(
    ("key", "kept", "cause"), CANNOT_SIGN, ids=["rsa", "secp384r1", "encrypted", "of another certificate"]
)
def test_apply_refuses_a_key_that_cannot_sign(
    node: Node, home: Path, key: Callable[[], SomeKey], kept: KeySerializationEncryption, cause: str
) -> None:
    """Summary: `apply` of a file whose identity has a key that cannot sign says so in one line with the cause, and changes nothing; the node goes on signing."""
    chain, key_file, file = home / "kept.pem", home / "kept.key", home / "kept.yaml"
    chain.write_bytes((node.state / "identities" / "node.pem").read_bytes())
    key_file.write_bytes(key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, kept))
    os.chown(key_file, uid("tw-signer"), gid("tw-signer"))
    key_file.chmod(0o600)
    text = (node.home / "node.yaml").read_text(encoding="utf-8")
    ordered = text[text.index("    x5u: ") : text.index("  policy_administrator:")]
    files = f"files: {{chain: {chain}, key: {key_file}}}"
    own = f"    x5u: https://cert.example.com/kept.pem\n    certificates: files\n    {files}\n"
    file.write_text(text.replace(ordered, own), encoding="utf-8")

    def everything() -> object:
        pki = {path: path.read_bytes() for path in (node.state / "pki").rglob("*") if path.is_file()}
        told = [path.read_bytes() for path in (node.paths.declared, node.paths.identities_task)]
        versions = node.trunkward("history", "--json").stdout
        return pki, told, versions, [node.pid(part) for part in ("signer", "identities", "gate-0")]

    before = everything()
    refused = node.trunkward("apply", "--config", str(file), "--restart", "--delete")
    assert refused.returncode == 2, refused
    *_, why, last = refused.stderr.splitlines()
    about = chain if cause == "certificate-key-mismatch" else key_file
    assert why.partition("identity of node: ")[2].startswith(f"its signer could not sign: {cause}: {about}: ")
    assert (last.endswith("nothing was changed"), refused.stderr.count("could not sign")) == (True, 1)
    assert everything() == before
    assert certs(node)["signs"]


def changed(node: Node, **instead: str) -> subprocess.CompletedProcess[str]:
    """Applies the node file with other words in it."""
    text = (node.home / "node.yaml").read_text(encoding="utf-8")
    for before, after in instead.items():
        assert before in text
        text = text.replace(before, after)
    (node.home / "node.yaml").write_text(text, encoding="utf-8")
    return node.trunkward("apply", "--restart")


def test_what_is_changed_reaches_the_process_that_orders(node: Node) -> None:
    """Summary: a change of what only a file tells `identities` starts it anew, and it has what is new."""
    before = node.pid("identities")
    done = changed(node, revocations_every_s="list_every_s: 7200\n    revocations_every_s")
    assert done.returncode == 0, done.stderr
    assert "starting identities anew" in done.stderr
    assert node.pid("identities") != before
    assert json.loads((node.run / "identities" / "task.json").read_text())["list_every_s"] == 7200
    wait_until(lambda: certs(node).get("signs"), "it signs")


def test_another_code_leaves_the_node_unsigned_and_ordering(node: Node, sti: StiAuthority) -> None:
    """Summary: with another service provider code calls go unsigned until its certificate is there; `plan`, `apply`, `certs` and `status` say so, and `certs renew` does not wait."""
    sti.authority.refused.add(OTHER_SPC)
    text = (node.home / "node.yaml").read_text(encoding="utf-8")
    (node.home / "other.yaml").write_text(text.replace(SPC, OTHER_SPC), encoding="utf-8")
    planned = node.trunkward("plan", "--config", str(node.home / "other.yaml")).stdout
    assert f"its certificate is for {SPC}, not for {OTHER_SPC} (certificate-spc-mismatch)" in planned
    before = node.pid("identities")
    done = changed(node, **{SPC: OTHER_SPC})
    assert done.returncode == 0, done.stderr
    assert "signer does not sign: calls go unsigned" in done.stderr
    assert node.pid("identities") != before
    wait_until(lambda: certs(node).get("failures"), "it was asked for")
    for command in ("certs", "status"):
        told = node.trunkward(command)
        assert told.returncode == 1
        assert "its signer signs nothing: certificate-spc-mismatch" in told.stdout
    signer = node.pid("signer")
    assert why_unsigned(node) == "certificate-spc-mismatch"
    sti.authority.refused.clear()
    renewed = node.trunkward("certs", "renew", within_s=200)
    assert "authority says" not in renewed.stdout
    assert certs(node)["url"].rpartition("/")[2].startswith(f"{OTHER_SPC}-")
    wait_until(lambda: certs(node).get("signs"), "its signer has taken it over")
    assert node.pid("signer") == signer
    assert len(identities_of_a_call(node)) == 1
    # and back
    assert changed(node, **{OTHER_SPC: SPC}).returncode == 0

    def is_back() -> bool:
        found = certs(node)
        return bool(found.get("signs")) and f"/{SPC}-" in found.get("url", "")

    wait_until(is_back, "the first code's is back")


def test_a_revoked_certificate_signs_no_more(node: Node, sti: StiAuthority) -> None:
    """Summary: Property 19: revoked, it is refused with the next revocation list; calls go on, unsigned, and it is told."""
    chain = (node.state / "identities" / "node.pem").read_bytes()
    placed = len(sti.authority._orders)
    sti.home.revoke(x509.load_pem_x509_certificate(chain), datetime.now(UTC))
    wait_until(lambda: certs(node).get("revocation") == "revoked", "the revocation list")
    assert "certificate-revoked" in certs(node)["problem"]

    def refuses() -> bool:
        return bool(certs(node).get("signs_nothing_because") == "certificate-revoked")

    # not by a call that is not signed: on a busy machine it may be its signer's answer that came too late
    wait_until(refuses, "its signer, which looks at the lists each half minute, has seen it", 75.0)
    assert why_unsigned(node) == "certificate-revoked"
    done = node.trunkward("certs")
    assert done.returncode == 1
    assert "find out why" in done.stdout
    said = node.trunkward("status").stdout
    assert "signer: " in said
    # nothing was asked for behind a person's back
    assert len(sti.authority._orders) == placed
    assert "its signer signs nothing: certificate-revoked" in done.stdout


def test_up_with_a_certificate_that_has_ended_and_no_authority(node: Node, sti: StiAuthority) -> None:
    """Summary: with a certificate that has ended, and nobody to ask for another, the node comes up, calls go unsigned and are on record, and it is told; when the authority is back it renews by itself, and its signer, which has waited, signs."""
    stop_node(node, keep=True)
    sti.stop()
    request = x509.load_pem_x509_csr(PkiFiles(node.paths.pki).identity_request("node").read_bytes())
    key, issuer = request.public_key(), sti.home.intermediate
    assert isinstance(key, ec.EllipticCurvePublicKey)
    ended = issue_signing(
        key,
        spc=SPC,
        issuer=issuer,
        revocations=revocations_at(sti.administrator.revocations_url, sti.home.administrator.certificate),
        serial=serial(),
        now=datetime.now(UTC) - timedelta(minutes=5),
        lifetime=timedelta(minutes=1),
    )
    chain = b"".join(one.public_bytes(Encoding.PEM) for one in (ended, issuer.certificate))
    (node.state / "identities" / "node.pem").write_bytes(chain)
    node.process = start_node_in(node.home).process
    said = (node.home / "up.out").read_text()
    assert "signer is not ready: signs nothing: certificate-expired; until then calls go unsigned" in said
    before = node.pid("signer")
    wait_until(lambda: certs(node).get("failures"), "it was asked for")
    for command, more in (
        ("certs", ""),
        ("status", "degraded signer: signs nothing: certificate-expired -> "),
    ):
        told = node.trunkward(command)
        assert told.returncode == 1
        assert more in told.stdout, told.stdout
        assert re.search(r"its certificate ended [-0-9: ]+ UTC: calls go unsigned", told.stdout)
        assert "    its signer signs nothing: certificate-expired" in told.stdout
    # what the alarms go by
    expiry = 'trunkward_signing_certificate_expiry_timestamp_seconds{identity="node"}'
    numbers = wait_until(lambda: found if expiry in (found := metrics()) else {}, "it is scraped")
    assert numbers['trunkward_node_lost{lost="signer"}'] == "1.0"
    assert numbers['trunkward_signing_certificate_signs{identity="node"}'] == "0.0"
    assert float(numbers[expiry]) < time.time()
    assert why_unsigned(node) == "certificate-expired"
    # the authority is back
    sti.start()
    wait_until(lambda: certs(node).get("signs"), "it was renewed, and signs")
    assert len(identities_of_a_call(node)) == 1
    assert certs(node)["serial"] != f"{ended.serial_number:x}"
    assert node.pid("signer") == before
    node.wait_ready()
