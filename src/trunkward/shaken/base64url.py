"""Base64url without padding (RFC 7515 section 2), strict both ways."""

from binascii import a2b_base64, b2a_base64

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#: What may stand last, by how many characters there are: of a part of four, bits belong to nothing (RFC 4648
#: section 3.5), and those are zero.
_LAST = (_ALPHABET, b"", _ALPHABET[::16], _ALPHABET[::4])
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_FROM_STANDARD = bytes.maketrans(b"+/", b"-_")


def encode(data: bytes) -> str:
    """Base64url text without padding."""
    return encode_bytes(data).decode("ascii")


def encode_bytes(data: bytes) -> bytes:
    """The same as ASCII bytes, which is what signatures are made of."""
    return b2a_base64(data, newline=False).translate(_FROM_STANDARD).rstrip(b"=")


def decode(text: str) -> bytes:
    """Inverse of `encode`: no padding, no white space, no stray bits. Raises `ValueError`."""
    given = text.encode("ascii")
    if given.translate(None, _ALPHABET) or given[-1:] not in _LAST[len(given) % 4]:
        raise ValueError("not canonical base64url")
    return a2b_base64(given.translate(_TO_STANDARD) + b"==")
