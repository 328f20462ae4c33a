"""Room for fetches: a sender's share, its queue, and who is next."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from trunkward.fetcher.room import Full, Room


class Fetches:
    """Takes places and keeps them until it is told."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.running: list[str] = []
        self.ends: dict[asyncio.Task[None], asyncio.Event] = {}

    async def begin(self, sender: str) -> asyncio.Task[None]:
        end = asyncio.Event()

        async def whole() -> None:
            async with self._room.place(sender):
                self.running.append(sender)
                await end.wait()
                self.running.remove(sender)

        task = asyncio.create_task(whole())
        self.ends[task] = end
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return task

    async def end(self, task: asyncio.Task[None]) -> None:
        self.ends[task].set()
        await task
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def run(scenario: Callable[[Fetches], Any], places: int = 4, waiting: int = 2) -> None:
    async def whole() -> None:
        fetches = Fetches(Room(places, waiting))
        await scenario(fetches)

    asyncio.run(whole())


def test_one_sender_leaves_half_of_it_to_the_next() -> None:
    async def scenario(fetches: Fetches) -> None:
        for _ in range(4):
            _ = await fetches.begin("north")
        assert fetches.running == ["north"] * 2
        _ = await fetches.begin("south")
        assert fetches.running == ["north"] * 2 + ["south"]

    run(scenario)


def test_no_more_wait_than_may() -> None:
    async def scenario(fetches: Fetches) -> None:
        for _ in range(4):
            _ = await fetches.begin("north")
        with pytest.raises(Full, match="2 of north wait"):
            await (await fetches.begin("north"))

    run(scenario)


def test_places_that_are_free_again_are_taken() -> None:
    """The first of a sender's queue is next, once its sender has fewer than there are free."""

    async def scenario(fetches: Fetches) -> None:
        first, second, third, _ = [await fetches.begin("north") for _ in range(4)]
        await fetches.end(first)
        assert fetches.running == ["north"] * 2
        south = [await fetches.begin("south") for _ in range(2)]
        assert fetches.running == ["north"] * 2 + ["south"], (
            "one is free, and stays so for whoever comes next"
        )
        await fetches.end(second)
        assert sorted(fetches.running) == ["north", "north", "south"]
        await fetches.end(third)
        assert sorted(fetches.running) == ["north", "south", "south"]
        for task in south:
            await fetches.end(task)
        assert fetches.running == ["north"]

    run(scenario)


def test_whoever_gives_up_has_no_place() -> None:
    async def scenario(fetches: Fetches) -> None:
        first, _, waits = [await fetches.begin("north") for _ in range(3)]
        last = await fetches.begin("north")
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits
        await fetches.end(first)
        assert fetches.running == ["north"] * 2, "the next one has the turn it left"
        await fetches.end(last)

    run(scenario)


def test_a_turn_and_an_end_at_once() -> None:
    """The place of one that was told to go on, and to stop before it could, is free."""

    async def scenario(fetches: Fetches) -> None:
        first, _, waits = [await fetches.begin("north") for _ in range(3)]
        fetches.ends[first].set()
        await asyncio.sleep(0)  # its place is the waiting one's now, who has not gone on yet
        waits.cancel()
        await asyncio.gather(first, waits, return_exceptions=True)
        _ = await fetches.begin("north")
        assert fetches.running == ["north"] * 2

    run(scenario)
