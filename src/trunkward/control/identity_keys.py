"""Whose code and certificate calls are signed with, as a person may write it."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from trunkward.control.addresses import is_address
from trunkward.control.certificate_keys import (
    AcmeDirectory,
    Agreed,
    ExternalAccountPart,
    MailAddress,
)
from trunkward.control.keys import File, Part, Wrong, is_path
from trunkward.control.yaml_lines import PathKey
from trunkward.shaken.authority_token import Form
from trunkward.sip.uri import is_hostname
from trunkward.trunks.signing import (
    LIST_EVERY_S,
    REVOCATIONS_EVERY_S,
    Certificates,
    PolicyAdministrator,
    Revocation,
    SigningSource,
    StiAuthority,
)
from trunkward.trunks.token_key import SCHEME, TokenKey

_X5U = re.compile(
    r"https://(?P<host>[A-Za-z0-9.-]{1,253})(?::(?:443|8443))?/[A-Za-z0-9._~/-]{0,180}", re.ASCII
)
_ORIGIN = re.compile(r"https://[A-Za-z0-9.-]{1,253}(?::(?P<port>[0-9]{1,5}))?/?", re.ASCII)
_ACCOUNT = re.compile(r"[A-Za-z0-9._@-]{1,128}", re.ASCII)


# ---- what may be written -------------------------------------------------------------------------


def _spc(text: str) -> str:
    # ATIS-1000080: the SPC of the certificate's TNAuthList
    if not re.fullmatch(r"[A-Z0-9]{4}", text, re.ASCII):
        raise ValueError(
            'a service provider code is four capital letters or digits in quotes, such as "000T"'
        )
    return text


def _x5u(text: str) -> str:
    found = _X5U.fullmatch(text)
    if not found or not is_hostname(found["host"]) or is_address(found["host"]):
        raise ValueError(
            "write an https URL on port 443 or 8443 without query, such as https://cert.example.com/a.pem"
        )
    return text


def _origin(text: str) -> str:
    found = _ORIGIN.fullmatch(text)
    if not found or not 0 < int(found["port"] or 443) < 65_536:
        raise ValueError(
            "write the administrator's https URL without a path, such as https://sti-pa.example.net"
        )
    return text.rstrip("/")


def _account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise ValueError("write it as the policy administrator gave it to you: letters, digits, . _ @ -")
    return text


def _token_key(text: str) -> str:
    if text not in ("tkauth", "atc"):
        raise ValueError("write tkauth (RFC 9447), or atc for an authority that goes by its draft")
    return text


def _fingerprint(text: str) -> str:
    if text not in tuple(Form):
        raise ValueError("write der (RFC 9448), or jwk for an authority that hashes the key in that form")
    return text


def _web_server(text: str) -> str:
    if not is_address(text):
        raise ValueError(
            "write the IP address of the web server that has the certificates, as seen from here"
        )
    return text


def _directory(text: str) -> str:
    if not is_path(text) or text.endswith("/"):
        raise ValueError("write the absolute path of a directory, such as /var/lib/trunkward/published")
    return text


class StiAuthorityPart(Part):
    """`authority` of an identity."""

    directory: AcmeDirectory
    terms_agreed: Agreed
    account: Annotated[str, AfterValidator(_account)]
    user: Annotated[str, AfterValidator(_account)]
    password_file: File
    contact: MailAddress | None = None
    external_account: ExternalAccountPart | None = None
    ca: File | None = None
    fingerprint: Annotated[str, AfterValidator(_fingerprint)] = Form.DER.value
    token_key: Annotated[str, AfterValidator(_token_key)] = "tkauth"  # noqa: S105  # a name


class PublishPart(Part):
    """`publish` of an identity."""

    directory: Annotated[str, AfterValidator(_directory)] | None = None
    ca: File | None = None
    address: Annotated[str, AfterValidator(_web_server)] | None = None


def _key(text: str) -> str:
    if text.startswith(SCHEME):
        TokenKey.read(text)
        return text
    if not is_path(text):
        raise ValueError("write the absolute path of a file, or of a key in a token pkcs11:... (RFC 7512)")
    return text


class SigningFilesPart(Part):
    """`files` of an identity."""

    chain: File
    key: Annotated[str, AfterValidator(_key)]


class IdentityPart(Part):
    """`node.identity`."""

    spc: Annotated[str, AfterValidator(_spc)]
    x5u: Annotated[str, AfterValidator(_x5u)]
    certificates: Annotated[Certificates, Field(strict=False)] = Certificates.TEST
    authority: StiAuthorityPart | None = None
    files: SigningFilesPart | None = None
    publish: PublishPart = PublishPart()
    revocation: Annotated[Revocation, Field(strict=False)] = Revocation.SOFT


class PolicyAdministratorPart(Part):
    """`node.policy_administrator`."""

    url: Annotated[str, AfterValidator(_origin)]
    certificate: File
    ca: File | None = None
    list_every_s: Annotated[int, Field(ge=1, le=86_400)] = LIST_EVERY_S
    revocations_every_s: Annotated[int, Field(ge=1, le=86_400)] = REVOCATIONS_EVERY_S


# ---- what does not go together -------------------------------------------------------------------


def wrong_in_identity(
    path: PathKey, part: IdentityPart, administrator: PolicyAdministratorPart | None
) -> Wrong:
    """One source of certificates with what it needs, and a URL that goes with it."""
    source = part.certificates
    for name, its in (("authority", Certificates.ACME), ("files", Certificates.FILES)):
        written = getattr(part, name) is not None
        if source is its and not written:
            yield (*path, "certificates"), f"{its} needs {name}: below identity, too"
        if written and source is not its:
            yield (*path, name), f"not used: certificates is {source}; write {its} there, or leave this out"
    if source is not Certificates.TEST and administrator is None:
        yield (
            (*path, "certificates"),
            f"{source} needs node.policy_administrator: it says which authorities are to be trusted",
        )
    # ATIS-1000074: verifiers keep what is behind a URL for a day, so each chain gets one of its own
    if source is Certificates.ACME and not part.x5u.endswith("/"):
        yield (
            (*path, "x5u"),
            "with acme each certificate gets a URL of its own below this one; let it end with /",
        )
    if source is not Certificates.ACME and part.x5u.endswith("/"):
        yield (*path, "x5u"), f"with {source} it is the URL of the certificate itself; it does not end with /"


# ---- what is declared ----------------------------------------------------------------------------


def signing_of(part: IdentityPart) -> SigningSource:
    """Where the certificate of an identity comes from."""
    return SigningSource(
        certificates=part.certificates,
        authority=_authority_of(part.authority) if part.authority is not None else None,
        chain_file=part.files.chain if part.files else "",
        key_file=part.files.key if part.files else "",
        publish=part.publish.directory or "",
        publish_ca_file=part.publish.ca or "",
        publish_address=part.publish.address or "",
        revocation=part.revocation,
    )


def _authority_of(part: StiAuthorityPart) -> StiAuthority:
    external = part.external_account
    return StiAuthority(
        directory=part.directory,
        account=part.account,
        user=part.user,
        password_file=part.password_file,
        contact=part.contact or "",
        ca_file=part.ca or "",
        external_key_id=external.key_id if external else "",
        external_key_file=external.hmac_file if external else "",
        fingerprint=part.fingerprint,
        token_key=part.token_key,
    )


def administrator_of(part: PolicyAdministratorPart | None) -> PolicyAdministrator | None:
    """Who says which authorities are to be trusted."""
    if part is None:
        return None
    return PolicyAdministrator(
        url=part.url,
        certificate_file=part.certificate,
        ca_file=part.ca or "",
        list_every_s=part.list_every_s,
        revocations_every_s=part.revocations_every_s,
    )
