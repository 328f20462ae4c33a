"""The fetcher's door: a unix socket that only the gates' user and root may speak through."""

import asyncio
import socket
import struct
from collections.abc import Collection
from pathlib import Path

import msgspec
import structlog

from trunkward.engines.fetcher_wire import (
    MAX_QUESTION,
    ChainAsked,
    ChainGiven,
    Garbled,
    NoChain,
    decode_asked,
    encode,
    frame,
    read_frame,
)
from trunkward.engines.unix_door import listening_at
from trunkward.fetcher.chains import Chains, Lacking
from trunkward.fetcher.metrics import FetcherMetrics

#: Questions of one connection at once; a gate asks one for each URL it does not know.
MOST_ASKED = 1024
#: `struct ucred` (unix(7)): pid, uid, gid.
_UCRED = struct.Struct("iII")

_log = structlog.get_logger("fetcher")


class Door:
    """Answers whoever may ask."""

    def __init__(self, chains: Chains, allowed_uids: Collection[int], metrics: FetcherMetrics) -> None:
        """Keeps its parts."""
        self._chains = chains
        self._allowed_uids = allowed_uids
        self._metrics = metrics

    async def listen(self, path: Path, stop: asyncio.Event) -> None:
        """Listens until `stop`; replaces the socket of a fetcher before this one."""
        # whoever reaches the directory may knock; SO_PEERCRED decides
        server = await asyncio.start_unix_server(self._connected, sock=listening_at(path, 0o666))
        _log.info("ready", socket=str(path))
        await stop.wait()
        server.close()
        path.unlink(missing_ok=True)  # noqa: ASYNC240

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # the kernel vouches for the peer (unix(7), SO_PEERCRED); nothing it says itself counts
        raw = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        pid, uid, _ = _UCRED.unpack(raw)
        if uid not in self._allowed_uids:
            self._metrics.refused_peers.inc()
            _log.warning("peer-refused", uid=uid, pid=pid)
            writer.transport.abort()
            return
        self._metrics.connections.inc()
        answers: set[asyncio.Task[None]] = set()
        try:
            await self._serve(reader, writer, answers)
        except (Garbled, msgspec.MsgspecError, ConnectionError) as problem:
            _log.warning("connection cut off", uid=uid, problem=str(problem))
        finally:
            self._metrics.connections.dec()
            for answer in answers:
                answer.cancel()
            writer.transport.abort()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: set[asyncio.Task[None]]
    ) -> None:
        while (asked := await read_frame(reader, MAX_QUESTION)) is not None:
            if not asked:
                writer.write(frame(b""))
            elif len(answers) >= MOST_ASKED:
                raise Garbled(f"more than {MOST_ASKED} questions at once")
            else:
                answer = asyncio.create_task(self._answer(decode_asked(asked), writer))
                answers.add(answer)
                answer.add_done_callback(answers.discard)
            await writer.drain()

    async def _answer(self, asked: ChainAsked, writer: asyncio.StreamWriter) -> None:
        match await self._chains.get(asked.url, asked.sender):
            case Lacking() as lacking:
                given: ChainGiven | NoChain = NoChain(
                    id=asked.id, why=lacking.why, detail=lacking.detail[:200], until=lacking.until
                )
            case kept:
                given = ChainGiven(id=asked.id, chain=kept.chain, until=kept.until)
        writer.write(frame(encode(given)))
