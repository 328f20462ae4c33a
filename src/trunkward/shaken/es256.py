"""ES256 (RFC 7518 section 3.4): ECDSA on P-256 with SHA-256, signatures as 64 bytes R then S, never DER."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

#: Bytes of R and of S.
COORDINATE_BYTES = 32
SIGNATURE_BYTES = 2 * COORDINATE_BYTES

_ECDSA_SHA256 = ec.ECDSA(SHA256())


def sign_es256(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """64 bytes. The key is on P-256: whoever keeps one has checked it once."""
    r, s = decode_dss_signature(key.sign(message, _ECDSA_SHA256))
    return (r << 256 | s).to_bytes(SIGNATURE_BYTES, "big")


def verify_es256(key: ec.EllipticCurvePublicKey, message: bytes, signature: bytes) -> None:
    """Raise `cryptography.exceptions.InvalidSignature` unless the 64 bytes R, S sign the message."""
    if len(signature) != SIGNATURE_BYTES or not isinstance(key.curve, ec.SECP256R1):
        raise InvalidSignature
    numbers = _integer(signature[:COORDINATE_BYTES]) + _integer(signature[COORDINATE_BYTES:])
    key.verify(b"\x30%c%b" % (len(numbers), numbers), message, _ECDSA_SHA256)


def _integer(number: bytes) -> bytes:
    """DER of one coordinate (ITU-T X.690 section 8.3), by hand: quicker than by way of Python's integers."""
    shortest = number.lstrip(b"\0") or b"\0"
    if shortest[0] & 0x80:
        return b"\x02%c\0%b" % (len(shortest) + 1, shortest)
    return b"\x02%c%b" % (len(shortest), shortest)
