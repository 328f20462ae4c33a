"""What is published behind an `x5u` becomes a credential, or a cause why not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from stirkit import pki
from stirkit.judging import credential as judged_credential
from stirkit.pki import DAY, NOW, NOW_S, Issued
from trunkward.shaken.causes import Cause, CredentialFault
from trunkward.shaken.credential import Credential, credential_of
from trunkward.shaken.crl import NO_LIST, Revocations, read_crl
from trunkward.shaken.trusted_list import TrustedList

TRUSTED = TrustedList.of(pki.root().x509)


def credential(
    *chain: Issued, revoked: Revocations = NO_LIST, hard: bool = False, now_s: float = NOW_S
) -> Credential:
    return credential_of(pki.pem(*chain), TRUSTED, revoked, now_s, hard=hard)


def cause(make: Callable[[], object]) -> tuple[str, int]:
    with pytest.raises(CredentialFault) as fault:
        make()
    return str(fault.value.cause), fault.value.cause.code


def listing(*revoked: Issued) -> Revocations:
    return read_crl(pki.crl(revoked), (pki.administrator().x509,), NOW_S)


def test_good_chain() -> None:
    found = credential(pki.provider(), pki.intermediate())
    assert (found.spc, found.numbers, found.constraints, found.noted) == ("709J", None, (), ())
    assert found.serial == f"{pki.provider().plan.serial:x}"
    assert found.not_after_s == pki.provider().plan.not_after.timestamp()
    assert not found.revocation_known
    assert found.speaks_for("442079460100"), "a code has no numbers that could be asked"


def test_validity_is_the_narrowest_of_the_chain() -> None:
    narrow = replace(
        pki.authority("SHAKEN Narrow", issuer=pki.root()),
        not_before=NOW - timedelta(hours=2),
        not_after=NOW + DAY,
    ).issue()
    leaf = pki.leaf(narrow).issue()
    found = credential(leaf, narrow)
    assert found.not_before_s == (NOW - timedelta(hours=2)).timestamp()
    assert found.not_after_s == (NOW + DAY).timestamp()


def test_trust_comes_from_the_list_alone() -> None:
    """Property 20: what a public web authority, or any other, has issued is not trusted (437)."""
    web = pki.authority("Example Web Root").issue()
    leaf = pki.leaf(web).issue()
    for chain in [(leaf,), (leaf, web)]:
        assert cause(lambda chain=chain: credential(*chain)) == ("chain-not-trusted", 437)  # type: ignore[misc]
    assert credential_of(pki.pem(leaf), TrustedList.of(web.x509), NO_LIST, NOW_S).spc == "709J"
    nobody = TrustedList.of()
    assert cause(lambda: credential_of(pki.pem(leaf, web), nobody, NO_LIST, NOW_S))[0] == "chain-not-trusted"


def test_root_that_is_published_too_is_left_out() -> None:
    assert credential(pki.provider(), pki.intermediate(), pki.root()).spc == "709J"
    # it is not counted as one below itself
    narrow = pki.authority("SHAKEN Narrow Root", length=1).issue()
    between = pki.authority("SHAKEN Between", issuer=narrow).issue()
    chain = pki.pem(pki.leaf(between).issue(), between, narrow)
    assert credential_of(chain, TrustedList.of(narrow.x509), NO_LIST, NOW_S).spc == "709J"


def test_more_certificates_than_the_chain_needs() -> None:
    stranger = pki.authority("Stranger").issue()
    assert cause(lambda: credential(pki.provider(), pki.intermediate(), stranger))[0] == "chain-not-trusted"
    assert cause(lambda: credential(pki.provider(), *[pki.intermediate()] * 6))[0] == "chain-not-trusted"


@pytest.mark.parametrize(
    "published",
    [
        b"",
        b"<html>404</html>",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        b"\x30\x82",
        pki.pem(pki.provider()) * 30,
    ],
)
def test_what_is_no_chain_is_a_bad_info(published: bytes) -> None:
    assert cause(lambda: credential_of(published, TRUSTED, NO_LIST, NOW_S)) == ("certificate-unreadable", 436)


def test_der_of_a_certificate_is_not_pem() -> None:
    der = pki.provider().x509.public_bytes(Encoding.DER)
    assert cause(lambda: credential_of(der, TRUSTED, NO_LIST, NOW_S))[0] == "certificate-unreadable"


END = int((NOW + DAY).timestamp())


@pytest.mark.parametrize(
    ("now_s", "expected"),
    [(NOW_S - 1, "certificate-not-yet-valid"), (NOW_S, ""), (END, ""), (END + 1, "certificate-expired")],
)
def test_validity_to_the_second(now_s: int, expected: str) -> None:
    leaf = replace(pki.leaf(pki.intermediate()), not_before=NOW, not_after=NOW + DAY).issue()
    if expected:
        assert cause(lambda: credential(leaf, pki.intermediate(), now_s=now_s)) == (expected, 437)
    else:
        assert credential(leaf, pki.intermediate(), now_s=now_s).spc == "709J"


def test_expired_intermediate_and_root() -> None:
    late = NOW_S + 3651 * 86400
    long = replace(pki.leaf(pki.intermediate()), not_after=NOW + 5000 * DAY).issue()
    assert cause(lambda: credential(long, pki.intermediate(), now_s=late))[0] == "chain-not-trusted"


def test_binding_rules_refuse_and_others_are_noted() -> None:
    plain = pki.leaf(pki.intermediate())
    noted = credential(plain.without(x509.CRLDistributionPoints.oid).issue(), pki.intermediate())
    assert noted.noted == ("certificate-crl-distribution-point",)
    usage = plain.having(pki.usage("digital_signature"), critical=False).issue()
    assert cause(lambda: credential(usage, pki.intermediate())) == ("certificate-profile", 437)


def test_intermediate_with_a_defect_of_its_own() -> None:
    plan = pki.authority("SHAKEN Spoilt", issuer=pki.root())
    spoilt = plan.having(pki.usage("crl_sign"), critical=True).issue()
    assert cause(lambda: credential(pki.leaf(spoilt).issue(), spoilt))[0] == "certificate-profile"


# ---------------------------------------------------------------- revocation


def test_revoked_leaf_and_revoked_intermediate() -> None:
    chain = (pki.provider(), pki.intermediate())
    for one in chain:
        assert cause(lambda one=one: credential(*chain, revoked=listing(one))) == ("certificate-revoked", 437)  # type: ignore[misc]
    found = credential(*chain, revoked=listing())
    assert found.revocation_known


def test_what_is_not_known_is_not_good() -> None:
    """Property 21: soft goes on and says so, hard refuses."""
    chain = (pki.provider(), pki.intermediate())
    assert not credential(*chain).revocation_known
    assert cause(lambda: credential(*chain, hard=True)) == ("revocation-unknown", 437)
    assert credential(*chain, revoked=listing(), hard=True).revocation_known
    late = NOW_S + 3 * 86400
    assert not credential(*chain, revoked=listing(), now_s=late).revocation_known
    assert (
        cause(lambda: credential(*chain, revoked=listing(), now_s=late, hard=True))[0] == "revocation-unknown"
    )


# ---------------------------------------------------------------- delegates


def test_delegate_has_its_numbers_and_no_code() -> None:
    """Property 23."""
    leaf = pki.delegate(pki.delegating(), "12025550101").issue()
    found = credential(leaf, pki.delegating(), pki.intermediate())
    assert found.spc is None
    assert found.numbers == (("12025550101", "12025550101"),)
    assert found.speaks_for("12025550101")
    assert not found.speaks_for("12025550100")
    assert found.noted == ()


def test_delegate_with_more_than_was_there_to_give() -> None:
    """Property 23: within the parent's scope (RFC 9060 section 6)."""
    leaf = pki.delegate(pki.delegating(), "12025550101", "12025550199").issue()
    assert cause(lambda: credential(leaf, pki.delegating(), pki.intermediate())) == ("credential-scope", 437)


def test_delegate_of_an_authority_that_has_nothing_to_give() -> None:
    leaf = pki.delegate(pki.intermediate(), "12025550101").issue()
    assert cause(lambda: credential(leaf, pki.intermediate())) == ("credential-scope", 437)


def test_a_provider_gives_any_number_of_its_code() -> None:
    giving = pki.authority("SHAKEN 709J Delegating", issuer=pki.intermediate(), length=0)
    by_code = giving.having(pki.spc_list("709J")).issue()
    leaf = pki.delegate(by_code, "12025550777").issue()
    assert credential(leaf, by_code, pki.intermediate()).speaks_for("12025550777")
    # and nobody else's code
    other = pki.leaf(by_code, "809J").issue()
    assert cause(lambda: credential(other, by_code, pki.intermediate()))[0] == "credential-scope"


def test_constraints_of_the_whole_chain_are_kept() -> None:
    constrained = pki.raw(pki.CONSTRAINTS, "3009a00730051603726364")
    leaf = pki.delegate(pki.delegating(), "12025550101").having(constrained).issue()
    (found,) = credential(leaf, pki.delegating(), pki.intermediate()).constraints
    assert found.must_include == {"rcd"}


# ---------------------------------------------------------------- anything at all

CHAIN = pki.pem(pki.provider(), pki.intermediate())
DER = pki.provider().x509.public_bytes(Encoding.DER)


@given(st.data())
@settings(max_examples=300)
def test_any_byte_changed_is_refused_or_harmless(data: st.DataObject) -> None:
    from base64 import encodebytes

    at = data.draw(st.integers(0, len(DER) - 1))
    spoilt = DER[:at] + bytes((data.draw(st.integers(0, 255)),)) + DER[at + 1 :]
    pem = b"-----BEGIN CERTIFICATE-----\n" + encodebytes(spoilt) + b"-----END CERTIFICATE-----\n"
    try:
        credential_of(pem + pki.pem(pki.intermediate()), TRUSTED, NO_LIST, NOW_S)
    except CredentialFault as fault:
        code = fault.cause.code
    else:
        assert spoilt == DER
        code = 437
    assert code in (436, 437)


def test_faults_are_values_too() -> None:
    fault = CredentialFault(Cause.CERTIFICATE_UNAVAILABLE, "no answer in 2 s")
    assert (fault.cause.code, fault.text) == (436, "no answer in 2 s")


def test_what_is_no_certificate_is_said_in_our_words() -> None:
    found = judged_credential(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert isinstance(found, CredentialFault)
    assert (found.cause, found.text) == (Cause.CERTIFICATE_UNREADABLE, "no certificates in PEM")
