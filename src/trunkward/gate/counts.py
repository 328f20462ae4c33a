"""What all nodes count, as the line sees it: Valkey, and while that is lost this gate's own counts."""

import time
from collections.abc import Sequence

from trunkward.admission.ports import Asked, Held, LiveFact, Over, Unavailable
from trunkward.live.client import LiveClient
from trunkward.live.local import LocalCounts


class Counts:
    """The counts one gate goes by."""

    def __init__(self, client: LiveClient) -> None:
        """Asks nobody yet."""
        self._client = client
        self._alone = LocalCounts()
        #: Valkey did not answer when it was asked last.
        self.lost = False

    async def admit(self, asked: Asked) -> LiveFact:
        """What Valkey says, or that it says nothing."""
        fact = await self._client.admit(asked)
        self.lost = isinstance(fact, Unavailable)
        if not self.lost and self._alone:
            self._alone.forget()  # renewals bring there what was admitted here
        return fact

    def admit_alone(self, asked: Asked) -> Held | Over:
        """By what this gate has heard of since nobody else told."""
        return self._alone.admit(asked, time.monotonic())

    def renew(self, calls: Sequence[tuple[str, Sequence[str]]], hold_s: float) -> None:
        """Holds the places of these calls for `hold_s` seconds from now. Waits for nobody."""
        self._client.renew(calls, hold_s)
        if self.lost:
            self._alone.renew(calls, time.monotonic() + hold_s)

    def ended(self, calls: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Gives up the places of calls that are over. Waits for nobody."""
        self._client.ended(calls)
        if self._alone:
            self._alone.ended(calls)

    def moved(self, record_id: str, counters: Sequence[str]) -> None:
        """Gives up places of a call that goes on with others. Waits for nobody."""
        self._client.moved(record_id, counters)
        if self._alone:
            self._alone.ended([(record_id, counters)])

    def withdraw(self, held: Held) -> None:
        """Gives up one reservation, unless another gate has made it its own since. Waits for nobody."""
        if held.until_ms:
            self._client.withdraw(held)
        else:  # made here alone
            self._alone.ended([(held.record_id, held.counters)])


class PlacesOfCall:
    """`admission.ports.Live` for one call: it knows what the call holds until that is somebody's."""

    def __init__(self, counts: Counts) -> None:
        """Nothing is held."""
        self._counts = counts
        self._held: Held | None = None

    async def admit(self, asked: Asked) -> LiveFact:
        """Everything that is asked for, or nothing."""
        fact = await self._counts.admit(asked)
        if isinstance(fact, Held):
            self._held = fact
        return fact

    def admit_alone(self, asked: Asked) -> Held | Over:
        """The same by what this gate alone has counted."""
        fact = self._counts.admit_alone(asked)
        if isinstance(fact, Held):
            self._held = fact
        return fact

    def keep(self) -> Held | None:
        """What it holds: from now on somebody else's to give up."""
        held, self._held = self._held, None
        return held

    def give_up(self) -> None:
        """Frees what nobody has been given."""
        if (held := self.keep()) is not None:
            self._counts.withdraw(held)
