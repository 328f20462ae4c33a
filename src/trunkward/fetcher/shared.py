"""Chains in Valkey: what one node has fetched, the others that share it need not."""

from pathlib import Path

from trunkward.fetcher.kept import Kept, key_of, read, written
from trunkward.live.wire import DEADLINE_S, Wire
from trunkward.settings import Place


class SharedChains:
    """Asks one Valkey; while it is lost nothing is shared."""

    def __init__(self, place: Place, user: str, secret: Path) -> None:
        """`secret` is the file with the user's password. Nothing is opened yet."""
        self._wire = Wire(place, user, secret, lambda: None, DEADLINE_S)

    async def get(self, url: str, now_s: float) -> Kept | None:
        """What is kept of a URL."""
        answer = await self._wire.ask(("GET", f"chain:{key_of(url)}"), dated=False)
        return read(answer, url, now_s) if isinstance(answer, bytes) else None

    def put(self, kept: Kept, now_s: float) -> None:
        """Keeps a chain until its time is over. Waits for nobody."""
        left_ms = str(round((kept.until - now_s) * 1000))
        command = ("SET", f"chain:{key_of(kept.url)}", written(kept).decode(), "PX", left_ms)
        self._wire.tell(command, lambda _answer: None)

    def close(self) -> None:
        """Ends the connection."""
        self._wire.close()
