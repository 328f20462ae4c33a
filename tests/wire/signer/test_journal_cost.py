"""What waiting for the journal's disk adds to an answer, beside the same signer whose journal is in memory."""

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

import pytest

from trunkward.engines.signer_client import SignerClient
from wire.records.parties import eventually
from wire.signer.conftest import lines_below

#: Rounds, one signer after the other in each, and requests in each at once.
ROUNDS = 40
AT_ONCE = 50


class Asked:
    """One of the signers, and what came of what it was asked."""

    def __init__(self, socket: Path) -> None:
        self.journal = socket.with_name("journal")
        self.client = SignerClient(socket)
        #: Of each answer the number of its line; None: it left before its line was written.
        self.numbers: list[int | None] = []
        #: Milliseconds each took, by how many were asked at once.
        self.took: dict[int, list[float]] = {1: [], AT_ONCE: []}

    async def ask(self, request: Any, at_once: int) -> None:
        """So many requests together."""

        async def one() -> None:
            began = time.perf_counter()
            signed = await self.client.sign(request, 30)
            self.took[at_once].append((time.perf_counter() - began) * 1000)
            self.numbers.append(signed.journal)

        await asyncio.gather(*(one() for _ in range(at_once)))

    def counted(self) -> list[int]:
        """Lines of signatures, of which answers had no number, and that were given up: by what the journal says."""
        kept = lines_below(self.journal)
        of = {kind: sum(line["count"] for line in kept if line["kind"] == kind) for kind in ("late", "gap")}
        return [len([line for line in kept if line["kind"] == "signed"]), of["late"], of["gap"]]


def test_what_the_disk_adds_to_an_answer(node: Any) -> None:
    """Summary: 1 and 50 requests at once, journal on this disk and in memory, in turns: each answer has its line there, or is counted as late or missing; what each took is printed with -s."""
    if not Path("/dev/shm").is_dir():
        pytest.skip("no memory to write files into")
    places = {"disk": node.beside(Path("/tmp")), "memory": node.beside(Path("/dev/shm"))}

    async def run() -> dict[str, Asked]:
        signers = {name: Asked(socket) for name, socket in places.items()}
        try:
            for at_once in (1, AT_ONCE):
                for _ in range(ROUNDS):
                    for signer in signers.values():
                        await signer.ask(node.request(), at_once)
        finally:
            for signer in signers.values():
                await signer.client.close()
        return signers

    signers = asyncio.run(run())
    for at_once in (1, AT_ONCE):
        for name, signer in signers.items():
            took = signer.took[at_once]
            p99 = statistics.quantiles(took, n=100)[98]
            print(
                f"\n{at_once} at once, in {name}: median {statistics.median(took):.2f} ms, p99 {p99:.2f} ms"
            )
    for signer in signers.values():
        numbered = [number for number in signer.numbers if number is not None]
        unnumbered = len(signer.numbers) - len(numbered)

        def settled(signer: Asked = signer, unnumbered: int = unnumbered) -> bool:
            return sum(signer.counted()[1:]) == unnumbered

        # a disk may take its time: a line about those that were late follows when it has taken them
        eventually(settled, 60, f"{unnumbered} answers that had no line yet are declared")
        of_signatures, late, missing = signer.counted()
        assert of_signatures + missing == len(signer.numbers) == ROUNDS * (1 + AT_ONCE)
        assert late + len(numbered) == of_signatures
        kinds = {line["seq"]: line["kind"] for line in lines_below(signer.journal)}
        assert len(set(numbered)) == len(numbered)
        assert {kinds[number] for number in numbered} == {"signed"}
