"""A gate's connection: deadlines, losses, and what comes too late; nothing raises, nobody waits for long."""

import asyncio
import signal
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from sipkit.valkey import OwnValkey
from trunkward.admission.ports import Asked, Counter, Held, LiveFact, Over, Unavailable
from trunkward.live.client import LiveClient
from trunkward.live.wire import GIVE_UP_S, Wire

#: Seconds; long beside what a busy machine adds, short of `GIVE_UP_S`.
PATIENCE_S = 1.0
PLACE = Counter(key="calls:trunk:a", most=1)


def asked(record_id: str) -> Asked:
    return Asked(record_id=record_id, hold_s=60, counters=(PLACE,))


async def within_s(live: LiveClient, record_id: str) -> tuple[object, float]:
    began = time.monotonic()
    return await live.admit(asked(record_id)), time.monotonic() - began


def without_a_pause(asking: Coroutine[Any, Any, LiveFact]) -> LiveFact:
    """What is answered without waiting for anything; no clock is needed to see that."""
    with pytest.raises(StopIteration) as answered:
        asking.send(None)
    fact: LiveFact = answered.value.value
    return fact


def test_nobody_there(own: OwnValkey) -> None:
    async def scenario() -> None:
        live = own.gate()
        own.kill()
        assert await live.admit(asked("a")) == Unavailable(what="redis", why="redis-unreachable")
        own.start()
        assert isinstance(await live.admit(asked("a")), Held)
        own.kill()
        fact, _ = await within_s(live, "b")
        assert fact in (
            Unavailable(what="redis", why="redis-lost"),
            Unavailable(what="redis", why="redis-unreachable"),
        )
        await live.close()

    asyncio.run(scenario())


def test_one_deadline_is_waited_for_and_what_comes_too_late_is_given_back(own: OwnValkey) -> None:
    async def scenario() -> None:
        live = own.gate(PATIENCE_S)
        assert isinstance(await live.admit(asked("first")), Held)
        live.ended([("first", [PLACE.key])])
        own.process.send_signal(signal.SIGSTOP)
        lost = Unavailable(what="redis", why="redis-timeout")
        fact, took_s = await within_s(live, "late")
        assert (fact, PATIENCE_S <= took_s < 20 * PATIENCE_S) == (lost, True)
        assert without_a_pause(live.admit(asked("at once"))) == lost
        own.process.send_signal(signal.SIGCONT)
        # "late" is given its place now, and nobody has it: it is free as soon as that is heard
        async with asyncio.timeout(20):
            while not isinstance(await live.admit(asked("next")), Held):  # noqa: ASYNC110  # each asks anew
                await asyncio.sleep(0.01)
        await live.close()

    asyncio.run(scenario())


def test_what_a_frozen_valkey_finds_when_it_goes_on_takes_nobodys_place(own: OwnValkey) -> None:
    """Its gate has given up the question and closed the connection: nobody is there to withdraw it."""

    async def scenario() -> None:
        live, other = own.gate(), own.gate()
        assert isinstance(await live.admit(asked("first")), Held)
        live.ended([("first", [PLACE.key])])
        assert isinstance(await other.admit(asked("second")), Held)
        other.ended([("second", [PLACE.key])])
        own.process.send_signal(signal.SIGSTOP)
        live._wire._deadline_s = 0.2
        assert await live.admit(asked("gone")) == Unavailable(what="redis", why="redis-timeout")
        await live.close()
        await asyncio.sleep(0.1)
        own.process.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.1)
        assert isinstance(await other.admit(asked("third")), Held)
        await other.close()

    asyncio.run(scenario())


def test_a_connection_to_a_frozen_valkey_asks_nothing(own: OwnValkey) -> None:
    """The kernel takes it; nobody has told Valkey's time, so no question could carry its end."""

    async def scenario() -> None:
        live = own.gate(0.2)
        own.process.send_signal(signal.SIGSTOP)
        lost = Unavailable(what="redis", why="redis-unreachable")
        fact, took_s = await within_s(live, "a")
        assert (fact, took_s >= 0.2) == (lost, True)
        # who comes later does not wait for what others wait for in vain
        later = asyncio.create_task(live.admit(asked("b")))
        for _ in range(20):
            await asyncio.sleep(0)
        assert later.done()
        assert later.result() == lost
        own.process.send_signal(signal.SIGCONT)
        live._wire._deadline_s = 10.0
        assert isinstance(await live.admit(asked("c")), Held)
        await live.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("ahead_s", [-3600.0, 3600.0])
def test_a_valkey_whose_clock_was_set_is_asked_by_its_new_time(own: OwnValkey, ahead_s: float) -> None:
    async def scenario() -> None:
        live = own.gate()
        assert isinstance(await live.admit(asked("a")), Held)
        live._wire._ahead_s += ahead_s  # as if it had been set meanwhile
        assert isinstance(await live.admit(asked("a")), Held)
        assert isinstance(await live.admit(asked("b")), Over)
        await live.close()

    asyncio.run(scenario())


def test_a_connection_that_hangs_is_given_up(own: OwnValkey) -> None:
    async def scenario() -> None:
        live = own.gate(PATIENCE_S)
        assert isinstance(await live.admit(asked("a")), Held)
        own.process.send_signal(signal.SIGSTOP)
        await live.admit(asked("b"))
        await asyncio.sleep(GIVE_UP_S - PATIENCE_S + 0.1)
        await live.admit(asked("c"))  # sees that it hangs
        own.process.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.05)
        assert isinstance(await live.admit(asked("d")), Over)
        assert isinstance(await live.admit(asked("a")), Held)
        await live.close()

    asyncio.run(scenario())


def test_what_was_given_up_while_it_was_lost_is_free_when_it_is_back(own: OwnValkey) -> None:
    async def scenario() -> None:
        live = own.gate()
        assert isinstance(await live.admit(asked("a")), Held)
        own.wait_until_written()
        own.kill()
        await asyncio.sleep(0.05)
        live.ended([("a", [PLACE.key])])
        own.start()
        # the first who asks connects, and what waited goes before him
        assert isinstance(await live.admit(asked("b")), Held)
        await live.close()

    asyncio.run(scenario())


def test_what_valkey_refuses_is_told_by_its_word(own: OwnValkey) -> None:
    async def scenario(live: LiveClient) -> object:
        try:
            return await live.admit(asked("a"))
        finally:
            await live.close()

    own.paths.valkey_secret("gate").write_text("wrong")
    assert asyncio.run(scenario(own.gate())) == Unavailable(what="redis", why="redis-refused")
    without = OwnValkey(functions=False)
    try:
        told = asyncio.run(scenario(without.gate()))
        assert told == Unavailable(what="redis", why="redis-function-missing")
    finally:
        without.close()


def test_who_comes_after_the_refusal_is_told_of_it_too(
    own: OwnValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal of its password may be there before the first question, which nobody would answer."""
    opens = Wire._open

    async def slowly(wire: Wire) -> Any:
        opened = await opens(wire)
        await asyncio.sleep(0.05)
        return opened

    async def scenario() -> None:
        live = own.gate()
        assert await live.admit(asked("a")) == Unavailable(what="redis", why="redis-refused")
        await live.close()

    monkeypatch.setattr(Wire, "_open", slowly)
    own.paths.valkey_secret("gate").write_text("wrong")
    asyncio.run(scenario())


def test_many_questions_on_one_connection(own: OwnValkey) -> None:
    async def scenario() -> None:
        live = own.gate()
        await live.admit(asked("warm"))
        facts = await asyncio.gather(*(live.admit(asked(f"r{i}")) for i in range(500)))
        assert all(isinstance(fact, Over) for fact in facts)
        with own.asks("root") as root:
            clients = root.ask("INFO", "clients").decode()
        assert "connected_clients:2\r\n" in clients
        await live.close()

    asyncio.run(scenario())
