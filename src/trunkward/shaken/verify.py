"""The verification service (RFC 8224 section 6.2, RFC 8588, RFC 8946, RFC 9795; ATIS-1000074) as numbered steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from trunkward.shaken.attest import Attestation
from trunkward.shaken.causes import CredentialFault, StirError
from trunkward.shaken.credential import Credential
from trunkward.shaken.x5u import NO_EXCEPTION, UrlRules


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

    past_s: int = 60
    #: Clocks differ: none at all makes good calls fail, a year lets tokens be made for later.
    ahead_s: int = 10
    #: For the first PASSporTs of a diverted call: only the last `div` is as young as the call.
    diverted_s: int = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Rcd:
    """What a verified `rcd` says of the caller (RFC 9795); to be shown only as `Verification.rcd` gives it."""

    nam: str
    apn: str | None = None
    icn: str | None = None
    jcl: str | None = None
    #: Call reason.
    crn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One PASSporT of the call and what became of it."""

    #: Empty for a base PASSporT.
    ppt: str
    #: None: verified.
    error: StirError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What is known of a call's Identity headers. Everything but `outcome` and `passports` only when it passed."""

    outcome: Verstat
    attest: Attestation | None = None
    origid: str | None = None
    #: The signer's service provider code.
    spc: str | None = None
    x5u: str | None = None
    #: Which of the call's `orig` was verified: `verstat` goes to the header that says it.
    orig: str | None = None
    rcd: Rcd | None = None
    #: In the order of the headers; those with a `ppt` we don't know are not among them.
    passports: tuple[Judged, ...] = ()
    #: For the cache of seen tokens: the same key with another Call-ID within the window is a replay.
    replay_keys: tuple[str, ...] = ()


def urls_of(values: Sequence[str], rules: UrlRules = NO_EXCEPTION) -> tuple[str, ...]:
    """Certificate URLs worth fetching: of PASSporTs that are well formed so far, after the rules for URLs."""
    raise NotImplementedError


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

    `credentials` by URL: what `urls_of` named and the fetcher got, or why not; a URL that is missing counts as
    unavailable.
    """
    raise NotImplementedError
