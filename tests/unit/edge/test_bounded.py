"""What strangers have a process remember takes no more than its bound."""

from trunkward.edge.bounded import Bounded


def test_it_never_takes_more_than_its_bound() -> None:
    known: Bounded[int, str] = Bounded(100)
    for number in range(1000):
        known.put(number, str(number), 16)
        assert len(known) <= 6
        assert known.get(number) == str(number)
    assert known.get(0) is None
