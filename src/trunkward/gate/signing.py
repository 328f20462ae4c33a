"""The signers, as the line sees them: they answer within their deadline and never raise."""

from collections.abc import Mapping
from functools import lru_cache

from trunkward.admission.ports import NotSigned, Signature, SignatureFact, SigningClaims, Unavailable
from trunkward.engines.signer_client import SignerClient, SignerRefused, SignerUnavailable
from trunkward.engines.signer_wire import CallerName, Retarget, SignRequest
from trunkward.shaken.attest import Attestation
from trunkward.shaken.origid import derive_ingress_origid, derive_origid

#: Seconds; a signer answers in less than one millisecond, and no call waits longer than this for it.
DEADLINE_S = 0.1


class SignerForCall:
    """Asks the signer of a call's identity on behalf of that call."""

    def __init__(self, clients: Mapping[str, SignerClient], origid_secret: bytes, record_id: str) -> None:
        """`clients` by identity; `record_id` names the decision record the signature belongs to."""
        self._clients = clients
        self._secret = origid_secret
        self._record_id = record_id

    async def sign(self, claims: SigningClaims) -> SignatureFact:
        """A signature, a refusal, or what was lost."""
        client = self._clients.get(claims.identity)
        if client is None:
            return Unavailable(what="signer", why="signer-not-there")
        try:
            signed = await client.sign(self._request(claims), DEADLINE_S)
        except SignerRefused as refused:
            return NotSigned(why=refused.reason)
        except SignerUnavailable as lost:
            return Unavailable(what="signer", why=lost.reason)
        return Signature(
            identities=tuple(signed.identities), date=signed.date, iat=signed.iat, attest=signed.attest
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
            evidence=claims.evidence,
            supplied=claims.supplied.value if claims.supplied else None,
            div=[Retarget(dest=dest, div=div) for dest, div in claims.retargets],
            received_iat=claims.received_iat,
            rcd=CallerName(nam=name.name, crn=name.reason or None) if name else None,
            origid=_origid(self._secret, claims.tenant, claims.trunk, of_ingress=of_ingress)
            if claims.level
            else "",
            record_id=self._record_id,
        )


@lru_cache(maxsize=16_384)
def _origid(secret: bytes, tenant: str, trunk: str, *, of_ingress: bool) -> str:
    """RFC 8588 section 5: of A and B it names the customer, of C where the call came from."""
    if of_ingress:
        return derive_ingress_origid(secret, trunk=trunk)
    return derive_origid(secret, tenant=tenant, trunk=trunk)
