"""Evidence tokens: only what control signed, only for whom it was signed, only as long as it holds."""

import json
from dataclasses import asdict, replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from trunkward.shaken import base64url
from trunkward.shaken.evidence import (
    MOST_NUMBERS,
    PREFIX,
    Evidence,
    EvidenceRefused,
    Kind,
    issue,
    open_token,
    verify,
)
from trunkward.trunks.transit import OF_NODE

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key()
NOW = 1_800_000_000
CUSTOMER = "KYC-2026-17"
EVIDENCE = Evidence(
    kind=Kind.LOA,
    identity=OF_NODE,
    customer=CUSTOMER,
    trunk="alpha",
    first="12025550100",
    last="12025550109",
    not_after=NOW + 60,
    version=3,
    id="evidence-17",
)
TOKEN = issue(KEY, EVIDENCE)


def refused(
    token: str,
    trunk: str = "alpha",
    customer: str = CUSTOMER,
    tn: str = "12025550100",
    now_s: int = NOW,
    identity: str = OF_NODE,
) -> str:
    with pytest.raises(EvidenceRefused) as error:
        verify(PUBLIC, token, identity=identity, trunk=trunk, customer=customer, tn=tn, now_s=now_s)
    return error.value.reason


def accepted(tn: str = "12025550100", now_s: int = NOW) -> Evidence:
    return verify(PUBLIC, TOKEN, identity=OF_NODE, trunk="alpha", customer=CUSTOMER, tn=tn, now_s=now_s)


def signed(payload: bytes, prefix: str = PREFIX) -> str:
    message = f"{prefix}.{base64url.encode(payload)}"
    return f"{message}.{base64url.encode(KEY.sign(message.encode()))}"


def test_good_token_gives_back_what_was_said() -> None:
    assert accepted() == EVIDENCE


def test_it_speaks_for_nobody_else_and_not_for_ever() -> None:
    assert refused(TOKEN, identity="resale") == "evidence-of-other-identity"
    assert refused(TOKEN, trunk="beta") == "evidence-of-other-trunk"
    assert refused(TOKEN, customer="KYC-2026-18") == "evidence-of-other-customer"
    assert refused(TOKEN, now_s=NOW + 60) == "evidence-expired"
    assert accepted(now_s=NOW + 59) == EVIDENCE


def test_whose_certificate_it_was_for_is_read_and_may_be_missing() -> None:
    of_now = replace(EVIDENCE, spc="709J")
    assert open_token(PUBLIC, issue(KEY, of_now)) == of_now
    before = {name: value for name, value in asdict(EVIDENCE).items() if name != "spc"}
    assert open_token(PUBLIC, signed(json.dumps(before).encode())) == EVIDENCE


@pytest.mark.parametrize(
    "tn", ["12025550099", "12025550110", "1202555010", "120255501000", "012025550100", "anonymous", ""]
)
def test_it_speaks_for_no_number_outside_of_its_range(tn: str) -> None:
    assert refused(TOKEN, tn=tn) == "evidence-for-other-number"


def test_it_speaks_for_every_number_from_first_to_last() -> None:
    assert EVIDENCE.numbers == 10
    assert all(accepted(tn=f"120255501{n:02}") == EVIDENCE for n in range(10))


def test_another_key_proves_nothing() -> None:
    assert refused(issue(Ed25519PrivateKey.generate(), EVIDENCE)) == "evidence-signature-invalid"


@given(st.integers(0, len(TOKEN) - 1), st.characters(codec="ascii"))
def test_no_character_can_be_changed(position: int, character: str) -> None:
    changed = TOKEN[:position] + character + TOKEN[position + 1 :]
    if changed != TOKEN:
        assert refused(changed) in {"evidence-malformed", "evidence-signature-invalid"}


GOOD = {
    "customer": CUSTOMER,
    "first": "12025550100",
    "id": "n",
    "identity": OF_NODE,
    "kind": "own-inventory",
    "last": "12025550100",
    "not_after": NOW + 1,
    "trunk": "alpha",
    "version": 1,
}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"\xff",
        b"nonsense",
        json.dumps({k: v for k, v in GOOD.items() if k != "kind"}).encode(),
        json.dumps(GOOD | {"more": 1}).encode(),
        json.dumps(GOOD | {"kind": "self-asserted"}).encode(),
        json.dumps(GOOD | {"not_after": "1800000001"}).encode(),
        json.dumps(GOOD | {"not_after": 1e30}).encode(),
        json.dumps(GOOD | {"version": True}).encode(),
        json.dumps(GOOD | {"kind": None}).encode(),
        json.dumps(GOOD | {"spc": 709}).encode(),
        json.dumps(GOOD | {"spc": "7 9"}).encode(),
        json.dumps(GOOD | {"first": "+12025550100"}).encode(),
        json.dumps(GOOD | {"first": ["12025550100"]}).encode(),
        json.dumps(GOOD | {"first": "alice"}).encode(),
        json.dumps(GOOD | {"last": "*67"}).encode(),
        # a range that ends before it begins, of two lengths, and of more numbers than one token speaks for
        json.dumps(GOOD | {"last": "12025550099"}).encode(),
        json.dumps(GOOD | {"last": "120255501000"}).encode(),
        json.dumps(GOOD | {"last": str(12025550100 + MOST_NUMBERS)}).encode(),
        json.dumps(GOOD | {"customer": ""}).encode(),
        json.dumps(GOOD | {"customer": None}).encode(),
        json.dumps(GOOD | {"trunk": ""}).encode(),
        json.dumps(GOOD | {"trunk": None}).encode(),
    ],
)
def test_signed_nonsense_is_still_nonsense(payload: bytes) -> None:
    assert open_token(PUBLIC, signed(json.dumps(GOOD).encode())).numbers == 1
    assert refused(signed(payload)) == "evidence-malformed"


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        TOKEN + ".",
        TOKEN + "=",
        TOKEN.replace(".", ""),
        "é" + TOKEN,
        "x" * 5000,
        signed(json.dumps(GOOD).encode(), prefix="twe1"),
    ],
)
def test_malformed_tokens(token: str) -> None:
    assert refused(token) == "evidence-malformed"
