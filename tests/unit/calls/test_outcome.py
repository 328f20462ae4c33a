"""Of two ends of one call the truer counts: the table of what goes before what."""

from itertools import product
from typing import Any

import pytest

from trunkward.calls.outcome import Ending, Outcome, is_truer

#: From the truest to nothing at all.
KNOWN: list[dict[str, Any]] = [
    # it never was answered: its node knows
    {"ending": Ending.CANCELLED},
    {"answered_ms": 9000, "answered_at": 1.0, "ended_at": 99.0},
    # by a node of the version before, which says no more than two times
    {"answered_at": 1000.0, "ended_at": 1010.0, "survivor": "n3"},
    {"answered_ms": 11_000, "survivor": "n2", "answered_at": 1.0, "ended_at": 2.0},
    {"ending": Ending.ENDED_UNKNOWN, "ended_at": 5.0},
]


def end(**facts: Any) -> Outcome:
    return Outcome(**{"record_id": "a", "call_id": "c", "ending": Ending.BYE} | facts)


@pytest.mark.parametrize(("told", "known"), [*product(range(len(KNOWN)), repeat=2)])
def test_the_earlier_end_goes_before_and_any_before_none(told: int, known: int) -> None:
    # of one node the first word counts
    of_one = KNOWN[told].get("survivor") == KNOWN[known].get("survivor") and len(KNOWN) - 1 not in (
        told,
        known,
    )
    assert is_truer(end(**KNOWN[told]), end(**KNOWN[known])) is (told < known and not of_one)


def test_an_end_nobody_knows_changes_nothing() -> None:
    unknown = end(ending=Ending.ENDED_UNKNOWN, survivor="n2")
    assert not is_truer(unknown, end(ending=Ending.ENDED_UNKNOWN))
    assert not is_truer(unknown, end())
    assert is_truer(end(), unknown)
