"""Where the certificate comes from that signs calls, and who says which authorities are to be trusted."""

from dataclasses import dataclass
from enum import StrEnum

#: Seconds between two looks at the trusted list, and at the revocation list, where nothing else is written.
LIST_EVERY_S, REVOCATIONS_EVERY_S = 21_600, 3_600


class Certificates(StrEnum):
    """Where a signing certificate comes from."""

    #: The node's own TEST authority: no carrier trusts it.
    TEST = "test"
    #: A person puts it there.
    FILES = "files"
    #: An authority of SHAKEN issues it by ACME with an authority token (ATIS-1000080).
    ACME = "acme"


class Revocation(StrEnum):
    """What becomes of a certificate of which no list says whether it was revoked."""

    #: It goes on, with an alarm.
    SOFT = "soft"
    #: It counts as revoked.
    HARD = "hard"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyAdministrator:
    """Who keeps the list of trusted authorities, and revokes (STI-PA)."""

    #: https, without a path.
    url: str
    #: PEM file: its lists are signed under one of these certificates.
    certificate_file: str
    #: PEM file its HTTPS must lead to; "": the system's authorities.
    ca_file: str = ""
    list_every_s: int = LIST_EVERY_S
    revocations_every_s: int = REVOCATIONS_EVERY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class StiAuthority:
    """An authority of SHAKEN that issues by ACME, and our account with whoever gives us tokens for it."""

    #: https URL of its ACME directory.
    directory: str
    #: At the policy administrator: the account, who logs in, and the file with the password.
    account: str
    user: str
    password_file: str
    contact: str = ""
    ca_file: str = ""
    external_key_id: str = ""
    external_key_file: str = ""
    #: What of our account's key is hashed to name it in the token: `der` (RFC 9448 section 5.4), or `jwk`.
    fingerprint: str = "der"
    #: What the token is called in the answer to the challenge: `tkauth` (RFC 9447 section 3.2), or `atc`.
    token_key: str = "tkauth"  # noqa: S105  # a name, no secret


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningSource:
    """Of one identity."""

    certificates: Certificates = Certificates.TEST
    #: With `ACME`.
    authority: StiAuthority | None = None
    #: With `FILES`: PEM, the provider's own certificate first; and its key.
    chain_file: str = ""
    key_file: str = ""
    #: Directory each chain is put into under a name of its own; "": the node's.
    publish: str = ""
    #: PEM file the HTTPS of the place they are published at must lead to; "": the system's authorities.
    publish_ca_file: str = ""
    #: Address of that place, where its name leads elsewhere from here; "": its name leads there.
    publish_address: str = ""
    revocation: Revocation = Revocation.SOFT


#: Of a node whose file says nothing.
TEST_CERTIFICATES = SigningSource()
