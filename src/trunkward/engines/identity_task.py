"""What the process `identities` is to do: a file that root writes for it, and the secrets it needs."""

from pathlib import Path

import msgspec
from cryptography import x509

from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.whole_file import read_plain
from trunkward.settings import SYSTEM_AUTHORITIES, Paths
from trunkward.shaken.authority_token import Form
from trunkward.shaken.profile import tn_auth_list_of
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import Certificates, SigningSource
from trunkward.trunks.transit import OF_NODE

#: Bytes of a chain.
_MOST_BYTES = 64 << 10


class Ordering(msgspec.Struct, frozen=True, kw_only=True):
    """How a certificate is come by: our accounts with the authority and with the policy administrator."""

    directory: str
    trusted: str
    account_key: str
    request: str
    contact: str
    external_key_id: str
    #: "": none.
    external_key: str
    fingerprint: Form
    token_key: str
    account: str
    user: str
    password: str


class IdentityTask(msgspec.Struct, frozen=True, kw_only=True):
    """One identity."""

    name: str
    spc: str
    x5u: str
    #: The chain in use: with `ordering` ours to write, else a person's.
    chain: str
    published_trusted: str
    ordering: Ordering | None = None
    #: Directory that chains are published in; "": they are a person's to publish.
    publish: str = ""
    #: Where they are looked for; "": where the name in `x5u` leads.
    address: str = ""

    @property
    def source(self) -> str:
        """Where its certificates come from, for people."""
        return f"acme {self.ordering.directory}" if self.ordering else f"files {self.chain}"


class IdentitiesTask(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    administrator: str
    #: PEM its lists are signed under; PEM its HTTPS must lead to.
    certificates: str
    trusted: str
    list_every_s: int
    revocations_every_s: int
    trusted_list: str
    revocations: str
    identities: list[IdentityTask]


def identities_task(declared: Declared, paths: Paths) -> IdentitiesTask | None:
    """What is to be done for a configuration; None: nobody says whom to trust, so nothing."""
    administrator = declared.node.policy_administrator
    if administrator is None:
        return None
    here = paths.policy_administrator.parent
    return IdentitiesTask(
        administrator=administrator.url,
        certificates=str(paths.policy_administrator),
        trusted=str(here / "administrator-ca.pem") if administrator.ca_file else SYSTEM_AUTHORITIES,
        list_every_s=administrator.list_every_s,
        revocations_every_s=administrator.revocations_every_s,
        trusted_list=str(paths.trusted_list),
        revocations=str(paths.revocations),
        identities=[
            _task(name, spc, x5u, source, paths)
            for name, (spc, x5u, source) in identities_of(declared).items()
            if source.certificates is not Certificates.TEST
        ],
    )


def identities_of(declared: Declared) -> dict[str, tuple[str, str, SigningSource]]:
    """Service provider code, URL and source of each identity of a node."""
    node = declared.node
    return {OF_NODE: (node.spc, node.x5u, node.signing)} | {
        name: (its.spc, its.x5u, its.signing) for name, its in sorted(declared.reseller_identities.items())
    }


def copies(declared: Declared, paths: Paths) -> dict[Path, str]:
    """Files of `identities`' own, and which of a person's each is a copy of."""
    administrator = declared.node.policy_administrator
    if administrator is None:
        return {}
    here = paths.policy_administrator.parent
    found = {paths.policy_administrator: administrator.certificate_file}
    found |= _named(here / "administrator-ca.pem", administrator.ca_file)
    for name, (_, _, source) in identities_of(declared).items():
        found |= _named(here / f"{name}-published-ca.pem", source.publish_ca_file)
        if (authority := source.authority) is not None:
            found |= _named(here / f"{name}-ca.pem", authority.ca_file)
            found |= _named(here / f"{name}-external.key", authority.external_key_file)
            found |= _named(here / f"{name}.password", authority.password_file)
    return found


def signing_files(declared: Declared, paths: Paths, name: str = OF_NODE) -> tuple[Path, str]:
    """Chain, and file or PKCS#11 URI of the key, that an identity signs with."""
    source, pki = identities_of(declared)[name][2], PkiFiles(paths.pki)
    match source.certificates:
        case Certificates.ACME:
            return paths.signing_chain(name), str(pki.identity_key(name))
        case Certificates.FILES:
            return Path(source.chain_file), source.key_file
        case _ if name == OF_NODE:
            return pki.shaken, str(pki.shaken_key)
        case _:
            return pki.identity_chain(name), str(pki.identity_key(name))


def codes_without(declared: Declared, paths: Paths) -> list[str]:
    """A sentence for each identity whose certificate in use, one that is ordered, is for another code."""
    found = []
    for name, (spc, _, source) in identities_of(declared).items():
        if source.certificates is not Certificates.ACME:
            continue
        try:
            pem = read_plain(paths.signing_chain(name), _MOST_BYTES)
            held = tn_auth_list_of(x509.load_pem_x509_certificate(pem)).spcs
        except (OSError, ValueError):
            continue  # there is none that this could be without
        if held != (spc,):
            found.append(
                f"identity of {name}: its certificate is for {', '.join(held) or 'numbers'}, not for {spc} "
                f"(certificate-spc-mismatch): calls go unsigned until the one for {spc}, which is asked for "
                "at once, is issued and found where it is published"
            )
    return found


def publish_directory(source: SigningSource, paths: Paths) -> Path:
    """Where the chains of an identity are put for a web server."""
    return Path(source.publish) if source.publish else paths.published


def _task(name: str, spc: str, x5u: str, source: SigningSource, paths: Paths) -> IdentityTask:
    here = paths.policy_administrator.parent
    trusted = str(here / f"{name}-published-ca.pem") if source.publish_ca_file else SYSTEM_AUTHORITIES
    if source.authority is None:
        return IdentityTask(
            name=name,
            spc=spc,
            x5u=x5u,
            chain=source.chain_file,
            published_trusted=trusted,
            address=source.publish_address,
        )
    authority, pki = source.authority, PkiFiles(paths.pki)
    return IdentityTask(
        name=name,
        spc=spc,
        x5u=x5u,
        chain=str(paths.signing_chain(name)),
        published_trusted=trusted,
        publish=str(publish_directory(source, paths)),
        address=source.publish_address,
        ordering=Ordering(
            directory=authority.directory,
            trusted=str(here / f"{name}-ca.pem") if authority.ca_file else SYSTEM_AUTHORITIES,
            account_key=str(pki.identity_account_key(name)),
            request=str(pki.identity_request(name)),
            contact=authority.contact,
            external_key_id=authority.external_key_id,
            external_key=str(here / f"{name}-external.key") if authority.external_key_file else "",
            fingerprint=Form(authority.fingerprint),
            token_key=authority.token_key,
            account=authority.account,
            user=authority.user,
            password=str(here / f"{name}.password"),
        ),
    )


def _named(copy: Path, file: str) -> dict[Path, str]:
    return {copy: file} if file else {}
