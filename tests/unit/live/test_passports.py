"""Signatures seen, by all gates of all nodes on one Valkey. Property 15: replays fail, forks and repetitions pass."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from sipkit.valkey import OwnValkey
from trunkward.admission.ports import Asked, Counter, Held, LiveFact, Over, Rate
from trunkward.live.ask import NotAnswered
from trunkward.live.library import REMEMBERED_S
from trunkward.live.seen import SeenPassports

_fresh = itertools.count(1)


def asked(
    number: int, *passports: str, call: str, counters: tuple[Counter, ...] = (), rates: Any = ()
) -> Asked:
    return Asked(
        record_id=f"p{number}", hold_s=60, counters=counters, rates=rates, passports=passports, call_mark=call
    )


def run(valkey: OwnValkey, scenario: Callable[..., Any]) -> None:
    async def whole() -> None:
        gates = [valkey.gate(), valkey.gate()]

        async def admit(gate: int, question: Asked) -> LiveFact:
            return await gates[gate].admit(question)

        try:
            await scenario(admit)
        finally:
            for gate in gates:
                await gate.close()

    asyncio.run(whole())


def replayed(fact: LiveFact) -> int:
    assert isinstance(fact, Held), fact
    return fact.replayed


def test_with_another_call_it_is_a_replay(valkey: OwnValkey) -> None:
    async def scenario(admit: Any) -> None:
        first, second = f"k{next(_fresh)}", f"k{next(_fresh)}"
        number = next(_fresh) * 100
        assert replayed(await admit(0, asked(number, first, call="a"))) == 0
        # a fork, at another gate: another record, the same call
        assert replayed(await admit(1, asked(number + 1, first, call="a"))) == 0
        # an attempt that is asked again, because a gate has died
        assert replayed(await admit(1, asked(number, first, call="a"))) == 0
        assert replayed(await admit(1, asked(number + 2, first, call="b"))) == 1
        # the thief's call does not make it his
        assert replayed(await admit(0, asked(number + 3, first, call="b"))) == 1
        assert replayed(await admit(0, asked(number + 4, second, first, call="b"))) == 2
        assert replayed(await admit(0, asked(number + 5, first, call="a"))) == 0

    run(valkey, scenario)


def test_beside_places_rates_and_money_nothing_is_mistaken(valkey: OwnValkey) -> None:
    """The answer's numbers and the arguments' places: with counters and rates, and with none of them."""

    async def scenario(admit: Any) -> None:
        key, number = f"k{next(_fresh)}", next(_fresh) * 100
        place, rate = (
            Counter(key=f"calls:trunk:{key}", most=1),
            Rate(key=f"rate-in:{key}", per_second=1, burst=2),
        )
        fact = await admit(0, asked(number, key, call="a", counters=(place,), rates=(rate,)))
        assert replayed(fact) == 0
        assert fact.counters == (place.key,)
        over = await admit(0, asked(number + 1, f"{key}x", call="b", counters=(place,), rates=(rate,)))
        assert isinstance(over, Over)
        # what was refused has left no mark: the carrier may send it again
        assert replayed(await admit(1, asked(number + 2, f"{key}x", call="c"))) == 0

    run(valkey, scenario)


def test_it_is_remembered_for_longer_than_any_is_good_and_no_longer(valkey: OwnValkey) -> None:
    async def scenario(admit: Any) -> None:
        key = f"k{next(_fresh)}"
        await admit(0, asked(next(_fresh) * 100, key, call="a"))
        with valkey.asks("root") as root:
            left_s = root.ask("TTL", f"passport:{key}")
        assert REMEMBERED_S - 2 <= left_s <= REMEMBERED_S

    run(valkey, scenario)


def test_nobody_but_gates_sees_them_and_the_fetcher_sees_chains_alone(valkey: OwnValkey) -> None:
    with valkey.asks("fetcher") as fetcher:
        assert fetcher.ask("SET", "chain:a", "b", "PX", "1000") == b"OK"
        assert fetcher.ask("GET", "chain:a") == b"b"
        for command in (
            ("GET", "passport:a"),
            ("SET", "calls:trunk:a", "1"),
            ("DEL", "chain:a"),
            ("KEYS", "*"),
        ):
            with pytest.raises(NotAnswered, match="NOPERM"):
                fetcher.ask(*command)
    with valkey.asks("gate") as gate, pytest.raises(NotAnswered, match="NOPERM"):
        gate.ask("GET", "chain:a")


def test_alone_a_gate_goes_by_what_it_has_seen() -> None:
    seen = SeenPassports()
    assert seen.see(["a"], "1", 0.0) == 0
    assert seen.see(["a"], "1", 1.0) == 0
    assert seen.see(["b", "a"], "2", 1.0) == 2
    assert seen.see(["a"], "2", REMEMBERED_S - 0.1) == 1
    assert seen.see(["a"], "2", REMEMBERED_S) == 0
    assert seen.see(["a"], "1", REMEMBERED_S) == 1
