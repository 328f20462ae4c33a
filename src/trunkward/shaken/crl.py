"""Indirect certificate revocation lists (RFC 5280 sections 5 and 6.3): one list of the policy administrator for all
authorities.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509

#: How long a list is still believed after its `nextUpdate`, in seconds (a day; an alarm goes off meanwhile).
GRACE_S = 86_400


class Status(StrEnum):
    """What a list says of a certificate. Only `GOOD` is good."""

    GOOD = "good"
    REVOKED = "revoked"
    #: No list, an unreadable one, or one that is too old.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocations:
    """A list that was read and whose signature holds; `NO_LIST` when there is none."""

    #: (issuer's name in DER, serial number) of each revoked certificate.
    revoked: frozenset[tuple[bytes, int]]
    #: Seconds since the epoch.
    this_update_s: float
    next_update_s: float

    def status(self, certificate: x509.Certificate, now_s: float) -> Status:
        """What this list says of one certificate now."""
        raise NotImplementedError


#: Nothing is known: in place of a list that could not be had or read.
NO_LIST = Revocations(revoked=frozenset(), this_update_s=0, next_update_s=0)


def read_crl(data: bytes, issuers: Sequence[x509.Certificate], now_s: float) -> Revocations:
    """Read a list in DER or PEM that one of `issuers` signed. Raises `CrlRefused`."""
    raise NotImplementedError


class CrlRefused(ValueError):
    """A revocation list that is not taken; `reason` is a stable kebab-case code."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """`reason` for machines, `detail` for people."""
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
