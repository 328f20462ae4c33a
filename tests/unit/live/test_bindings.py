"""A trunk's bindings in Valkey: changed as a whole, by one at a time, and by nobody who has seen older ones."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from sipkit.valkey import OwnValkey
from trunkward.admission.ports import Unavailable
from trunkward.calls.registration import Binding, Bindings
from trunkward.live.ask import NotAnswered
from trunkward.live.client import LiveClient

ONE = Binding(
    contact="sip:acme-hq@10.0.0.7", path="sip:f@127.0.0.10;lr;ob", node="n", edge="e", flow="f", since=1.5,
    expires_at=2.5, call_id="c", cseq=1, user="acme-hq", source="192.0.2.7:5061", transport="tls",
)  # fmt: skip


def run(valkey: OwnValkey, scenario: Callable[[LiveClient], Awaitable[None]]) -> None:
    async def whole() -> None:
        client = valkey.gate()
        try:
            await scenario(client)
        finally:
            await client.close()

    asyncio.run(whole())


def with_contact(contact: str) -> Callable[[Bindings, float], Bindings]:
    def how(before: Bindings, now: float) -> Bindings:
        new = msgspec.structs.replace(ONE, contact=contact, since=now)
        return Bindings(serial=before.serial + 1, bindings=(new, *before.bindings))

    return how


def test_what_is_put_there_is_there(valkey: OwnValkey) -> None:
    async def scenario(live: LiveClient) -> None:
        put = await live.change("there", with_contact("sip:a@x"))
        assert not isinstance(put, Unavailable)
        seen: list[Bindings] = []

        def look(before: Bindings, _now: float) -> Bindings:
            seen.append(before)
            return before

        found = await live.change("there", look)
        assert not isinstance(found, Unavailable)
        assert seen == [put[0]] == [found[0]]
        # the time is Valkey's
        assert abs(put[0].bindings[0].since - found[1]) < 5

    run(valkey, scenario)


def test_two_at_once_are_both_there(valkey: OwnValkey) -> None:
    async def scenario(live: LiveClient) -> None:
        other = valkey.gate()
        changes = [(live if n % 2 else other).change("busy", with_contact(f"sip:{n}@x")) for n in range(4)]
        done = await asyncio.gather(*changes)
        assert not any(isinstance(one, Unavailable) for one in done)
        found = await live.change("busy", lambda before, _: before)
        assert not isinstance(found, Unavailable)
        assert found[0].serial == 4
        assert {one.contact for one in found[0].bindings} == {f"sip:{n}@x" for n in range(4)}
        await other.close()

    run(valkey, scenario)


def test_what_is_raised_changes_nothing(valkey: OwnValkey) -> None:
    def refuse(_before: Bindings, _now: float) -> Bindings:
        raise LookupError("no")

    async def scenario(live: LiveClient) -> None:
        await live.change("kept", with_contact("sip:a@x"))
        with pytest.raises(LookupError):
            await live.change("kept", refuse)
        found = await live.change("kept", lambda before, _: before)
        assert not isinstance(found, Unavailable)
        assert found[0].serial == 1

    run(valkey, scenario)


def test_of_another_versions_form_nothing_is_read(valkey: OwnValkey) -> None:
    async def scenario(live: LiveClient) -> None:
        with valkey.asks("root") as root:
            root.ask("SET", "bindings:old", '{"serial":"x"}')
        found = await live.change("old", with_contact("sip:a@x"))
        assert not isinstance(found, Unavailable)
        assert [one.contact for one in found[0].bindings] == ["sip:a@x"]

    run(valkey, scenario)


def test_the_worker_may_not_touch_them(valkey: OwnValkey) -> None:
    with valkey.asks("worker") as worker, pytest.raises(NotAnswered, match="NOPERM"):
        worker.ask("GET", "bindings:there")
