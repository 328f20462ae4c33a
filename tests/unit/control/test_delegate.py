"""A delegate certificate is evidence for the numbers in it (RFC 9060), and for nothing else."""

import pytest

from stirkit import pki
from stirkit.pki import NOW_S, Issued
from trunkward.control.delegate import check_delegate
from trunkward.control.evidence import EvidenceActRefused
from trunkward.shaken.crl import NO_LIST, Revocations, read_crl
from trunkward.shaken.trusted_list import TrustedList

TRUSTED = TrustedList.of(pki.root().x509)
ABOVE = (pki.delegating(), pki.intermediate())
ONE = pki.delegate(pki.delegating(), "12025550101").issue()


def check(
    *chain: Issued,
    first: str = "+12025550101",
    last: str = "",
    until: float = NOW_S + 86_400,
    revoked: Revocations = NO_LIST,
    hard: bool = False,
) -> None:
    check_delegate(
        pki.pem(*chain),
        TRUSTED,
        revoked,
        first=first,
        last=last or first,
        until=until,
        now=NOW_S,
        hard=hard,
    )


def test_property_23_a_delegate_speaks_for_its_numbers() -> None:
    """Property 23, as evidence for level A."""
    check(ONE, *ABOVE)


@pytest.mark.parametrize(("first", "last"), [("+12025550100", ""), ("+12025550101", "+12025550102")])
def test_and_for_no_others(first: str, last: str) -> None:
    with pytest.raises(EvidenceActRefused, match=r"the certificate holds \+12025550101: not all from"):
        check(ONE, *ABOVE, first=first, last=last)


def test_a_providers_own_certificate_holds_no_numbers() -> None:
    with pytest.raises(EvidenceActRefused, match="709J is a provider's own"):
        check(pki.provider(), pki.intermediate())


def test_a_chain_to_nobody_on_the_list_is_none() -> None:
    with pytest.raises(EvidenceActRefused, match="no delegate certificate that is good"):
        check(ONE)


def test_more_than_there_was_to_give_is_none() -> None:
    more = pki.delegate(pki.delegating(), "12025550101", "12025550199").issue()
    with pytest.raises(EvidenceActRefused, match="no delegate certificate that is good"):
        check(more, *ABOVE)


def test_a_document_that_is_no_certificate_is_none() -> None:
    with pytest.raises(EvidenceActRefused, match="no delegate certificate that is good"):
        check_delegate(
            b"%PDF-1.7", TRUSTED, NO_LIST, first="+1", last="+1", until=NOW_S + 1, now=NOW_S, hard=False
        )


def test_a_record_does_not_outlast_it() -> None:
    with pytest.raises(EvidenceActRefused, match="the certificate ends before"):
        check(ONE, *ABOVE, until=ONE.plan.not_after.timestamp() + 1)
    check(ONE, *ABOVE, until=ONE.plan.not_after.timestamp())


def test_a_revoked_one_is_none() -> None:
    listed = read_crl(pki.crl((ONE,)), (pki.administrator().x509,), NOW_S)
    with pytest.raises(EvidenceActRefused, match="certificate-revoked"):
        check(ONE, *ABOVE, revoked=listed)
    with pytest.raises(EvidenceActRefused, match="revocation-unknown"):
        check(ONE, *ABOVE, hard=True)
