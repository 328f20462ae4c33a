"""The signers, as the line sees them: they answer within their deadline and never raise."""

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from trunkward.admission.ports import NotSigned, Signature, SignatureFact, SigningClaims, Unavailable
from trunkward.engines.signer_client import SignerClient, SignerRefused, SignerUnavailable
from trunkward.engines.signer_wire import CallerName, Retarget, SignRequest
from trunkward.shaken.attest import Attestation
from trunkward.shaken.origid import derive_ingress_origid, derive_origid

#: Seconds; a signer answers in less than one millisecond, and no call waits longer than this for it.
DEADLINE_S = 0.1


class Signers:
    """A connection to the signer of each identity, made when it is first asked."""

    def __init__(self, socket_of: Callable[[str], Path]) -> None:
        """`socket_of` says where the signer of an identity listens; nothing is opened here."""
        self._socket_of = socket_of
        self._clients: dict[str, SignerClient] = {}

    def of(self, identity: str) -> SignerClient:
        """The node's own, or a reseller's by his name."""
        client = self._clients.get(identity)
        if client is None:
            client = self._clients[identity] = SignerClient(self._socket_of(identity))
        return client

    async def close(self) -> None:
        """Closes them all."""
        for client in self._clients.values():
            await client.close()


class SignerForCall:
    """Asks the signer of a call's identity on behalf of that call."""

    def __init__(self, signers: Signers, origid_secret: bytes, record_id: str, call_id: str) -> None:
        """`record_id` names the decision record the signature belongs to."""
        self._signers = signers
        self._secret = origid_secret
        self._record_id = record_id
        self._call_id = call_id

    async def sign(self, claims: SigningClaims) -> SignatureFact:
        """A signature, a refusal, or what was lost."""
        try:
            signed = await self._signers.of(claims.identity).sign(self._request(claims), DEADLINE_S)
        except SignerRefused as refused:
            return NotSigned(why=refused.reason)
        except SignerUnavailable as lost:
            return Unavailable(what="signer", why=lost.reason)
        return Signature(
            identities=tuple(signed.identities),
            date=signed.date,
            iat=signed.iat,
            attest=signed.attest,
            serial=signed.serial,
            journal=signed.journal,
        )

    def _request(self, claims: SigningClaims) -> SignRequest:
        name = claims.caller_name
        of_ingress = claims.level is Attestation.C
        return SignRequest(
            identity=claims.identity,
            kind="div" if claims.level is None else "shaken",
            trunk=claims.trunk,
            tenant=claims.tenant,
            customer=claims.customer,
            ingress=claims.trunk if of_ingress else "",
            orig=claims.orig,
            dest=[claims.dest],
            level=claims.level.value if claims.level else None,
            rule=claims.rule,
            relationship=claims.relationship,
            evidence=claims.evidence,
            supplied=claims.supplied.value if claims.supplied else None,
            div=[
                Retarget(dest=dest, div=div, evidence=token)
                for (dest, div), token in zip(claims.retargets, claims.retarget_evidence, strict=True)
            ],
            received_iat=claims.received_iat,
            rcd=CallerName(nam=name.name, crn=name.reason or None) if name else None,
            origid=_origid(self._secret, claims.tenant, claims.trunk, of_ingress=of_ingress)
            if claims.level
            else "",
            record_id=self._record_id,
            call_id_hash=sha256(self._call_id.encode()).hexdigest(),
        )


@lru_cache(maxsize=16_384)
def _origid(secret: bytes, tenant: str, trunk: str, *, of_ingress: bool) -> str:
    """RFC 8588 section 5: of A and B it names the customer, of C where the call came from."""
    if of_ingress:
        return derive_ingress_origid(secret, trunk=trunk)
    return derive_origid(secret, tenant=tenant, trunk=trunk)
