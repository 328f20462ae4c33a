"""One request, one answer: what may be signed, and the line that says so. No sockets here."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from email.utils import formatdate

import msgspec

from trunkward.engines.signer_wire import Name, Refused, Signed, SignRequest
from trunkward.journal.chain import UNREADABLE
from trunkward.shaken import evidence as evidence_tokens
from trunkward.shaken.attest import A_RULES, Attestation
from trunkward.shaken.evidence import CALLED_HERE, Evidence, EvidenceRefused
from trunkward.shaken.number import NotANumber
from trunkward.shaken.passport import Claims, DivClaims, PassportError, RcdClaims, ShakenClaims
from trunkward.signer.identity import Identity, IdentityUnfit
from trunkward.signer.journal import Line
from trunkward.trunks.transit import OF_NODE

#: Seconds after which the last look that found all files good does not count any more: whatever became of the
#: next one, a revocation may have been missed.
GOOD_S = 60.0
#: Opened evidence tokens kept: checking one costs more than the signature it allows.
EVIDENCE_CACHE_SIZE = 4096
#: How far the time of a signature a call came with may be from ours, in seconds: as a verifier allows it
#: (`shaken.verify.Window`).
RECEIVED_PAST_S = 60
RECEIVED_AHEAD_S = 10

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

    def __init__(
        self,
        identity: Identity,
        *,
        name: str = OF_NODE,
        third_party: bool = False,
        suppliers: frozenset[str] = frozenset(),
        recorded_only: bool = False,
        passing: Callable[[], float] = time.monotonic,
    ) -> None:
        """`identity` has been checked; `take` hears of later checks.

        `name`: what requests call it. `third_party`: the obligated provider supplies each level, by these of
        his trunks (`suppliers`). `recorded_only`: what has no record behind it is no evidence, as of the time
        of the TEST authority. `passing`: seconds that pass, whatever becomes of the clock.
        """
        self.name = name
        self.third_party = third_party
        self.suppliers = suppliers
        self.recorded_only = recorded_only
        #: Why nothing is signed at present; empty when all is well.
        self.unfit = ""
        #: Ids of evidence that was revoked, by the list `control` signed; None: there is one, and it is not
        #: to be believed.
        self.denied: frozenset[str] | None = frozenset()
        self._opened: OrderedDict[str, Evidence] = OrderedDict()
        self._date: tuple[int, str] = (0, "")
        self.identity = identity
        self.passing = passing
        self.take(identity, None, passing())

    def take(self, identity: Identity | None, wrong: IdentityUnfit | None, looked_s: float) -> None:
        """What `look_again` found: sign with it from now on, or refuse with the cause.

        `looked_s`: when that look began (`passing`).
        """
        self.unfit = wrong.reason if identity is None and wrong is not None else ""
        if identity is None:
            return
        self._looked_s = looked_s
        if identity.evidence_key != self.identity.evidence_key:
            self._opened.clear()
        self.identity = identity
        self._not_after_s = identity.certificate.not_valid_after_utc.timestamp()
        self._not_before_s = identity.certificate.not_valid_before_utc.timestamp()

    def answer(self, frame: bytes, now_s: float) -> tuple[Signed | Refused, Line]:
        """Answer one request, and the journal line that must be on disk before the answer leaves.

        1. The request is well formed.
        2. It asks for this identity, whose key and certificate are fit, at this second too.
        3. What it asks for may be given: a level (`_permit`), or retargets of a call that came signed.
        4. The claims are such as a strict verifier accepts; they are signed with our clock, URL and
           certificate.
        """
        # 1.
        try:
            request = _decode(frame)
        except UNREADABLE:
            return _refuse_malformed(frame, now_s)
        proof: Evidence | None = None
        try:
            # 2.
            self._fit_for(request, now_s)
            # 3.
            iat = int(now_s)
            if request.kind == "shaken":
                proof = self._permit(request, iat)
            else:
                iat = _kept(request, iat)
            self._permit_retargets(request, int(now_s))
            # 4.
            identities = [self.identity.passports.identity(claims) for claims in _claims(request, iat)]
        except (_NotSigned, EvidenceRefused, PassportError, NotANumber) as refused:
            return _refuse(request, now_s, refused.reason)
        signed = Signed(
            id=request.id,
            identities=identities,
            iat=iat,
            date=self._sip_date(iat),
            attest=Attestation(request.level) if request.level else None,
            serial=self.identity.serial,
        )
        facts = {
            "iat": iat,
            "serial": signed.serial,
            "evidence_id": proof.id if proof else None,
            "evidence_version": proof.version if proof else None,
        }
        return signed, _line("signed", request, now_s, facts)

    def _fit_for(self, request: SignRequest, now_s: float) -> None:
        if request.identity != self.name:
            raise _NotSigned("identity-of-another")
        if self.unfit:
            raise _NotSigned(self.unfit)
        if self.passing() - self._looked_s > GOOD_S:
            raise _NotSigned("identity-look-late")
        if not self._not_before_s <= now_s <= self._not_after_s:
            late = now_s > self._not_after_s
            raise _NotSigned("certificate-expired" if late else "certificate-not-yet-valid")

    def _permit(self, request: SignRequest, iat: int) -> Evidence | None:
        """The evidence of an A. Raises for a level that must not be given.

        1. Where only the technical act is ours: the level the obligated provider's own switch supplied, and
           no other. Everywhere else nobody supplies one: the provider decides itself (47 CFR 64.6301(b), FCC
           24-120).
        2. C names the ingress by which the call came, A and B the customer (ATIS-1000074).
        3. A: the token speaks for this trunk and this number now, to this signer, and is of the kind that the
           rule names. Never a lower level instead: what to ask for is the gate's decision.

        Beside another level than A nobody is named.
        """
        if request.level is None:
            raise _NotSigned("level-missing")
        if request.rcd is not None and request.level != "A":
            raise _NotSigned("name-beside-a-alone")
        # 1.
        if self.third_party:
            if request.supplied is None:
                raise _NotSigned("level-not-supplied")
            if request.trunk not in self.suppliers:
                raise _NotSigned("level-supplied-by-another")
            if request.supplied != request.level:
                raise _NotSigned("level-other-than-supplied")
            return None
        if request.supplied is not None:
            raise _NotSigned("level-supplied-by-another")
        # 2.
        if request.level == "C":
            if not request.ingress:
                raise _NotSigned("ingress-missing")
            return None
        if not request.customer:
            raise _NotSigned("customer-missing")
        # 3.
        if request.level != "A":
            return None
        if request.evidence is None:
            raise _NotSigned("evidence-missing")
        proof = self._prove(request, request.evidence, request.orig, iat)
        if request.rule != A_RULES[proof.kind]:
            raise _NotSigned("rule-of-other-evidence")
        return proof

    def _permit_retargets(self, request: SignRequest, now: int) -> None:
        """RFC 8946 section 4: each number that diverted the call is the trunk's, by a token of its own."""
        for each in request.div:
            proof = self._prove(request, each.evidence, each.div, now)
            if proof.kind not in CALLED_HERE:
                raise _NotSigned("div-of-other-evidence")

    def _prove(self, request: SignRequest, token: str, number: str, now: int) -> Evidence:
        """What a token says of a number, for this trunk and customer, to this signer. Raises.

        Not by what was revoked, whatever the policy in force says. While nobody knows what was, only what has
        no record behind it counts: that is revoked by no list.
        """
        proof = evidence_tokens.require(
            self._open(token),
            identity=self.name,
            trunk=request.trunk,
            customer=request.customer,
            tn=number,
            now_s=now,
        )
        if self.recorded_only and not proof.is_recorded:
            raise _NotSigned("evidence-without-record")
        if self.denied is None and proof.is_recorded:
            raise _NotSigned("evidence-revocations-unknown")
        if self.denied is not None and proof.id in self.denied:
            raise _NotSigned("evidence-revoked")
        return proof

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


def _kept(request: SignRequest, now: int) -> int:
    """The `iat` of retargets of a call that came signed. Raises for what is more, or too old."""
    if request.level is not None or request.supplied is not None or request.rcd is not None:
        raise _NotSigned("div-alone-says-no-more")
    if not request.div:
        raise _NotSigned("div-missing")
    if request.received_iat is None:
        return now
    if not now - RECEIVED_PAST_S <= request.received_iat <= now + RECEIVED_AHEAD_S:
        raise _NotSigned("received-iat-stale")
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
            raise _NotSigned("div-does-not-follow")
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
