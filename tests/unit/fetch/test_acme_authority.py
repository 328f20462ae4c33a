"""What an authority says becomes a sentence, and what it asks for is kept within reason; the rest is on the wire."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import requests
from acme import errors, messages
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from josepy.jwk import JWK, JWKEC

from trunkward.fetch.acme_authority import AcmeClient, AcmeFailed, Authority, _chosen, retry_after_s
from trunkward.fetch.guard import Guarded
from trunkward.fetch.http01 import Http01Answers

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
TOKEN = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
URL = "https://ca.example.net/directory"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("", 0),
        ("soon", 0),
        ("-5", 0),
        ("99999999", 86_400),
        ("1" * 40, 0),
        (format_datetime(NOW + timedelta(hours=1), usegmt=True), 3600),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), 0),
        (format_datetime(NOW + timedelta(days=400), usegmt=True), 86_400),
    ],
)
def test_retry_after(header: str, seconds: int) -> None:
    assert retry_after_s(header, NOW) == seconds


def account_pem() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def client(tmp_path: Path) -> AcmeClient:
    (tmp_path / "account.key").write_bytes(account_pem())
    return AcmeClient(Authority(directory=URL, account_key=tmp_path / "account.key", trusted=tmp_path))


def challenge(kind: str, token: str = TOKEN) -> dict[str, str]:
    return {"type": kind, "url": "https://ca.example.net/challenge", "token": token, "status": "pending"}


def authorization(*kinds: str) -> messages.AuthorizationResource:
    body = messages.Authorization.from_json(
        {
            "identifier": {"type": "dns", "value": "sbc.example.com"},
            "status": "pending",
            "challenges": [challenge(kind) for kind in kinds],
        }
    )
    return messages.AuthorizationResource(body=body, uri="https://ca.example.net/authorization")


SAID = [
    (
        messages.Error.with_code("rateLimited", detail="too many"),
        f"{URL} refused (rateLimited): too many",
    ),
    (errors.TimeoutError(), f"{URL} did not finish within 180 s"),
    (
        Guarded("redirects to https://x/: write that address instead"),
        f"{URL}: redirects to https://x/: write",
    ),
    (requests.ConnectionError(ConnectionRefusedError(111, "Connection refused")), f"{URL}: "),
    (KeyError('Directory field "newOrder" not found'), f"{URL} answered with something that is not ACME"),
    (
        messages.Error.from_json({"type": "urn:x", "detail": "a\x1b[31m\nb" + "c" * 2000}),
        f"{URL} refused (urn:x): a [31m bccc",
    ),
]


@pytest.mark.parametrize(("problem", "said"), SAID)
def test_what_is_said(
    problem: Exception, said: str, client: AcmeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise problem

    monkeypatch.setattr(AcmeClient, "_issue", fail)
    answers = Http01Answers()
    answers._answers[TOKEN] = b"left"
    with pytest.raises(AcmeFailed) as failed:
        client.issue(b"", [answers])
    assert str(failed.value).startswith(said)
    assert len(str(failed.value)) <= 600
    assert answers.answer(TOKEN) is None


def test_what_authorities_asked_us_to_wait_goes_along(
    client: AcmeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limited(self: AcmeClient, *_: object) -> bytes:
        self._guard.retry_after = "300"
        raise messages.Error.with_code("rateLimited")

    monkeypatch.setattr(AcmeClient, "_issue", limited)
    with pytest.raises(AcmeFailed) as failed:
        client.issue(b"", [])
    assert failed.value.retry_after_s == 300


def test_a_refused_proof_names_the_identifier(client: AcmeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = authorization("http-01").to_json()
    failing["body"]["challenges"][0]["error"] = {
        "type": "urn:ietf:params:acme:error:dns",
        "detail": "no A record",
    }
    found = messages.AuthorizationResource(body=messages.Authorization.from_json(failing["body"]), uri="x")

    def fail(*_: object) -> bytes:
        raise errors.ValidationError([found])

    monkeypatch.setattr(AcmeClient, "_issue", fail)
    with pytest.raises(
        AcmeFailed, match=r"could not see that the name is ours: sbc.example.com: no A record"
    ):
        client.issue(b"", [])


def test_the_challenge_we_can_meet_is_chosen() -> None:
    answers = Http01Answers()
    solver, chosen = _chosen(authorization("dns-01", "http-01", "tkauth-01"), [answers])
    assert solver is answers
    assert chosen.to_partial_json()["type"] == "http-01"
    with pytest.raises(AcmeFailed, match=r"offers dns-01, unknown-77; this node proves itself by http-01"):
        _chosen(authorization("dns-01", "unknown-77"), [answers])


def test_an_answer_is_the_token_and_the_accounts_thumbprint() -> None:
    # RFC 8555 section 8.1
    account = JWK.load(account_pem())
    assert isinstance(account, JWKEC)
    answers = Http01Answers()
    answers.prepare(messages.ChallengeBody.from_json(challenge("http-01")), account)
    given = (answers.answer(TOKEN) or b"").decode()
    token, _, thumbprint = given.partition(".")
    assert token == TOKEN
    assert len(thumbprint) == 43
    answers.forget()
    assert answers.answer(TOKEN) is None
    long = messages.ChallengeBody.from_json(challenge("http-01", "A" * 140))
    with pytest.raises(AcmeFailed, match="a token that is none"):
        answers.prepare(long, account)


def test_a_key_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "account.key").write_text("no key")
    for file in ("account.key", "missing.key"):
        with pytest.raises(AcmeFailed, match="no account key"):
            AcmeClient(Authority(directory=URL, account_key=tmp_path / file, trusted=tmp_path))
