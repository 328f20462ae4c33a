"""One request, one answer: what may be signed, and the line that says so. No sockets here."""

from collections import OrderedDict
from datetime import UTC, datetime
from email.utils import formatdate

import msgspec

from trunkward.engines.signer_wire import NODE_IDENTITY, Name, Refused, Signed, SignRequest
from trunkward.shaken import evidence as evidence_tokens
from trunkward.shaken.attest import Attestation
from trunkward.shaken.evidence import Evidence, EvidenceRefused
from trunkward.shaken.number import NotANumber
from trunkward.shaken.passport import PassportError, ShakenClaims
from trunkward.signer.identity import Identity, IdentityUnfit

#: Opened evidence tokens kept: checking one costs more than the signature it allows.
EVIDENCE_CACHE_SIZE = 4096

_decode = msgspec.json.Decoder(SignRequest).decode


class _OnlyId(msgspec.Struct):
    id: Name = ""


_decode_id = msgspec.json.Decoder(_OnlyId).decode


class _NotSigned(ValueError):
    """This is not signed; `reason` is a stable kebab-case code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SigningDesk:
    """Holds the identity and decides on each request. Every answer comes with its journal entry."""

    def __init__(self, identity: Identity, *, name: str = NODE_IDENTITY, third_party: bool = False) -> None:
        """`identity` has been checked; `recheck` repeats that.

        `name`: what requests call it. `third_party`: the obligated provider supplies each level.
        """
        self.identity = identity
        self.name = name
        self.third_party = third_party
        #: Why nothing is signed at present; empty when all is well.
        self.unfit = ""
        self._not_after_s = identity.certificate.not_valid_after_utc.timestamp()
        self._not_before_s = identity.certificate.not_valid_before_utc.timestamp()
        self._opened: OrderedDict[str, Evidence] = OrderedDict()
        self._date: tuple[int, str] = (0, "")

    def recheck(self, now_s: float) -> IdentityUnfit | None:
        """Check key file and certificate again; from now on sign, or refuse with the cause."""
        try:
            self.identity.check(datetime.fromtimestamp(now_s, UTC))
        except IdentityUnfit as unfit:
            self.unfit = unfit.reason
            return unfit
        self.unfit = ""
        return None

    def answer(self, frame: bytes, now_s: float) -> tuple[Signed | Refused, dict[str, object]]:
        """Answer one request, and the journal entry that must be written before the answer leaves.

        1. The request is well formed.
        2. It asks for this identity, whose key and certificate are fit, at this second too.
        3. This level may be given (`_permit`).
        4. The claims are such as a strict verifier accepts; they are signed with our clock, URL and
           certificate.
        """
        iat = int(now_s)
        # 1.
        try:
            request = _decode(frame)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return _refuse_malformed(frame, now_s)
        try:
            # 2.
            self._fit_for(request, now_s)
            # 3.
            level, proof = self._permit(request, iat)
            # 4.
            claims = ShakenClaims(
                orig_tn=request.orig,
                dest_tns=tuple(request.dest),
                attest=level,
                iat=iat,
                origid=request.origid,
            )
        except (_NotSigned, EvidenceRefused, PassportError, NotANumber) as refused:
            return self._refuse(request, now_s, refused.reason)
        signed = Signed(
            id=request.id,
            identities=[self.identity.passports.identity(claims)],
            iat=iat,
            date=self._sip_date(iat),
            attest=claims.attest,
            serial=self.identity.serial,
        )
        return signed, _entry("signed", request, now_s) | {
            "iat": iat,
            "serial": signed.serial,
            "evidence_id": proof.id if proof else None,
            "evidence_version": proof.version if proof else None,
        }

    def _fit_for(self, request: SignRequest, now_s: float) -> None:
        if request.identity != self.name:
            raise _NotSigned("identity-of-another")
        if self.unfit:
            raise _NotSigned(self.unfit)
        if not self._not_before_s <= now_s <= self._not_after_s:
            late = now_s > self._not_after_s
            raise _NotSigned("certificate-expired" if late else "certificate-not-yet-valid")

    def _permit(self, request: SignRequest, iat: int) -> tuple[Attestation, Evidence | None]:
        """The level to sign, when it may be; the evidence of an A.

        1. Where only the technical act is ours: the level the obligated provider supplied, and no other.
           Everywhere else nobody supplies one: the provider decides itself (47 CFR 64.6301(b), FCC 24-120).
        2. C names the ingress by which the call came, A and B the customer (ATIS-1000074).
        3. A: the token speaks for this trunk and this number now. Never a lower level instead: what to ask
           for is the gate's decision.
        """
        if request.level is None:
            raise _NotSigned("level-missing")
        level = Attestation(request.level)
        # 1.
        if self.third_party:
            if request.supplied is None:
                raise _NotSigned("level-not-supplied")
            if request.supplied != request.level:
                raise _NotSigned("level-other-than-supplied")
            return level, None
        if request.supplied is not None:
            raise _NotSigned("level-supplied-by-another")
        # 2.
        if request.level == "C":
            if not request.ingress:
                raise _NotSigned("ingress-missing")
            return level, None
        if not request.customer:
            raise _NotSigned("customer-missing")
        # 3.
        if request.level != "A":
            return level, None
        if request.evidence is None:
            raise _NotSigned("evidence-missing")
        opened = self._open(request.evidence)
        return level, evidence_tokens.require(
            opened, trunk=request.trunk, customer=request.customer, tn=request.orig, now_s=iat
        )

    def _open(self, token: str) -> Evidence:
        cached = self._opened.get(token)
        if cached is not None:
            self._opened.move_to_end(token)
            return cached
        # Raises for a bad token, which is therefore never kept.
        opened = evidence_tokens.open_token(self.identity.evidence_key, token)
        self._opened[token] = opened
        if len(self._opened) > EVIDENCE_CACHE_SIZE:
            self._opened.popitem(last=False)
        return opened

    def _sip_date(self, iat: int) -> str:
        if self._date[0] != iat:
            # RFC 3261 section 20.17: GMT only, English names whatever the locale.
            self._date = (iat, formatdate(iat, usegmt=True))
        return self._date[1]

    def _refuse(self, request: SignRequest, now_s: float, reason: str) -> tuple[Refused, dict[str, object]]:
        return Refused(id=request.id, error=reason), _entry("refused", request, now_s) | {"error": reason}


def _entry(kind: str, request: SignRequest, now_s: float) -> dict[str, object]:
    return {
        "kind": kind,
        "at": round(now_s, 3),
        "record_id": request.record_id,
        "call_id_hash": request.call_id_hash,
        "tenant": request.tenant,
        "trunk": request.trunk,
        "customer": request.customer,
        "ingress": request.ingress,
        "rule": request.rule,
        "supplied": request.supplied,
        "orig": request.orig,
        "dest": request.dest,
        "level": request.level,
        "origid": request.origid,
    }


def _refuse_malformed(frame: bytes, now_s: float) -> tuple[Refused, dict[str, object]]:
    try:
        request_id = _decode_id(frame).id
    except (msgspec.MsgspecError, UnicodeDecodeError):
        request_id = ""
    entry: dict[str, object] = {
        "kind": "refused",
        "at": round(now_s, 3),
        "error": "request-malformed",
        "request_id": request_id,
        "size": len(frame),
    }
    return Refused(id=request_id, error="request-malformed"), entry
