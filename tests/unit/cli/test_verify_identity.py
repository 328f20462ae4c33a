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
from trunkward.shaken.passport import DivClaims, PassportSigner, ShakenClaims
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
        self.signer = PassportSigner.create(key, X5U)
        self.value = self.signer.identity(claims)
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


# ---- what is read -------------------------------------------------------------------------------


def test_it_may_be_pasted(home: Home) -> None:
    given = ("--certificate", str(home.home / "chain.pem"))
    result = CliRunner().invoke(app, ["verify-identity", "-", *given], input=invite(home.value))
    assert (result.exit_code, "TN-Validation-Passed" in result.stdout) == (0, True), result.output


@pytest.mark.parametrize("gone", ["call.txt", "chain.pem"])
def test_a_file_that_is_not_there_is_named(home: Home, gone: str) -> None:
    call, chain = home.home / "call.txt", home.home / "chain.pem"
    call.write_text(invite(home.value))
    (home.home / gone).unlink()
    result = CliRunner().invoke(app, ["verify-identity", str(call), "--certificate", str(chain)])
    assert (result.exit_code, str(home.home / gone) in result.output) == (2, True), result.output


@pytest.mark.parametrize(("size", "code"), [(256 * 1024, 0), (256 * 1024 + 1, 2)])
def test_a_whole_trace_is_too_much(home: Home, size: int, code: int) -> None:
    result = home.ask(invite(home.value).ljust(size))
    assert result.exit_code == code, result.output
    assert ("more than 262144 bytes: cut the INVITE out of it" in result.output) is (code == 2)


def test_where_no_node_was_nobody_is_trusted(home: Home) -> None:
    home.paths.declared.unlink()
    result = home.ask(home.value, *NUMBERS)
    assert (result.exit_code, "so nobody has said whose certificates may sign" in result.output) == (2, True)


def test_a_configuration_of_another_version_is_not_guessed_at(home: Home) -> None:
    in_force = InForce(version=1, node_file="nonsense: 1\n", certificates={}, evidence={})
    home.paths.declared.write_bytes(msgspec.json.encode(in_force))
    result = home.ask(home.value, *NUMBERS)
    assert (result.exit_code, "this version does not understand it" in result.output) == (2, True)


@pytest.mark.parametrize(
    ("lines", "calling"),
    [
        ("From: <sip:+12025550177@c.example.com>;tag=1", ["12025550177"]),
        # RFC 8224 section 8.1: P-Asserted-Identity, where it is trusted, names who is held against orig
        (
            f"From: <sip:anonymous@anonymous.invalid>;tag=1\r\nP-Asserted-Identity: <sip:+{CALLER}@c.example.com>",
            [CALLER, "sip:anonymous@anonymous.invalid"],
        ),
        (
            f"From: <sip:+{CALLER}@c>;tag=1\r\nP-Asserted-Identity: <sip:+{CALLER}@c>, <tel:+12025550177>",
            [CALLER, "12025550177"],
        ),
        ("From: <sip:+12025550177@c.example.com>;tag=1\r\nP-Asserted-Identity: nobody", ["12025550177"]),
        ("From: nobody", []),
        ("X: y", []),
    ],
)
def test_who_calls_is_what_the_invite_says(home: Home, lines: str, calling: list[str]) -> None:
    text = invite(home.value).replace(f"From: <sip:+{CALLER}@c.example.com>;tag=1", lines)
    result = home.ask(text, "--json")
    told = json.loads(result.stdout)
    assert told["calling"] == calling
    assert result.exit_code == (0 if CALLER in calling else 1)
    # but for what a person says in its place
    told = json.loads(home.ask(text, "--json", "--from", f"+{CALLER}").stdout)
    assert (told["calling"], told["to"], told["outcome"]) == ([CALLER], CALLED, "TN-Validation-Passed")


@pytest.mark.parametrize("to", ["nobody", "<sip:>", "<sip:a@[>"])
def test_a_to_that_names_nobody_is_no_match_for_dest(home: Home, to: str) -> None:
    text = invite(home.value).replace(f"To: <sip:+{CALLED}@sbc.example.com>", f"To: {to}")
    told = json.loads(home.ask(text, "--json").stdout)
    assert (told["to"], told["request_uri"]) == ("", CALLED)


@pytest.mark.parametrize(
    ("date", "failed"),
    [
        ("{now:%a, %d %b %Y %H:%M:%S} GMT", ""),
        # RFC 5322 section 3.3: of no zone that is known, so that of the clock
        ("{now:%a, %d %b %Y %H:%M:%S} -0000", ""),
        ("{past:%a, %d %b %Y %H:%M:%S} GMT", "403 date-outside-window"),
        ("Thu, 99 Xyz 2026", "403 date-outside-window"),
        ("yesterday", "403 date-outside-window"),
    ],
)
def test_a_date_is_held_against_the_window(home: Home, date: str, failed: str) -> None:
    now = datetime.now(UTC)
    said = date.format(now=now, past=now - timedelta(hours=1))
    text = invite(home.value).replace("Identity:", f"Date: {said}\r\nIdentity:")
    result = home.ask(text, "--json")
    (one,) = json.loads(result.stdout)["passports"]
    assert (f"{one['error']['code']} {one['error']['cause']}" if one["error"] else "") == failed
    assert result.exit_code == (1 if failed else 0)


# ---- what is said -------------------------------------------------------------------------------


def test_a_chain_of_diversions_is_told_in_its_order(home: Home) -> None:
    claims = DivClaims(orig_tn=CALLER, dest_tn="12025550199", div_tn=CALLED, iat=int(time.time()))
    text = invite(home.value, "12025550199").replace(
        "Identity:", f"Identity: {home.signer.identity(claims)}\r\nIdentity:"
    )
    result = home.ask(text)
    assert result.exit_code == 0, result.output
    assert f"\n  11 diverted, first to last: {CALLED}\n" in result.stdout
    assert [line.partition(",")[0] for line in result.stdout.splitlines() if "PASSporT" in line] == [
        "PASSporT 1: div",
        "PASSporT 2: shaken",
    ]
    assert "diverted" not in home.ask(home.value, *NUMBERS).stdout


def test_kinds_nobody_knows_are_no_passports(home: Home) -> None:
    result = home.ask(home.value.replace("ppt=shaken", "ppt=rph"), *NUMBERS)
    assert (result.exit_code, result.stdout.splitlines()[-2:]) == (
        1,
        ["no PASSporT of a kind that is known", "  12 No-TN-Validation"],
    )
    assert "of a kind that is known" not in home.ask(home.value, *NUMBERS).stdout


def test_whose_when_and_by_which_certificate_stands_above(home: Home) -> None:
    at = datetime.now(UTC).replace(microsecond=0)
    said = home.ask(home.value, *NUMBERS, "--at", at.isoformat()).stdout.splitlines()
    assert said[0] == f"from {CALLER} to {CALLED}, judged as of {at:%Y-%m-%d %H:%M:%S} UTC"
    assert said[2] == f"PASSporT 1: shaken, certificate {X5U}"


def test_the_step_that_failed_stands_out(home: Home) -> None:
    said = home.ask(invite(home.value, "12025550199")).stdout.splitlines()
    [at] = [number for number, line in enumerate(said) if line.endswith(" FAILED")]
    assert said[at].startswith("   7 ")
    assert said[at + 1].startswith("     438 Invalid Identity Header, dest-mismatch: ")
    assert not [line for line in said if line.endswith(" failed")]


def test_each_remark_stands_where_it_belongs(home: Home) -> None:
    told = json.loads(home.ask(home.value, *NUMBERS, "--json").stdout)
    [one] = told["passports"]
    plain = list(verify_identity.lines(told | {"passports": [one | {"revocation_known": True}]}))
    assert not [line for line in plain if "breaks rules" in line or "no fresh" in line]
    unknown = list(verify_identity.lines(told | {"passports": [one | {"revocation_known": False}]}))
    assert [line for line in unknown if line not in plain] == [
        "     no fresh revocation list speaks for its certificate"
    ]
    noted = one | {"revocation_known": True, "noted": ["a", "b"]}
    found = list(verify_identity.lines(told | {"passports": [noted]}))
    assert [line for line in found if line not in plain] == [
        "     its certificate breaks rules that bind no verifier: a, b"
    ]
    real = list(verify_identity.lines(told | {"test_authority": False}))
    assert not [line for line in real if "TEST authority" in line]
    by_delegate = list(verify_identity.lines(told | {"spc": "", "level": "", "calling": []}))
    assert by_delegate[0].startswith("from ? to ")
    assert by_delegate[-1].endswith(": level none, signed by a delegate")
    base = list(verify_identity.lines(told | {"passports": [one | {"ppt": "", "x5u": ""}]}))
    assert "PASSporT 1: base, certificate ?" in base


def test_what_it_finds_of_the_certificate_is_for_programs_too(home: Home) -> None:
    [one] = json.loads(home.ask(home.value, *NUMBERS, "--json").stdout)["passports"]
    assert (one["error"], one["noted"]) == (None, [])
    assert one["revocation_known"] is False
    [one] = json.loads(home.ask(home.value, *NUMBERS, "--json", certificate=False).stdout)["passports"]
    assert (one["error"], one["revocation_known"], one["noted"]) == (None, None, [])
