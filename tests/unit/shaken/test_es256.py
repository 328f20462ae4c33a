"""Signatures are 64 bytes, and no others are taken."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

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


class Noting:
    """A key on both sides: it signs with what it is given, and notes what it is to verify."""

    curve = ec.SECP256R1()

    def __init__(self, r: int, s: int) -> None:
        self.der = encode_dss_signature(r, s)
        self.asked: list[bytes] = []

    def sign(self, *_: Any) -> bytes:
        return self.der

    def verify(self, signature: bytes, *_: Any) -> None:
        self.asked.append(signature)


EDGES = (1, 0x7F, 0x80, 2**247, 2**248 - 1, 2**248, 2**255 - 1, 2**255, 2**256 - 1)


@pytest.mark.parametrize("r", EDGES)
@pytest.mark.parametrize("s", EDGES)
def test_der_is_the_library_s_both_ways(r: int, s: int) -> None:
    key = Noting(r, s)
    signature = sign_es256(cast("Any", key), b"x")
    assert signature == r.to_bytes(32, "big") + s.to_bytes(32, "big")
    verify_es256(cast("Any", key), b"x", signature)
    assert key.asked == [key.der]
