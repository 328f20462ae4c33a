"""Peers that are dead in each way TLS can be: nobody but who calls them notices, and what they get is true."""

import asyncio
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from sipkit.call import Call
from sipkit.transport import Address
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.node.parties import (
    NORTH,
    NORTH_NUMBER,
    SOUTH_NUMBER,
    Party,
    carrier_agent,
    connect,
    customer_agent,
    faults_in,
    holds_connection,
    kamcmd,
    place,
    reached,
    reoffer,
    run,
    south_agent,
    tls_carrier,
    udp_carrier,
    until,
)
from wire.node.waves import WAVES, meanwhile
from wire.records.parties import eventually

BUSY = Address(host="127.0.0.1", port=26010)
SPARE = Address(host="127.0.0.1", port=26012)
SILENT, REFUSING, SWALLOWING = 26001, 26002, 26003
NUMBERS = {"silent": "+12015550101", "refusing": "+12055550101", "swallowing": "+12065550101"}
MIXED_NUMBER, LAST_NUMBER = "+12075550101", "+12085550101"
#: Ports of silent carriers nobody has called yet, by number: all calls wait for one the first time, later each time one.
FRESH = {f"+1209{at}550101": 26020 + at for at in range(2, 8)}

CARRIER = """
  - name: {name}
    hosts: [{hosts}]
    transport: tls
    prefixes: ["{prefix}"]
    networks: [127.0.0.1/32]
    tls_names: [{name}.example.net]
    ca: local
"""


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """The example with carriers whose hosts are dead, or fail before a dead one."""
    hosts = {
        ("silent", "+1201"): f"127.0.0.1:{SILENT}",
        ("refusing", "+1205"): f"127.0.0.1:{REFUSING}",
        ("swallowing", "+1206"): f"127.0.0.1:{SWALLOWING}",
        ("mixed", "+1207"): f"{BUSY}, 127.0.0.1:26011, {SPARE}",
        ("last", "+1208"): f"{BUSY}, 127.0.0.1:26013".replace("26010", "26014"),
    }
    hosts |= {(f"fresh{port}", number[:6]): f"127.0.0.1:{port}" for number, port in FRESH.items()}
    carriers = "".join(
        CARRIER.format(name=name, prefix=prefix, hosts=hosts) for (name, prefix), hosts in hosts.items()
    )
    running = start_node(EXAMPLE.read_text(encoding="utf-8") + carriers)
    yield running
    stop_node(running)


@contextmanager
def accepts_only(port: int) -> Iterator[socket.socket]:
    """TCP connects, and nobody ever speaks."""
    with socket.create_server(("127.0.0.1", port), backlog=512) as listening:
        yield listening


def tried(listening: socket.socket) -> int:
    """How many connected there since the last time."""
    listening.setblocking(False)
    count = 0
    with suppress(BlockingIOError):
        while True:
            listening.accept()[0].close()
            count += 1
    return count


@contextmanager
def swallows(port: int) -> Iterator[None]:
    """A full backlog: what would connect gets no answer, as from an address behind nothing."""
    with ExitStack() as held:
        held.enter_context(socket.create_server(("127.0.0.1", port), backlog=0))
        for _ in range(4):
            filler = held.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield


async def refuse_busy(call: Call) -> None:
    call.reply(503)


async def ring_only(call: Call) -> None:
    call.ring()


async def without_a_route(call: Call) -> None:
    """Refused, and so as a call is whose peers are dead."""
    final = await call.final(20)
    assert (final.status, final.get("Reason")) == (503, 'SIP;cause=503;text="no-route-left"')


def is_in_the_log(node: Node, words: str) -> None:
    """Asserts that Kamailio has said so: who writes that down is another process."""
    eventually(lambda: words in node.log("kamailio"), 20, words)


def is_open(*tasks: asyncio.Task[Any]) -> bool:
    """Whether none of them has ended."""
    return not any(task.done() for task in tasks)


def ended_at(carrier: Party) -> set[str]:
    """The calls a carrier has had a BYE for."""
    return {message.get("Call-ID") for message in reached(carrier, "BYE")}


def test_a_burst_to_a_peer_not_yet_connected(node: Node) -> None:
    """Summary: 30 calls at once to a TLS carrier nobody has dialled yet: all wait for its one handshake, none is refused."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()
        async with tls_carrier(node, carrier):
            flow = await connect(node, customer)
            calls = [await place(customer, flow, NORTH_NUMBER) for _ in range(30)]
            for call in calls:
                assert (await call.final()).status == 200
            assert len(reached(carrier, "OPTIONS")) == 1
            assert holds_connection(node, NORTH)
            await asyncio.gather(*(call.bye() for call in calls))

    run(node, scenario)


@pytest.mark.alone
def test_calls_to_dead_carriers_hold_nobody(node: Node) -> None:
    """Summary: calls to dead TLS carriers wait, more than there are workers: calls to a healthy one are set up and ended meanwhile; at 20 calls/s a dead one is tried now and then."""

    async def scenario() -> None:
        customer, crowd, carrier = customer_agent(), customer_agent(keeps_messages=False), south_agent()

        async def dead(number: str) -> asyncio.Task[None]:
            return asyncio.create_task(without_a_route(await place(crowd, crowd_flow, number)))

        async def healthy() -> None:
            call = await place(customer, flow, SOUTH_NUMBER)
            await call.answered(20)
            assert (await call.bye()).status == 200

        fresh = iter(FRESH.items())

        async def wave() -> bool:
            number, port = next(fresh)
            with accepts_only(port):
                waiting = [await dead(number) for _ in range(workers + 4)]
                await asyncio.gather(*(healthy() for _ in range(6)))
                was_open = is_open(*waiting)
                await asyncio.gather(*waiting)
            return was_open

        workers = len(await asyncio.to_thread(workers_of, node, "gate"))
        with accepts_only(SILENT) as silent, swallows(SWALLOWING):
            async with udp_carrier(carrier):
                flow, crowd_flow = await connect(node, customer), await connect(node, crowd)
                await meanwhile(wave, "calls to a healthy carrier", len(FRESH))
                began = time.monotonic()
                tasks = []
                for _ in range(150):
                    tasks += [await dead(number) for number in NUMBERS.values()]
                    tasks.append(asyncio.create_task(healthy()))
                    await asyncio.sleep(0.05)
                await asyncio.gather(*tasks)
            # it is left alone for two seconds after each; longer than a busy machine took, there may be more of them
            assert 0 < tried(silent) <= (time.monotonic() - began) / 2 + 1

    run(node, scenario)
    for port, why in (
        (SILENT, "no TLS handshake and reply within"),
        (REFUSING, "nothing accepts TCP connections there"),
        (SWALLOWING, "no TCP connection within"),
    ):
        is_in_the_log(node, f"outbound TLS to 127.0.0.1:{port} refused: {why}")
    assert not faults_in(node.log("kamailio"))


@pytest.mark.alone
def test_the_next_route_is_tried_by_a_worker(node: Node) -> None:
    """Summary: a carrier's first host answers 503, its second is dead, its third takes the call; meanwhile BYE and CANCEL are not held up."""

    async def scenario() -> None:
        customer, steady, plain = customer_agent(), customer_agent(), south_agent()
        busy, spare = carrier_agent(), carrier_agent()
        busy.on_call = refuse_busy
        issued = node.credential("mixed")

        async def fails_over(call: Call) -> None:
            assert (await call.answered(20)).status == 200
            assert (await call.bye()).status == 200

        async def wave() -> bool:
            had = len(reached(busy, "INVITE"))
            placed = [await place(customer, flow, MIXED_NUMBER) for _ in range(6)]
            over = [asyncio.create_task(fails_over(call)) for call in placed]
            await until(lambda: len(reached(busy, "INVITE")) == had + 6, "the first host has refused them")
            ends = [running.pop().bye() for _ in range(6)] + [ringing.pop().cancel() for _ in range(6)]
            assert {answer.status for answer in await asyncio.gather(*ends)} == {200}
            # not all are at the third host yet
            was_open = len(reached(spare, "INVITE")) < had + 6
            await asyncio.gather(*over)
            return was_open

        with accepts_only(26011):
            async with (
                udp_carrier(plain),
                tls_carrier(node, busy, BUSY, issued),
                tls_carrier(node, spare, SPARE, issued),
            ):
                # the customer's own connection: the SIP worker that reads the 503s may be the one of its BYEs
                flow = await connect(node, customer)
                flows = [await connect(node, steady) for _ in range(4)]
                running = [await place(steady, flows[at % 4], SOUTH_NUMBER) for at in range(6 * WAVES)]
                for call in running:
                    await call.answered()
                plain.on_call = ring_only
                ringing = [await place(customer, flow, SOUTH_NUMBER) for _ in range(6 * WAVES)]
                for call in ringing:
                    await call.received(180)
                await meanwhile(wave, "BYE and CANCEL")
                assert {(await call.bye()).status for call in running} == {200}
                assert {(await call.cancel()).status for call in ringing} <= {200}
        seen = reached(spare, "INVITE")
        assert len(seen) == len(reached(busy, "INVITE"))
        # each route's headers once, whatever was tried before
        assert {len(message.get_all("Identity")) for message in seen} == {1}
        assert {len(message.get_all("P-Asserted-Identity")) for message in seen} == {1}

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


@pytest.mark.alone
def test_a_caller_who_gives_up_while_the_gate_is_asked(node: Node) -> None:
    """Summary: CANCELs of calls frozen gates are asked about: 200 and 487 before a gate is given up, a BYE behind them too."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        async with udp_carrier(carrier):
            flow = await connect(node, customer)
            running = [await place(customer, flow, SOUTH_NUMBER) for _ in range(WAVES)]
            for call in running:
                await call.answered()

            async def wave() -> bool:
                for gate in ("gate-0", "gate-1"):
                    node.signal(gate, signal.SIGSTOP)
                try:
                    # as nobody gives this one up, it is refused as soon as a gate is
                    refused = asyncio.create_task((await place(customer, flow, SOUTH_NUMBER)).final(20))
                    calls = [await place(customer, flow, SOUTH_NUMBER) for _ in range(6)]
                    await asyncio.sleep(0.05)
                    answers = [await call.cancel() for call in calls] + [await running.pop().bye()]
                    finals = [await call.final() for call in calls]
                    was_open = is_open(refused)
                    assert (await refused).status == 503
                finally:
                    for gate in ("gate-0", "gate-1"):
                        node.signal(gate, signal.SIGCONT)
                if was_open:
                    assert {answer.status for answer in answers} == {200}
                    assert {final.status for final in finals} == {487}
                return was_open

            await meanwhile(wave, "CANCEL and BYE")
            for call in running:
                assert (await call.bye()).status == 200
            assert len(reached(carrier, "INVITE")) == WAVES

    run(node, scenario)


@pytest.mark.alone
def test_a_running_call_waits_for_its_peer_s_new_connection(node: Node) -> None:
    """Summary: a TLS carrier's connections are gone: a BYE is refused at once while it is away, a re-INVITE goes when it is back, and so does a BYE of our own."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()
        flow = await connect(node, customer)
        async with tls_carrier(node, carrier):
            first = await place(customer, flow, NORTH_NUMBER)
            second = await place(customer, flow, NORTH_NUMBER)
            for call in (first, second):
                there = await carrier.incoming()
                await call.answered()
                await there.confirmed()  # an ACK that is still on its way would have the peer dialled now
            for lost in carrier.flows:
                await lost.close()
        # the listener is gone and Kamailio has seen it: `tls_carrier` waits for that
        refused = await first.bye()
        assert (refused.status, refused.get("Reason")) == (503, 'SIP;cause=503;text="no-route-left"')
        await asyncio.sleep(2.1)  # a peer that was refused is left alone that long
        async with tls_carrier(node, carrier):
            assert (await second.reinvite(reoffer(second))).status == 200
            assert (await second.bye()).status == 200
            # the carrier's leg of the first costs money until it has heard of its end
            await until(lambda: len(ended_at(carrier)) == 2, "a BYE of our own")

    run(node, scenario)
    is_in_the_log(node, f"outbound TLS to {NORTH} refused: nothing accepts TCP connections there")


def workers_of(node: Node, group: str) -> list[int]:
    """The processes of one of Kamailio's worker groups."""
    told = kamcmd(node, "core.psx")
    inside = re.findall(rf"PID: (\d+)\s+DSC: Async Task Worker - {group}\s", told)
    found = []
    for pid in node.family("kamailio"):
        with suppress(OSError):  # it has gone
            status = Path(f"/proc/{pid}/status").read_text()
            numbers = re.search(r"^NSpid:(.*)$", status, re.MULTILINE)
            if numbers and numbers[1].split()[-1] in inside:
                found.append(pid)
    assert found, told
    return found


@pytest.mark.alone
def test_no_worker_free(node: Node) -> None:
    """Summary: all workers for new calls stuck: every INVITE gets 503 no-worker-free in time, 911 goes whether their queue is full or not, a BYE is not held up."""

    async def scenario() -> None:
        customer, crowd = customer_agent(), customer_agent(keeps_messages=False)
        plain, north = south_agent(), carrier_agent()
        async with udp_carrier(plain), tls_carrier(node, north):
            flow, crowd_flow = await connect(node, customer), await connect(node, crowd)
            running = []
            for number in [NORTH_NUMBER] + [SOUTH_NUMBER] * 40:
                call = await place(customer, flow, number)
                await call.answered()
                running.append(call)
            #: Numbers of calls in the order in which they were refused.
            refused: list[int] = []

            async def attempt(number: int) -> None:
                final = await (await place(crowd, crowd_flow, SOUTH_NUMBER)).final(20)
                assert (final.status, final.get("Reason")) == (503, 'SIP;cause=503;text="no-worker-free"')
                refused.append(number)

            def waited() -> int:
                """Calls before which a later one was refused, of the same connection: they were in the queue."""
                return sum(number < max(refused[:at], default=0) for at, number in enumerate(refused))

            stuck = workers_of(node, "gate")
            for pid in stuck:
                os.kill(pid, signal.SIGSTOP)
            try:
                # nobody is there for other calls, and their queue has room: it does not wait in it
                early = await place(customer, flow, "911")
                assert (await early.final()).status == 200
                assert (await early.bye()).status == 200
                tasks, ends = [], []
                for step in range(400):  # more than a queue holds
                    tasks.append(asyncio.create_task(attempt(step)))
                    if step % 10 == 9:
                        ends.append(asyncio.create_task(running[step // 10].bye()))
                    await asyncio.sleep(0.004)
                # all this while no worker is there for new calls
                assert {answer.status for answer in await asyncio.gather(*ends)} == {200}
                await until(lambda: refused, "a full queue")
                emergency = await place(customer, flow, "911")
                assert (await emergency.final()).status == 200
                await asyncio.gather(*tasks)
            finally:
                for pid in stuck:
                    os.kill(pid, signal.SIGCONT)
            # what a queue holds waited: `up` has seen to it that that is more than a few
            print(f"{waited()} of {len(refused)} waited")
            assert 100 < waited() < 380
            assert (await emergency.bye()).status == 200
            call = await place(customer, flow, SOUTH_NUMBER)
            assert (await call.final()).status == 200
            await call.bye()

    run(node, scenario)


def test_a_caller_who_gives_up_is_answered_at_once(node: Node) -> None:
    """Summary: CANCEL of a call that waits for a dead host, as its first route or after a 503: 200 and 487 at once, one outcome."""

    async def scenario() -> None:
        customer, busy = customer_agent(), carrier_agent()
        busy.on_call = refuse_busy
        at = Address(host="127.0.0.1", port=26014)
        with accepts_only(SILENT), accepts_only(26013):
            async with tls_carrier(node, busy, at, node.credential("last")):
                flow = await connect(node, customer)
                calls = []
                for number in (NUMBERS["silent"], LAST_NUMBER):

                    async def wave(number: str = number) -> bool:
                        call = await place(customer, flow, number)
                        await asyncio.sleep(0.5)
                        assert (await call.cancel()).status == 200
                        # once the dead one's time is over, a CANCEL comes too late
                        if given_up := (await call.final()).status == 487:
                            calls.append(call)
                        return given_up

                    await meanwhile(wave, f"CANCEL of a call to {number}")
                assert reached(busy, "INVITE")
                for call in calls:
                    record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
                    assert (record["ending"], record["end_code"], record["ended_by"]) == (
                        "cancelled",
                        487,
                        "caller",
                    )

    run(node, scenario)
