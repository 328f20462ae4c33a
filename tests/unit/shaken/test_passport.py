"""Exact bytes, signatures from the RFCs, and what is never signed."""

import base64
import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given
from hypothesis import strategies as st

from trunkward.shaken import base64url
from trunkward.shaken.attest import Attestation
from trunkward.shaken.es256 import verify_es256
from trunkward.shaken.number import NotANumber
from trunkward.shaken.passport import (
    DivClaims,
    PassportError,
    PassportSigner,
    RcdClaims,
    ShakenClaims,
    check_x5u,
    deterministic_json,
    serialise_header,
    signing_input,
)
from trunkward.shaken.received import open_payload, read_header

VECTORS = Path(__file__).parents[2] / "vectors" / "shaken"
X5U = "https://cert.example.com/709J/1.pem"
ORIGID = "123e4567-e89b-82d3-a456-426655440000"


def vector(name: str) -> Any:
    return json.loads((VECTORS / name).read_text())


def claims(**changed: Any) -> ShakenClaims:
    fields: dict[str, Any] = {
        "orig_tn": "12025550100",
        "dest_tns": ("12025550110",),
        "attest": Attestation.A,
        "iat": 1443208345,
        "origid": ORIGID,
    }
    return ShakenClaims(**(fields | changed))


def expected_input(golden: dict[str, Any]) -> bytes:
    parts = (base64.urlsafe_b64encode(golden[part].encode()).rstrip(b"=") for part in ("header", "payload"))
    return b".".join(parts)


def test_golden_bytes() -> None:
    """Property 1: the five claims and the four header keys in order, an integer `iat`."""
    golden = vector("shaken-golden.json")
    made = claims(dest_tns=tuple(golden["dest"]))
    assert serialise_header("shaken", golden["x5u"]) == golden["header"].encode()
    assert made.payload() == golden["payload"].encode()
    assert signing_input(serialise_header("shaken", golden["x5u"]), made.payload()) == expected_input(golden)


def test_golden_bytes_of_div_and_rcd() -> None:
    """Property 1, for the other kinds we sign."""
    for golden in vector("kinds-golden.json"):
        kind = {"div": DivClaims, "rcd": RcdClaims}[golden["ppt"]]
        said = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in golden["claims"].items()
        }
        made = kind(**said)
        assert made.ppt == golden["ppt"]
        assert made.payload() == golden["payload"].encode()
        message = signing_input(serialise_header(made.ppt, golden["x5u"]), made.payload())
        assert message == expected_input(golden)


@given(
    st.lists(st.from_regex(r"[1-9][0-9]{2,14}", fullmatch=True), min_size=1, max_size=10),
    st.from_regex(r"[1-9][0-9]{2,14}", fullmatch=True),
    st.sampled_from(Attestation),
    st.integers(1, 2**53 - 1),
    st.uuids(),
)
def test_bytes_are_those_of_any_deterministic_writer(
    dest: list[str], orig: str, attest: Attestation, iat: int, origid: UUID
) -> None:
    """Property 1: the payload written by hand is what RFC 8225 section 9 makes of the claims."""
    made = ShakenClaims(orig_tn=orig, dest_tns=tuple(dest), attest=attest, iat=iat, origid=str(origid))
    wanted = {
        "origid": str(origid),
        "orig": {"tn": orig},
        "iat": iat,
        "dest": {"tn": sorted(set(dest))},
        "attest": attest.value,
    }
    assert made.payload() == deterministic_json(wanted)


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


def test_rfc8946_example_is_read_and_written_alike() -> None:
    example = vector("rfc8946-example.json")
    unopened = read_header(example["identity"])
    assert unopened is not None
    assert (unopened.ppt, unopened.x5u) == ("div", example["x5u"])
    received = open_payload(unopened, orig="", dest="", date_s=None)
    assert (received.orig, received.dest, received.div) == (
        example["orig"],
        (example["dest"],),
        example["div"],
    )
    ours = DivClaims(
        orig_tn=example["orig"], dest_tn=example["dest"], div_tn=example["div"], iat=example["iat"]
    )
    assert signing_input(serialise_header("div", example["x5u"]), ours.payload()) == received.message


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


@pytest.mark.parametrize(
    "made",
    [
        DivClaims(orig_tn="12025550100", dest_tn="12025550111", div_tn="12025550110", iat=1),
        RcdClaims(orig_tn="12025550100", dest_tns=("12025550110",), iat=1, nam="Müller & Söhne"),
    ],
)
def test_identity_value_of_the_other_kinds(
    key: ec.EllipticCurvePrivateKey, made: DivClaims | RcdClaims
) -> None:
    value = PassportSigner.create(key, X5U).identity(made)
    token, _, parameters = value.partition(";")
    header, payload, signature = token.split(".")
    assert parameters == f"info=<{X5U}>;alg=ES256;ppt={made.ppt}"
    assert json.loads(base64url.decode(header))["ppt"] == made.ppt
    assert base64url.decode(payload) == made.payload()
    verify_es256(key.public_key(), f"{header}.{payload}".encode(), base64url.decode(signature))


def test_other_curves_do_not_sign() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(PassportError, match="key-not-p256"):
        PassportSigner.create(key, X5U)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"div_tn": "12025550111"}, "div-to-itself"),
        ({"div_tn": "+12025550110"}, "number-not-canonical"),
        ({"dest_tn": "1-2025550111"}, "number-not-canonical"),
        ({"iat": "1"}, "iat-invalid"),
    ],
)
def test_div_claims_a_strict_verifier_refuses(changed: dict[str, Any], reason: str) -> None:
    said = {"orig_tn": "12025550100", "dest_tn": "12025550111", "div_tn": "12025550110", "iat": 1}
    with pytest.raises(PassportError) as refused:
        DivClaims(**(said | changed))  # type: ignore[arg-type]
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "changed",
    [{"nam": ""}, {"nam": " x"}, {"nam": "x\u202ey"}, {"nam": "x\n"}, {"nam": "x" * 65}, {"crn": "\x07"}],
)
def test_names_that_mislead_a_display_are_not_signed(changed: dict[str, Any]) -> None:
    said = {"orig_tn": "12025550100", "dest_tns": ("12025550110",), "iat": 1, "nam": "Example Corp"}
    with pytest.raises(PassportError, match="rcd-text-invalid"):
        RcdClaims(**(said | changed))  # type: ignore[arg-type]


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


def test_certificate_urls_we_sign_with_are_those_verifiers_fetch() -> None:
    # the rules are those of test_x5u.py; a lab has addresses for names
    for url in (X5U, "https://192.0.2.1/c.pem"):
        assert check_x5u(url) == url
    for url in ("http://cert.example.com/1.pem", "https://cert.example.com/1.pem>;alg=none"):
        with pytest.raises(PassportError, match="x5u-invalid"):
            check_x5u(url)
