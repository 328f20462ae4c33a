"""The alphabet topoh masks Call-IDs with, computed as it does (Kamailio 6.0, `th_mask.c`).

topos masks the Call-ID of what it relays, not of what Kamailio answers by itself: those answers would
show the called side the caller's own Call-ID, which that side never used. So the edge must know the mask.
"""

import hashlib
import struct

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-"


def mask_alphabet(key: str) -> str:
    """The 64 characters in the order topoh shuffles them into with its `mask_key` (ASCII)."""
    secret = key.encode("ascii")
    words = struct.unpack("<4I", hashlib.md5(secret * 2, usedforsecurity=False).digest())
    start = _crc(secret) + len(secret)
    shuffled = list(_ALPHABET)
    for last in range(len(shuffled), 1, -1):
        at = (words[(start + last) % 4] + secret[(start + last) % len(secret)]) % 2**32 % last
        shuffled[at], shuffled[last - 1] = shuffled[last - 1], shuffled[at]
    return "".join(shuffled)


def mask_prefix(key: str) -> str:
    """What a masked Call-ID begins with, which is how topoh tells that it has a mask to take off.

    Each node's own: a call of a dead node is ended with the Call-ID that one has shown, and what another
    alphabet makes of it in the answer may be the end of a line.
    """
    return f"!!{hashlib.sha256(b'prefix ' + key.encode('ascii')).hexdigest()[:8]}:"


def _crc(data: bytes) -> int:
    """CRC-16/X-25."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x8408 if crc & 1 else 0)
    return crc ^ 0xFFFF
