"""Base64url without padding (RFC 7515 section 2), strict both ways."""

from base64 import urlsafe_b64decode, urlsafe_b64encode


def encode(data: bytes) -> str:
    """Base64url text without padding."""
    return encode_bytes(data).decode("ascii")


def encode_bytes(data: bytes) -> bytes:
    """The same as ASCII bytes, which is what signatures are made of."""
    return urlsafe_b64encode(data).rstrip(b"=")


def decode(text: str) -> bytes:
    """Inverse of `encode`: no padding, no white space, no stray bits. Raises `ValueError`."""
    data = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if encode(data) != text:
        raise ValueError("not canonical base64url")
    return data
