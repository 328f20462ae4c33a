"""One request, one answer: what may be signed, and the line that says so. No sockets here."""

import time
from collections.abc import Callable, Iterator
from email.utils import formatdate

import msgspec

from trunkward.engines.signer_wire import Name, Refused, Signed, SignRequest
from trunkward.journal.chain import UNREADABLE
from trunkward.shaken.attest import Attestation
from trunkward.shaken.contract import ContractRefused
from trunkward.shaken.evidence import EvidenceRefused
from trunkward.shaken.number import NotANumber
from trunkward.shaken.passport import Claims, DivClaims, PassportError, RcdClaims, ShakenClaims
from trunkward.shaken.relationship import RelationshipRefused
from trunkward.signer.identity import Awaited, Identity
from trunkward.signer.identity_files import IdentityUnfit
from trunkward.signer.journal import Line
from trunkward.signer.permits import NotPermitted, Permits, Proofs
from trunkward.trunks.transit import OF_NODE

#: Seconds after which the last look that found all files good does not count any more: whatever became of the
#: next one, a revocation may have been missed.
GOOD_S = 60.0
#: How far the time of a signature a call came with may be from ours, in seconds: as a verifier allows it
#: (`shaken.verify.Window`).
RECEIVED_PAST_S = 60
RECEIVED_AHEAD_S = 10

_REFUSED = (
    NotPermitted,
    EvidenceRefused,
    RelationshipRefused,
    ContractRefused,
    PassportError,
    NotANumber,
)
_decode = msgspec.json.Decoder(SignRequest).decode


class _OnlyId(msgspec.Struct):
    id: Name = ""


_decode_id = msgspec.json.Decoder(_OnlyId).decode


class SigningDesk:
    """Holds the identity and decides on each request. Every answer comes with its journal entry."""

    def __init__(
        self,
        identity: Identity | Awaited,
        *,
        name: str = OF_NODE,
        third_party: bool = False,
        recorded_only: bool = False,
        passing: Callable[[], float] = time.monotonic,
    ) -> None:
        """`identity` has been checked, or waits for its certificate; `take` hears of later checks.

        `name`: what requests call it. `third_party`: the obligated provider supplies each level.
        `recorded_only`: what has no record behind it is no evidence, as of the time of the TEST authority.
        `passing`: seconds that pass, whatever becomes of the clock.
        """
        self.name = name
        self.permits = Permits(
            name,
            identity.evidence_key,
            spc=identity.files.spc,
            third_party=third_party,
            recorded_only=recorded_only,
        )
        #: Why nothing is signed at present; empty when all is well.
        self.unfit = identity.unfit.reason if isinstance(identity, Awaited) else ""
        self._date: tuple[int, str] = (0, "")
        self.identity = identity
        self.passing = passing
        if isinstance(identity, Identity):
            self.take(identity, None, passing())

    def take(self, identity: Identity | None, wrong: IdentityUnfit | None, looked_s: float) -> None:
        """What `look_again` found: sign with it from now on, or refuse with the cause.

        `looked_s`: when that look began (`passing`).
        """
        self.unfit = wrong.reason if identity is None and wrong is not None else ""
        if identity is None:
            return
        self._looked_s = looked_s
        self.permits.believe(identity.evidence_key)
        self.identity = identity
        self._not_after_s = identity.certificate.not_valid_after_utc.timestamp()
        self._not_before_s = identity.certificate.not_valid_before_utc.timestamp()

    def answer(self, frame: bytes, now_s: float) -> tuple[Signed | Refused, Line]:
        """Answer one request, and the journal line that must be on disk before the answer leaves.

        1. The request is well formed.
        2. It asks for this identity, whose key and certificate are fit, at this second too.
        3. What it asks for may be given (`Permits`): a level, or retargets of a call that came signed.
        4. The claims are such as a strict verifier accepts; they are signed with our clock, URL and
           certificate.
        """
        # 1.
        try:
            request = _decode(frame)
        except UNREADABLE:
            return _refuse_malformed(frame, now_s)
        proofs = Proofs()
        try:
            # 2.
            identity = self._fit_for(request, now_s)
            # 3.
            iat = int(now_s)
            if request.kind == "shaken":
                proofs = self.permits.level(request, iat)
            else:
                iat = _kept(request, iat)
            self.permits.retargets(request, int(now_s))
            # 4.
            identities = [identity.passports.identity(claims) for claims in _claims(request, iat)]
        except _REFUSED as refused:
            return _refuse(request, now_s, refused.reason)
        signed = Signed(
            id=request.id,
            identities=identities,
            iat=iat,
            date=self._sip_date(iat),
            attest=Attestation(request.level) if request.level else None,
            serial=identity.serial,
        )
        facts = {
            "iat": iat,
            "serial": signed.serial,
            "relationship_version": proofs.relationship.version if proofs.relationship else None,
            "evidence_id": proofs.evidence.id if proofs.evidence else None,
            "evidence_version": proofs.evidence.version if proofs.evidence else None,
        }
        return signed, _line("signed", request, now_s, facts)

    def _fit_for(self, request: SignRequest, now_s: float) -> Identity:
        """What it is signed with."""
        if request.identity != self.name:
            raise NotPermitted("identity-of-another")
        identity = self.identity
        if self.unfit or isinstance(identity, Awaited):
            raise NotPermitted(self.unfit)
        if self.passing() - self._looked_s > GOOD_S:
            raise NotPermitted("identity-look-late")
        if not self._not_before_s <= now_s <= self._not_after_s:
            late = now_s > self._not_after_s
            raise NotPermitted("certificate-expired" if late else "certificate-not-yet-valid")
        return identity

    def _sip_date(self, iat: int) -> str:
        if self._date[0] != iat:
            # RFC 3261 section 20.17: GMT only, English names whatever the locale.
            self._date = (iat, formatdate(iat, usegmt=True))
        return self._date[1]


def _kept(request: SignRequest, now: int) -> int:
    """The `iat` of retargets of a call that came signed. Raises for what is more, or too old."""
    if request.level is not None or request.supplied is not None or request.rcd is not None:
        raise NotPermitted("div-alone-says-no-more")
    if not request.div:
        raise NotPermitted("div-missing")
    if request.received_iat is None:
        return now
    if not now - RECEIVED_PAST_S <= request.received_iat <= now + RECEIVED_AHEAD_S:
        raise NotPermitted("received-iat-stale")
    return request.received_iat


def _claims(request: SignRequest, iat: int) -> Iterator[Claims]:
    """What is to be signed, in the order of the answer. Raises `PassportError`, `NotANumber`."""
    dest = tuple(request.dest)
    if request.kind == "shaken":
        yield ShakenClaims(
            orig_tn=request.orig,
            dest_tns=dest,
            attest=Attestation(request.level or ""),
            iat=iat,
            origid=request.origid,
        )
    if request.rcd is not None:
        said = request.rcd
        yield RcdClaims(orig_tn=request.orig, dest_tns=dest, iat=iat, nam=said.nam, crn=said.crn or "")
    # RFC 8946 section 4: each begins where the one before ended, the first at the number that was called
    reached = set(dest)
    for each in request.div:
        if each.div not in reached:
            raise NotPermitted("div-does-not-follow")
        yield DivClaims(orig_tn=request.orig, dest_tn=each.dest, div_tn=each.div, iat=iat)
        reached = {each.dest}


def _refuse(request: SignRequest, now_s: float, reason: str) -> tuple[Refused, Line]:
    return Refused(id=request.id, error=reason), _line("refused", request, now_s, {"error": reason})


def _line(kind: str, request: SignRequest, now_s: float, more: dict[str, object]) -> Line:
    """Who and why for everybody; whose numbers they are only as commitments."""
    facts: dict[str, object] = {
        "kind": kind,
        "at": round(now_s, 3),
        "record_id": request.record_id,
        "asked": request.kind,
        "tenant": request.tenant,
        "trunk": request.trunk,
        "customer": request.customer,
        "ingress": request.ingress,
        "level": request.level,
        "rule": request.rule,
        "supplied": request.supplied,
        "origid": request.origid,
    }
    private = {
        "call": request.call_id_hash,
        "orig": request.orig,
        "dest": " ".join(request.dest),
        "div": " ".join(f"{each.div}>{each.dest}" for each in request.div),
        "name": request.rcd.nam if request.rcd else "",
        "reason": (request.rcd.crn or "") if request.rcd else "",
    }
    return Line(facts=facts | more, private={name: value for name, value in private.items() if value})


def _refuse_malformed(frame: bytes, now_s: float) -> tuple[Refused, Line]:
    try:
        request_id = _decode_id(frame).id
    except UNREADABLE:
        request_id = ""
    facts: dict[str, object] = {
        "kind": "refused",
        "at": round(now_s, 3),
        "error": "request-malformed",
        "request_id": request_id,
        "size": len(frame),
    }
    return Refused(id=request_id, error="request-malformed"), Line(facts=facts)
