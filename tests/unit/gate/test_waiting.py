"""Calls that wait at a gate: a sender's share, and places that come back."""

from trunkward.gate.waiting import Waiting


def test_a_sender_has_half_of_the_places() -> None:
    """Whoever has all his calls wait takes none of the others' places."""
    waiting = Waiting(4)
    assert [waiting.may(f"n{number}", "north", 10.0, 0.0) for number in range(3)] == [True, True, False]
    assert waiting.may("s0", "south", 10.0, 0.0)
    assert waiting.may("n0", "north", 10.0, 0.0), "one that waits already goes on waiting"


def test_a_place_is_given_back_once() -> None:
    waiting = Waiting(2)
    assert waiting.may("n0", "north", 10.0, 0.0)
    assert not waiting.may("n1", "north", 10.0, 0.0)
    waiting.over("n0")
    waiting.over("n0")
    assert waiting.may("n1", "north", 10.0, 0.0)
    assert not waiting.may("n2", "north", 10.0, 0.0)


def test_a_call_that_never_came_back_gives_its_place_up_in_time() -> None:
    waiting = Waiting(2)
    assert waiting.may("n0", "north", 10.0, 0.0)
    assert not waiting.may("n1", "north", 19.9, 9.9)
    assert waiting.may("n1", "north", 20.0, 10.0)
