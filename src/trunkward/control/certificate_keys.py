"""Where the certificates come from that the node shows, as a person may write it."""

import re
from collections.abc import Collection
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from trunkward.control.keys import File, Part, Wrong
from trunkward.control.yaml_lines import PathKey
from trunkward.trunks.model import AcmeSettings, CertificateFiles, CertificateSource

_DIRECTORY = re.compile(
    r"https://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?/[!-~]{0,1024}",
    re.ASCII,
)
_MAIL = re.compile(r"[A-Za-z0-9.!#$&'*+/=^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII)


# ---- what may be written -------------------------------------------------------------------------


def _directory(text: str) -> str:
    found = _DIRECTORY.fullmatch(text)
    if not found or not 0 < int(found["port"] or 443) < 65_536:
        raise ValueError(
            "write the https URL of the authority's ACME directory, such as https://ca.example.net/directory"
        )
    return text


def _mail(text: str) -> str:
    # RFC 8555 section 7.3: one address, no header fields
    if not _MAIL.fullmatch(text):
        raise ValueError("write one mail address, such as noc@example.com")
    return text


def _agreed(value: bool) -> bool:
    # RFC 8555 section 7.3: agreeing is a person's act
    if not value:
        raise ValueError(
            "read the authority's terms of service, which its directory names, and write true; "
            "it issues nothing otherwise"
        )
    return value


def _key_id(text: str) -> str:
    if not text or len(text) > 255 or not (text.isascii() and text.isprintable()):
        raise ValueError("write the key identifier the authority gave you")
    return text


def _profile(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", text, re.ASCII):
        raise ValueError("write the name of a certificate profile as the authority's directory has it")
    return text


def _any_port(number: int) -> int:
    if not 0 < number < 65_536:
        raise ValueError("write a port of 1 to 65535; public authorities look at 80")
    return number


def _server(value: Any) -> Any:
    if value == "local":
        return {}
    if not isinstance(value, dict) or not value:
        raise ValueError("write local, or acme: or files: with its keys below")
    return value


def _client(value: Any) -> Any:
    if value == "local":
        return {}
    if not isinstance(value, dict) or not value:
        raise ValueError("write local, or files: with chain and key below")
    return value


type AcmeDirectory = Annotated[str, AfterValidator(_directory)]
type Agreed = Annotated[bool, AfterValidator(_agreed)]
type MailAddress = Annotated[str, AfterValidator(_mail)]


class ExternalAccountPart(Part):
    """`external_account` of an ACME authority."""

    key_id: Annotated[str, AfterValidator(_key_id)]
    hmac_file: File


class AcmePart(Part):
    """`node.certificate.acme`."""

    directory: AcmeDirectory
    terms_agreed: Agreed
    contact: MailAddress | None = None
    external_account: ExternalAccountPart | None = None
    ca: File | None = None
    http_port: Annotated[int, AfterValidator(_any_port)] = 80
    profile: Annotated[str, AfterValidator(_profile)] | None = None


class FilesPart(Part):
    """`files` of a certificate."""

    chain: File
    key: File


class ServerCertificatePart(Part):
    """`node.certificate`; `local` when neither is there."""

    acme: AcmePart | None = None
    files: FilesPart | None = None


class ClientCertificatePart(Part):
    """`carriers[].client_certificate`; `local` when it is not there."""

    files: FilesPart | None = None


#: What each of the two keys may be: the word `local`, or its group.
LOCAL_OR_SERVER, LOCAL_OR_CLIENT = BeforeValidator(_server), BeforeValidator(_client)


# ---- what does not go together -------------------------------------------------------------------


def wrong_in_certificate(path: PathKey, part: ServerCertificatePart, sip_ports: Collection[int]) -> Wrong:
    """One source, and no port of SIP for it."""
    if part.acme is not None and part.files is not None:
        yield (*path, "files"), "the certificate comes from acme already; keep one of the two"
    if part.acme is not None and part.acme.http_port in sip_ports:
        yield (*path, "acme", "http_port"), "a port of SIP; write another"


# ---- what is declared ----------------------------------------------------------------------------


def certificate_of(part: ServerCertificatePart) -> CertificateSource:
    """Where the node's certificate comes from."""
    acme = part.acme
    if acme is None:
        return files_of(part.files)
    external = acme.external_account
    return AcmeSettings(
        directory=acme.directory,
        contact=acme.contact or "",
        ca_file=acme.ca or "",
        external_key_id=external.key_id if external else "",
        external_key_file=external.hmac_file if external else "",
        http_port=acme.http_port,
        profile=acme.profile or "",
    )


def files_of(part: FilesPart | None) -> CertificateFiles | None:
    """The files of a certificate; None: the node's own authority issues it."""
    return CertificateFiles(chain=part.chain, key=part.key) if part else None
