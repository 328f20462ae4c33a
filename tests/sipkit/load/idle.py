"""Connections that do nothing, some of which reconnect: the usual company of a border's busy trunks."""

from __future__ import annotations

import asyncio
import random
import ssl
from dataclasses import asdict, dataclass

from sipkit.transport import Address, Flow, StreamFlow, open_stream


@dataclass(slots=True)
class IdleCounts:
    """Connections opened and lost since the start; `unexpected_closes` were not asked for by us."""

    opened: int = 0
    reconnected: int = 0
    failed: int = 0
    unexpected_closes: int = 0

    def report(self) -> dict[str, int]:
        """Return the counts as JSON-able values."""
        return asdict(self)


#: Handshakes under way at once while the crowd is being opened.
_OPENING_AT_ONCE = 8


class IdleCrowd:
    """Keeps `size` TLS connections open and renews `reconnecting` of them (a share, 0.05 = 5 %) per
    minute."""

    def __init__(
        self,
        remote: Address,
        contexts: list[ssl.SSLContext],
        server_name: str,
        local_host: str | None = None,
    ) -> None:
        """Connect to `remote` with the contexts (client certificates) in turn."""
        self.counts = IdleCounts()
        self._remote = remote
        self._contexts = contexts
        self._server_name = server_name
        self._local_host = local_host
        self._flows: list[StreamFlow] = []
        self._random = random.Random(7)

    async def open(self, size: int) -> None:
        """Open the crowd."""
        gate = asyncio.Semaphore(_OPENING_AT_ONCE)

        async def one(index: int) -> None:
            async with gate:
                flow = await self._connect(index)
                if flow is not None:
                    self._flows.append(flow)

        await asyncio.gather(*(one(index) for index in range(size)))

    async def keep(self, reconnecting: float) -> None:
        """Renew connections until cancelled."""
        while True:
            await asyncio.sleep(60 / max(1e-9, len(self._flows) * reconnecting) if reconnecting > 0 else 3600)
            index = self._random.randrange(len(self._flows))
            old = self._flows[index]
            if old.is_open:
                await old.close()
            else:
                self.counts.unexpected_closes += 1
            fresh = await self._connect(index)
            if fresh is not None:
                self._flows[index] = fresh
                self.counts.reconnected += 1

    async def close(self) -> None:
        """Close them all."""
        for flow in self._flows:
            await flow.close()

    @property
    def alive(self) -> int:
        """Return how many connections stand now."""
        return sum(flow.is_open for flow in self._flows)

    async def _connect(self, index: int) -> StreamFlow | None:
        try:
            flow = await open_stream(
                self._remote,
                _ignore,
                tls=self._contexts[index % len(self._contexts)],
                server_name=self._server_name,
                local_host=self._local_host,
            )
        except OSError:  # ssl.SSLError is one
            self.counts.failed += 1
            return None
        self.counts.opened += 1
        return flow


def _ignore(_flow: Flow, _raw: bytes) -> None:
    """An idle connection hears nothing that matters."""
