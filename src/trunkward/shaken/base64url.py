"""Base64url without padding (RFC 7515 section 2), strict both ways."""

from binascii import Error, a2b_base64, b2a_base64

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_FROM_STANDARD = bytes.maketrans(b"+/", b"-_")
#: Each of these characters as RFC 4648 section 4 has it, and every other one as what is none at all there.
_TO_STANDARD = bytes(
    dict(zip(_ALPHABET, _ALPHABET[:-2] + b"+/", strict=True)).get(byte, ord("!")) for byte in range(256)
)
#: What `b2a_base64` ends such a text with, by how many characters there are, modulo 4.
_END = (b"\n", b"\n", b"==\n", b"=\n")


def encode(data: bytes) -> str:
    """Base64url text without padding."""
    return encode_bytes(data).decode("ascii")


def encode_bytes(data: bytes) -> bytes:
    """The same as ASCII bytes, which is what signatures are made of."""
    return b2a_base64(data, newline=False).translate(_FROM_STANDARD).rstrip(b"=")


def decode(text: str) -> bytes:
    """Inverse of `encode`: no padding, no white space, no stray bits. Raises `ValueError`.

    The library is lenient, so what it found is written anew: only if that is what was given, it counts.
    """
    given = text.encode("ascii").translate(_TO_STANDARD) + _END[len(text) % 4]
    try:
        found = a2b_base64(given)
    except Error:
        found = b""
    if b2a_base64(found) != given:
        raise ValueError("not canonical base64url")
    return found
