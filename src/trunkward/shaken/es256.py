"""ES256 (RFC 7518 section 3.4): ECDSA on P-256 with SHA-256, signatures as 64 bytes R then S, never DER."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

#: Bytes of R and of S.
COORDINATE_BYTES = 32
SIGNATURE_BYTES = 2 * COORDINATE_BYTES

_ECDSA_SHA256 = ec.ECDSA(SHA256())


def sign_es256(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """64 bytes. The key is on P-256: whoever keeps one has checked it once."""
    der = key.sign(message, _ECDSA_SHA256)
    # a sequence of two integers, each behind its tag and its length: all lengths fit into one byte
    behind_r = 4 + der[3]
    return _coordinate(der[4:behind_r]) + _coordinate(der[behind_r + 2 :])


def _coordinate(integer: bytes) -> bytes:
    """R or S in its 32 bytes: DER puts a zero before a first bit that is set, and leaves out all others."""
    return integer[-COORDINATE_BYTES:].rjust(COORDINATE_BYTES, b"\0")


def verify_es256(key: ec.EllipticCurvePublicKey, message: bytes, signature: bytes) -> None:
    """Raise `cryptography.exceptions.InvalidSignature` unless the 64 bytes R, S sign the message."""
    if len(signature) != SIGNATURE_BYTES or not isinstance(key.curve, ec.SECP256R1):
        raise InvalidSignature
    numbers = _integer(signature[:COORDINATE_BYTES]) + _integer(signature[COORDINATE_BYTES:])
    key.verify(_SEQUENCE[len(numbers)] + numbers, message, _ECDSA_SHA256)


#: DER by hand: quicker than by way of Python's integers. What stands before a sequence, by its length;
#: and before a coordinate that begins with no zero, by its first bit: DER's integers have a sign.
_SEQUENCE = tuple(b"\x30%c" % length for length in range(2 * (COORDINATE_BYTES + 3) + 1))
_INTEGER = (b"\x02%c" % COORDINATE_BYTES, b"\x02%c\0" % (COORDINATE_BYTES + 1))


def _integer(number: bytes) -> bytes:
    """DER of one coordinate (ITU-T X.690 section 8.3)."""
    if number[0]:
        return _INTEGER[number[0] >> 7] + number
    shortest = number.lstrip(b"\0") or b"\0"
    if shortest[0] & 0x80:
        return b"\x02%c\0%b" % (len(shortest) + 1, shortest)
    return b"\x02%c%b" % (len(shortest), shortest)
