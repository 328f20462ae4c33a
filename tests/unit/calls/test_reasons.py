"""The one table of reasons: whole, and true of what is answered."""

import pytest

from trunkward.calls.reasons import REASONS, WHO, headers, told, who_acts
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


def test_who_acts_is_said_in_words_and_of_a_cap_who_does_what() -> None:
    """Summary: no customer can raise his own cap, and the words do not say that he could."""
    asks = "the customer, who asks; whoever runs this node raises the cap"
    assert who_acts("spend-cap", "customer") == asks
    assert who_acts("spend-cap", "us") == "whoever runs this node"
    assert who_acts("limit-calls", "customer") == "the customer"
    assert who_acts("of-tomorrow", "of-tomorrow") == "of-tomorrow"


@pytest.mark.parametrize("reason", Reason)
def test_words_are_added_only_of_who_may_have_to_act(reason: Reason) -> None:
    assert set(REASONS[reason].together) <= set(REASONS[reason].blames) <= set(WHO)
