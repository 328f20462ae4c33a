"""What the test authorities issue is what verifiers, signers and the profile want; nothing about it is special."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from trunkward.shaken.credential import credential_of
from trunkward.shaken.crl import CrlRefused, Status, read_crl
from trunkward.shaken.profile import Kind, lint
from trunkward.shaken.tnauthlist import TnAuthListError
from trunkward.shaken.trusted_list import TrustedList
from trunkward.stiauthority.home import serial
from trunkward.stiauthority.issuing import (
    Issuer,
    Revoked,
    issue_administrator,
    issue_intermediate,
    issue_root,
    issue_signing,
    revocation_list,
    revocations_at,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
NOW_S = NOW.timestamp()
URL = "https://sti-pa.example.net/download/v1/crl"


def issuer(issue: object) -> Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    return Issuer(certificate=issue(key), key=key)  # type: ignore[operator]


ADMINISTRATOR = issuer(lambda key: issue_administrator(key, serial=serial(), now=NOW))
ROOT = issuer(lambda key: issue_root(key, serial=serial(), now=NOW))
POINTS = revocations_at(URL, ADMINISTRATOR.certificate)
INTERMEDIATE = issuer(
    lambda key: issue_intermediate(key.public_key(), root=ROOT, revocations=POINTS, serial=serial(), now=NOW)
)
KEY = ec.generate_private_key(ec.SECP256R1())


def issued(spc: str = "000T", lifetime: timedelta = timedelta(days=90)) -> x509.Certificate:
    return issue_signing(
        KEY.public_key(),
        spc=spc,
        issuer=INTERMEDIATE,
        revocations=POINTS,
        serial=serial(),
        now=NOW,
        lifetime=lifetime,
    )


def chain(certificate: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in (certificate, INTERMEDIATE.certificate))


def listed(*revoked: Revoked, now: datetime = NOW) -> bytes:
    return revocation_list(
        revoked, administrator=ADMINISTRATOR, url=URL, number=7, now=now, lifetime=timedelta(days=1)
    ).public_bytes(Encoding.DER)


def test_a_provider_s_certificate_keeps_every_rule_of_the_profile() -> None:
    assert not lint(issued(), Kind.END_ENTITY)
    assert not lint(INTERMEDIATE.certificate, Kind.INTERMEDIATE)


def test_it_leads_to_the_root_on_the_list_and_to_no_other() -> None:
    revocations = read_crl(listed(), [ADMINISTRATOR.certificate], NOW_S)
    credential = credential_of(chain(issued()), TrustedList.of(ROOT.certificate), revocations, NOW_S)
    assert (credential.spc, credential.key, credential.revocation_known) == ("000T", KEY.public_key(), True)
    stranger = issuer(lambda key: issue_root(key, serial=serial(), now=NOW))
    with pytest.raises(ValueError, match="chain-not-trusted"):
        credential_of(chain(issued()), TrustedList.of(stranger.certificate), revocations, NOW_S)


def test_a_code_that_is_none_is_not_certified() -> None:
    with pytest.raises(TnAuthListError):
        issued("0T")


def test_revoked_is_who_is_named_and_whose_issuer_is_named() -> None:
    """An indirect list: the same serial number of another issuer is another certificate."""
    bad, other = issued(), issued()
    entries = [
        Revoked(issuer=bad.issuer, serial=bad.serial_number, at=NOW),
        Revoked(issuer=ROOT.certificate.subject, serial=other.serial_number, at=NOW),
    ]
    found = read_crl(listed(*entries), [ADMINISTRATOR.certificate], NOW_S)
    assert found.status(bad, NOW_S) is Status.REVOKED
    assert found.status(other, NOW_S) is Status.GOOD


def test_the_list_is_signed_by_the_administrator_alone() -> None:
    with pytest.raises(CrlRefused, match="crl-issuer-unknown"):
        read_crl(listed(), [ROOT.certificate], NOW_S)
