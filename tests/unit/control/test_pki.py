"""What a good certificate of the node looks like, and every reason to replace one."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID

from trunkward.control import pki
from trunkward.control.pki import Pair, SipNames

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NODE = "sbc.example.com"
NAMES = SipNames(common_name=NODE, dns=(NODE,), addresses=(ip_address("192.0.2.10"),))


def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def authority() -> Pair:
    private = key()
    return Pair(certificate=pki.issue_sip_authority(private, node=NODE, serial=1, now=NOW), key=private)


def test_sip_certificate(authority: Pair) -> None:
    private = key()
    certificate = pki.issue_sip_certificate(
        private.public_key(), NAMES, authority=authority, serial=2, now=NOW
    )
    certificate.verify_directly_issued_by(authority.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [NODE]
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("192.0.2.10")]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert "LOCAL" in authority.certificate.subject.rfc4514_string()
    pem = pki.certificate_pem(certificate)
    assert pki.certificate_sha256(pem) == certificate.fingerprint(SHA256()).hex()


def test_a_request_is_for_its_key_and_names() -> None:
    private = key()
    pem = pki.request_certificate(private, NAMES)
    request = x509.load_pem_x509_csr(pem)
    assert request.is_signature_valid
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [NODE]
    assert not list(request.subject)
    assert pki.requests(pem, private, NAMES)
    assert not pki.requests(pem, key(), NAMES)
    assert not pki.requests(pem, private, SipNames(common_name=NODE, dns=(NODE,)))
    for broken in (
        None,
        b"",
        b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
    ):
        assert not pki.requests(broken, private, NAMES)


def test_reasons_to_replace_a_sip_certificate(authority: Pair) -> None:
    private = key()
    made = pki.issue_sip_certificate(private.public_key(), NAMES, authority=authority, serial=2, now=NOW)

    def why(
        names: SipNames = NAMES, private: ec.EllipticCurvePrivateKey = private, days: int = 0,
        issuer: x509.Certificate = authority.certificate,
    ) -> str | None:  # fmt: skip
        return pki.why_replace_sip(made, private, names, authority=issuer, now=NOW + timedelta(days=days))

    assert why() is None
    assert why(private=key()) == "key-mismatch"
    assert why(days=336) == "expiring"
    assert why(days=-1) == "expiring"
    assert why(names=SipNames(common_name=NODE, dns=(NODE,))) == "names-changed"
    assert why(names=SipNames(common_name="x", dns=NAMES.dns, addresses=NAMES.addresses)) == "names-changed"
    other = pki.issue_sip_authority(key(), node=NODE, serial=1, now=NOW)
    assert why(issuer=other) == "authority-changed"
    assert pki.why_replace_sip(None, private, NAMES, authority=other, now=NOW) == "missing-or-broken"


def test_reasons_to_replace_an_authority(authority: Pair) -> None:
    assert pki.why_replace_authority(authority, now=NOW) is None
    assert pki.why_replace_authority(None, now=NOW) == "missing-or-broken"
    late = NOW + timedelta(days=3650 - 364)
    assert pki.why_replace_authority(authority, now=late) == "expiring"
    mixed = Pair(certificate=authority.certificate, key=key())
    assert pki.why_replace_authority(mixed, now=NOW) == "key-mismatch"


def test_what_an_authority_issued_outlives_its_renewal(authority: Pair) -> None:
    private = key()
    issued = pki.issue_sip_certificate(private.public_key(), NAMES, authority=authority, serial=2, now=NOW)
    renewed = pki.issue_sip_authority(
        authority.key, node="other.example.com", serial=3, now=NOW, before=authority.certificate
    )
    assert renewed.subject == authority.certificate.subject
    assert pki.why_replace_sip(issued, private, NAMES, authority=renewed, now=NOW) is None


def test_no_certificate_for_nobody() -> None:
    with pytest.raises(ValueError, match="needs a DNS name"):
        SipNames(common_name="x")
