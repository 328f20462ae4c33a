"""A challenge signed with the delegate's key proves that somebody has it; nothing else does."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trunkward.shaken import base64url
from trunkward.shaken.es256 import sign_es256
from trunkward.shaken.possession import LIFETIME_S, PossessionRefused, Purpose, challenge, require

OURS = Ed25519PrivateKey.generate()
DELEGATE = ec.generate_private_key(ec.SECP256R1())
NOW = 1_795_435_200
PURPOSE = Purpose(
    chain_sha256="ab" * 32,
    customer="KYC-2026-17",
    trunk="acme-hq",
    first="+12025550101",
    last="+12025550101",
)


def jws(
    text: str, key: ec.EllipticCurvePrivateKey = DELEGATE, header: dict[str, object] | None = None
) -> str:
    """RFC 7515 section 7.1."""
    head = base64url.encode(json.dumps(header or {"alg": "ES256"}).encode())
    signed = f"{head}.{base64url.encode(text.encode())}"
    return f"{signed}.{base64url.encode(sign_es256(key, signed.encode()))}"


def check(proof: str, purpose: Purpose = PURPOSE, now: float = NOW) -> None:
    require(proof, ours=OURS.public_key(), delegate=DELEGATE.public_key(), purpose=purpose, now_s=now)


def test_who_has_the_key_proves_it() -> None:
    proof = jws(challenge(OURS, PURPOSE, NOW))
    check(proof)
    check(f"{proof}\n", now=NOW + LIFETIME_S - 1)


@pytest.mark.parametrize(
    "changed",
    [
        {"chain_sha256": "cd" * 32},
        {"customer": "KYC-2026-18"},
        {"trunk": "bolt-hq"},
        {"first": "+12025550100"},
        {"last": "+12025550199"},
    ],
)
def test_for_one_thing_is_not_for_another(changed: dict[str, str]) -> None:
    with pytest.raises(PossessionRefused, match="for another certificate, customer, trunk or other numbers"):
        check(jws(challenge(OURS, PURPOSE, NOW)), replace(PURPOSE, **changed))


@pytest.mark.parametrize("now", [NOW - 1, NOW + LIFETIME_S])
def test_in_its_time_alone(now: float) -> None:
    with pytest.raises(PossessionRefused, match="older than seven days"):
        check(jws(challenge(OURS, PURPOSE, NOW)), now=now)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda text: text, "no JWS"),
        (lambda text: "", "no JWS in compact form"),
        (lambda text: "e30.e30.AA", "no JWS by ES256"),
        (lambda text: jws(text, header={"alg": "none"}), "no JWS by ES256"),
        (lambda text: jws(text, header={"alg": "ES256", "crit": ["b64"], "b64": False}), "nothing critical"),
        (lambda text: jws(text, ec.generate_private_key(ec.SECP256R1())), "not signed with the certificate"),
        (lambda text: jws(text[:-4] + "AAAA"), "no challenge of this node"),
        (
            lambda text: jws(challenge(Ed25519PrivateKey.generate(), PURPOSE, NOW)),
            "no challenge of this node",
        ),
        (lambda text: jws("twc1"), "no challenge of this node"),
    ],
)
def test_what_proves_nothing(make: Callable[[str], str], why: str) -> None:
    with pytest.raises(PossessionRefused, match=why):
        check(make(challenge(OURS, PURPOSE, NOW)))


def test_a_token_of_the_same_key_is_no_challenge() -> None:
    payload = base64url.encode(json.dumps({"made": NOW}).encode())
    signed = f"twe1.{payload}"
    token = f"{signed}.{base64url.encode(OURS.sign(signed.encode()))}"
    with pytest.raises(PossessionRefused, match="no challenge of this node"):
        check(jws(token))
