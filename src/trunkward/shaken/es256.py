"""ES256 (RFC 7518 section 3.4): ECDSA on P-256 with SHA-256, signatures as 64 bytes R then S, never DER."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
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
    r = int.from_bytes(signature[:COORDINATE_BYTES], "big")
    s = int.from_bytes(signature[COORDINATE_BYTES:], "big")
    key.verify(encode_dss_signature(r, s), message, _ECDSA_SHA256)
