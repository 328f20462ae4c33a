"""Money on live calls: reserved before it is spent, cut where it ends, free again to the millionth, right after a crash."""

import asyncio
import os
import signal
import time
from contextlib import suppress
from math import ceil

from sipkit import Call
from trunkward.live import money
from trunkward.live.ask import NotAnswered, Valkey
from wire.conftest import Node
from wire.money.conftest import CAP, GRANT_S, SECOND, SETTLED_S, SLICE, lose_the_ledger, node_with
from wire.posture.test_rows import database_refusing
from wire.records.parties import Parties, eventually, parties

TRUNK = "money:trunk:acme-hq"
#: Seconds in which a Valkey that was killed grants again.
THAWED_S = 30.0
#: Those in which a node's gates have heard of a new epoch, and its edge has told of its calls.
HEARD_S = 4.0
#: Those after which all is as well known to a new ledger as it will be, were it not for records.
TOLD_S = 8.0


def spent(node: Node, owner: str = TRUNK) -> money.Spent:
    """What the trunk's calls, or another owner's, have cost this hour, and may cost yet."""
    with Valkey(node.paths.valkey, "root", node.paths.valkey_secret("root")) as valkey:
        (found,) = money.windows_of(valkey.ask(*money.spent([owner])))
    return found


async def up(lab: Parties) -> tuple[Call, Call]:
    call = await lab.call()
    final = await call.final()
    assert final.status == 200, final.get_all("Reason")
    there = await lab.north.incoming()
    await there.confirmed()
    return call, there


async def refused(lab: Parties, node: Node, status: int, reason: str) -> str:
    """Places a call that has no money; what its record says."""
    call = await lab.call()
    final = await call.final()
    assert (final.status, reason in " ".join(final.get_all("Reason"))) == (status, True), final.get_all(
        "Reason"
    )
    assert "EUR" not in final.get("Warning", "")
    record = await asyncio.to_thread(node.record, call.invite.call_id)
    (found,) = [finding for finding in record["findings"] if finding.get("refused")]
    assert found["check"] == "spend"
    assert found["remedy"]
    return str(found["detail"])


async def thawed(lab: Parties) -> Call:
    """The first call that the ledger judges after it may have lost something."""
    until = time.monotonic() + THAWED_S
    while True:
        call = await lab.call()
        final = await call.final()
        reasons = " ".join(final.get_all("Reason"))
        if "spend-cap" in reasons or final.status == 200:
            return call
        assert final.status == 503, reasons
        assert time.monotonic() < until, reasons
        await asyncio.sleep(0.2)


def is_free(node: Node) -> None:
    """Waits until nothing is held."""
    eventually(lambda: spent(node).granted == 0, SETTLED_S, "all of it is free")


def charged(node: Node, calls: list[Call]) -> int:
    """What calls that are over have cost, by what their outcomes say of their time."""
    records = [node.record(call.invite.call_id, ended=True) for call in calls]
    for record in records:
        assert record["money"]["sale"]["deck"] == "retail"
        assert record["money"]["owners"] == ["trunk:acme-hq"]
    return sum(ceil(record["answered_ms"] / 1000) * SECOND for record in records)


def test_a_cap_holds_and_what_is_left_is_free_again() -> None:
    """Summary: two calls have their slices, a third is refused with its reason and no amount; hung up, each costs its time and not a millionth more; the next goes."""
    with node_with(f'{{hour: "{CAP / 10**6:.2f}", call: none}}') as node:
        asyncio.run(two_calls(node))


async def two_calls(node: Node) -> None:
    async with parties(node) as lab:
        pairs = [await up(lab), await up(lab)]
        assert spent(node).granted == 2 * SLICE
        said = await refused(lab, node, 403, "spend-cap")
        assert said.startswith(f"trunk acme-hq may cost {CAP / 10**6:.2f} EUR an hour: ")
        for call, there in pairs:
            assert (await call.bye()).status == 200
            await there.ended()
        await asyncio.to_thread(is_free, node)
        again, _ = await up(lab)
        assert (await again.bye()).status == 200
        await asyncio.to_thread(is_free, node)
    calls = [again, *(call for call, _ in pairs)]
    left = await asyncio.to_thread(spent, node)
    assert (left.granted, left.hour) == (0, await asyncio.to_thread(charged, node, calls))
    assert left.hour > 0


def test_a_call_that_was_cancelled_costs_nothing() -> None:
    """Summary: a call holds its first slice while it rings, and all of it is free when its caller gives up."""
    with node_with(f'{{hour: "{CAP / 10**6:.2f}", call: none}}') as node:

        async def scenario() -> None:
            async with parties(node) as lab:

                async def rings(call: Call) -> None:
                    call.ring()

                lab.north.on_call = rings
                call = await lab.call()
                await call.received(180)
                assert spent(node).granted == SLICE
                await asyncio.sleep(GRANT_S + 3)
                assert spent(node).granted == SLICE, "renewed, and no more than one"
                assert (await call.cancel()).status == 200
                assert (await call.final()).status == 487
                await asyncio.to_thread(is_free, node)

        asyncio.run(scenario())
        assert spent(node) == money.Spent(granted=0, hour=0, day=0, month=0)


def test_running_calls_end_where_their_money_does() -> None:
    """Summary: a call goes on as long as slices fit, is cut when what it has paid for is over, and has cost no more than the cap; a gate killed under it changes nothing; Valkey killed under it, too."""
    with node_with(f'{{hour: "{CAP / 10**6:.2f}", call: none}}') as node:

        async def scenario() -> Call:
            async with parties(node) as lab:
                call, there = await up(lab)
                began_s = time.monotonic()
                await asyncio.sleep(GRANT_S)
                os.kill(await asyncio.to_thread(node.pid, "gate-0"), signal.SIGKILL)
                await asyncio.sleep(GRANT_S)
                os.kill(await asyncio.to_thread(node.pid, "valkey"), signal.SIGKILL)
                # a new call waits until it knows of the one that runs
                other = await thawed(lab)
                if (await other.final()).status == 200:
                    assert (await other.bye()).status == 200
                for side in (call, there):
                    assert await side.ended(CAP / SECOND) == "peer-bye"
                lasted_s = time.monotonic() - began_s
                # the last slice that fits leaves no room for another release
                assert CAP / SECOND - SLICE / SECOND - GRANT_S <= lasted_s <= CAP / SECOND
                return call

        call = asyncio.run(scenario())
        record = node.record(call.invite.call_id, ended=True)
        assert (record["cut"], record["ended_by"]) == ("spend-cap", "us")
        is_free(node)
        assert charged(node, [call]) <= spent(node).hour <= CAP


def test_at_once() -> None:
    """Summary: with at_cap at-once a call whose next slice does not fit is ended with that renewal, and what it had is free."""
    with node_with(f'{{hour: "{(SLICE + SECOND) / 10**6:.2f}", call: none, at_cap: at-once}}') as running:

        async def scenario() -> Call:
            async with parties(running) as lab:
                call, there = await up(lab)
                began_s = time.monotonic()
                for side in (call, there):
                    assert await side.ended(GRANT_S) == "peer-bye"
                assert time.monotonic() - began_s < GRANT_S - 0.5
                return call

        call = asyncio.run(scenario())
        is_free(running)
        assert spent(running).hour == charged(running, [call])
        assert running.record(call.invite.call_id, ended=True)["cut"] == "spend-cap"


def test_escrow() -> None:
    """Summary: without Valkey a call at home goes by what its gate has leased, and gets more time by it; back again, it has cost its time and no more, and nothing is held but the lease."""
    escrow = 2 * SLICE + 2 * 10 * SECOND
    with node_with(f'{{hour: "30.00", call: none, escrow: "{escrow / 10**6:.2f}"}}') as node:

        async def scenario() -> list[Call]:
            async with parties(node) as lab:
                calls = []
                for _ in range(8):  # each gate has admitted one
                    call, _ = await up(lab)
                    assert (await call.bye()).status == 200
                    calls.append(call)
                await asyncio.to_thread(eventually, lambda: spent(node).granted == escrow, 60, "both lease")
                supervisor = int((node.run / "supervisor.pid").read_text())
                valkey = await asyncio.to_thread(node.pid, "valkey")
                os.kill(supervisor, signal.SIGSTOP)
                os.kill(valkey, signal.SIGKILL)
                try:
                    call, there = await up(lab)
                    calls.append(call)
                    await asyncio.sleep(GRANT_S + 2)
                    assert not call.is_over, "it has more time"
                    assert (await call.bye()).status == 200
                    await there.ended()
                finally:
                    os.kill(supervisor, signal.SIGCONT)
                return calls

        calls = asyncio.run(scenario())
        node.wait_ready()
        cost = charged(node, calls)
        eventually(
            lambda: spent(node) == money.Spent(granted=escrow, hour=cost, day=cost, month=cost),
            60,
            "as it was",
        )


def test_what_valkey_has_lost_is_charged_again() -> None:
    """Summary: Valkey comes back without its file: what ended calls have cost is charged again from their records before a call that costs money goes, and no such call goes as long as one gate has not heard of it; the cap holds."""
    # after one call no other has room
    with node_with(f'{{hour: "{(SLICE + SECOND) / 10**6:.2f}", call: none}}') as node:

        async def one_call() -> Call:
            async with parties(node) as lab:
                call, there = await up(lab)
                await asyncio.sleep(2.2)  # three seconds, begun
                assert (await call.bye()).status == 200
                await there.ended()
                return call

        call = asyncio.run(one_call())
        cost = charged(node, [call])
        eventually(lambda: spent(node).hour == cost, SETTLED_S, "it is charged")
        deaf = node.pid("gate-1")
        os.kill(deaf, signal.SIGSTOP)  # it may have leased what the ledger has lost
        lose_the_ledger(node)

        def charged_again() -> bool:
            with suppress(NotAnswered):  # it is being started
                return spent(node) == money.Spent(granted=0, hour=cost, day=cost, month=cost)
            return False

        eventually(charged_again, THAWED_S, "again")

        async def another() -> None:
            async with parties(node) as lab:
                # all else is known by now
                await asyncio.sleep(HEARD_S)
                await refused(lab, node, 503, "spend-frozen")
                os.kill(deaf, signal.SIGKILL)  # the next one has leased nothing
                assert (await (await thawed(lab)).final()).status == 403

        asyncio.run(another())


def test_a_ledger_that_has_lost_all_waits_for_records_that_cannot_be_shipped() -> None:
    """Summary: the database takes no record, a call ends, and Valkey comes back without its file: no call that costs money goes until records are taken again; then that call is charged, and the cap holds."""
    with node_with(f'{{hour: "{(SLICE + SECOND) / 10**6:.2f}", call: none}}') as node:

        async def one_call() -> Call:
            async with parties(node) as lab:
                call, there = await up(lab)
                await asyncio.sleep(2.2)
                assert (await call.bye()).status == 200
                await there.ended()
                return call

        async def while_frozen() -> None:
            async with parties(node) as lab:
                await asyncio.sleep(TOLD_S)
                call = await lab.call()
                final = await call.final()
                assert "spend-frozen" in " ".join(final.get_all("Reason")), final.status

        async def another() -> None:
            async with parties(node) as lab:
                assert (await (await thawed(lab)).final()).status == 403

        with database_refusing(node, ()):
            call = asyncio.run(one_call())
            eventually(lambda: spent(node).hour > 0, SETTLED_S, "it is charged")
            lose_the_ledger(node)
            asyncio.run(while_frozen())
        asyncio.run(another())
        assert spent(node).hour == charged(node, [call])
