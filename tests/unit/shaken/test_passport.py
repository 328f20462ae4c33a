"""Exact bytes, signatures from the RFCs, and what is never signed."""

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from trunkward.shaken import base64url
from trunkward.shaken.attest import Attestation
from trunkward.shaken.number import NotANumber
from trunkward.shaken.passport import (
    PassportError,
    PassportSigner,
    ShakenClaims,
    check_x5u,
    deterministic_json,
    serialise_claims,
    serialise_header,
    sign_es256,
    signing_input,
    verify_es256,
)

VECTORS = Path(__file__).parents[2] / "vectors" / "shaken"
X5U = "https://cert.example.com/709J/1.pem"
ORIGID = "123e4567-e89b-82d3-a456-426655440000"


def vector(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((VECTORS / name).read_text())
    return value


def claims(**changed: Any) -> ShakenClaims:
    fields: dict[str, Any] = {
        "orig_tn": "12025550100",
        "dest_tns": ("12025550110",),
        "attest": Attestation.A,
        "iat": 1443208345,
        "origid": ORIGID,
    }
    return ShakenClaims(**(fields | changed))


def test_golden_bytes() -> None:
    golden = vector("shaken-golden.json")
    made = claims(dest_tns=tuple(golden["dest"]))
    assert serialise_header(golden["x5u"]) == golden["header"].encode()
    assert serialise_claims(made) == golden["payload"].encode()
    expected = b".".join(
        base64.urlsafe_b64encode(golden[part].encode()).rstrip(b"=") for part in ("header", "payload")
    )
    assert signing_input(serialise_header(golden["x5u"]), serialise_claims(made)) == expected


def test_rfc7515_a3_signature_is_raw_r_and_s() -> None:
    a3 = vector("rfc7515-a3.json")
    x, y = (int.from_bytes(base64url.decode(a3[name]), "big") for name in "xy")
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    signature = base64url.decode(a3["signature"])
    verify_es256(key, a3["signing_input"].encode(), signature)
    with pytest.raises(InvalidSignature):
        verify_es256(key, a3["signing_input"].encode() + b"A", signature)


def test_rfc8225_example_verifies_over_our_serialisation_of_it() -> None:
    example = vector("rfc8225-example.json")
    message, _, signature = example["token"].rpartition(".")
    ours = signing_input(deterministic_json(example["header"]), deterministic_json(example["payload"]))
    assert ours == message.encode()
    key = load_pem_public_key(example["public_key"].encode())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    verify_es256(key, ours, base64url.decode(signature))
    # Its iat is quoted: bytes that verify, claims that are refused (errata 5985).
    with pytest.raises(PassportError, match="iat-invalid"):
        claims(iat=example["payload"]["iat"])


def test_identity_value(key: ec.EllipticCurvePrivateKey) -> None:
    value = PassportSigner.create(key, X5U).identity(claims())
    matched = re.fullmatch(
        r"([\w-]+)\.([\w-]+)\.([\w-]{86});info=<https://cert\.example\.com/709J/1\.pem>;alg=ES256;ppt=shaken",
        value,
    )
    assert matched
    header, payload, signature = matched.groups()
    assert list(json.loads(base64url.decode(header))) == ["alg", "ppt", "typ", "x5u"]
    assert list(json.loads(base64url.decode(payload))) == ["attest", "dest", "iat", "orig", "origid"]
    verify_es256(key.public_key(), f"{header}.{payload}".encode(), base64url.decode(signature))


def test_signature_is_always_64_bytes(key: ec.EllipticCurvePrivateKey) -> None:
    # One signature in 128 has an R or S of 31 bytes or less: in 4,000 there are always some.
    short = 0
    for number in range(4000):
        signature = sign_es256(key, str(number).encode())
        assert len(signature) == 64
        if 0 in (signature[0], signature[32]):
            short += 1
            verify_es256(key.public_key(), str(number).encode(), signature)
    assert short


@pytest.mark.parametrize(
    "spoil", [lambda s: s[:-1], lambda s: s + b"\0", lambda s: b"", lambda s: s[32:] + s[:32]]
)
def test_spoilt_signature_fails(key: ec.EllipticCurvePrivateKey, spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(InvalidSignature):
        verify_es256(key.public_key(), b"x", spoil(sign_es256(key, b"x")))


def test_other_curves_do_not_sign() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(PassportError, match="key-not-p256"):
        PassportSigner.create(key, X5U)
    with pytest.raises(PassportError, match="key-not-p256"):
        sign_es256(key, b"x")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"orig_tn": "+12025550100"}, "number-not-canonical"),
        ({"dest_tns": ("+12025550100",)}, "number-not-canonical"),
        ({"dest_tns": ()}, "dest-missing"),
        ({"dest_tns": tuple(str(n) for n in range(100, 111))}, "dest-too-many"),
        ({"attest": "A"}, "attest-invalid"),
        ({"attest": "ABC"}, "attest-invalid"),
        ({"iat": 1443208345.0}, "iat-invalid"),
        ({"iat": True}, "iat-invalid"),
        ({"iat": -1}, "iat-invalid"),
        ({"iat": 0}, "iat-invalid"),
        ({"iat": 2**53}, "iat-invalid"),
        ({"origid": ORIGID.upper()}, "origid-invalid"),
        ({"origid": ORIGID + "\n"}, "origid-invalid"),
        ({"origid": "customer-7"}, "origid-invalid"),
    ],
)
def test_claims_a_strict_verifier_refuses_do_not_exist(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(PassportError) as refused:
        claims(**changed)
    assert refused.value.reason == reason


@pytest.mark.parametrize("number", ["alice", "", "１２"])
def test_claims_need_numbers(number: str) -> None:
    with pytest.raises(NotANumber):
        claims(orig_tn=number)


@pytest.mark.parametrize("url", [X5U, "https://cert.example.com:8443/a/b.crt", "https://192.0.2.1/c.pem"])
def test_good_certificate_urls(url: str) -> None:
    assert check_x5u(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://cert.example.com/1.pem",
        "https://cert.example.com",
        "https://cert.example.com:5000/1.pem",
        "https://cert.example.com:/1.pem",
        "https://user@cert.example.com/1.pem",
        "https://user:pass@cert.example.com/1.pem",
        "https://cert.example.com/1.pem?x=1",
        "https://cert.example.com/1.pem#x",
        'https://cert.example.com/"1.pem',
        "https://cert.example.com/1.pem>;alg=none",
        "https://cert.example.com/1.pem\r\nX: y",
        "https://cert.example.com/1.pem\n",
        "https://cert.example.com/é.pem",
        "https://cert.example.com/" + "a" * 250,
    ],
)
def test_certificate_urls_no_verifier_should_fetch(url: str) -> None:
    with pytest.raises(PassportError, match="x5u-invalid"):
        check_x5u(url)


@pytest.mark.parametrize("text", ["YQ==", "YR", "Y Q", "Y", "Y+Q", "YQ\n", "é"])
def test_base64url_is_strict(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64|ascii|padding|data characters"):
        base64url.decode(text)
