"""The verification service (RFC 8224 section 6.2, RFC 8588, 8946, 9795; ATIS-1000074) as numbered steps.

Pure: what the request says, credentials and the time come in, a judgement goes out. Who fetched the
certificates, whether a token was seen before, what the call gets for it: that is decided elsewhere.

Each PASSporT is judged alone, then those of a diverted call as a chain, then the call:

- *passed*: at least one PASSporT vouches for the caller (`shaken`, or a base one), and none has an error. One
  bad beside a good one fails: else anything could ride along with what is good. Of several the lowest level
  counts.
- *failed*: one has an error. Level and origin are not told, whatever the PASSporT says of them.
- *none*: none that we know; or nothing is wrong, but a certificate could not be had (436), and so nothing
  was verified.

An `rcd` of its own never decides: if it has an error, it is not shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec
from cryptography.exceptions import InvalidSignature

from trunkward.shaken import identity_header
from trunkward.shaken.attest import Attestation
from trunkward.shaken.causes import Cause, CredentialFault, Refused, StirError
from trunkward.shaken.credential import Credential
from trunkward.shaken.diversion import follow
from trunkward.shaken.es256 import COORDINATE_BYTES, verify_es256
from trunkward.shaken.rcd import Rcd, rcd_of
from trunkward.shaken.received import (
    BASE,
    DIV,
    RCD,
    SHAKEN,
    VOUCHING,
    Received,
    Unopened,
    open_payload,
    read_header,
)
from trunkward.shaken.x5u import NO_EXCEPTION, UrlRules, read_url


class Verstat(StrEnum):
    """Outcome as 3GPP TS 24.229 section 7.2A.20 names it."""

    PASSED = "TN-Validation-Passed"
    FAILED = "TN-Validation-Failed"
    NONE = "No-TN-Validation"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledAs:
    """What the request itself says. Parties are canonical (`canonical_party`): a number, or a URI."""

    #: Who calls: P-Asserted-Identity if there is one, then From. A PASSporT must name one of them.
    orig: tuple[str, ...]
    to: str
    request_uri: str
    #: The Date header, seconds since the epoch.
    date_s: float | None
    call_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How far a PASSporT's time may be from ours, seconds; both ends belong to it."""

    past_s: float = 60
    #: Clocks differ: without any, good calls fail; with a year, tokens can be made for later.
    ahead_s: float = 10
    #: For the first PASSporT of a diverted call: only the last one is as young as the request.
    diverted_s: float = 300
    #: Whether the Request-URI, too, must be in `dest` or reached by `div`. Without, whoever keeps the To of a
    #: captured call can send it to anybody else; some carriers translate numbers without signing that.
    request_uri: bool = True


class Judged(msgspec.Struct, frozen=True):
    """One PASSporT of the call and what became of it."""

    #: Empty for a base PASSporT, and for what could not be read.
    ppt: str
    #: None: verified.
    error: StirError | None
    #: Where its certificate is; empty for what could not be read.
    x5u: str = ""
    #: The step of `verify` it failed at; 0 without an error.
    failed_at: int = 0


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a call's Identity headers; all but `outcome` and `passports` only when it passed."""

    outcome: Verstat
    attest: Attestation | None = None
    origid: str | None = None
    #: The signer's service provider code.
    spc: str | None = None
    x5u: str | None = None
    #: Which of the call's `orig` was verified: `verstat` belongs into the header that says it.
    orig: str | None = None
    #: Only with level A.
    rcd: Rcd | None = None
    #: Whom the call was for, first to last, when it was diverted.
    diverted: tuple[str, ...] = ()
    #: In the order of the headers; those of a kind we do not know are not among them.
    passports: tuple[Judged, ...] = ()
    #: For the cache of seen tokens: the same key with another Call-ID within the window is a replay.
    replay_keys: tuple[str, ...] = ()


class _One(msgspec.Struct):
    """One PASSporT on its way through the steps."""

    unopened: Unopened | None
    ppt: str = BASE
    x5u: str = ""
    error: StirError | None = None
    #: Where it was refused; 0: nowhere.
    failed_at: int = 0
    received: Received | None = None
    credential: Credential | None = None
    rcd: Rcd | None = None

    def refuse(self, refused: Refused, step: int) -> None:
        ppi = self.unopened.ppi if self.unopened is not None else ""
        self.error = StirError(cause=refused.cause, text=refused.text, ppi=ppi)
        self.failed_at = step


def urls_of(values: Sequence[str], rules: UrlRules = NO_EXCEPTION) -> tuple[str, ...]:
    """Certificate URLs worth fetching: of PASSporTs that pass steps 1 to 3 of `verify`, each once."""
    ones = [one.unopened for one in _read_all(values, rules) if one.error is None]
    return tuple(dict.fromkeys(unopened.x5u for unopened in ones if unopened is not None))


def verify(
    values: Sequence[str],
    *,
    call: CalledAs,
    credentials: Mapping[str, Credential | CredentialFault],
    now_s: float,
    limits: Window = Window(),
    rules: UrlRules = NO_EXCEPTION,
) -> Verification:
    """Judge all Identity values of one request.

    `credentials` by URL: what `urls_of` named and the fetcher got, or why not; one that is missing counts as
    unavailable. What costs least comes first, and no key is touched before all else is in order.

    1. No more headers than can be looked at.

    Then each alone:

    2. Grammar, parameters and JOSE header, `alg` pinned (`read_header`); a kind we do not know is left alone.
    3. The rules for URLs.
    4. Claims, each of its type (`open_payload`).
    5. Its time, and the request's.
    6. Who calls.
    7. Who is called; on a diverted call the chain tells.
    8. The credential: there, valid now and when it was signed, and it may say this.
    9. The signature, over the bytes that came.
    10. Rich call data, and the digests over them.

    And all together:

    11. The chain of diversions (`diversion.follow`).
    12. The outcome.
    """
    # 1. to 3.
    ones = _read_all(values, rules)
    diverted = DIV in [one.ppt for one in ones]
    # 4. to 10.
    for one in ones:
        unopened = one.unopened
        if unopened is not None and one.error is None:
            # the compact form says nothing itself: it may have been made of either
            for orig in (not unopened.header and call.orig) or ("",):
                if _judge(one, unopened, orig, call, credentials, now_s, limits, diverted):
                    break
    # 11.
    way = _diversions(ones, call, now_s, limits) if diverted else ()
    # 12.
    return _outcome(ones, call, way)


def _read_all(values: Sequence[str], rules: UrlRules) -> list[_One]:
    # 1.
    if len(values) > identity_header.MAX_HEADERS:
        return [_unread(Refused(Cause.HEADERS_TOO_MANY, f"{len(values)} Identity headers"), 1)]
    if sum(map(len, values)) > identity_header.MAX_TOGETHER:
        most = identity_header.MAX_TOGETHER
        return [_unread(Refused(Cause.HEADER_TOO_LONG, f"more than {most} characters"), 1)]
    ones: list[_One] = []
    for value in values:
        # 2.
        try:
            unopened = read_header(value)
        except Refused as refused:
            ones.append(_unread(refused, 2))
            continue
        if unopened is None:
            continue
        one = _One(unopened, unopened.ppt, unopened.x5u)
        # 3.
        try:
            read_url(unopened.x5u, rules)
        except Refused as refused:
            one.refuse(refused, 3)
        ones.append(one)
    return ones


def _unread(refused: Refused, step: int) -> _One:
    one = _One(None)
    one.refuse(refused, step)
    return one


def _judge(
    one: _One,
    unopened: Unopened,
    orig: str,
    call: CalledAs,
    credentials: Mapping[str, Credential | CredentialFault],
    now_s: float,
    limits: Window,
    diverted: bool,
) -> bool:
    """Steps 4 to 10 for one PASSporT: whether nothing is wrong with it."""
    step = 4
    try:
        # 4.
        received = open_payload(unopened, orig, call.to, call.date_s)
        # 5. Of a chain the last one is as young as the request; which that is shows in step 11.
        step = 5
        if diverted:
            _check_time(received.iat, None, now_s, limits.diverted_s, limits)
        else:
            _check_time(received.iat, call.date_s, now_s, limits.past_s, limits)
        # 6.
        step = 6
        if received.orig not in call.orig:
            raise Refused(Cause.ORIG_MISMATCH, f"signed for {received.orig}")
        # 7.
        step = 7
        if not diverted:
            if call.to not in received.dest:
                raise Refused(Cause.DEST_MISMATCH, "To is not in dest")
            if limits.request_uri and call.request_uri not in received.dest:
                raise Refused(Cause.DEST_MISMATCH, "the Request-URI is not in dest, and no div leads there")
        # 8.
        step = 8
        credential = credentials.get(received.x5u)
        if credential is None:
            raise Refused(Cause.CERTIFICATE_UNAVAILABLE, received.x5u)
        if isinstance(credential, CredentialFault):
            # a new one: what is kept would hold on to the frames of every call it was raised in
            raise Refused(credential.cause, credential.text)
        _check_credential(credential, received, now_s)
        # 9.
        step = 9
        verify_es256(credential.key, received.message, received.signature)
        # 10.
        step = 10
        if received.has_rcd or received.ppt == RCD:
            one.rcd = rcd_of(received.claims, required=received.ppt == RCD)
    except InvalidSignature:
        one.refuse(Refused(Cause.SIGNATURE, "not signed with the certificate's key, or changed since"), step)
        return False
    except Refused as refused:
        one.refuse(refused, step)
        return False
    one.error, one.failed_at, one.received, one.credential = None, 0, received, credential
    return True


def _check_time(iat: int, date_s: float | None, now_s: float, past_s: float, limits: Window) -> None:
    earliest, latest = now_s - past_s, now_s + limits.ahead_s
    if not earliest <= iat <= latest:
        raise Refused(Cause.IAT_OUTSIDE_WINDOW, f"iat is {now_s - iat:.0f} s before now")
    if date_s is not None:
        if not earliest <= date_s <= latest:
            raise Refused(Cause.DATE_OUTSIDE_WINDOW, f"Date is {now_s - date_s:.0f} s before now")
        if abs(date_s - iat) > past_s:
            raise Refused(Cause.DATE_FAR_FROM_IAT, f"Date and iat are {abs(date_s - iat):.0f} s apart")


def _check_credential(credential: Credential, received: Received, now_s: float) -> None:
    iat = received.iat
    if not (credential.not_before_s <= now_s and credential.not_before_s <= iat):
        raise Refused(Cause.CERTIFICATE_NOT_YET_VALID, "now, or when it was signed")
    if not (now_s <= credential.not_after_s and iat <= credential.not_after_s):
        raise Refused(Cause.CERTIFICATE_EXPIRED, "now, or when it was signed")
    if received.ppt == SHAKEN:
        # whose number it is must not be asked: the level says what the signer knows of that
        if credential.spc is None:
            raise Refused(Cause.CREDENTIAL_WITHOUT_CODE, "a delegate certificate signs no shaken PASSporT")
    elif not credential.speaks_for(received.div or received.orig):
        raise Refused(
            Cause.NUMBER_NOT_COVERED, f"the certificate has not the number {received.div or received.orig}"
        )
    for constraints in credential.constraints:
        if broken := constraints.broken_by(received.claims):
            raise Refused(Cause.CLAIM_CONSTRAINT, broken)


def _diversions(ones: Sequence[_One], call: CalledAs, now_s: float, limits: Window) -> tuple[str, ...]:
    """Step 11: whom the call was for, first to last. With an error anywhere there is no chain to look at."""
    if any(one.error is not None for one in ones if one.ppt != RCD):
        return ()
    received = [one.received for one in ones if one.received is not None]
    way, last, wrong = follow(received, call.request_uri)
    for one in ones:
        if one.received is None:
            continue
        if (refused := wrong.get(id(one.received))) is not None:
            one.refuse(refused, 11)
        elif one.ppt == RCD and way and way[0] not in one.received.dest:
            one.refuse(Refused(Cause.DEST_MISMATCH, "of another call than the one that was diverted"), 11)
        elif one.received is last:
            try:
                _check_time(last.iat, call.date_s, now_s, limits.past_s, limits)
            except Refused as stale:
                one.refuse(stale, 11)
    return way


def _outcome(ones: Sequence[_One], call: CalledAs, way: tuple[str, ...]) -> Verification:
    """Step 12."""
    passports: list[Judged] = []
    wrong: list[Cause] = []
    shown: list[Rcd] = []
    vouching: list[tuple[Received, Credential]] = []
    for one in ones:
        passports.append(Judged(one.ppt, one.error, one.x5u, one.failed_at))
        if one.error is not None:
            if one.ppt != RCD:
                wrong.append(one.error.cause)
            continue
        assert one.received is not None and one.credential is not None  # noqa: PT018 - behind step 10
        if one.rcd is not None:
            shown.append(one.rcd)
        if one.ppt in VOUCHING:
            vouching.append((one.received, one.credential))
    if wrong:
        only_missing = all(cause is Cause.CERTIFICATE_UNAVAILABLE for cause in wrong)
        outcome = Verstat.NONE if only_missing else Verstat.FAILED
        return Verification(outcome=outcome, passports=tuple(passports))
    if not vouching:
        return Verification(outcome=Verstat.NONE, passports=tuple(passports))
    # levels are letters: the lowest is the last; a base PASSporT has none
    received, credential = max(vouching, key=_level) if len(vouching) > 1 else vouching[0]
    return Verification(
        outcome=Verstat.PASSED,
        attest=received.attest,
        origid=received.origid,
        spc=credential.spc,
        x5u=received.x5u,
        orig=received.orig,
        rcd=shown[0] if shown and received.attest is Attestation.A else None,
        diverted=way,
        passports=tuple(passports),
        replay_keys=tuple([_replay_key(one.signature, call.request_uri) for one, _ in vouching]),
    )


def _level(vouching: tuple[Received, Credential]) -> str:
    received, _ = vouching
    return received.attest or ""


def _replay_key(signature: bytes, called: str) -> str:
    """One for a signature and the number it is used for.

    R alone names a signature, by the secret chance it was made of. Not S: whoever has a valid signature can
    make a second one of it, with the order of the curve less S in its place.
    """
    return f"{signature[:COORDINATE_BYTES].hex()}:{called}"
