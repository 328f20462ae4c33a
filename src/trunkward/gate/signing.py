"""The signer, as the line sees it: it answers within its deadline and never raises."""

from functools import lru_cache

from trunkward.admission.ports import NotSigned, Signature, SignatureFact, SigningClaims, Unavailable
from trunkward.engines.signer_client import SignerClient, SignerRefused, SignerUnavailable
from trunkward.engines.signer_wire import SignRequest
from trunkward.shaken.attest import Attestation
from trunkward.shaken.origid import derive_origid

#: Seconds; the signer answers in less than one millisecond, and no call waits longer than this for it.
DEADLINE_S = 0.1


class SignerForCall:
    """Asks the signer on behalf of one call."""

    def __init__(self, client: SignerClient, origid_secret: bytes, record_id: str) -> None:
        """`record_id` names the decision record the signature belongs to."""
        self._client = client
        self._secret = origid_secret
        self._record_id = record_id

    async def sign(self, claims: SigningClaims) -> SignatureFact:
        """A signature, a refusal, or what was lost."""
        request = SignRequest(
            trunk=claims.trunk,
            tenant=claims.tenant,
            orig=claims.orig,
            dest=[claims.dest],
            customer=claims.customer,
            # RFC 8588 section 4: C says where the call came in, and nothing of who calls
            ingress=claims.trunk if claims.level is Attestation.C else "",
            level=claims.level.value,
            rule=claims.rule,
            evidence=claims.evidence,
            origid=_origid(self._secret, claims.tenant, claims.trunk),
            record_id=self._record_id,
        )
        try:
            signed = await self._client.sign(request, DEADLINE_S)
        except SignerRefused as refused:
            return NotSigned(why=refused.reason)
        except SignerUnavailable as lost:
            return Unavailable(what="signer", why=lost.reason)
        return Signature(
            identity=signed.identities[0],
            date=signed.date,
            iat=signed.iat,
            attest=claims.level,
            serial=signed.serial,
            journal=signed.journal,
        )


@lru_cache(maxsize=16_384)
def _origid(secret: bytes, tenant: str, trunk: str) -> str:
    return derive_origid(secret, tenant=tenant, trunk=trunk)
