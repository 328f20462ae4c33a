"""No call needs `web`."""

import asyncio
import os
import signal

from sipkit.load.caller import Plan
from sipkit.load.tally import Tally
from wire.conftest import Node
from wire.records.parties import eventually, load

RATE, SECONDS = 20.0, 3.0


def test_killed_and_frozen_under_load(node: Node) -> None:
    """Summary: `web` killed, then frozen, under 20 calls/s: no call fails; it is back by itself."""

    async def run() -> Tally:
        async with load(node) as caller:
            running = asyncio.create_task(caller.run(Plan(rate=RATE, seconds=SECONDS, held_s=0.2)))
            await asyncio.sleep(0.5)
            was = node.pid("web")
            os.kill(was, signal.SIGKILL)
            await asyncio.to_thread(eventually, lambda: node.pid("web") not in (0, was), 20, "another web")
            node.signal("web", signal.SIGSTOP)
            try:
                return await running
            finally:
                node.signal("web", signal.SIGCONT)

    tally = asyncio.run(run())
    assert tally.attempts == RATE * SECONDS
    assert tally.failures == 0, tally.report()
    node.wait_ready()
