"""`origid`: one opaque, stable UUID per customer and trunk (RFC 8588 section 5).

Stable, so that analytics downstream can single out one bad customer without hurting the others; keyed, so
that nobody without the secret can tell which customer it is.
"""

import hmac
from hashlib import sha256
from uuid import UUID

#: A shorter secret could be guessed together with the (short) names behind it.
MIN_SECRET_BYTES = 32
_DOMAIN = b"trunkward origid v1"


def derive_origid(secret: bytes, *, tenant: str, trunk: str) -> str:
    """UUIDv8 (RFC 9562 section 5.8) from HMAC-SHA256 over tenant and trunk, lower-case text.

    Raises `ValueError` for a secret under 32 bytes or an empty name.
    """
    if len(secret) < MIN_SECRET_BYTES:
        raise ValueError(f"the origid secret needs {MIN_SECRET_BYTES} bytes, not {len(secret)}")
    if not tenant or not trunk:
        raise ValueError("origid needs a tenant and a trunk")
    mac = hmac.new(secret, _DOMAIN, sha256)
    for name in (tenant.encode(), trunk.encode()):
        # With its length before it, "ab"+"c" and "a"+"bc" stay different.
        mac.update(len(name).to_bytes(4, "big") + name)
    number = int.from_bytes(mac.digest()[:16], "big")
    # RFC 9562 sections 4.1 and 4.2: version 8, variant 10.
    number = number & ~(0xF << 76) | (0x8 << 76)
    number = number & ~(0x3 << 62) | (0x2 << 62)
    return str(UUID(int=number))
