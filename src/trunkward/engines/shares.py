"""Places of which nobody can have so many that there is none for the next.

A sender may have as many as it leaves free (Choudhury and Hahne, "Dynamic queue length thresholds", 1998,
with a factor of one): one alone gets half of them, two that go on wanting more a third each; and whoever
comes then finds as many free as each of them has.
"""

from collections import Counter


class Shares:
    """Counts places by who has them."""

    def __init__(self, places: int) -> None:
        """`places` in all, all of them free."""
        self.free = places
        self._taken: Counter[str] = Counter()

    def of(self, sender: str) -> int:
        """How many it has."""
        return self._taken[sender]

    def may(self, sender: str) -> bool:
        """Whether it may have one more."""
        return self._taken[sender] < self.free

    def take(self, sender: str) -> bool:
        """Takes one, if it may; whether it did."""
        if not self.may(sender):
            return False
        self.free -= 1
        self._taken[sender] += 1
        return True

    def give_back(self, sender: str) -> None:
        """One that it has taken."""
        self.free += 1
        self._taken[sender] -= 1
        if not self._taken[sender]:
            del self._taken[sender]
