"""The one table of reasons: whole, and true of what is answered."""

import pytest

from trunkward.calls.reasons import REASONS, headers, told
from trunkward.calls.verdict import Blame, Reason
from trunkward.sip.reason import Q850


def test_every_code_has_its_row() -> None:
    assert set(REASONS) == set(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_a_row_says_what_it_means_who_acts_and_what_to_do(reason: Reason) -> None:
    row = REASONS[reason]
    assert row.means
    assert row.do
    assert (row.blames == (Blame.NOBODY,)) == (not row.answers)
    assert all(400 <= status <= 699 for status in row.answers)
    assert {cause for cause in row.answers.values() if cause} <= set(Q850)


@pytest.mark.parametrize("reason", Reason)
def test_what_the_refused_hear_names_no_number_and_no_key(reason: Reason) -> None:
    heard = REASONS[reason].heard
    assert not set(heard) & set("0123456789`_") - set("13." if reason is Reason.TLS12_REFUSED else "")


def test_a_refusal_has_a_value_for_each_protocol() -> None:
    assert headers(Reason.TRUNK_DISABLED, 404) == [
        ("Reason", 'SIP;cause=404;text="trunk-disabled"'),
        ("Reason", 'Q.850;cause=1;text="unallocated number"'),
    ]
    assert headers(Reason.UNKNOWN_SOURCE, 403) == [("Reason", 'SIP;cause=403;text="unknown-source"')]


def test_a_code_of_another_version_has_no_row() -> None:
    assert told("no-route") is REASONS[Reason.NO_ROUTE]
    assert told("of-tomorrow") is None
