"""`origid`: one opaque, stable UUID per customer and trunk (RFC 8588 section 5).

Stable, so that analytics downstream can single out one bad customer without hurting the others; keyed, so
that nobody without the secret can tell which customer it is.
"""

import hmac
from hashlib import sha256
from uuid import UUID

#: A shorter secret could be guessed together with the (short) names behind it.
MIN_SECRET_BYTES = 32
_CUSTOMER, _INGRESS = b"trunkward origid v1", b"trunkward origid v1 ingress"


def derive_origid(secret: bytes, *, tenant: str, trunk: str) -> str:
    """Of a customer's calls (A and B): UUIDv8 (RFC 9562 section 5.8) over tenant and trunk, lower-case text.

    Raises `ValueError` for a secret under 32 bytes or an empty name.
    """
    return _derived(secret, _CUSTOMER, tenant, trunk)


def derive_ingress_origid(secret: bytes, *, trunk: str) -> str:
    """The same of where calls come from whose caller nobody knows (C); of no customer's, whoever they are."""
    return _derived(secret, _INGRESS, trunk)


def _derived(secret: bytes, domain: bytes, *names: str) -> str:
    """HMAC-SHA256 over names, as a UUID."""
    if len(secret) < MIN_SECRET_BYTES:
        raise ValueError(f"the origid secret needs {MIN_SECRET_BYTES} bytes, not {len(secret)}")
    if not all(names):
        raise ValueError("origid needs a tenant and a trunk")
    mac = hmac.new(secret, domain, sha256)
    for name in names:
        # with its length before it, "ab"+"c" and "a"+"bc" stay different
        mac.update(len(name.encode()).to_bytes(4, "big") + name.encode())
    number = int.from_bytes(mac.digest()[:16], "big")
    # RFC 9562 sections 4.1 and 4.2: version 8, variant 10.
    number = number & ~(0xF << 76) | (0x8 << 76)
    number = number & ~(0x3 << 62) | (0x2 << 62)
    return str(UUID(int=number))
