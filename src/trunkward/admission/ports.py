"""What the line needs from outside, and what it gets: facts, also when what should answer is lost."""

from dataclasses import dataclass
from typing import Protocol

from trunkward.shaken.attest import Attestation


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerIdentity:
    """Who the other end of a TLS connection proved to be; read from its certificate by the gate."""

    #: SHA-256 of the certificate in DER, lower-case hex.
    certificate_sha256: str
    #: DNS names in its subjectAltName, as they stand there.
    dns_names: tuple[str, ...] = ()
    #: The chain led to an authority we trust.
    chain_verified: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningClaims:
    """What the signer is to be asked for; the gate adds record id, origid and Call-ID hash."""

    trunk: str
    tenant: str
    #: Canonical numbers (RFC 8224 section 8.3).
    orig: str
    dest: str
    #: A or B, never C.
    level: Attestation
    #: The token without which the signer gives no A; None for B.
    evidence: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """A dependency that did not answer: a fact like any other, which the posture table has a row for."""

    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The signer's answer: two header values of the same second."""

    identity: str
    date: str
    #: Seconds since the epoch.
    iat: int
    attest: Attestation


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSigned:
    """Alive, but no signature: `why` is the signer's kebab-case reason, or ours for not asking."""

    why: str


type SignatureFact = Signature | NotSigned | Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that was alive when a call was judged."""

    signature: SignatureFact
    clock_synchronised: bool | Unavailable
    #: The node is to take no new calls.
    draining: bool = False


#: For a call that asks nobody.
NO_FACTS = Facts(
    signature=NotSigned(why="not-asked"), clock_synchronised=Unavailable(what="clock", why="not-asked")
)


class Signer(Protocol):
    """The signer, as an adapter sees to it: it answers within its deadline and never raises."""

    async def sign(self, claims: SigningClaims) -> SignatureFact:
        """A signature, a refusal, or `Unavailable`."""


class Clock(Protocol):
    """What is known of this machine's clock, without waiting."""

    def synchronised(self) -> bool | Unavailable:
        """Whether the kernel says it is synchronised."""
