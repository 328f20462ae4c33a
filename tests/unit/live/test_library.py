"""The functions, by what they answer: places, rates, nonces, and who may do what."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable

import pytest

from sipkit.valkey import OwnValkey
from trunkward.admission.ports import (
    Asked,
    Counter,
    Forgotten,
    Held,
    LiveFact,
    NonceUse,
    Over,
    Rate,
    Replayed,
)
from trunkward.live import library
from trunkward.live.ask import NotAnswered
from trunkward.live.client import LiveClient

_fresh = itertools.count()


def key() -> str:
    return f"calls:trunk:t{next(_fresh)}"


def asked(record_id: str, *counters: Counter, hold_s: float = 60, **more: object) -> Asked:
    return Asked(record_id=record_id, hold_s=hold_s, counters=counters, **more)  # type: ignore[arg-type]


def run(valkey: OwnValkey, scenario: Callable[[LiveClient], Awaitable[None]]) -> None:
    async def whole() -> None:
        client = valkey.gate()
        try:
            await scenario(client)
        finally:
            await client.close()

    asyncio.run(whole())


def test_as_many_as_there_are_places(valkey: OwnValkey) -> None:
    async def scenario(live: LiveClient) -> None:
        place = Counter(key=key(), most=2)
        assert isinstance(await live.admit(asked("a", place)), Held)
        assert isinstance(await live.admit(asked("b", place)), Held)
        assert await live.admit(asked("c", place)) == Over(key=place.key, most=2, retry_after_s=5)
        # the same attempt asked again by another gate has its place already
        assert isinstance(await live.admit(asked("a", place)), Held)
        live.ended([("a", [place.key])])
        assert isinstance(await live.admit(asked("c", place)), Held)

    run(valkey, scenario)


def test_all_or_nothing(valkey: OwnValkey) -> None:
    async def scenario(live: LiveClient) -> None:
        wide, narrow = Counter(key=key(), most=5), Counter(key=key(), most=1)
        rate = Rate(key="rate:trunk:all", per_second=1, burst=1)
        assert isinstance(await live.admit(asked("a", narrow)), Held)
        assert await live.admit(asked("b", wide, narrow, rates=(rate,))) == Over(
            key=narrow.key, most=1, retry_after_s=5
        )
        # neither the place before it nor the rate was used up
        with valkey.asks("root") as root:
            assert root.ask(*library.count([wide, rate])) == [0, 0]
        over = await live.admit(asked("c", Counter(key=key(), most=0)))
        assert isinstance(over, Over)
        assert over.retry_after_s is None, "waiting does not help where nothing is allowed"

    run(valkey, scenario)


def within_s(fact: object, rate: Rate, seconds: int) -> bool:
    """Whether the next may come in so many seconds, or in a few less: the machine took those from one to the next."""
    return (
        isinstance(fact, Over)
        and (fact.key, fact.most) == (rate.key, rate.per_second)
        and fact.retry_after_s is not None
        and seconds / 2 < fact.retry_after_s <= seconds
    )


def test_a_rate_lets_a_burst_through_and_says_when_the_next_may_come(valkey: OwnValkey) -> None:
    async def scenario(live: LiveClient) -> None:
        rate = Rate(key=f"rate:trunk:r{next(_fresh)}", per_second=0.02, burst=4)
        facts = [await live.admit(asked(f"r{i}", rates=(rate,))) for i in range(5)]
        assert [isinstance(fact, Held) for fact in facts] == [True] * 4 + [False]
        assert within_s(facts[4], rate, 50)
        # asked again it is the same attempt, which has gone through
        assert isinstance(await live.admit(asked("r0", rates=(rate,))), Held)
        with valkey.asks("gate") as gate:  # 50 seconds pass
            arrival_us = int(gate.ask("GET", rate.key))
            gate.ask("SET", rate.key, str(arrival_us - 50_000_000), "PX", "3600000")
        assert isinstance(await live.admit(asked("r6", rates=(rate,))), Held)
        assert isinstance(await live.admit(asked("r7", rates=(rate,))), Over)
        never = Rate(key="rate:trunk:never", per_second=0, burst=0)
        assert await live.admit(asked("n", rates=(never,))) == Over(key=never.key, most=0, retry_after_s=None)

    run(valkey, scenario)


def test_room_is_told_of_without_a_place_taken(valkey: OwnValkey) -> None:
    """As `admit` would answer: also who has been answered already, and may ask again, has his place."""

    async def scenario(live: LiveClient) -> None:
        place = Counter(key=key(), most=1)
        rate = Rate(key=f"rate:trunk:r{next(_fresh)}", per_second=0.02, burst=2)
        for _ in range(3):
            assert await live.over(asked("a", place, rates=(rate,))) is None
        assert isinstance(await live.admit(asked("a", place, rates=(rate,))), Held)
        full = Over(key=place.key, most=1, retry_after_s=5)
        assert await live.over(asked("b", place, rates=(rate,))) == full
        assert await live.over(asked("a", place, rates=(rate,))) is None
        assert await live.over(asked("c", rates=(rate,))) is None
        assert isinstance(await live.admit(asked("c", rates=(rate,))), Held)
        assert within_s(await live.over(asked("d", rates=(rate,))), rate, 50)
        assert await live.over(asked("c", rates=(rate,))) is None
        live.ended([("a", [place.key])])
        assert await live.over(asked("b", place)) is None

    run(valkey, scenario)


def test_nobody_tells_of_room(own: OwnValkey) -> None:
    async def scenario(live: LiveClient) -> None:
        own.close()
        assert await live.over(asked("a", Counter(key=key(), most=0))) is None

    run(own, scenario)


def test_a_clock_that_was_set_back_shuts_nobody_out(valkey: OwnValkey) -> None:
    """What a rate remembers is a time on Valkey's clock: an hour ahead, it would refuse every call for an hour."""

    async def scenario(live: LiveClient) -> None:
        rate = Rate(key=f"rate:trunk:r{next(_fresh)}", per_second=0.02, burst=2)
        with valkey.asks("gate") as gate:
            gate.ask("SET", rate.key, str(int((time.time() + 3600) * 1e6)), "PX", "3600000")
        facts = [await live.admit(asked(f"{rate.key}{i}", rates=(rate,))) for i in range(3)]
        assert [isinstance(fact, Held) for fact in facts] == [True, True, False]
        assert within_s(facts[2], rate, 50)

    run(valkey, scenario)


@pytest.mark.parametrize(
    ("uses", "good"),
    [
        ([1, 2, 3], [True, True, True]),
        ([1, 1], [True, False]),
        # out of order, as two connections may be: each once
        ([3, 1, 2, 2, 1, 3], [True, True, True, False, False, False]),
        # older than the window: nobody remembers whether it was used
        ([100, 36, 37, 36, 37], [True, False, True, False, False]),
        ([1, 65, 1, 2], [True, True, False, True]),
        ([1, 66, 2], [True, True, False]),
        ([4_294_967_295, 4_294_967_295], [True, False]),
    ],
)
def test_a_nonce_is_used_once_for_each_count(valkey: OwnValkey, uses: list[int], good: list[bool]) -> None:
    nonce = f"n{next(_fresh)}"

    async def scenario(live: LiveClient) -> None:
        await told_of_epoch(live)
        facts: list[LiveFact] = []
        for number, nc in enumerate(uses):
            use = use_of(nonce, nc, live)
            facts.append(await live.admit(asked(f"{nonce}-{number}", nonce=use)))
        assert [isinstance(fact, Held) for fact in facts] == good
        assert all(isinstance(fact, Held | Replayed) for fact in facts)
        # the gate that asked first has died before it could say so
        use = use_of(nonce, uses[0], live)
        assert isinstance(await live.admit(asked(f"{nonce}-0", nonce=use)), Held)

    run(valkey, scenario)


async def told_of_epoch(live: LiveClient) -> None:
    """Answers come in the order of the questions, and that for the epoch is the first."""
    await live.admit(asked("x", Counter(key="calls:trunk:none", most=0)))
    assert live.epoch


def use_of(nonce: str, nc: int, live: LiveClient) -> NonceUse:
    return NonceUse(nonce=nonce, nc=nc, until=time.time() + 30, epoch=live.epoch)


@pytest.mark.parametrize("loss", ["killed", "everything", "functions"])
def test_a_nonce_of_before_a_loss_is_good_for_nobody(own: OwnValkey, loss: str) -> None:
    """Its uses may be among what is gone: with Valkey killed, the last second of its file."""

    async def scenario(live: LiveClient) -> None:
        await told_of_epoch(live)
        use = use_of("n", 1, live)
        assert isinstance(await live.admit(asked("a", nonce=use)), Held)
        own.wait_until_written()
        if loss == "killed":
            own.kill()
            own.start()
        elif loss == "everything":
            own.lose_everything()
        else:
            with own.asks("worker") as worker:
                worker.ask("FUNCTION", "LOAD", "REPLACE", library.text())
        await told_of_epoch(live)
        # also with a count nobody has used, and by a gate that has not heard of it yet
        for nc in (1, 2):
            replayed = NonceUse(nonce="n", nc=nc, until=use.until, epoch=use.epoch)
            assert await live.admit(asked(f"b{nc}", nonce=replayed)) == Forgotten()
        assert live.epoch > use.epoch
        assert isinstance(await live.admit(asked("c", nonce=use_of("m", 1, live))), Held)
        assert isinstance(await live.admit(asked("d", nonce=use_of("m", 1, live))), Replayed)

    run(own, scenario)


def test_a_gate_that_was_not_told_of_an_epoch_learns_it_by_a_refusal(valkey: OwnValkey) -> None:
    async def scenario(live: LiveClient) -> None:
        await told_of_epoch(live)
        known, live.epoch = live.epoch, 0
        assert await live.admit(asked("before", nonce=use_of("early", 1, live))) == Forgotten()
        assert live.epoch == known
        assert isinstance(await live.admit(asked("after", nonce=use_of("later", 1, live))), Held)

    run(valkey, scenario)


def test_what_nobody_waits_for_any_more_is_not_done(valkey: OwnValkey) -> None:
    place = Counter(key=key(), most=1)
    with valkey.asks("gate") as gate:
        now_ms = time.time() * 1000
        for command in (
            library.admit(
                asked("late", place, rates=(Rate(key=f"rate:{place.key}", per_second=1, burst=1),))
            ),
            library.bind(place.key, "", "{}", 60),
        ):
            word, told_ms = gate.ask(*command, str(int(now_ms - 1)))
            assert (word, now_ms - 1000 < told_ms < now_ms + 60_000) == (b"late", True)
        assert gate.ask("EXISTS", place.key, f"rate:{place.key}", f"bindings:{place.key}") == 0
        assert gate.ask(*library.admit(asked("in time", place)), str(int(now_ms + 60_000)))[0] == b"held"


def test_a_reservation_that_another_gate_has_taken_over_is_not_given_up(valkey: OwnValkey) -> None:
    async def scenario(live: LiveClient) -> None:
        place = Counter(key=key(), most=1)
        first = await live.admit(asked("a", place))
        second = await live.admit(asked("a", place))
        assert isinstance(first, Held)
        assert isinstance(second, Held)
        live.withdraw(first)
        assert isinstance(await live.admit(asked("b", place)), Over)
        live.withdraw(second)
        assert isinstance(await live.admit(asked("b", place)), Held)

    run(valkey, scenario)


def test_a_hold_ends_by_itself_unless_it_is_renewed(valkey: OwnValkey) -> None:
    async def scenario(live: LiveClient) -> None:
        place = Counter(key=key(), most=2)
        await live.admit(asked("dies", place, hold_s=60))
        await live.admit(asked("lives", place, hold_s=60))
        live.renew([("lives", [place.key])], 120)
        assert isinstance(await live.admit(asked("c", place)), Over)
        with valkey.asks("gate") as gate:  # 60 seconds pass
            for record_id in ("dies", "lives"):
                until_ms = float(gate.ask("ZSCORE", place.key, record_id))
                gate.ask("ZADD", place.key, str(until_ms - 60_000), record_id)
        assert isinstance(await live.admit(asked("c", place)), Held)
        assert isinstance(await live.admit(asked("d", place)), Over)

    run(valkey, scenario)


def test_a_renewal_that_comes_after_the_end_brings_no_call_back(valkey: OwnValkey) -> None:
    async def scenario(live: LiveClient) -> None:
        place = Counter(key=key(), most=1)
        await live.admit(asked("a", place))
        live.ended([("a", [place.key])])
        live.renew([("a", [place.key]), ("b", [place.key])], 30)
        assert isinstance(await live.admit(asked("c", place)), Over)  # b's, which was lost and is renewed
        live.ended([("b", [place.key])])
        assert isinstance(await live.admit(asked("c", place)), Held)

    run(valkey, scenario)


def test_a_gate_may_do_nothing_else(valkey: OwnValkey) -> None:
    refused = [
        ("KEYS", "*"), ("SCAN", "0"), ("FLUSHALL",), ("CONFIG", "GET", "*"), ("EVAL", "return 1", "0"),
        ("FUNCTION", "LOAD", "REPLACE", library.text()), ("FUNCTION", "LIST"), ("ACL", "LIST"), ("ACL", "LOAD"),
        ("SHUTDOWN",), ("GET", "of:somebody:else"), ("ZADD", "other", "1", "x"), ("MONITOR",),
    ]  # fmt: skip
    with valkey.asks("gate") as gate:
        for command in refused:
            with pytest.raises(NotAnswered, match="NOPERM"):
                gate.ask(*command)
    with valkey.asks("worker") as worker:
        for command in (("GET", "calls:x"), ("CONFIG", "GET", "*")):
            with pytest.raises(NotAnswered, match="NOPERM"):
                worker.ask(*command)
