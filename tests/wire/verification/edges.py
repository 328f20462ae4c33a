"""What an edge asks a gate about calls from a carrier, by hand; and a thousand of them from a process of their own.

Of their own, because whoever serves certificates and names meanwhile has a fetch's two seconds to answer in.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sipkit import sdp
from wire.commands import FORKING
from wire.node.parties import ACME_NUMBER
from wire.verification.test_calls_in import CALLING

type Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
type Verdict = dict[str, Any]


@dataclass(frozen=True)
class Attempt:
    """A call from a carrier."""

    number: int
    #: The carrier's own, PEM.
    certificate: str
    identities: Sequence[str]

    def framed(self, waited_ms: int = 0) -> bytes:
        """What the edge would send of it: a frame."""
        attempt = {
            "kind": "attempt",
            "id": f"{self.number:032x}",
            "at": time.time(),
            "source_ip": "127.0.0.1",
            "source_port": 1024 + self.number,
            "transport": "tls",
            "local_ip": "127.0.0.10",
            "local_port": 5061,
            "tls": {
                "version": "TLSv1.3",
                "cipher": "TLS_AES_256_GCM_SHA384",
                "peer_certificate": self.certificate,
                "peer_verified": True,
            },
            "ruri": f"sip:{ACME_NUMBER}@sbc.example.com",
            "from_uri": f"sip:{CALLING}@core.carrier",
            "to_uri": f"sip:{ACME_NUMBER}@sbc.example.com",
            "call_id": f"{self.number}@thousand",
            "from_tag": "t",
            "headers": {"identity": list(self.identities)},
            "waited_ms": waited_ms,
            "content_type": "application/sdp",
            "body": sdp.offer(sdp.Profile.SDES),
        }
        body = json.dumps(attempt).encode()
        return len(body).to_bytes(4, "big") + body


async def connected(gate: Path) -> Streams:
    """Connects as the edge does; one that has to wait for room in the gate's backlog waits.

    To asyncio's own connect no room is success, and the first byte fails (EAGAIN of a Unix socket is not
    EINPROGRESS).
    """
    ours = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    ours.connect(str(gate))
    return await asyncio.open_unix_connection(sock=ours)


async def asked(streams: Streams, attempt: Attempt, waited_ms: int = 0) -> Verdict:
    """Asks once: the verdict."""
    reader, writer = streams
    writer.write(attempt.framed(waited_ms))
    length = int.from_bytes(await reader.readexactly(4), "big")
    verdict: Verdict = json.loads(await reader.readexactly(length))
    return verdict


class ManyCalls:
    """Calls that are asked about all at once."""

    def __init__(self, told: Connection) -> None:
        self._told = told
        #: Each of them has been told to wait.
        self.all_wait = asyncio.Event()

    async def verdicts(self) -> list[Verdict]:
        """What became of each; raises `EOFError` when their process came to grief."""
        while (said := await asyncio.to_thread(self._told.recv)) is None:
            self.all_wait.set()
        found: list[Verdict] = said
        return found


@asynccontextmanager
async def at_once(calls: Sequence[tuple[Path, Attempt]]) -> AsyncIterator[ManyCalls]:
    """Gates are asked about all these calls by another process; whoever is told to wait asks again."""
    told, tells = FORKING.Pipe(duplex=False)
    process = FORKING.Process(target=_ask, args=(list(calls), tells), daemon=True)
    process.start()
    tells.close()
    try:
        yield ManyCalls(told)
    finally:
        process.kill()
        process.join()
        told.close()


def _ask(calls: list[tuple[Path, Attempt]], tells: Connection) -> None:
    # who is asked, and whom they ask in turn, go first
    os.nice(10)
    tells.send(asyncio.run(_asked_until_told(calls, tells)))


async def _asked_until_told(calls: list[tuple[Path, Attempt]], tells: Connection) -> list[Verdict]:
    edges = [await connected(gate) for gate, _ in calls]
    waiting = 0

    async def one(streams: Streams, attempt: Attempt) -> Verdict:
        nonlocal waiting
        waited_ms = 0
        while (verdict := await asked(streams, attempt, waited_ms))["verdict"] == "wait":
            if not waited_ms:
                waiting += 1
                if waiting == len(calls):
                    tells.send(None)
            waited_ms += verdict["for_ms"]
            await asyncio.sleep(verdict["for_ms"] / 1000)
        streams[1].close()
        return verdict

    attempts = [attempt for _, attempt in calls]
    return await asyncio.gather(*map(one, edges, attempts))
