"""Listening: whoever closes leaves nobody behind, whatever stage a connection is at."""

import asyncio
import gc
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from sipkit.certificates import ThrowawayAuthority
from sipkit.transport import Address, listen_stream, server_context


@pytest.mark.parametrize("steps", range(5))
def test_a_listener_that_closes_leaves_nobody_behind(tmp_path: Path, steps: int) -> None:
    """Summary: a TLS client is let in, and the listener closed some steps of the event loop later: its connection is ended, without a warning."""
    tls = server_context(ThrowawayAuthority(tmp_path).issue("127.0.0.1"))

    async def scenario() -> None:
        listener = await listen_stream(Address(host="127.0.0.1", port=0), lambda *_: None, tls=tls)
        with socket.create_connection((listener.local.host, listener.local.port), 20) as client:
            for _ in range(steps):
                await asyncio.sleep(0)
            await listener.close()
            with suppress(ConnectionResetError):
                assert client.recv(1) == b""

    asyncio.run(scenario())
    gc.collect()  # whoever is left is warned of now
