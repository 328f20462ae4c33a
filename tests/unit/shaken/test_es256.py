"""Signatures are 64 bytes, and no others are taken."""

from collections.abc import Callable

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec

from trunkward.shaken.es256 import sign_es256, verify_es256


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
    "spoil",
    [
        lambda s: s[:-1],
        lambda s: s + b"\0",
        lambda s: b"",
        lambda s: s[32:] + s[:32],
        lambda s: s[:32] + b"\0" + s[32:],
        lambda s: bytes(64),
    ],
)
def test_spoilt_signature_fails(key: ec.EllipticCurvePrivateKey, spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(InvalidSignature):
        verify_es256(key.public_key(), b"x", spoil(sign_es256(key, b"x")))


def test_key_on_another_curve_verifies_nothing() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(InvalidSignature):
        verify_es256(key.public_key(), b"x", bytes(64))
