"""What a signer is asked on behalf of a call, which of them, and what becomes of its answer."""

import asyncio
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from trunkward.admission.ports import NotSigned, Signature, SignatureFact, SigningClaims, Unavailable
from trunkward.engines.signer_client import SignerClient, SignerRefused, SignerUnavailable
from trunkward.engines.signer_wire import CallerName, Retarget, Signed, SignRequest
from trunkward.gate.signing import DEADLINE_S, SignerForCall, Signers
from trunkward.shaken.attest import Attestation, Rule
from trunkward.shaken.origid import derive_ingress_origid, derive_origid
from trunkward.trunks.transit import CallerName as Name

SECRET = bytes(range(32))
CLAIMS: dict[str, Any] = {
    "trunk": "acme-hq",
    "tenant": "acme",
    "orig": "12025550101",
    "dest": "12025550199",
    "level": Attestation.B,
    "rule": Rule.B_KNOWN_CUSTOMER,
    "customer": "KYC-2026-17",
}


class _Answering(SignerClient):
    """A signer that answers, refuses or is lost."""

    def __init__(self, asked: list[tuple[str, SignRequest, float]], where: str, answer: Any) -> None:
        self.asked, self.where, self.answer = asked, where, answer

    async def sign(self, request: SignRequest, within_s: float) -> Signed:
        self.asked.append((self.where, request, within_s))
        if isinstance(self.answer, Exception):
            raise self.answer
        return Signed(
            id="",
            identities=["one", "two"],
            iat=7,
            date="a date",
            attest=Attestation(request.level) if request.level else None,
            serial="ab",
            journal=3,
        )

    async def close(self) -> None:
        self.asked.append((self.where, None, 0.0))  # type: ignore[arg-type]


@pytest.fixture
def sign(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., tuple[SignatureFact, str, SignRequest]]:
    """Asks for claims; gives what became of it, and what whom was asked."""

    def ask(answer: Any = None, **changed: Any) -> tuple[SignatureFact, str, SignRequest]:
        asked: list[tuple[str, SignRequest, float]] = []
        monkeypatch.setattr(
            "trunkward.gate.signing.SignerClient", lambda path: _Answering(asked, path.name, answer)
        )
        signer = SignerForCall(Signers(lambda identity: Path(f"/{identity}")), SECRET, "r1", "c1@pbx")
        fact = asyncio.run(signer.sign(SigningClaims(**CLAIMS | changed)))
        [(where, request, within_s)] = asked
        assert within_s == DEADLINE_S
        return fact, where, request

    return ask


type Sign = Callable[..., tuple[SignatureFact, str, SignRequest]]


def test_a_customers_call(sign: Sign) -> None:
    fact, where, request = sign(relationship="whose", evidence="that number")
    assert where == "node"
    assert request == SignRequest(
        identity="node",
        kind="shaken",
        trunk="acme-hq",
        tenant="acme",
        customer="KYC-2026-17",
        relationship="whose",
        evidence="that number",
        orig="12025550101",
        dest=["12025550199"],
        level="B",
        rule="B-known-customer",
        origid=derive_origid(SECRET, tenant="acme", trunk="acme-hq"),
        record_id="r1",
        call_id_hash=sha256(b"c1@pbx").hexdigest(),
    )
    assert fact == Signature(
        identities=("one", "two"), date="a date", iat=7, attest=Attestation.B, serial="ab", journal=3
    )


def test_c_names_where_it_came_from_and_not_the_customer(sign: Sign) -> None:
    """Property 7: RFC 8588 section 5; whatever customer the trunk is of, its origid is another one."""
    _, _, request = sign(level=Attestation.C, rule=Rule.C_GATEWAY)
    assert (request.level, request.ingress) == ("C", "acme-hq")
    assert request.origid == derive_ingress_origid(SECRET, trunk="acme-hq")
    assert request.origid != derive_origid(SECRET, tenant="acme", trunk="acme-hq")


def test_retargets_alone_have_no_level(sign: Sign) -> None:
    fact, _, request = sign(
        level=None,
        rule=Rule.ALREADY_SIGNED,
        retargets=(("12025550102", "12025550101"), ("12025550199", "12025550102")),
        retarget_evidence=("first", "second"),
        received_iat=5,
    )
    assert (request.kind, request.level, request.origid, request.received_iat) == ("div", None, "", 5)
    assert request.div == [
        Retarget(dest="12025550102", div="12025550101", evidence="first"),
        Retarget(dest="12025550199", div="12025550102", evidence="second"),
    ]
    assert isinstance(fact, Signature)
    assert fact.attest is None


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        (None, None),
        (Name(name="Example Corp", reviewed=""), CallerName(nam="Example Corp")),
        (Name(name="Example Corp", reason="News", reviewed=""), CallerName(nam="Example Corp", crn="News")),
    ],
)
def test_a_name(sign: Sign, name: Name | None, asked: CallerName | None) -> None:
    assert sign(caller_name=name)[2].rcd == asked


def test_a_resellers_calls_are_his_signers(sign: Sign) -> None:
    _, where, request = sign(
        identity="resale", level=Attestation.A, supplied=Attestation.A, rule=Rule.A_SUPPLIED
    )
    assert (where, request.identity, request.level, request.supplied) == ("resale", "resale", "A", "A")


@pytest.mark.parametrize(
    ("answer", "fact"),
    [
        (SignerRefused("evidence-expired"), NotSigned(why="evidence-expired")),
        (SignerUnavailable("signer-timeout"), Unavailable(what="signer", why="signer-timeout")),
    ],
)
def test_what_fails_is_a_fact(sign: Sign, answer: Exception, fact: SignatureFact) -> None:
    assert sign(answer)[0] == fact


def test_each_identity_has_one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        "trunkward.gate.signing.SignerClient", lambda path: _Answering(asked, path.name, None)
    )
    signers = Signers(lambda identity: Path(f"/{identity}"))
    assert signers.of("node") is signers.of("node")
    assert signers.of("node") is not signers.of("resale")
    asyncio.run(signers.close())
    assert [where for where, _, _ in asked] == ["node", "resale"]
