"""Calls a second, on live calls."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from wire.conftest import Node, start_node, stop_node
from wire.limits.conftest import config
from wire.records.parties import parties

A_SECOND = 5
#: At once: for all of them to come due meanwhile they would have to take three seconds.
CALLS = 20


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """Five calls a second, and places enough."""
    text = config(f"{{calls: 100, per_second: {A_SECOND}}}").replace("{calls: 5,", "{calls: 100,")
    running = start_node(text.replace("{calls: 4,", "{calls: 100,"))
    yield running
    stop_node(running)


def test_calls_a_second(node: Node) -> None:
    """Summary: of many calls at once on a trunk of five a second, five go, and what comes due meanwhile; Retry-After says when, and then one goes."""

    async def scenario() -> None:
        async with parties(node) as lab:
            began = time.monotonic()
            calls = [await lab.call() for _ in range(CALLS)]
            finals = await asyncio.gather(*(call.final() for call in calls))
            due = A_SECOND * (time.monotonic() - began)
            late = [final for final in finals if final.status == 503]
            assert A_SECOND <= CALLS - len(late) <= A_SECOND + due
            for final in late:
                assert final.get("Retry-After") == "1"
                assert 'SIP;cause=503;text="limit-rate"' in final.get_all("Reason")
            for call, final in zip(calls, finals, strict=True):
                if final.status == 200:
                    assert (await call.bye()).status == 200
            await asyncio.sleep(int(late[0].get("Retry-After")))
            call = await lab.call()
            assert (await call.final()).status == 200
            assert (await call.bye()).status == 200

    asyncio.run(scenario())
