"""The SHAKEN certificate profile, rule by rule (ATIS-1000080, United States CP; RFC 8226, 9060, 9118).

Each rule looks at one thing and says in a few words how a certificate breaks it. Rules that *bind* decide
whether a signature counts: a verifier refuses what breaks one. The others are for whoever gets a certificate
for itself: our own must keep all of them, and of a foreign one they are noted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID, SignatureAlgorithmOID

from trunkward.shaken.constraints import (
    ENHANCED_JWT_CLAIM_CONSTRAINTS,
    JWT_CLAIM_CONSTRAINTS,
    ClaimConstraints,
    ConstraintsError,
    decode_constraints,
)
from trunkward.shaken.tnauthlist import TN_AUTH_LIST, TnAuthList, TnAuthListError, decode
from trunkward.shaken.unreadable import UNREADABLE, strictly

#: Arc of the SHAKEN certificate policies; the version is its last number (United States CP).
POLICY_ARC = "2.16.840.1.114569.1.1."
POLICY = x509.ObjectIdentifier(POLICY_ARC + "3")

#: Octets of a serial number: 64 bits of chance (ATIS-1000080), 20 at most (RFC 5280 section 4.1.2.2).
SERIAL_OCTETS = (8, 20)


class Kind(StrEnum):
    """What a certificate is to be."""

    END_ENTITY = "end entity"
    DELEGATE = "delegate"
    INTERMEDIATE = "intermediate"
    #: Gives some of its own numbers, or its code, to the certificate below it (RFC 9060).
    DELEGATING = "delegating"


LEAVES = frozenset((Kind.END_ENTITY, Kind.DELEGATE))
AUTHORITIES = frozenset((Kind.INTERMEDIATE, Kind.DELEGATING))
ALL = LEAVES | AUTHORITIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One rule that a certificate breaks; `code` is stable."""

    code: str
    detail: str
    binding: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of the profile; `broken` says how, or nothing."""

    code: str
    clause: str
    kinds: frozenset[Kind]
    #: Of which of them it binds.
    binding: frozenset[Kind]
    broken: Callable[[x509.Certificate, Kind], str]


RULES: list[Rule] = []

type _Check = Callable[[x509.Certificate, Kind], str]


def _rule(
    code: str, clause: str, kinds: frozenset[Kind] = ALL, *, binding: frozenset[Kind] = frozenset()
) -> Callable[[_Check], _Check]:
    def add(check: _Check) -> _Check:
        RULES.append(Rule(code=code, clause=clause, kinds=kinds, binding=binding, broken=check))
        return check

    return add


def lint(certificate: x509.Certificate, kind: Kind) -> list[Finding]:
    """Every rule of this kind that the certificate breaks, in the order of `RULES`."""
    if why := unreadable(certificate):
        return [Finding(code="certificate-malformed", detail=why, binding=True)]
    return [
        Finding(code=rule.code, detail=detail, binding=kind in rule.binding)
        for rule in RULES
        if kind in rule.kinds and (detail := rule.broken(certificate, kind))
    ]


def unreadable(certificate: x509.Certificate) -> str:
    """Why something in it cannot be read; empty if all can. Only what is readable has rules to keep."""
    try:
        with strictly():
            certificate.extensions  # noqa: B018 - parsed when first asked for
            certificate.subject  # noqa: B018
            certificate.public_key()
            certificate.signature_algorithm_parameters  # noqa: B018
    except UNREADABLE as error:
        return f"{type(error).__name__}: {error}"
    return ""


# ---------------------------------------------------------------- what any certificate is made of


@_rule("certificate-version", "ATIS-1000080; RFC 5280 4.1.2.1")
def _version(certificate: x509.Certificate, _: Kind) -> str:
    return "" if certificate.version is x509.Version.v3 else "not version 3"


@_rule("certificate-serial", "ATIS-1000080; RFC 5280 4.1.2.2")
def _serial(certificate: x509.Certificate, _: Kind) -> str:
    least, most = SERIAL_OCTETS
    octets = (certificate.serial_number.bit_length() + 7) // 8
    return "" if certificate.serial_number > 0 and least <= octets <= most else f"{octets} octets"


@_rule("certificate-signature-algorithm", "ATIS-1000080; RFC 8226 7", binding=ALL)
def _signature_algorithm(certificate: x509.Certificate, _: Kind) -> str:
    oid = certificate.signature_algorithm_oid
    return "" if oid == SignatureAlgorithmOID.ECDSA_WITH_SHA256 else oid.dotted_string


@_rule("certificate-not-p256", "ATIS-1000080; RFC 7518 3.4", binding=ALL)
def _curve(certificate: x509.Certificate, _: Kind) -> str:
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return ""
    return "the key is not on P-256"


@_rule("certificate-name", "ATIS-1000080")
def _name(certificate: x509.Certificate, _: Kind) -> str:
    wanted = {"C": NameOID.COUNTRY_NAME, "O": NameOID.ORGANIZATION_NAME, "CN": NameOID.COMMON_NAME}
    missing = [short for short, oid in wanted.items() if not certificate.subject.get_attributes_for_oid(oid)]
    return f"the subject has no {', '.join(missing)}" if missing else ""


@_rule("certificate-common-name", "ATIS-1000080", frozenset((Kind.END_ENTITY,)))
def _common_name(certificate: x509.Certificate, _: Kind) -> str:
    names = [str(name.value) for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        codes = tn_auth_list_of(certificate).spcs
    except TnAuthListError:
        codes = ()
    if len(codes) != 1:
        return ""  # of which another rule speaks
    if len(names) == 1 and all(word in names[0] for word in ("SHAKEN", *codes)):
        return ""
    return f"must name SHAKEN and {codes[0]}"


@_rule("certificate-key-identifier", "ATIS-1000080; RFC 5280 4.2.1.1, 4.2.1.2")
def _key_identifiers(certificate: x509.Certificate, _: Kind) -> str:
    wanted = {"subject": x509.SubjectKeyIdentifier.oid, "authority": x509.AuthorityKeyIdentifier.oid}
    missing = [name for name, oid in wanted.items() if not has_extension(certificate, oid)]
    return f"no {' and '.join(missing)} key identifier" if missing else ""


@_rule("certificate-crl-distribution-point", "ATIS-1000080; RFC 5280 4.2.1.13")
def _distribution_point(certificate: x509.Certificate, _: Kind) -> str:
    found = _extension(certificate, x509.CRLDistributionPoints)
    if found is None:
        return "missing"
    for point in found.value:
        if not any(isinstance(name, x509.UniformResourceIdentifier) for name in point.full_name or ()):
            return "a point without a URL"
        if not any(isinstance(name, x509.DirectoryName) for name in point.crl_issuer or ()):
            return "no cRLIssuer: its list is not the policy administrator's"
    return ""


# ---------------------------------------------------------------- what signs calls


@_rule("certificate-basic-constraints", "ATIS-1000080; RFC 5280 4.2.1.9", binding=ALL)
def _basic_constraints(certificate: x509.Certificate, _: Kind) -> str:
    found = _extension(certificate, x509.BasicConstraints)
    if found is None:
        return "missing"
    return "" if found.critical else "not critical"


@_rule("certificate-is-an-authority", "ATIS-1000080", LEAVES, binding=LEAVES)
def _no_authority(certificate: x509.Certificate, _: Kind) -> str:
    found = _extension(certificate, x509.BasicConstraints)
    return "CA:TRUE" if found is not None and found.value.ca else ""


@_rule("certificate-is-no-authority", "ATIS-1000080", AUTHORITIES, binding=AUTHORITIES)
def _authority(certificate: x509.Certificate, _: Kind) -> str:
    found = _extension(certificate, x509.BasicConstraints)
    return "CA:FALSE" if found is not None and not found.value.ca else ""


@_rule("certificate-key-usage", "ATIS-1000080; RFC 5280 4.2.1.3", binding=ALL)
def _key_usage(certificate: x509.Certificate, kind: Kind) -> str:
    found = _extension(certificate, x509.KeyUsage)
    if found is None:
        return "missing"
    if not found.critical:
        return "not critical"
    if kind in AUTHORITIES:
        return "" if found.value.key_cert_sign else "keyCertSign is missing"
    return "" if found.value == _DIGITAL_SIGNATURE else "exactly digitalSignature is allowed"


@_rule("certificate-policy", "ATIS-1000080; United States CP 7.1.6", binding=LEAVES)
def _policy(certificate: x509.Certificate, _: Kind) -> str:
    found = _extension(certificate, x509.CertificatePolicies)
    policies = list(found.value) if found is not None else []
    if len(policies) == 1 and policies[0].policy_identifier.dotted_string.startswith(POLICY_ARC):
        return ""
    return "exactly one SHAKEN policy is allowed"


@_rule("certificate-tnauthlist-missing", "ATIS-1000080; RFC 8226 9", LEAVES | {Kind.DELEGATING}, binding=ALL)
def _list_missing(certificate: x509.Certificate, _: Kind) -> str:
    return "" if has_extension(certificate, TN_AUTH_LIST) else "missing"


@_rule("certificate-tnauthlist-malformed", "ATIS-1000080; RFC 8226 9; RFC 9060 5", binding=ALL)
def _list_malformed(certificate: x509.Certificate, kind: Kind) -> str:
    if not has_extension(certificate, TN_AUTH_LIST):
        return ""
    try:
        found = tn_auth_list_of(certificate)
    except TnAuthListError as error:
        return str(error)
    if kind is Kind.END_ENTITY and (len(found.spcs) != 1 or found.numbers):
        return "the TNAuthList is not exactly one service provider code"
    if kind is Kind.DELEGATE and found.spcs:
        return "a delegate has numbers, not a service provider code"
    return ""


@_rule("certificate-tnauthlist-on-authority", "ATIS-1000080", frozenset((Kind.INTERMEDIATE,)))
def _list_on_authority(certificate: x509.Certificate, _: Kind) -> str:
    return "an authority has no TNAuthList" if has_extension(certificate, TN_AUTH_LIST) else ""


@_rule("certificate-claim-constraints", "RFC 8226 8; RFC 9118 3, 6", binding=ALL)
def _claim_constraints(certificate: x509.Certificate, _: Kind) -> str:
    try:
        found = constraints_of(certificate)
    except ConstraintsError as error:
        return str(error)
    return "both extensions at once" if len(found) > 1 else ""


@_rule("certificate-critical-extension", "RFC 5280 4.2", binding=ALL)
def _critical(certificate: x509.Certificate, _: Kind) -> str:
    unknown = [
        extension.oid.dotted_string
        for extension in certificate.extensions
        if extension.critical and extension.oid not in _KNOWN
    ]
    return ", ".join(unknown)


@_rule("certificate-foreign-extension", "ATIS-1000080")
def _foreign(certificate: x509.Certificate, kind: Kind) -> str:
    allowed = _ALLOWED | _CONSTRAINTS if kind is Kind.DELEGATE else _ALLOWED
    return ", ".join(
        sorted(
            extension.oid.dotted_string
            for extension in certificate.extensions
            if extension.oid not in allowed
        )
    )


_CONSTRAINTS = {JWT_CLAIM_CONSTRAINTS, ENHANCED_JWT_CLAIM_CONSTRAINTS}
#: The profile allows no other extension; on a delegate also one with constraints.
_ALLOWED = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.CERTIFICATE_POLICIES,
    ExtensionOID.CRL_DISTRIBUTION_POINTS,
    TN_AUTH_LIST,
}
_KNOWN = _ALLOWED | _CONSTRAINTS

_DIGITAL_SIGNATURE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


# ---------------------------------------------------------------- reading extensions


def tn_auth_list_of(certificate: x509.Certificate) -> TnAuthList:
    """The certificate's TNAuthList. Raises `TnAuthListError`, also when it has none."""
    data = _raw(certificate, TN_AUTH_LIST)
    if data is None:
        raise TnAuthListError("the certificate has no TNAuthList")
    return decode(data)


def constraints_of(certificate: x509.Certificate) -> tuple[ClaimConstraints, ...]:
    """The constraints on claims the certificate has, one or none. Raises `ConstraintsError`."""
    return tuple(
        decode_constraints(data, enhanced=oid == ENHANCED_JWT_CLAIM_CONSTRAINTS)
        for oid in (JWT_CLAIM_CONSTRAINTS, ENHANCED_JWT_CLAIM_CONSTRAINTS)
        if (data := _raw(certificate, oid)) is not None
    )


def has_extension(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> bool:
    """Whether the certificate has this extension."""
    return any(extension.oid == oid for extension in certificate.extensions)


def _raw(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> bytes | None:
    for extension in certificate.extensions:
        if extension.oid == oid and isinstance(extension.value, x509.UnrecognizedExtension):
            return extension.value.value
    return None


def _extension[E: x509.ExtensionType](
    certificate: x509.Certificate, kind: type[E]
) -> x509.Extension[E] | None:
    try:
        return certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None
