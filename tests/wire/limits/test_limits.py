"""Limits on live calls: n go and the next does not, at each level; a place is free at once, however its call ended."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from sipkit import Call
from sipkit.agent import answer_at_once
from sipkit.message import Message
from trunkward.admission.ports import Asked, Counter, Held, Over
from trunkward.live import library
from trunkward.live.ask import Valkey
from trunkward.live.client import LiveClient
from wire.conftest import Node
from wire.limits.conftest import GRANT_S
from wire.node.parties import until
from wire.records.parties import CALLED, DOMAIN, OWN, Parties, eventually, parties

SECOND, THIRD = "+12025550102", "+12025550103"
ABROAD, FREE = "+442079460123", "+18005550123"
#: Seconds in which a place is free after its call's end: at once, and not when nobody has renewed it.
FREE_S = GRANT_S - 0.5


def in_use(node: Node) -> dict[tuple[str, str], int]:
    """What `trunkward limits` says, by whose and what."""
    told = node.trunkward("limits", "acme-hq", "--json")
    assert told.returncode == 0, told.stderr
    return {(row["whose"], row["what"]): row["in_use"] for row in json.loads(told.stdout)["limits"]}


def empty(node: Node) -> bool:
    return not any(count for (_, what), count in in_use(node).items() if "a second" not in what)


def have_places(node: Node) -> int:
    """How many calls of the trunk have one, as Valkey counts."""
    with Valkey(node.paths.valkey, "root", node.paths.valkey_secret("root")) as valkey:
        (count,) = valkey.ask(*library.count([Counter(key="calls:trunk:acme-hq", most=3)]))
    return int(count)


async def freed(node: Node, left: int = 0) -> None:
    """Waits until no more than these have one."""
    await until(lambda: have_places(node) <= left, "the place of a call that is over", FREE_S)


async def up(lab: Parties, *, sender: str = OWN, called: str = CALLED) -> tuple[Call, Call]:
    """A call that is answered; both its sides."""
    call = await lab.call(sender=sender, called=called)
    final = await call.final()
    assert final.status == 200, final.get("Reason")
    there = await lab.north.incoming()
    await there.confirmed()
    return call, there


async def down(call: Call, there: Call) -> None:
    assert (await call.bye()).status == 200
    await there.ended()


def refused(node: Node, call: Call, final: Message, status: int, reason: str, detail: str) -> None:
    """Asserts what a refusal by a limit says: to the peer, and in its record."""
    assert final.status == status
    assert f'SIP;cause={status};text="{reason}"' in final.get_all("Reason")
    assert int(final.get("Retry-After", "0")) >= 1
    record = node.record(call.invite.call_id)
    (found,) = [finding for finding in record["findings"] if finding.get("refused")]
    assert (found["check"], found["detail"]) == ("limits", detail)
    assert found["remedy"]


LEVELS = [
    # numbers in turn, so that none of them is the first limit
    ([OWN, SECOND, THIRD, OWN], CALLED, "trunk acme-hq has 3 calls, and all are in use"),
    ([OWN, OWN, OWN], CALLED, "trunk acme-hq has 2 calls of one number, and all are in use"),
    ([OWN, SECOND], ABROAD, "tenant acme has 1 international calls, and all are in use"),
    ([OWN, SECOND], FREE, "reseller west has 1 toll-free calls, and all are in use"),
]


@pytest.mark.parametrize(("senders", "called", "detail"), LEVELS, ids=["trunk", "number", "abroad", "class"])
def test_one_more_than_there_are_places(node: Node, senders: list[str], called: str, detail: str) -> None:
    """Summary: n calls go, the next gets 503 with its reason, cause and Retry-After; after one BYE the next goes."""

    async def scenario() -> None:
        async with parties(node) as lab:
            *first, last = senders
            there = [await up(lab, sender=sender, called=called) for sender in first]
            call = await lab.call(sender=last, called=called)
            final = await call.final()
            await asyncio.to_thread(refused, node, call, final, 503, "limit-calls", detail)
            assert any("Q.850;cause=34" in value for value in final.get_all("Reason"))
            assert "acme" not in final.get("Warning"), "whose limit it is stays in the record"
            await down(*there.pop())
            await freed(node, len(there))
            there.append(await up(lab, sender=last, called=called))
            for each in there:
                await down(*each)

    asyncio.run(scenario())
    eventually(lambda: empty(node), FREE_S, "all places are free")


def test_inbound_calls_are_busy(node: Node) -> None:
    """Summary: inbound calls count for the number called; the one too many gets 486, and the carrier is not told what the customer has."""

    async def scenario() -> None:
        async with parties(node) as lab:

            async def inbound() -> Call:
                return await lab.north.call(
                    f"sip:{OWN}@{DOMAIN}", lab.north_flow, sender=f"<sip:{CALLED}@north.example.net>"
                )

            calls = []
            for _ in range(2):
                call = await inbound()
                assert (await call.final()).status == 200
                calls.append((call, await lab.customer.incoming()))
                await calls[-1][1].confirmed()
            call = await inbound()
            final = await call.final()
            detail = "trunk acme-hq has 2 calls of one number, and all are in use"
            await asyncio.to_thread(refused, node, call, final, 486, "limit-calls", detail)
            assert "Q.850;cause=17" in " ".join(final.get_all("Reason"))
            assert "acme" not in final.get("Warning")
            for each in calls:
                await down(*each)

    asyncio.run(scenario())
    eventually(lambda: empty(node), FREE_S, "all places are free")


async def hung_up_there(lab: Parties) -> None:
    call, there = await up(lab, called=ABROAD)
    assert (await there.bye()).status == 200
    await call.ended()


async def rings(call: Call) -> None:
    call.ring()


async def declines(call: Call) -> None:
    call.reply(603)


async def cancelled(lab: Parties) -> None:
    lab.north.on_call = rings
    call = await lab.call(called=ABROAD)
    await call.received(180)
    assert (await call.cancel()).status == 200
    assert (await call.final()).status == 487
    assert await (await lab.north.incoming()).ended() == "cancelled"
    lab.north.on_call = answer_at_once


async def declined(lab: Parties) -> None:
    lab.north.on_call = declines
    call = await lab.call(called=ABROAD)
    assert (await call.final()).status == 603
    await lab.north.incoming()
    lab.north.on_call = answer_at_once


async def hung_up_here(lab: Parties) -> None:
    await down(*await up(lab, called=ABROAD))


type Ending = Callable[[Parties], Awaitable[None]]


@pytest.mark.parametrize("end", [hung_up_here, hung_up_there, cancelled, declined])
def test_a_place_is_free_however_the_call_ends(node: Node, end: Ending) -> None:
    """Summary: after a BYE of either side, a CANCEL, a refusal by the callee: the one place abroad takes the next call, long before its grant were over."""

    async def scenario() -> None:
        async with parties(node) as lab:
            for _ in range(3):
                await end(lab)
                await freed(node)
            await down(*await up(lab, called=ABROAD))

    asyncio.run(scenario())


def test_two_gates_and_another_node_count_together(node: Node) -> None:
    """Summary: many calls at once through both gates, and another node's on the same Valkey: together never more than the limit."""

    async def scenario() -> None:
        other = LiveClient(node.paths.valkey, "gate", node.paths.valkey_secret("gate"), deadline_s=10)
        place = Counter(key="calls:tenant:acme", most=4)
        try:
            held = await other.admit(Asked(record_id="f" * 32, hold_s=30, counters=(place,)))
            assert isinstance(held, Held)
            async with parties(node) as lab:
                # the other node has one of the tenant's four; the trunk's three are then all there are
                calls = [await lab.call(sender=sender) for sender in (OWN, SECOND, THIRD) * 4]
                finals = await asyncio.gather(*(call.final() for call in calls))
                assert sorted(final.status for final in finals) == [200] * 3 + [503] * 9
                assert isinstance(
                    await other.admit(Asked(record_id="e" * 32, hold_s=30, counters=(place,))), Over
                )
                for call, final in zip(calls, finals, strict=True):
                    if final.status == 200:
                        assert (await call.bye()).status == 200
                await freed(node)
                for number in range(3):
                    fact = await other.admit(Asked(record_id=f"{number:032x}", hold_s=0.2, counters=(place,)))
                    assert isinstance(fact, Held)
            other.withdraw(held)
            await asyncio.sleep(0.3)
        finally:
            await other.close()

    asyncio.run(scenario())
    eventually(lambda: {record["gate"] for record in node.calls()} >= {0, 1}, 20, "records of both gates")
    eventually(lambda: empty(node), FREE_S, "all places are free")


def test_limits_outlive_grants_and_a_killed_valkey(node: Node) -> None:
    """Summary: calls held over several grants keep their places; Valkey killed, or without its data: right again within a grant."""

    async def scenario() -> None:
        async with parties(node) as lab:
            there = [await up(lab, sender=sender) for sender in (OWN, SECOND, THIRD)]

            async def full(within_s: float) -> None:
                end = time.monotonic() + within_s
                while True:
                    call = await lab.call()
                    final = await call.final()
                    if final.status == 503 and "limit-calls" in " ".join(final.get_all("Reason")):
                        return
                    if final.status == 200:
                        await down(call, await lab.north.incoming())
                    assert time.monotonic() < end, final.get("Reason")
                    await asyncio.sleep(0.2)

            await asyncio.sleep(2 * GRANT_S)
            await full(0)
            os.kill(await asyncio.to_thread(node.pid, "valkey"), signal.SIGKILL)
            await full(15)
            # everything it knew is gone
            pid = await asyncio.to_thread(node.pid, "valkey")
            supervisor = int((node.run / "supervisor.pid").read_text())
            os.kill(supervisor, signal.SIGSTOP)
            os.kill(pid, signal.SIGKILL)
            for file in (node.state / "live" / "aof").iterdir():
                file.unlink()
            os.kill(supervisor, signal.SIGCONT)
            await full(15)
            for each in there:
                await down(*each)

    asyncio.run(scenario())
    # a ledger that has lost all thaws when it has been told of all, and long before its longest grant
    node.wait_ready(15)
    eventually(lambda: empty(node), GRANT_S + 10, "all places are free")


@pytest.mark.parametrize("part", ["gate-0", "kamailio"])
def test_a_killed_part_keeps_no_place_for_longer_than_a_grant(node: Node, part: str) -> None:
    """Summary: a gate, or Kamailio, killed under calls that ring: their places are free soon after a grant."""

    async def scenario() -> None:
        async with parties(node) as lab:
            lab.north.on_call = rings
            calls = [await lab.call(sender=sender) for sender in (OWN, SECOND, THIRD)]
            for call in calls:
                await call.received(180)
            assert not await asyncio.to_thread(empty, node)
            for pid in await asyncio.to_thread(node.family, part):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if part != "kamailio":
                for call in calls:
                    await call.cancel()

    with suppress(Exception):  # with Kamailio the connections are gone
        asyncio.run(scenario())
    node.wait_ready()
    eventually(lambda: empty(node), GRANT_S + 10, "all places are free")


def test_ringing_for_longer_than_a_grant_keeps_the_place(node: Node) -> None:
    """Summary: a call that rings for three grants holds its place all the time, and gives it back when it is cancelled."""

    async def scenario() -> None:
        async with parties(node) as lab:
            lab.north.on_call = rings
            call = await lab.call(called=ABROAD)
            await call.received(180)
            there = await lab.north.incoming()
            for _ in range(3):
                await asyncio.sleep(GRANT_S)
                other = await lab.call(sender=SECOND, called=ABROAD)
                assert (await other.final()).status == 503
            assert (await call.cancel()).status == 200
            assert await there.ended() == "cancelled"
            lab.north.on_call = answer_at_once
            await freed(node)
            await down(*await up(lab, called=ABROAD))

    asyncio.run(scenario())
