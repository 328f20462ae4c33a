"""Room for fetches: a bounded number at once, of which each sender has a share, and its own queue for it.

Whoever is kept waiting by a host that never answers is kept waiting by what came from the same carrier or
trunk: the places of all others are free.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from trunkward.engines.shares import Shares


class Full(Exception):
    """So many of one sender wait already that one more would wait in vain."""


class Room:
    """Belongs to one event loop."""

    def __init__(self, places: int, waiting: int) -> None:
        """`places` for all senders; `waiting`: how many of one sender may wait for theirs."""
        self._shares = Shares(places)
        self._most_waiting = waiting
        #: By sender; none that is empty.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def place(self, sender: str) -> AsyncIterator[None]:
        """One place, once there is one for this sender. Raises `Full`."""
        if not self._shares.take(sender):
            await self._turn(sender)
        try:
            yield
        finally:
            self._leave(sender)

    async def _turn(self, sender: str) -> None:
        queue = self._waiting.setdefault(sender, deque())
        if len(queue) >= self._most_waiting:
            raise Full(f"{len(queue)} of {sender} wait")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave(sender)  # its turn and its end came at once
            else:
                with suppress(ValueError):
                    queue.remove(turn)
            raise

    def _leave(self, sender: str) -> None:
        self._shares.give_back(sender)
        # whoever has the fewest places is next
        for nearest in sorted(self._waiting, key=self._shares.of):
            queue = self._waiting[nearest]
            while queue and (queue[0].done() or self._shares.take(nearest)):
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(None)
            if not queue:
                del self._waiting[nearest]
