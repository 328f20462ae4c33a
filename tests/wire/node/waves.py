"""What has to be over while somebody dead is still being waited for, and no time measured."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

#: Seconds after which a peer that was refused is tried again, and a gate that was given up asked again.
RESTED_S = 2.2
WAVES = 10


async def meanwhile(wave: Callable[[], Awaitable[bool]], what: str, most: int = WAVES) -> None:
    """Makes waves until one says yes: that all it did was over while somebody dead was still being waited for.

    No time is measured: on a busy machine one may take longer than that wait, and says nothing then. Where people are
    held up by who waits, none ever says yes.
    """
    for number in range(most):
        if number:
            await asyncio.sleep(RESTED_S)
        if await wave():
            print(f"{what}: {number + 1} waves")
            return
    pytest.fail(f"each time they waited for the dead: {what}")
