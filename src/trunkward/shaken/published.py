"""The URL a certificate chain is published at: one that no other chain ever has.

ATIS-1000074: verifiers keep what they found behind a URL for a day. Were another chain put there, calls
signed with the new key would fail for that long. So the name is made of the chain itself.
"""

import re
from hashlib import sha256

#: What `published_name` makes.
PUBLISHED = re.compile(r"[A-Z0-9]{4}-[0-9a-f]{16}\.pem", re.ASCII)


def published_name(spc: str, chain_pem: bytes) -> str:
    """The file's name: the service provider code, and 64 bits of the hash of exactly these bytes."""
    return f"{spc}-{sha256(chain_pem).hexdigest()[:16]}.pem"


def published_at(x5u: str, spc: str, chain_pem: bytes) -> str:
    """What `x5u` says in signatures: the configured URL; where it ends with `/`, the chain's own below it."""
    return x5u + published_name(spc, chain_pem) if x5u.endswith("/") else x5u
