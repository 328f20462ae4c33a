"""A trunk's secret: made of chance, shown once, and kept as H(A1) under a seal.

H(A1) is as good as the password for whoever finds it (RFC 7616 section 5.2), so it is encrypted wherever
it is written down. What it is for (trunk,
username, realm, algorithm) is bound to it: a sealed value moved elsewhere does not open.
"""

import hmac
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from trunkward.digest.algorithm import Algorithm

#: Digits and lower-case letters without l and o, which look like 1 and 0 (which are not there either): 32.
ALPHABET = "23456789abcdefghijkmnpqrstuvwxyz"
#: 24 characters of 32: 120 bits, more than anybody can try out against a captured response.
CHARACTERS = 24
#: Of the master key, in the file and decoded.
KEY_BYTES = 32
#: NIST SP 800-38D section 8.2.2: 96 random bits; a node seals some thousands of values in its life.
IV_BYTES = 12


class SealBroken(Exception):
    """A sealed value that does not open: another key, another trunk, or damaged."""


def password_of(chance: Callable[[int], int]) -> str:
    """A new secret; `chance(n)` is a number below n nobody can guess."""
    return "".join(ALPHABET[chance(len(ALPHABET))] for _ in range(CHARACTERS))


def derive(master: bytes, purpose: str) -> bytes:
    """A key for one purpose: what opens secrets must not seal nonces."""
    return hmac.digest(master, b"trunkward digest\0" + purpose.encode(), "sha256")


def seal(
    key: bytes, iv: bytes, ha1: str, *, trunk: str, username: str, realm: str, algorithm: Algorithm
) -> bytes:
    """H(A1) encrypted with AES-256-GCM, the vector in front. `iv`: `IV_BYTES` never used before."""
    return iv + AESGCM(key).encrypt(iv, bytes.fromhex(ha1), _bound_to(trunk, username, realm, algorithm))


def unseal(key: bytes, sealed: bytes, *, trunk: str, username: str, realm: str, algorithm: Algorithm) -> str:
    """H(A1) in hex. Raises `SealBroken`."""
    iv, text = sealed[:IV_BYTES], sealed[IV_BYTES:]
    try:
        return AESGCM(key).decrypt(iv, text, _bound_to(trunk, username, realm, algorithm)).hex()
    except (InvalidTag, ValueError):
        raise SealBroken(f"the secret of trunk {trunk} does not open") from None


def _bound_to(*what: str) -> bytes:
    # none of them has a zero byte
    return "\0".join(("trunkward ha1", *what)).encode()
