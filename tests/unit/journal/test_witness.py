"""Which calls without a line no gap can be about."""

import pytest

from trunkward.journal.witness import Told, in_minutes

AT = 1_800_000_000.0


def test_which_calls_have_a_line() -> None:
    told = Told()
    assert told.lacks("a", AT)
    for name in ("c", "a", "b"):
        told.signed(name, 100.0)
    assert [name for name in "abcd" if told.lacks(name, AT)] == ["d"]
    told.signed("d", 100.0)
    assert not told.lacks("d", AT)


def test_of_what_was_deleted_nobody_can_say() -> None:
    told = Told()
    told.begins(AT)
    assert not told.lacks("a", AT - 1)
    assert told.lacks("a", AT + 60)


@pytest.mark.parametrize(
    ("gaps", "left"),
    [
        ([], [AT, AT + 1, AT + 2, AT + 600]),
        ([(AT, AT + 2, 3)], [AT + 600]),
        ([(AT, AT + 2, 100)], [AT + 600]),
        ([(AT, AT + 2, 2)], [AT + 2, AT + 600]),
        ([(AT, AT + 2, 2), (AT + 1, AT + 600, 1)], [AT + 600]),
        ([(AT - 100, AT - 50, 9)], [AT, AT + 1, AT + 2, AT + 600]),
        ([(AT + 603, AT + 700, 1)], [AT, AT + 1, AT + 2]),
    ],
)
def test_a_gap_is_about_no_more_than_it_counts(
    gaps: list[tuple[float, float, int]], left: list[float]
) -> None:
    told = Told()
    for gap in gaps:
        told.gap(*gap)
    assert told.undeclared([AT + 600, AT + 1, AT, AT + 2]) == left


def test_by_minutes() -> None:
    assert in_minutes([AT + 60, AT, AT + 61]) == "2027-01-15T08:00Z 1, 2027-01-15T08:01Z 2"
    many = in_minutes(AT + 60 * minute for minute in range(23))
    assert many.endswith("2027-01-15T08:19Z 1, and 3 more minutes")
