"""`trunkward verify-identity`: a header of our own signer, and everything that may be wrong with how it came."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner, Result

from trunkward.cli import verify_identity
from trunkward.cli.main import app
from trunkward.control.declared import InForce
from trunkward.engines.fetcher_client import FetcherLost
from trunkward.engines.fetcher_wire import ChainAnswer, ChainGiven, NoChain
from trunkward.engines.pki_files import PkiFiles
from trunkward.settings import Paths
from trunkward.shaken.attest import Attestation
from trunkward.shaken.passport import PassportSigner, ShakenClaims
from trunkward.shaken.testauthority import build_signing_certificate, build_test_authority

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
X5U = "https://cert.example.com/709J/1.pem"
CALLER, CALLED = "12025550100", "12025550110"
NUMBERS = ("--from", f"+{CALLER}", "--to", f"+{CALLED}")


class Home:
    """A node's files with its test authority, a provider under it, and one call he signed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.paths = Paths.from_environment()
        now = datetime.now(UTC)
        key, root_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        root = build_test_authority(root_key, serial=1 << 99, now=now, lifetime=timedelta(days=2))
        leaf = build_signing_certificate(
            key.public_key(),
            authority=root,
            authority_key=root_key,
            spc="709J",
            serial=1 << 100,
            now=now,
            lifetime=timedelta(days=1),
        )
        for file, certificate in (
            (PkiFiles(self.paths.pki).shaken_authority, root),
            (home / "chain.pem", leaf),
        ):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(certificate.public_bytes(Encoding.PEM))
        in_force = InForce(version=1, node_file=EXAMPLE, certificates={"acme-hq": ["ab" * 32]}, evidence={})
        self.paths.declared.parent.mkdir(parents=True, exist_ok=True)
        self.paths.declared.write_bytes(msgspec.json.encode(in_force))
        claims = ShakenClaims(
            orig_tn=CALLER,
            dest_tns=(CALLED,),
            attest=Attestation.B,
            iat=int(time.time()),
            origid="123e4567-e89b-82d3-a456-426655440000",
        )
        self.value = PassportSigner.create(key, X5U).identity(claims)
        self.chain = (home / "chain.pem").read_text()

    def ask(self, text: str, *options: str, certificate: bool = True) -> Result:
        (self.home / "call.txt").write_text(text)
        given = ("--certificate", str(self.home / "chain.pem")) if certificate else ()
        return CliRunner().invoke(app, ["verify-identity", str(self.home / "call.txt"), *given, *options])

    def failed(self, *asked: Any) -> tuple[int, int, str]:
        """Exit code, the step that failed, and its cause."""
        result = self.ask(*asked, "--json")
        [one] = json.loads(result.stdout)["passports"]
        [step] = [step["number"] for step in one["steps"] if step["result"] == "failed"]
        return result.exit_code, step, f"{one['error']['code']} {one['error']['cause']}"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("TRUNKWARD_HOME", str(tmp_path))
    return Home(tmp_path)


def invite(value: str, called: str = CALLED) -> str:
    return (
        f"INVITE sip:+{called}@sbc.example.com SIP/2.0\r\nFrom: <sip:+{CALLER}@c.example.com>;tag=1\r\n"
        f"To: <sip:+{called}@sbc.example.com>\r\nIdentity: {value}\r\n\r\nv=0\r\n"
    )


def test_what_our_signer_signed_is_good_step_by_step(home: Home) -> None:
    for result in (home.ask(home.value, *NUMBERS), home.ask(invite(home.value))):
        assert result.exit_code == 0, result.output
        assert result.stdout.count(" passed\n") == 9
        assert "12 TN-Validation-Passed: level B, signed by 709J" in result.stdout
        assert "TEST authority" in result.stdout


def test_for_programs(home: Home) -> None:
    told = json.loads(home.ask(invite(home.value), "--json").stdout)
    assert (told["outcome"], told["level"], told["spc"]) == ("TN-Validation-Passed", "B", "709J")
    assert (told["calling"], told["to"], told["request_uri"]) == ([CALLER], CALLED, CALLED)
    assert [step["number"] for step in told["passports"][0]["steps"]] == [*range(2, 11)]
    assert told["wanting"] == []


def test_what_fails_is_named_with_its_step_and_code(home: Home) -> None:
    value, later = home.value, datetime.fromtimestamp(time.time() + 3600, UTC).isoformat()
    first, claims, rest = value.split(".", 2)
    assert home.failed(value, *NUMBERS, "--at", later) == (1, 5, "403 iat-outside-window")
    assert home.failed(invite(value, "12025550199")) == (1, 7, "438 dest-mismatch")
    assert home.failed(value, "--from", "+12025550177", *NUMBERS[2:]) == (1, 6, "438 orig-mismatch")
    assert home.failed(value.replace("alg=ES256", "alg=none"), *NUMBERS) == (1, 2, "438 alg")
    signature, _, parameters = rest.partition(";")
    forged = f"{first}.{claims}.{'A' * len(signature)};{parameters}"
    assert home.failed(forged, *NUMBERS) == (1, 9, "438 signature")
    (home.home / "chain.pem").write_text("no certificate")
    assert home.failed(value, *NUMBERS) == (1, 8, "436 certificate-unreadable")


def test_an_invite_of_yesterday_is_judged_as_of_then(home: Home) -> None:
    result = home.ask(invite(home.value), "--at", datetime.now(UTC).isoformat())
    assert result.exit_code == 0, result.output


def test_without_its_certificate_nothing_has_failed(home: Home) -> None:
    result = home.ask(home.value, *NUMBERS, certificate=False)
    assert result.exit_code == 2
    assert result.stdout.count(" passed\n") == 6
    assert f"nobody has asked for {X5U}" in result.stdout
    assert "FAILED" not in result.stdout


def test_what_is_wrong_without_it_stands(home: Home) -> None:
    result = home.ask(invite(home.value, "12025550199"), certificate=False)
    assert (result.exit_code, "nobody has asked" in result.stdout) == (1, False)


class Fetcher:
    """In place of the node's: gives what `answer` has."""

    answer: ChainAnswer | None = None

    def __init__(self, _: Path) -> None: ...

    async def ask(self, url: str, sender: str) -> ChainAnswer:
        assert (url, sender) == (X5U, "verify-identity")
        if self.answer is None:
            raise FetcherLost("fetcher-unreachable")
        return self.answer

    async def close(self) -> None: ...


@pytest.mark.parametrize("given", ["chain", "none", "lost"])
def test_its_certificate_comes_by_the_fetcher(
    home: Home, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: dict[str, ChainAnswer] = {
        "chain": ChainGiven(id=1, chain=home.chain, until=time.time() + 9),
        "none": NoChain(id=1, why="http-status", detail="404", until=time.time() + 9),
    }
    monkeypatch.setattr(verify_identity, "FetcherClient", Fetcher)
    monkeypatch.setattr(Fetcher, "answer", answers.get(given))
    result = home.ask(home.value, *NUMBERS, "--fetch", certificate=False)
    assert result.exit_code == {"chain": 0, "none": 1, "lost": 2}[given], result.output
    said = {
        "chain": "TN-Validation-Passed",
        "none": "436 Bad Identity Info, certificate-unavailable: http-status: 404",
        "lost": "fetcher-unreachable",
    }
    assert said[given] in result.output


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("\n", NUMBERS, "no Identity header in it"),
        ("a.b.c", (), "--from NUMBER --to NUMBER"),
        ("a.b.c", (*NUMBERS, "--fetch"), "either one"),
    ],
)
def test_what_cannot_be_tried_says_what_is_wanting(
    home: Home, text: str, options: tuple[str, ...], said: str
) -> None:
    result = home.ask(text, *options)
    assert (result.exit_code, said in result.output) == (2, True), result.output


def test_without_a_list_nobody_is_trusted(home: Home) -> None:
    PkiFiles(home.paths.pki).shaken_authority.unlink()
    result = home.ask(home.value, *NUMBERS)
    assert (result.exit_code, "no list of trusted authorities" in result.output) == (2, True)
