"""A local TEST authority for SHAKEN certificates: real in form, trusted by nobody but this node's own tests.

No certificate of it is on the list of the STI-PA, so no carrier's verification accepts it. The revocation
list its certificates name, as the profile demands, does not exist.
"""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from trunkward.shaken.begun import begun
from trunkward.shaken.profile import POLICY
from trunkward.shaken.tnauthlist import TN_AUTH_LIST, encode_spc

TEST_AUTHORITY_NAME = "Trunkward TEST authority - not STI-PA"

#: A host of documentation (RFC 2606): there is no list.
TEST_REVOCATIONS = "https://crl.example.com/trunkward-test.crl"


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Trunkward TEST"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


TEST_AUTHORITY_SUBJECT = _name(TEST_AUTHORITY_NAME)


def build_test_authority(
    key: ec.EllipticCurvePrivateKey, *, serial: int, now: datetime, lifetime: timedelta
) -> x509.Certificate:
    """Self-signed root that may issue end-entity certificates only. `serial`: positive, 64 to 159 bits."""
    name = TEST_AUTHORITY_SUBJECT
    return (
        begun(name, name, key.public_key(), serial, now, lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(sign_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )


def build_signing_certificate(
    public_key: ec.EllipticCurvePublicKey,
    *,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    spc: str,
    serial: int,
    now: datetime,
    lifetime: timedelta,
) -> x509.Certificate:
    """End-entity certificate with the SHAKEN profile (ATIS-1000080) for one service provider code.

    Its validity never outlasts the authority's. Raises `TnAuthListError` for a code that is not four of
    `A-Z0-9`.
    """
    tn_auth_list = x509.UnrecognizedExtension(TN_AUTH_LIST, encode_spc(spc))
    lifetime = min(lifetime, authority.not_valid_after_utc - now)
    return (
        begun(_name(f"SHAKEN {spc}"), authority.subject, public_key, serial, now, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(sign_certificates=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            ),
            critical=False,
        )
        .add_extension(x509.CertificatePolicies([x509.PolicyInformation(POLICY, None)]), critical=False)
        .add_extension(_revocations(authority.subject), critical=False)
        .add_extension(tn_auth_list, critical=False)
        .sign(authority_key, SHA256())
    )


def _revocations(authority: x509.Name) -> x509.CRLDistributionPoints:
    point = x509.DistributionPoint(
        full_name=[x509.UniformResourceIdentifier(TEST_REVOCATIONS)],
        relative_name=None,
        reasons=None,
        crl_issuer=[x509.DirectoryName(authority)],
    )
    return x509.CRLDistributionPoints([point])


def _key_usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )
