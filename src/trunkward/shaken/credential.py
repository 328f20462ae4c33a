"""From the certificates behind an `x5u` to a credential that signatures are held against, or the cause why not."""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec

from trunkward.shaken.crl import Revocations
from trunkward.shaken.trusted_list import TrustedList


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What one certificate may say, checked once; kept by `x5u`, never beyond `not_after_s`."""

    key: ec.EllipticCurvePublicKey
    #: Service provider code; None for a delegate certificate, which has numbers instead.
    spc: str | None
    #: Numbers a delegate may sign for: (first, last) of each range, canonical; None: not limited to numbers.
    numbers: tuple[tuple[str, str], ...] | None
    #: Lower-case hex.
    serial: str
    #: Issuer's name, RFC 4514.
    issuer: str
    #: Seconds since the epoch; the narrowest validity of the whole chain.
    not_before_s: int
    not_after_s: int
    #: False: no fresh revocation list said so (soft policy); to be counted, never taken for "good".
    revocation_known: bool


def credential_of(
    chain_pem: bytes, trusted: TrustedList, revoked: Revocations, now_s: float, *, hard: bool = False
) -> Credential:
    """Check a chain (leaf first, no root) and return its credential.

    `hard`: without a fresh revocation list no credential. Raises `CredentialFault`.
    """
    raise NotImplementedError
