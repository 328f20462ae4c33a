"""A policy administrator, an authority and what they issue, made when a test runs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
DAY = timedelta(days=1)

TN_AUTH_LIST = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.26")
CONSTRAINTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.27")
ENHANCED = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.33")
POLICY = x509.ObjectIdentifier("2.16.840.1.114569.1.1.3")
CRL_URL = "https://crl.example.com/list.crl"

_serials = itertools.count(1 << 100)

type Key = ec.EllipticCurvePrivateKey
type Extension = tuple[x509.ExtensionType, bool]


def new_key(curve: ec.EllipticCurve | None = None) -> Key:
    return ec.generate_private_key(curve or ec.SECP256R1())


def name(common_name: str, **changed: str | None) -> x509.Name:
    parts = {"C": "US", "O": "Example Telecom", "CN": common_name} | changed
    oids = {"C": NameOID.COUNTRY_NAME, "O": NameOID.ORGANIZATION_NAME, "CN": NameOID.COMMON_NAME}
    return x509.Name([x509.NameAttribute(oids[key], value) for key, value in parts.items() if value])


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A certificate to be made; `replace` one thing and it has one defect."""

    subject: x509.Name
    key: Key
    issuer: Issued | None
    extensions: tuple[Extension, ...]
    serial: int
    not_before: datetime = NOW - DAY
    not_after: datetime = NOW + 365 * DAY
    algorithm: SHA256 | SHA384 | None = None

    def without(self, oid: x509.ObjectIdentifier) -> Plan:
        return replace(self, extensions=tuple(one for one in self.extensions if one[0].oid != oid))

    def having(self, extension: x509.ExtensionType, *, critical: bool = False) -> Plan:
        """With this extension, in place of one of its kind."""
        return replace(self, extensions=(*self.without(extension.oid).extensions, (extension, critical)))

    def issue(self) -> Issued:
        signer = self.issuer or Issued(plan=self, certificate=None)
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(signer.plan.subject)
            .public_key(self.key.public_key())
            .serial_number(self.serial)
            .not_valid_before(self.not_before)
            .not_valid_after(self.not_after)
        )
        for extension, critical in self.extensions:
            builder = builder.add_extension(extension, critical)
        return Issued(plan=self, certificate=builder.sign(signer.key, self.algorithm or SHA256()))


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A certificate with its key."""

    plan: Plan
    certificate: x509.Certificate | None

    @property
    def key(self) -> Key:
        return self.plan.key

    @property
    def x509(self) -> x509.Certificate:
        assert self.certificate is not None
        return self.certificate


def pem(*certificates: Issued) -> bytes:
    return b"".join(one.x509.public_bytes(Encoding.PEM) for one in certificates)


def usage(*bits: str) -> x509.KeyUsage:
    every = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{bit: bit in bits for bit in every.split()})


def raw(oid: x509.ObjectIdentifier, der: bytes | str) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(oid, bytes.fromhex(der) if isinstance(der, str) else der)


def spc_list(spc: str) -> x509.UnrecognizedExtension:
    return raw(TN_AUTH_LIST, bytes((0x30, 0x08, 0xA0, 0x06, 0x16, 0x04)) + spc.encode())


def number_list(*numbers: str) -> x509.UnrecognizedExtension:
    """Single numbers; eleven digits each."""
    entries = b"".join(bytes((0xA2, len(n) + 2, 0x16, len(n))) + n.encode() for n in numbers)
    return raw(TN_AUTH_LIST, bytes((0x30, len(entries))) + entries)


def points(issuer: x509.Name | None, url: str = CRL_URL) -> x509.CRLDistributionPoints:
    return x509.CRLDistributionPoints(
        [
            x509.DistributionPoint(
                full_name=[x509.UniformResourceIdentifier(url)],
                relative_name=None,
                reasons=None,
                crl_issuer=[x509.DirectoryName(issuer)] if issuer else None,
            )
        ]
    )


def policies(*oids: str) -> x509.CertificatePolicies:
    return x509.CertificatePolicies(
        [x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in oids]
    )


ADMINISTRATOR = name("Example STI-PA CRL")


def authority(
    common_name: str = "SHAKEN Example Root", issuer: Issued | None = None, length: int | None = None
) -> Plan:
    """A root, or with an issuer an intermediate."""
    key = new_key()
    extensions: list[Extension] = [
        (x509.BasicConstraints(ca=True, path_length=length), True),
        (usage("key_cert_sign", "crl_sign"), True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
    ]
    if issuer is not None:
        extensions += _of(issuer)
    return Plan(
        subject=name(common_name),
        key=key,
        issuer=issuer,
        extensions=tuple(extensions),
        serial=next(_serials),
        not_before=NOW - 30 * DAY,
        not_after=NOW + 3650 * DAY,
    )


def leaf(issuer: Issued, spc: str = "709J") -> Plan:
    """A good signing certificate of one provider."""
    return _signing(issuer, f"SHAKEN {spc}", spc_list(spc))


def delegate(issuer: Issued, *numbers: str) -> Plan:
    """A good certificate of somebody who got numbers from `issuer`."""
    return _signing(issuer, "Example Corp", number_list(*numbers))


def _signing(issuer: Issued, common_name: str, tn_auth_list: x509.UnrecognizedExtension) -> Plan:
    key = new_key()
    return Plan(
        subject=name(common_name),
        key=key,
        issuer=issuer,
        extensions=(
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (usage("digital_signature"), True),
            (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
            *_of(issuer),
            (tn_auth_list, False),
        ),
        serial=next(_serials),
    )


def _of(issuer: Issued) -> list[Extension]:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    return [
        (identifier, False),
        (x509.CertificatePolicies([x509.PolicyInformation(POLICY, None)]), False),
        (points(ADMINISTRATOR), False),
    ]


@cache
def root() -> Issued:
    """The authority on the list."""
    return authority().issue()


@cache
def intermediate() -> Issued:
    return authority("SHAKEN Example Intermediate", issuer=root()).issue()


@cache
def provider() -> Issued:
    """A provider's certificate under the intermediate."""
    return leaf(intermediate()).issue()


@cache
def administrator() -> Issued:
    """Who signs revocation lists and the list of authorities."""
    plan = authority("unused")
    return replace(
        plan, subject=ADMINISTRATOR, extensions=((usage("digital_signature", "crl_sign"), True),)
    ).issue()


@cache
def delegating() -> Issued:
    """A provider's authority that gives numbers to others: 12025550100 and the one after."""
    plan = authority("SHAKEN 709J Delegating", issuer=intermediate(), length=0)
    return plan.having(number_list("12025550100", "12025550101")).issue()


def crl(
    revoked: Iterable[Issued] = (),
    *,
    signer: Issued | None = None,
    indirect: bool | None = True,
    this_update: datetime = NOW,
    next_update: datetime = NOW + DAY,
    number: int = 7,
    name_issuers: bool = True,
    extra: Sequence[Extension] = (),
    entry_extra: Sequence[Extension] = (),
    algorithm: SHA256 | SHA384 | SHA512 | None = None,
) -> bytes:
    """A revocation list of the administrator, in DER."""
    by = signer or administrator()
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(by.plan.subject)
        .last_update(this_update)
        .next_update(next_update)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    if indirect is not None:
        builder = builder.add_extension(distribution_point(indirect_crl=indirect), critical=True)
    for extension, critical in extra:
        builder = builder.add_extension(extension, critical)
    for one in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(one.plan.serial).revocation_date(this_update)
        if name_issuers:
            issuer = x509.CertificateIssuer([x509.DirectoryName(one.x509.issuer)])
            entry = entry.add_extension(issuer, critical=True)
        for extension, critical in entry_extra:
            entry = entry.add_extension(extension, critical)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(by.key, algorithm or SHA256()).public_bytes(Encoding.DER)


def distribution_point(**changed: bool) -> x509.IssuingDistributionPoint:
    flags = {
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_contains_attribute_certs": False,
        "indirect_crl": True,
    } | changed
    return x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(CRL_URL)],
        relative_name=None,
        only_some_reasons=None,
        **flags,
    )
