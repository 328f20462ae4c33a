"""Property 29: Debian's secsipidx, another implementation, and ours accept each other's Identity headers."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from trunkward.control.declared import InForce
from trunkward.engines.pki_files import PkiFiles
from trunkward.settings import Paths
from trunkward.shaken.attest import Attestation
from trunkward.shaken.credential import credential_of
from trunkward.shaken.crl import NO_LIST
from trunkward.shaken.passport import PassportSigner, ShakenClaims
from trunkward.shaken.testauthority import build_signing_certificate, build_test_authority
from trunkward.shaken.trusted_list import TrustedList
from trunkward.shaken.verify import CalledAs, Verification, Verstat, verify
from wire.commands import run_command
from wire.conftest import EXAMPLE
from wire.records.parties import eventually

pytestmark = pytest.mark.skipif(shutil.which("secsipidx") is None, reason="secsipidx is not installed")

X5U = "https://cert.example.com/709J/1.pem"
CALLER, CALLED = "12025550100", "12025550110"
A, B = Attestation.A, Attestation.B
ORIGID = "123e4567-e89b-82d3-a456-426655440000"


class Provider:
    """One key, its certificate under an authority of its own, and both in files."""

    def __init__(self, home: Path) -> None:
        now = datetime.now(UTC)
        self.home = home
        self.key, authority_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        self.authority = build_test_authority(
            authority_key, serial=1 << 99, now=now, lifetime=timedelta(days=2)
        )
        self.certificate = build_signing_certificate(
            self.key.public_key(),
            authority=self.authority,
            authority_key=authority_key,
            spc="709J",
            serial=1 << 100,
            now=now,
            lifetime=timedelta(days=1),
        )
        private = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (home / "key.pem").write_bytes(private)
        self.write("certificate.pem", self.certificate)
        self.write("authority.pem", self.authority)

    def write(self, name: str, certificate: x509.Certificate) -> None:
        (self.home / name).write_bytes(certificate.public_bytes(Encoding.PEM))

    def identity(self, level: Attestation, dest: tuple[str, ...] = (CALLED,)) -> str:
        claims = ShakenClaims(
            orig_tn=CALLER, dest_tns=dest, attest=level, iat=int(time.time()), origid=ORIGID
        )
        return PassportSigner.create(self.key, X5U).identity(claims)

    def verified(self, value: str) -> Verification:
        now_s = time.time()
        trusted = TrustedList.of(self.authority)
        credential = credential_of(self.certificate.public_bytes(Encoding.PEM), trusted, NO_LIST, now_s)
        call = CalledAs(orig=(CALLER,), to=CALLED, request_uri=CALLED, date_s=None, call_id="x")
        return verify([value], call=call, credentials={X5U: credential}, now_s=now_s)


@pytest.fixture
def provider(tmp_path: Path) -> Provider:
    return Provider(tmp_path)


def secsipidx(provider: Provider, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["secsipidx", *arguments], cwd=provider.home, capture_output=True, text=True, timeout=60, check=False
    )


def accepts(provider: Provider, value: str) -> bool:
    """Whether the command finds it valid, chain and validity of the certificate included."""
    (provider.home / "identity").write_text(value)
    done = secsipidx(
        provider, "-check", "-fidentity", "identity", "-fpubkey", "certificate.pem", "-expire", "60",
        # its bits: validity in time, chain to the authorities of a file
        "-cert-verify", "5", "-ca-file", "authority.pem",
    )  # fmt: skip
    return done.returncode == 0 and done.stdout.split()[:1] == ["ok"]


def _with_claims_of(value: str, other: str) -> str:
    """A header with another one's claims under its own signature."""
    head, body, rest = value.split(".", 2)
    claims = other.split(".")[1]
    assert claims != body
    return f"{head}.{claims}.{rest}"


@pytest.mark.parametrize("level", Attestation)
def test_its_command_accepts_what_we_sign(provider: Provider, level: Attestation) -> None:
    value = provider.identity(level)
    assert accepts(provider, value)
    assert not accepts(provider, _with_claims_of(value, provider.identity(level, dest=("12025550199",))))


def test_its_command_finds_our_chain_and_misses_another(provider: Provider, tmp_path: Path) -> None:
    value = provider.identity(Attestation.A)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    provider.write("authority.pem", Provider(elsewhere).authority)
    assert not accepts(provider, value)


def signed_by_its_command(provider: Provider, level: Attestation) -> str:
    done = secsipidx(
        provider, "-sign-full", "-orig-tn", CALLER, "-dest-tn", CALLED, "-attest", level.value,
        "-orig-id", ORIGID, "-x5u", X5U, "-fprvkey", "key.pem",
    )  # fmt: skip
    assert done.returncode == 0, done
    return done.stdout.strip()


@pytest.mark.parametrize("level", Attestation)
def test_we_accept_what_its_command_signs(provider: Provider, level: Attestation) -> None:
    value = signed_by_its_command(provider, level)
    found = provider.verified(value)
    assert (found.outcome, found.attest, found.origid) == (Verstat.PASSED, level, ORIGID), value
    forged = _with_claims_of(value, provider.identity(level, dest=("12025550199",)))
    assert provider.verified(forged).outcome is Verstat.FAILED


@pytest.fixture
def asked(provider: Provider) -> Callable[[str], tuple[int, dict[str, Any]]]:
    """What `trunkward verify-identity` says of a header, on a node whose authority the provider's is."""
    home = provider.home / "node"
    environment = os.environ | {"TRUNKWARD_HOME": str(home)}
    paths = Paths(config=home / "node.yaml", state=home / "state", run=home / "run", log=home / "log")
    for file, content in (
        (PkiFiles(paths.pki).shaken_authority, provider.authority.public_bytes(Encoding.PEM)),
        (paths.declared, msgspec.json.encode(in_force())),
    ):
        file.parent.mkdir(parents=True)
        file.write_bytes(content)

    def ask(value: str) -> tuple[int, dict[str, Any]]:
        header, chain = provider.home / "header.txt", provider.home / "certificate.pem"
        header.write_text(f"Identity: {value}\n")
        numbers = ("--from", f"+{CALLER}", "--to", f"+{CALLED}")
        command = ["verify-identity", str(header), "--certificate", str(chain), *numbers, "--json"]
        done = run_command(command, environment, 60, None)
        return done.returncode, json.loads(done.stdout)

    return ask


def in_force() -> InForce:
    text = EXAMPLE.read_text(encoding="utf-8")
    return InForce(version=1, node_file=text, certificates={"acme-hq": ["ab" * 32]}, evidence={})


@pytest.mark.parametrize("level", Attestation)
def test_verify_identity_finds_what_its_command_signed_good(
    provider: Provider, asked: Callable[[str], tuple[int, dict[str, Any]]], level: Attestation
) -> None:
    code, told = asked(signed_by_its_command(provider, level))
    assert (code, told["outcome"], told["level"]) == (0, "TN-Validation-Passed", level.value), told
    assert (told["origid"], told["spc"], told["wanting"]) == (ORIGID, "709J", [])
    assert {step["result"] for step in told["passports"][0]["steps"]} == {"passed"}


def _of_another_key(provider: Provider, elsewhere: Path) -> str:
    elsewhere.mkdir()
    return signed_by_its_command(Provider(elsewhere), Attestation.A)


@pytest.mark.parametrize(
    ("tampered", "step", "cause"),
    [
        # its own signature, over what it was not made for
        (
            lambda p: _with_claims_of(signed_by_its_command(p, A), signed_by_its_command(p, B)),
            9,
            "438 signature",
        ),
        (lambda p: _of_another_key(p, p.home / "elsewhere"), 9, "438 signature"),
        (
            lambda p: _with_claims_of(signed_by_its_command(p, A), p.identity(A, dest=("12025550199",))),
            7,
            "438 dest-mismatch",
        ),
        (lambda p: signed_by_its_command(p, A).replace("ppt=shaken", "ppt=div"), 2, "438 ppt-mismatch"),
    ],
    ids=["level", "key", "callee", "ppt"],
)
def test_verify_identity_names_what_was_tampered_with(
    provider: Provider,
    asked: Callable[[str], tuple[int, dict[str, Any]]],
    tampered: Callable[[Provider], str],
    step: int,
    cause: str,
) -> None:
    code, told = asked(tampered(provider))
    assert (code, told["outcome"]) == (1, "TN-Validation-Failed")
    (one,) = told["passports"]
    assert [each["number"] for each in one["steps"] if each["result"] == "failed"] == [step]
    assert f"{one['error']['code']} {one['error']['cause']}" == cause


@pytest.fixture
def server(provider: Provider) -> Iterator[int]:
    """Its HTTP server, with the provider's key and certificate: the port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    files = ("-fprvkey", "key.pem", "-fpubkey", "certificate.pem")
    with (provider.home / "server.log").open("w") as log:
        process = subprocess.Popen(
            ["secsipidx", "-http-srv", f"127.0.0.1:{port}", *files, "-expire", "60"],
            cwd=provider.home,
            stdout=log,
            stderr=log,
        )
    try:
        eventually(lambda: _listens(port), 30, "it listens")
        yield port
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 10).close()
    except ConnectionRefusedError:
        return False
    return True


def post(port: int, path: str, body: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", path, body)
        response = connection.getresponse()
        return response.status, response.read().decode().strip()
    finally:
        connection.close()


def test_its_server_accepts_what_we_sign(provider: Provider, server: int) -> None:
    value = provider.identity(Attestation.A)
    assert post(server, "/v1/check", value) == (200, "OK")
    forged = _with_claims_of(value, provider.identity(Attestation.B))
    assert post(server, "/v1/check", forged)[0] == 500


@pytest.mark.parametrize("level", Attestation)
def test_we_accept_what_its_server_signs(provider: Provider, server: int, level: Attestation) -> None:
    status, value = post(server, "/v1/sign-csv", ",".join((CALLER, CALLED, level.value, ORIGID, X5U)))
    found = provider.verified(value)
    assert (status, found.outcome, found.attest) == (200, Verstat.PASSED, level)
