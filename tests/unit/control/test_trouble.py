"""What a lost dependency means for calls is said in the posture table's words."""

import pytest

from trunkward.admission.posture import POSTURE, Calls, Effect, Lost, effect
from trunkward.control.trouble import means, refuses


@pytest.mark.parametrize("lost", list(Lost))
def test_the_words_are_the_tables(lost: Lost) -> None:
    row = next(row for row in POSTURE if row.lost is lost)
    for calls, its in row.effects.items():
        quiet = its in (Effect.GOES, Effect.UNAFFECTED)
        assert (its.value in means(lost)) or quiet, calls
    assert refuses(lost) == (effect(lost, Calls.OUTBOUND) is Effect.REFUSED)
