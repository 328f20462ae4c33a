"""The hash functions of digest authentication, and what is computed with them (RFC 7616 section 3.4)."""

from enum import StrEnum
from hashlib import md5, sha256


class Algorithm(StrEnum):
    """A hash function by its name in headers (RFC 7616 section 6.1); the value is how it is written."""

    SHA256 = "SHA-256"
    #: Broken, and here only for PBXs that know nothing else (`unsafe_md5`).
    MD5 = "MD5"

    @property
    def digits(self) -> int:
        """Hexadecimal digits of a result (RFC 8760 section 2.6)."""
        return 64 if self is Algorithm.SHA256 else 32

    def of(self, text: str) -> str:
        """H(data): the hash of a text, in lower-case hex."""
        data = text.encode()
        return (sha256(data) if self is Algorithm.SHA256 else md5(data, usedforsecurity=False)).hexdigest()


def ha1_of(algorithm: Algorithm, username: str, realm: str, password: str) -> str:
    """H(A1): all that is needed to prove or to check a password, and so as secret as one."""
    return algorithm.of(f"{username}:{realm}:{password}")


def response_of(
    algorithm: Algorithm, ha1: str, *, method: str, uri: str, nonce: str, nc: str, cnonce: str
) -> str:
    """The response to a challenge with qop "auth" (RFC 7616 sections 3.4.1 and 3.4.3)."""
    ha2 = algorithm.of(f"{method}:{uri}")
    return algorithm.of(f"{ha1}:{nonce}:{nc}:{cnonce}:auth:{ha2}")
