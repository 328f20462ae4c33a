"""Shares of places: nobody takes so many that there is none for the next."""

from trunkward.engines.shares import Shares


def taken(shares: Shares, sender: str) -> int:
    """As many as it gets."""
    while shares.take(sender):
        pass
    return shares.of(sender)


def test_one_alone_gets_half_and_whoever_comes_then_half_of_the_rest() -> None:
    shares = Shares(64)
    assert [taken(shares, sender) for sender in ("a", "b", "c")] == [32, 16, 8]
    assert shares.free == 8


def test_what_is_given_back_is_the_next_ones() -> None:
    shares = Shares(4)
    assert taken(shares, "a") == 2
    assert not shares.may("a")
    shares.give_back("a")
    assert (shares.free, shares.of("a"), shares.may("a")) == (3, 1, True)
    shares.give_back("a")
    assert (shares.free, shares.of("a")) == (4, 0)
