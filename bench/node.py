"""The node as a system under test: `trunkward up` with a directory of its own.

What a node's configuration looks like is the `prepare` function's business: it writes `node.yaml` (trunks,
one TLS carrier, media or not) under the home directory, gets the customers' certificates from the node's
own authority, and says where the node will listen.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from bench.process import stop, until_listening
from bench.system import FarEnd, Standing, TrunkAccess

#: A first start makes keys, certificates and databases.
_START_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What is known of a node once its home is written: where it will listen and who may call."""

    host: str
    port: int
    server_name: str
    trust: Path
    trunks: tuple[TrunkAccess, ...]


#: (home, carrier, number of trunks) -> the prepared home.
Prepare = Callable[[Path, FarEnd, int], Awaitable[Prepared]]


class TrunkwardNode:
    """A whole node under one directory (TRUNKWARD_HOME). Keep the path short: unix socket paths end at 107
    bytes."""

    def __init__(self, title: str, home: Path, prepare: Prepare) -> None:
        self.title = title
        self._home = home
        self._prepare = prepare
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, far_end: FarEnd, trunks: int) -> Standing:
        """Prepare the home, start the node in the foreground, wait for its TLS port."""
        prepared = await self._prepare(self._home, far_end, trunks)
        log = self._home / "up.log"
        with log.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                "trunkward",
                "up",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=os.environ | {"TRUNKWARD_HOME": str(self._home)},
            )
        await until_listening(prepared.host, prepared.port, self._process, log, _START_PATIENCE_S)
        return Standing(
            host=prepared.host,
            port=prepared.port,
            server_name=prepared.server_name,
            trust=prepared.trust,
            trunks=prepared.trunks,
            root_pid=self._process.pid,
        )

    async def stop(self) -> None:
        """Stop as a person does, with Ctrl-C."""
        if self._process is not None:
            await stop(self._process, signal.SIGINT)
            self._process = None
