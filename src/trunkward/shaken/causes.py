"""Why a PASSporT is refused: every cause with its response code and the clause it rests on.

The code is what a `Reason: STIR` header says (RFC 9410); the cause is ours, stable, and finer. The table in
`docs/shaken.md` is compared with this one by a test.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Cause(StrEnum):
    """Stable codes; `code` is the SIP response code (RFC 8224 section 6.2.2), `clause` what it rests on."""

    code: int
    clause: str

    def __new__(cls, value: str, code: int, clause: str) -> Self:
        """A member is its text, with what belongs to it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.code = code
        member.clause = clause
        return member

    # 403 Stale Date
    IAT_OUTSIDE_WINDOW = "iat-outside-window", 403, "RFC 8224 6.2 step 4"
    DATE_OUTSIDE_WINDOW = "date-outside-window", 403, "RFC 8224 6.2 step 4"
    DATE_FAR_FROM_IAT = "date-far-from-iat", 403, "RFC 8224 6.2 step 4"

    # 428 Use Identity Header: said by policy alone, `verify` never gives it
    IDENTITY_MISSING = "identity-missing", 428, "RFC 8224 6.2.2"

    # 436 Bad Identity Info
    INFO_MISSING = "info-missing", 436, "RFC 8224 6.2 step 3"
    URL_REFUSED = "url-refused", 436, "RFC 8224 6.2.2, 7.2"
    CERTIFICATE_UNAVAILABLE = "certificate-unavailable", 436, "RFC 8224 6.2.2"
    CERTIFICATE_UNREADABLE = "certificate-unreadable", 436, "RFC 8224 6.2.2"

    # 437 Unsupported Credential
    CHAIN_NOT_TRUSTED = "chain-not-trusted", 437, "RFC 8224 6.2.2; RFC 5280 6; ATIS-1000074"
    CERTIFICATE_EXPIRED = "certificate-expired", 437, "RFC 5280 4.1.2.5"
    CERTIFICATE_NOT_YET_VALID = "certificate-not-yet-valid", 437, "RFC 5280 4.1.2.5"
    CERTIFICATE_REVOKED = "certificate-revoked", 437, "RFC 5280 6.3"
    REVOCATION_UNKNOWN = "revocation-unknown", 437, "RFC 5280 6.3"
    CERTIFICATE_PROFILE = "certificate-profile", 437, "ATIS-1000080; RFC 8226; RFC 9060"
    CREDENTIAL_WITHOUT_CODE = "credential-without-code", 437, "ATIS-1000074; RFC 8588 4"
    CREDENTIAL_SCOPE = "credential-scope", 437, "RFC 9060 6"
    NUMBER_NOT_COVERED = "number-not-covered", 437, "RFC 8226 9; RFC 8946 4.2"
    CLAIM_CONSTRAINT = "claim-constraint", 437, "RFC 8226 8; RFC 9118"

    # 438 Invalid Identity Header
    HEADERS_TOO_MANY = "headers-too-many", 438, "our limit"
    HEADER_TOO_LONG = "header-too-long", 438, "our limit"
    HEADER_MALFORMED = "header-malformed", 438, "RFC 8224 4"
    PARAMETER_TWICE = "parameter-twice", 438, "RFC 3261 7.3.1"
    ENCODING = "encoding", 438, "RFC 7515 2"
    JSON_MALFORMED = "json-malformed", 438, "RFC 8225 4, 5"
    JSON_KEY_TWICE = "json-key-twice", 438, "RFC 7515 4; RFC 7519 4"
    ALG = "alg", 438, "RFC 8225 4.2"
    TYP = "typ", 438, "RFC 8225 4.1"
    CRIT = "crit", 438, "RFC 7515 4.1.11"
    URL_MISSING = "url-missing", 438, "RFC 8225 4.3"
    URL_NOT_INFO = "url-not-info", 438, "RFC 8224 4.1"
    PPT_MISMATCH = "ppt-mismatch", 438, "RFC 8224 4.1"
    COMPACT_FORM = "compact-form", 438, "RFC 8224 4.1.1; RFC 8588 3"
    CLAIM_MISSING = "claim-missing", 438, "RFC 8225 5; RFC 8588 3"
    CLAIM_MALFORMED = "claim-malformed", 438, "RFC 8225 5, errata 5985"
    ATTEST = "attest", 438, "RFC 8588 4"
    ORIGID = "origid", 438, "RFC 8588 5"
    ORIG_MISMATCH = "orig-mismatch", 438, "RFC 8224 6.2 step 2"
    DEST_MISMATCH = "dest-mismatch", 438, "RFC 8224 6.2 step 2"
    SIGNATURE = "signature", 438, "RFC 8224 6.2 step 3"
    DIV_WITHOUT_BASE = "div-without-base", 438, "RFC 8946 4.2"
    DIV_BROKEN = "div-broken", 438, "RFC 8946 4.2"
    DIV_LOOP = "div-loop", 438, "RFC 8946 4.2"
    DIV_TWICE = "div-twice", 438, "RFC 8946 4.2"
    DIV_TOO_DEEP = "div-too-deep", 438, "our limit"
    RCD_MALFORMED = "rcd-malformed", 438, "RFC 9795 5"
    RCD_DIGEST = "rcd-digest", 438, "RFC 9795 6"
    # said by the gate alone: only all nodes together know what they have seen
    REPLAYED = "replayed", 438, "RFC 8224 12.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class StirError:
    """One PASSporT's error, ready for `Reason` (RFC 9410) and for the record."""

    cause: Cause
    #: For people: what is wrong, where.
    text: str
    #: The PASSporT it is about, `protected identity` of RFC 9410, in compact form; empty when it has none.
    ppi: str = ""

    @property
    def code(self) -> int:
        """SIP response code: 403, 428, 436, 437 or 438."""
        return self.cause.code


class Refused(ValueError):
    """A PASSporT, certificate, list or URL that is not accepted, with its cause."""

    def __init__(self, cause: Cause, text: str = "") -> None:
        """`cause` for machines, `text` for people."""
        super().__init__(f"{cause}: {text}" if text else str(cause))
        self.cause = cause
        self.text = text


class CredentialFault(Refused):
    """No credential behind an `x5u`: not there (436), or not one that may sign calls (437).

    Also a value: who fetches keeps it in place of the `Credential` it did not get.
    """
