"""Another provider, made up for one run: its signatures are good by this node's TEST authority, or wrong.

Its key lives in memory and dies with the run. Its certificate is of the TEST authority, which no other node
believes, under a code of its own, and it signs for no number that could be anybody's.
"""

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Self

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from trunkward.calltest.parties import LabShaken, NotALabError, require_fictional
from trunkward.shaken import base64url
from trunkward.shaken.attest import Attestation
from trunkward.shaken.causes import Cause
from trunkward.shaken.es256 import sign_es256
from trunkward.shaken.passport import ShakenClaims, serialise_header, signing_input
from trunkward.shaken.testauthority import TEST_AUTHORITY_SUBJECT, build_signing_certificate

SPC = "TEST"
"""Its service provider code, which must not be the node's own."""
LIFETIME = timedelta(minutes=10)
"""Of its certificate."""
STALE_S = 120
"""Twice what a signature is good for (RFC 8224 section 6.2 step 4, as ATIS-1000074 narrows it)."""

_PUBLISHED = "https://cert.example.com/call-test"
"""A host of documentation (RFC 2606): nothing is there, the chain is laid where verifiers look first."""
_NOWHERE = "https://cert.invalid/call-test.pem"
"""Leads nowhere by RFC 6761 section 6.4, so no verifier asks anybody for it."""


class Fault(StrEnum):
    """What is wrong with a signature, one thing at a time."""

    EXPIRED = "expired"
    NUMBER = "number"
    TAMPERED = "tampered"
    URL = "url"
    REPLAY = "replay"


CAUSE_OF = MappingProxyType(
    {
        Fault.EXPIRED: Cause.IAT_OUTSIDE_WINDOW,
        Fault.NUMBER: Cause.ORIG_MISMATCH,
        Fault.TAMPERED: Cause.SIGNATURE,
        Fault.URL: Cause.URL_REFUSED,
        Fault.REPLAY: Cause.REPLAYED,
    }
)
"""What the node must find of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherProvider:
    """Who signs a call before it reaches the node. `chain` is PEM, and `x5u` where it would be published."""

    x5u: str
    chain: str
    _key: ec.EllipticCurvePrivateKey

    @classmethod
    def of(cls, shaken: LabShaken, now: datetime) -> Self:
        """A new one. Raises `NotALabError` where its signatures could be worth nothing, or the node's own."""
        if shaken.administered:
            raise NotALabError(
                "node.policy_administrator is named: the gates go by its list, and the node's TEST authority "
                "is not on it, so nothing that call-test signs could be good. Instead: a node file without "
                "it, for a laboratory; or ./trunkward verify-identity, of a call somebody else has signed"
            )
        if shaken.spc == SPC:
            raise NotALabError(f"the node's own code is {SPC}, which call-test signs under: give it another")
        authority = load_pem_x509_certificate(shaken.authority.read_bytes())
        if authority.subject != TEST_AUTHORITY_SUBJECT:
            raise NotALabError(f"{shaken.authority}: not a TEST authority; nothing is signed under another")
        authority_key = load_pem_private_key(shaken.authority_key.read_bytes(), None)
        assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = build_signing_certificate(
            key.public_key(),
            authority=authority,
            authority_key=authority_key,
            spc=SPC,
            serial=secrets.randbits(127) | 1 << 127,  # RFC 5280 section 4.1.2.2: positive, of one length
            now=now,
            lifetime=LIFETIME,
        )
        return cls(
            x5u=f"{_PUBLISHED}-{secrets.token_hex(8)}.pem",
            chain=certificate.public_bytes(Encoding.PEM).decode(),
            _key=key,
        )

    def identity(
        self, orig: str, dest: str, *, level: Attestation, fault: Fault | None, now: datetime
    ) -> str:
        """An Identity header for a call of two numbers, E.164 with plus. A replay is good the first time.

        Raises `NotALabError` for a calling number that is not one of those kept for fiction.
        """
        require_fictional(orig)
        claims = ShakenClaims(
            orig_tn=orig.removeprefix("+"),
            dest_tns=(dest.removeprefix("+"),),
            attest=level,
            iat=int(now.timestamp()),
            origid=str(uuid.uuid4()),
        )
        match fault:
            case Fault.EXPIRED:
                return self._signed(msgspec.structs.replace(claims, iat=claims.iat - STALE_S), self.x5u)
            case Fault.NUMBER:
                return self._signed(
                    msgspec.structs.replace(claims, orig_tn=_other_than(claims.orig_tn)), self.x5u
                )
            case Fault.TAMPERED:
                value = self._signed(msgspec.structs.replace(claims, attest=_other_level(level)), self.x5u)
                head, _, rest = value.split(".", 2)
                return f"{head}.{base64url.encode(claims.payload())}.{rest}"
            case Fault.URL:
                return self._signed(claims, _NOWHERE)
            case Fault.REPLAY | None:
                return self._signed(claims, self.x5u)

    def _signed(self, claims: ShakenClaims, x5u: str) -> str:
        """Signed whatever the URL is: the node's own signer would refuse one that leads nowhere."""
        message = signing_input(serialise_header(claims.ppt, x5u), claims.payload())
        signature = base64url.encode(sign_es256(self._key, message))
        return f"{message.decode('ascii')}.{signature};info=<{x5u}>;alg=ES256;ppt={claims.ppt}"


def _other_than(number: str) -> str:
    """Another number of those kept for fiction."""
    return f"{number[:-2]}{(int(number[-2:]) + 1) % 100:02}"


def _other_level(level: Attestation) -> Attestation:
    """What is signed before somebody raises it."""
    return Attestation.B if level is Attestation.C else Attestation.C
