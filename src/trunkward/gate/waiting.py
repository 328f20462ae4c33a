"""Calls that wait for a certificate at one gate: a bounded number, of which each sender has a share."""

from trunkward.engines.shares import Shares


class Waiting:
    """Places of calls that were told to wait; each is given back at the latest when its time is over."""

    def __init__(self, most: int) -> None:
        """`most` in all."""
        self._shares = Shares(most)
        #: By attempt: whose it is, and until when (seconds that pass).
        self._places: dict[str, tuple[str, float]] = {}

    def may(self, attempt_id: str, sender: str, until_s: float, now_s: float) -> bool:
        """Whether an attempt may wait until then; one that waits already may. Times: seconds that pass."""
        if attempt_id in self._places:
            return True
        if not self._shares.may(sender):
            for other in [one for one, (_, until) in self._places.items() if until <= now_s]:
                self.over(other)
        if not self._shares.take(sender):
            return False
        self._places[attempt_id] = sender, until_s
        return True

    def over(self, attempt_id: str) -> None:
        """It waits no longer, if it did."""
        if (place := self._places.pop(attempt_id, None)) is not None:
            self._shares.give_back(place[0])
