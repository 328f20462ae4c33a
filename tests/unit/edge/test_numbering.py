"""CSeq: what is out of order, and which numbers BYEs of ours take until one is above what the peer has seen."""

import pytest

from trunkward.edge.numbering import MOST_OF_PEERS, Tries, highest, is_over, noted


def test_only_a_lower_number_is_out_of_order() -> None:
    row = ""
    for number, in_order in (
        (5, True),
        (5, True),
        (1_000_000, True),
        (2, False),
        (999_999, False),
        (1_000_001, True),
    ):
        row, fits = noted(row, number, "callee", 1)
        assert fits is in_order, number
    assert highest(row) == 1_000_001


def test_a_request_is_not_below_its_invite() -> None:
    assert noted("", 4, "callee", 7) == ("", False)
    assert noted("", 7, "callee", 7) == ("7 callee", True)


def test_each_early_dialog_counts_by_itself() -> None:
    row, _ = noted("", 9, "first", 1)
    row, fits = noted(row, 2, "second", 1)
    assert fits
    assert noted(row, 1, "second", 1) == ("2 second", False)


@pytest.mark.parametrize(
    ("status", "over"),
    [(200, True), (202, True), (481, True), (408, True)]
    + [(status, False) for status in (100, 180, 302, 400, 401, 407, 420, 483, 500, 503, 603)],
)
def test_what_ends_a_leg(status: int, over: bool) -> None:
    assert is_over(status) is over


def test_a_bye_is_above_all_that_was_seen_and_each_is_another() -> None:
    tries = Tries(7)
    first = tries.number()
    assert first > 7
    tries.refused(420, 1.0)
    assert tries.number() == first + 1
    tries.again(2.0)
    assert tries.number() == first + 2


@pytest.mark.parametrize("seen_there", [1_000_000, 50_000_000, MOST_OF_PEERS])
def test_numbers_find_what_the_peer_has_seen(seen_there: int) -> None:
    tries, sent = Tries(2), 0
    while (number := tries.number()) <= seen_there:
        tries.refused(500, 0.0)
        assert tries.is_due(0.0)
        sent += 1
        assert sent < 22
    assert number < 2**31


def test_a_number_never_leaves_its_range() -> None:
    tries = Tries(2**31 - 5)
    assert tries.number() == 2**31 - 1
    tries.refused(500, 0.0)
    assert tries.number() == 2**31 - 1


def test_tries_become_fewer() -> None:
    tries, now_s, gaps = Tries(1), 100.0, []
    for _ in range(3000):  # over any range, too
        assert tries.is_due(now_s)
        tries.again(now_s)
        began = now_s
        while not tries.is_due(now_s):
            now_s += 1.0
        gaps.append(now_s - began)
    assert gaps[:3] == [0, 0, 0]
    assert gaps[3:6] == [2, 4, 8]
    assert set(gaps[6:]) == {8}
