"""Chains that lead to nobody we trust, in memory alone: whoever calls can make any number of them.

They are kept because their hosts are not to be asked for each call, and nothing is lost with them: neither
this node's disk nor the Valkey that calls are counted in has one.
"""

from trunkward.live.kept_chain import Kept

#: Chains, of 16 KiB at most: 16 MiB.
MOST = 1024


class HeldChains:
    """Those asked for last."""

    def __init__(self, most: int = MOST) -> None:
        """Holds none yet."""
        self._most = most
        self._held: dict[str, Kept] = {}

    def get(self, url: str, now_s: float) -> Kept | None:
        """What is held of a URL."""
        held = self._held.pop(url, None)
        if held is None or held.until <= now_s:
            return None
        self._held[url] = held
        return held

    def put(self, kept: Kept, now_s: float) -> None:
        """Holds a chain, and forgets the one that was longest not asked for."""
        self._held.pop(kept.url, None)
        while len(self._held) >= self._most:
            del self._held[next(iter(self._held))]
        self._held[kept.url] = kept
