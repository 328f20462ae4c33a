"""Property 21: an indirect revocation list, and each way in which one says nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from stirkit import pki
from stirkit.pki import DAY, NOW, NOW_S, Issued
from trunkward.shaken.crl import GRACE_S, NO_LIST, CrlRefused, Revocations, Status, read_crl

ISSUERS = (pki.administrator().x509,)
STRANGE = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.32473.1"), b"\x05\x00")


def listing(*revoked: Issued, **made: Any) -> Revocations:
    return read_crl(pki.crl(revoked, **made), ISSUERS, NOW_S)


def reason(data: bytes, issuers: tuple[x509.Certificate, ...] = ISSUERS) -> str:
    with pytest.raises(CrlRefused) as refused:
        read_crl(data, issuers, NOW_S)
    return refused.value.reason


def test_good_and_revoked() -> None:
    other = pki.leaf(pki.intermediate()).issue()
    found = listing(pki.provider(), pki.intermediate())
    assert found.status(pki.provider().x509, NOW_S) is Status.REVOKED
    assert found.status(pki.intermediate().x509, NOW_S) is Status.REVOKED
    assert found.status(other.x509, NOW_S) is Status.GOOD
    assert found.number == 7


def test_pem_and_der_are_read() -> None:
    der = pki.crl([pki.provider()])
    pem = x509.load_der_x509_crl(der).public_bytes(Encoding.PEM)
    assert read_crl(pem, ISSUERS, NOW_S) == read_crl(der, ISSUERS, NOW_S)


@pytest.mark.parametrize(
    ("made", "older"),
    [
        ({}, False),
        ({"number": 8}, False),
        ({"number": 6}, True),
        ({"this_update": NOW - timedelta(seconds=1), "number": 8}, True),
        ({"this_update": NOW + timedelta(seconds=1), "number": 6}, True),
    ],
)
def test_no_way_back(made: dict[str, Any], older: bool) -> None:
    """Last week's list does not take the place of today's."""
    known = listing()
    if older:
        with pytest.raises(CrlRefused, match="crl-older"):
            read_crl(pki.crl(**made), ISSUERS, NOW_S, known=known)
    else:
        assert read_crl(pki.crl(**made), ISSUERS, NOW_S, known=known).this_update_s >= known.this_update_s


def test_a_new_issuer_counts_from_its_own_beginning() -> None:
    other = replace(known := listing(), issuer=b"another", number=9)
    assert read_crl(pki.crl(), ISSUERS, NOW_S, known=other) == known


def test_a_serial_number_is_one_issuers() -> None:
    """The same number under another issuer is another certificate."""
    namesake = replace(pki.leaf(pki.root()), serial=pki.provider().plan.serial).issue()
    found = listing(pki.provider())
    assert found.status(namesake.x509, NOW_S) is Status.GOOD
    assert listing(namesake).status(pki.provider().x509, NOW_S) is Status.GOOD


def test_an_issuer_holds_for_the_entries_behind_it() -> None:
    """RFC 5280 section 5.3.3."""
    second = pki.leaf(pki.intermediate()).issue()
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(pki.ADMINISTRATOR)
        .last_update(NOW)
        .next_update(NOW + DAY)
        .add_extension(pki.distribution_point(), critical=True)
    )
    issuer = x509.CertificateIssuer([x509.DirectoryName(pki.intermediate().plan.subject)])
    for one, extension in ((pki.provider(), issuer), (second, None)):
        entry = x509.RevokedCertificateBuilder().serial_number(one.plan.serial).revocation_date(NOW)
        if extension is not None:
            entry = entry.add_extension(extension, critical=True)
        builder = builder.add_revoked_certificate(entry.build())
    data = builder.sign(pki.administrator().key, SHA256()).public_bytes(Encoding.DER)
    found = read_crl(data, ISSUERS, NOW_S)
    assert found.status(second.x509, NOW_S) is Status.REVOKED


def test_an_entry_without_an_issuer_is_about_the_lists_own() -> None:
    found = listing(pki.provider(), name_issuers=False)
    assert found.status(pki.provider().x509, NOW_S) is Status.GOOD


def test_freshness_to_the_second() -> None:
    end = int((NOW + DAY).timestamp()) + GRACE_S
    found = listing(pki.provider())
    good = pki.leaf(pki.intermediate()).issue().x509
    assert [found.status(good, now_s) for now_s in (NOW_S, end, end + 1)] == [
        Status.GOOD,
        Status.GOOD,
        Status.UNKNOWN,
    ]
    # what was revoked stays it
    assert found.status(pki.provider().x509, end + 1) is Status.REVOKED
    assert found.status(good, NOW_S - 301) is Status.UNKNOWN


def test_no_list_is_never_good() -> None:
    assert NO_LIST.status(pki.provider().x509, NOW_S) is Status.UNKNOWN
    assert NO_LIST.status(pki.provider().x509, 0) is Status.UNKNOWN


def test_a_list_that_the_certificate_does_not_name_says_nothing_good() -> None:
    for points in (pki.points(pki.name("Another CRL issuer")), pki.points(None)):
        other = pki.leaf(pki.intermediate()).having(points).issue().x509
        assert listing().status(other, NOW_S) is Status.UNKNOWN
    unnamed = pki.leaf(pki.intermediate()).without(x509.CRLDistributionPoints.oid).issue().x509
    assert listing().status(unnamed, NOW_S) is Status.GOOD


def test_direct_list_speaks_for_its_own_issuer_only() -> None:
    for indirect in (False, None):
        found = listing(indirect=indirect)
        assert found.status(pki.provider().x509, NOW_S) is Status.UNKNOWN
        own = replace(pki.leaf(pki.root()), issuer=pki.administrator()).issue().x509
        assert found.status(own, NOW_S) is Status.GOOD


def _signer(change: Callable[[pki.Plan], pki.Plan]) -> tuple[bytes, tuple[x509.Certificate, ...]]:
    signer = change(pki.administrator().plan).issue()
    return pki.crl(signer=signer), (signer.x509,)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: (b"", ISSUERS), "crl-malformed"),
        (lambda: (b"<html>", ISSUERS), "crl-malformed"),
        (lambda: (pki.crl()[:-1], ISSUERS), "crl-malformed"),
        (lambda: (pki.crl() + b"x", ISSUERS), "crl-malformed"),
        (lambda: (pki.pem(pki.root()), ISSUERS), "crl-malformed"),
        (lambda: (pki.crl(signer=pki.root()), ISSUERS), "crl-issuer-unknown"),
        (lambda: (pki.crl(), ()), "crl-issuer-unknown"),
        (lambda: (pki.crl(algorithm=SHA512()), ISSUERS), "crl-signature-algorithm"),
        (lambda: (_spoilt(pki.crl()), ISSUERS), "crl-signature"),
        # the name of the administrator, another key
        (
            lambda: (pki.crl(signer=replace(pki.administrator().plan, key=pki.new_key()).issue()), ISSUERS),
            "crl-signature",
        ),
        (
            lambda: _signer(lambda plan: plan.having(pki.usage("digital_signature"), critical=True)),
            "crl-signature",
        ),
        (lambda: _signer(lambda plan: plan.without(x509.KeyUsage.oid)), "crl-signature"),
        (lambda: _signer(lambda plan: replace(plan, not_after=NOW - timedelta(seconds=1))), "crl-signature"),
        (
            lambda: (
                pki.crl(indirect=None, extra=[(pki.distribution_point(only_contains_user_certs=True), True)]),
                ISSUERS,
            ),
            "crl-partial",
        ),
        (
            lambda: (
                pki.crl(indirect=None, extra=[(pki.distribution_point(only_contains_ca_certs=True), True)]),
                ISSUERS,
            ),
            "crl-partial",
        ),
        (lambda: (pki.crl(extra=[(x509.DeltaCRLIndicator(3), True)]), ISSUERS), "crl-delta"),
        (lambda: (pki.crl(extra=[(STRANGE, True)]), ISSUERS), "crl-critical-extension"),
        (
            lambda: (pki.crl([pki.provider()], entry_extra=[(STRANGE, True)]), ISSUERS),
            "crl-critical-extension",
        ),
        (lambda: (pki.crl([pki.provider()], indirect=False), ISSUERS), "crl-entry-issuer"),
        (lambda: (pki.crl(this_update=NOW + timedelta(seconds=301)), ISSUERS), "crl-from-the-future"),
    ],
)
def test_each_list_that_is_not_taken(make: Callable[[], Any], expected: str) -> None:
    assert reason(*make()) == expected


def _spoilt(data: bytes) -> bytes:
    """Another number of the list, under the old signature."""
    number = bytes.fromhex("0603551d140403020107")
    assert number in data
    return data.replace(number, number[:-1] + b"\x08")


def test_sha384_is_taken_and_what_is_unknown_but_not_critical() -> None:
    assert listing(algorithm=SHA384()).fresh(NOW_S)
    assert listing(extra=[(STRANGE, False)]).fresh(NOW_S)


DATA = pki.crl([pki.provider(), pki.intermediate()])


@given(st.data())
def test_no_changed_byte_makes_a_list_of_it(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(DATA) - 1))
    spoilt = DATA[:at] + bytes((data.draw(st.integers(0, 255)),)) + DATA[at + 1 :]
    if spoilt == DATA:
        return
    with pytest.raises(CrlRefused):
        read_crl(spoilt, ISSUERS, NOW_S)
