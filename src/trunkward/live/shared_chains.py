"""Chains in Valkey: what one node has fetched, the others that share it need not.

Calls and money are counted in the same Valkey, and it refuses all of them once it is full. So there is a
fixed number of places for chains, whoever fetches whatever: a URL has one, and what is in it makes room for
the next. What was there is fetched again; nothing else is lost.
"""

from pathlib import Path
from typing import Any

import structlog

from trunkward.live.kept_chain import Kept, key_of, read, written
from trunkward.live.wire import DEADLINE_S, Wire
from trunkward.settings import Place

#: Places, of 20 KiB at most: a sixth of what Valkey may have, however many nodes share it.
PLACES = 2048
#: Seconds a chain is shared at most; on its node's disk it is kept as its host says.
MOST_S = 86_400.0
_TAKEN = (b"OK", "OK")

_log = structlog.get_logger("fetcher")


class SharedChains:
    """Asks one Valkey; while it is lost nothing is shared."""

    def __init__(self, place: Place, user: str, secret: Path) -> None:
        """`secret` is the file with the user's password. Nothing is opened yet."""
        self._wire = Wire(place, user, secret, lambda: None, DEADLINE_S)
        self._told = ""

    async def get(self, url: str, now_s: float) -> Kept | None:
        """What is kept of a URL."""
        answer = await self._wire.ask(("GET", key_in_valkey(url)), dated=False)
        return read(answer, url, now_s) if isinstance(answer, bytes) else None

    def put(self, kept: Kept, now_s: float) -> None:
        """Keeps a chain until its time is over. Waits for nobody."""
        self._wire.tell(_set(kept, now_s), self._answered)

    async def lay(self, kept: Kept, now_s: float) -> bool:
        """The same for who waits until it is there; False: it is not."""
        return await self._wire.ask(_set(kept, now_s), dated=False) in _TAKEN

    def close(self) -> None:
        """Ends the connection."""
        self._wire.close()

    def _answered(self, answer: Any) -> None:
        """Says what is wrong once, not for each chain."""
        said = "" if answer in _TAKEN else str(answer)
        if said and said != self._told:
            _log.error("chains are not shared with other nodes", problem=said)
        self._told = said


def _set(kept: Kept, now_s: float) -> tuple[str, ...]:
    left_ms = str(round(min(kept.until - now_s, MOST_S) * 1000))
    return "SET", key_in_valkey(kept.url), written(kept).decode(), "PX", left_ms


def key_in_valkey(url: str) -> str:
    """The place of a URL's chain; another's may be there."""
    return f"chain:{int(key_of(url)[:8], 16) % PLACES}"
