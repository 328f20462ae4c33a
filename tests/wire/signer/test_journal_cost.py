"""What waiting for the journal's disk adds to an answer, beside the same signer whose journal is in memory."""

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

import pytest

from trunkward.engines.signer_client import SignerClient

#: Rounds, one signer after the other in each, and requests in each at once.
ROUNDS = 40


async def timed(client: SignerClient, request: Any, at_once: int) -> list[float]:
    """Milliseconds of each of so many requests that are asked together."""

    async def one() -> float:
        began = time.perf_counter()
        await client.sign(request, 5)
        return (time.perf_counter() - began) * 1000

    return await asyncio.gather(*(one() for _ in range(at_once)))


@pytest.mark.alone
def test_what_the_disk_adds_to_an_answer(node: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Summary: medians and p99 of 1 and of 50 requests at once, journal on this disk and in memory, in turns; printed with -s."""
    if not Path("/dev/shm").is_dir():
        pytest.skip("no memory to write files into")
    places = {"disk": node.beside(Path("/tmp")), "memory": node.beside(Path("/dev/shm"))}
    measured: dict[tuple[str, int], list[float]] = {}

    async def run() -> None:
        clients = {name: SignerClient(socket) for name, socket in places.items()}
        try:
            for client in clients.values():
                await timed(client, node.request(), 50)
            for at_once in (1, 50):
                for _ in range(ROUNDS):
                    for name, client in clients.items():
                        measured.setdefault((name, at_once), []).extend(
                            await timed(client, node.request(), at_once)
                        )
        finally:
            for client in clients.values():
                await client.close()

    asyncio.run(run())
    for at_once in (1, 50):
        medians = {name: statistics.median(measured[name, at_once]) for name in places}
        p99 = {name: statistics.quantiles(measured[name, at_once], n=100)[98] for name in places}
        print(
            f"\n{at_once} at once: median {medians['disk']:.2f} ms, in memory {medians['memory']:.2f}; "
            f"p99 {p99['disk']:.2f} ms, in memory {p99['memory']:.2f}"
        )
        # within the gate's deadline (`gate.signing.DEADLINE_S`)
        assert medians["disk"] < 100
