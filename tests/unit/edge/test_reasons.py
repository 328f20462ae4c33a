"""What the edge says by itself is what the table of reasons says."""

import pytest

from trunkward.calls.reasons import REASONS, headers
from trunkward.calls.verdict import Reason
from trunkward.edge.reasons import values

SAID = [
    (status, reason)
    for reason, row in REASONS.items()
    for status in row.answers
    if row.by_edge or status == 502 or reason is Reason.RECORD_NOT_WRITTEN
]


@pytest.mark.parametrize(("status", "reason"), SAID)
def test_the_edge_says_what_the_table_says(status: int, reason: Reason) -> None:
    assert values(status, reason.value) == [value for _, value in headers(reason, status)]


def test_what_has_no_cause_has_one_value() -> None:
    assert values(486, "malformed-reply") == ['SIP;cause=486;text="malformed-reply"']
