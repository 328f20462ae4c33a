"""Looking at an identity's files again and again, beside the event loop and never twice at once.

A file system or a token may hang for ever, with no exception that anybody hears. So each look is a thread
that nothing waits for longer than its deadline, not even the end of the process.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from trunkward.signer.identity import Awaited, Identity, look_again
from trunkward.signer.identity_files import IdentityUnfit

#: Seconds a look may take. Two looks are 30 s apart, so one that fails is known of within the minute in which
#: the last good one still counts (`signer.desk.GOOD_S`).
DEADLINE_S = 10.0

#: The identity to sign with from now on, None when nothing may sign; and what is wrong.
type Found = tuple[Identity | None, IdentityUnfit | None]


class Looking:
    """Belongs to one event loop."""

    def __init__(
        self,
        look: Callable[[Identity | Awaited, datetime], Found] = look_again,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """`look` reads and checks the files."""
        self._look, self._deadline_s = look, deadline_s
        self._under_way: asyncio.Future[Found] | None = None

    async def again(self, identity: Identity | Awaited, now: datetime) -> Found:
        """What is found now. A look that hangs, or fails in a way nobody foresaw, is a reason not to sign."""
        if self._under_way is not None and not self._under_way.done():
            return None, _unreadable("reading them has not ended since an earlier look")
        # what a late one has found in the end is of long ago
        looked = self._under_way = self._begun(identity, now)
        done, _ = await asyncio.wait({looked}, timeout=self._deadline_s)
        if not done:
            return None, _unreadable(f"reading them takes more than {self._deadline_s:g} s")
        return looked.result()

    def _begun(self, identity: Identity | Awaited, now: datetime) -> asyncio.Future[Found]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Found] = loop.create_future()

        def look() -> None:
            found: Found
            try:
                found = self._look(identity, now)
            except BaseException as problem:  # a panic in a library's Rust is no Exception
                found = None, _unreadable(type(problem).__name__)
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(future.set_result, found)

        threading.Thread(target=look, name="look", daemon=True).start()
        return future


def _unreadable(why: str) -> IdentityUnfit:
    return IdentityUnfit("identity-unreadable", f"key, certificate and lists: {why}")
