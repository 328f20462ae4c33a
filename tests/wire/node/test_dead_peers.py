"""Peers that are dead in each way TLS can be: nobody but who calls them notices, and what they get is true."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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
    place,
    reoffer,
    run,
    south_agent,
    tls_carrier,
    udp_carrier,
    until,
)

BUSY = Address(host="127.0.0.1", port=26010)
SPARE = Address(host="127.0.0.1", port=26012)
SILENT, REFUSING, SWALLOWING = 26001, 26002, 26003
NUMBERS = {"silent": "+12015550101", "refusing": "+12055550101", "swallowing": "+12065550101"}
MIXED_NUMBER, LAST_NUMBER = "+12075550101", "+12085550101"

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
    carriers = "".join(
        CARRIER.format(name=name, prefix=prefix, hosts=hosts) for (name, prefix), hosts in hosts.items()
    )
    running = start_node(EXAMPLE.read_text(encoding="utf-8") + carriers)
    yield running
    stop_node(running)


@contextmanager
def accepts_only(port: int) -> Iterator[None]:
    """TCP connects, and nobody ever speaks."""
    with socket.create_server(("127.0.0.1", port), backlog=512):
        yield


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


async def timed(what: Any, into: list[float], status: int = 200) -> None:
    began = time.monotonic()
    assert (await what).status == status
    into.append(time.monotonic() - began)


#: Seconds within which nobody can have been waited for: a dead peer costs 1.5 at least. What it really takes, some
#: ten milliseconds, is printed.
FREE = 1.4


def ended_at(carrier: Party) -> set[str]:
    """The calls a carrier has had a BYE for."""
    had = [seen.message for seen in carrier.trace if not seen.sent]
    return {message.get("Call-ID") for message in had if message.method == "BYE"}


def p99(taken: list[float]) -> float:
    return sorted(taken)[int(len(taken) * 0.99) - 1]


def test_a_burst_to_a_peer_not_yet_connected(node: Node) -> None:
    """Summary: 30 calls at once to a TLS carrier nobody has dialled yet: all wait for its one handshake, none is refused."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()
        async with tls_carrier(node, carrier):
            flow = await connect(node, customer)
            calls = [await place(customer, flow, NORTH_NUMBER) for _ in range(30)]
            for call in calls:
                assert (await call.final()).status == 200
            assert len([s for s in carrier.trace if s.message.method == "OPTIONS" and not s.sent]) == 1
            assert holds_connection(node, NORTH)
            await asyncio.gather(*(call.bye() for call in calls))

    run(node, scenario)


@pytest.mark.alone
def test_calls_to_dead_carriers_hold_nobody(node: Node) -> None:
    """Summary: 3 dead TLS carriers at 20 calls/s each: calls to a healthy one and their BYEs are not held up (p99)."""

    async def scenario() -> None:
        customer, crowd, carrier = customer_agent(), customer_agent(keeps_messages=False), south_agent()
        set_up: list[float] = []
        bye: list[float] = []
        refused: list[tuple[float, str]] = []

        async def healthy() -> None:
            began = time.monotonic()
            call = await place(customer, flow, SOUTH_NUMBER)
            await call.answered()
            set_up.append(time.monotonic() - began)
            await asyncio.sleep(0.5)
            await timed(call.bye(), bye)

        async def dead(number: str) -> None:
            began = time.monotonic()
            call = await place(crowd, crowd_flow, number)
            final = await call.final()
            assert final.status == 503
            refused.append((time.monotonic() - began, final.get("Reason")))

        with accepts_only(SILENT), swallows(SWALLOWING):
            async with udp_carrier(carrier):
                flow, crowd_flow = await connect(node, customer), await connect(node, crowd)
                tasks = []
                for _ in range(150):
                    tasks += [asyncio.create_task(dead(number)) for number in NUMBERS.values()]
                    tasks.append(asyncio.create_task(healthy()))
                    await asyncio.sleep(0.05)
                await asyncio.gather(*tasks)
        waited = [seconds for seconds, _ in refused if seconds > FREE]
        print(
            f"set-up p99 {p99(set_up) * 1000:.1f} ms, BYE p99 {p99(bye) * 1000:.1f} ms of {len(bye)};"
            f" {len(waited)} of {len(refused)} refusals waited, at most {max(refused)[0]:.2f} s"
        )
        assert {reason for _, reason in refused} == {'SIP;cause=503;text="no-route-left"'}
        assert p99(set_up) < FREE
        assert p99(bye) < FREE
        assert max(refused)[0] < 2.5
        # the first second and a half of each, and then one call each time the peer is tried again
        assert len(waited) < 0.4 * len(refused)

    run(node, scenario)
    log = node.log("kamailio")
    for port, why in (
        (SILENT, "no TLS handshake and reply within"),
        (REFUSING, "nothing accepts TCP connections there"),
        (SWALLOWING, "no TCP connection within"),
    ):
        assert f"outbound TLS to 127.0.0.1:{port} refused: {why}" in log
    assert not faults_in(log)


@pytest.mark.alone
def test_the_next_route_is_tried_by_a_worker(node: Node) -> None:
    """Summary: a carrier's first host answers 503, its second is dead, its third takes the call; meanwhile BYE and CANCEL are not held up."""

    async def scenario() -> None:
        customer, steady, plain = customer_agent(), customer_agent(), south_agent()
        busy, spare = carrier_agent(), carrier_agent()
        busy.on_call = refuse_busy
        issued = node.credential("mixed")
        took: list[float] = []

        async def fails_over() -> None:
            call = await place(customer, flow, MIXED_NUMBER)
            assert (await call.answered(8)).status == 200
            assert (await call.bye()).status == 200

        with accepts_only(26011):
            async with (
                udp_carrier(plain),
                tls_carrier(node, busy, BUSY, issued),
                tls_carrier(node, spare, SPARE, issued),
            ):
                # the customer's own connection: the SIP worker that reads the 503s may be the one of its BYEs
                flow = await connect(node, customer)
                flows = [await connect(node, steady) for _ in range(4)]
                running = [await place(steady, flows[at % 4], SOUTH_NUMBER) for at in range(80)]
                for call in running:
                    await call.answered()
                plain.on_call = ring_only
                ringing = [await place(customer, flow, SOUTH_NUMBER) for _ in range(80)]
                for call in ringing:
                    await call.received(180)
                # the first to meet the dead host: later ones need not wait for it, but for when it is tried again
                await fails_over()
                tasks = []
                for call, rings in zip(running, ringing, strict=True):
                    tasks.append(asyncio.create_task(fails_over()))
                    tasks.append(asyncio.create_task(timed(call.bye(), took)))
                    tasks.append(asyncio.create_task(timed(rings.cancel(), took)))
                    await asyncio.sleep(0.05)
                await asyncio.gather(*tasks)
        print(f"BYE and CANCEL p99 {p99(took) * 1000:.1f} ms of {len(took)}")
        assert p99(took) < FREE
        seen = [s.message for s in spare.trace if not s.sent and s.message.method == "INVITE"]
        assert len(seen) == 81
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
            running = await place(customer, flow, SOUTH_NUMBER)
            await running.answered()
            for gate in ("gate-0", "gate-1"):
                node.signal(gate, signal.SIGSTOP)
            took: list[float] = []
            try:
                calls = [await place(customer, flow, SOUTH_NUMBER) for _ in range(6)]
                await asyncio.sleep(0.05)
                for call in calls:
                    await timed(call.cancel(), took)
                    assert (await call.final()).status == 487
                await timed(running.bye(), took)
            finally:
                for gate in ("gate-0", "gate-1"):
                    node.signal(gate, signal.SIGCONT)
            assert max(took) < 0.4  # what a gate is given is half a second
            assert len([s for s in carrier.trace if not s.sent and s.message.method == "INVITE"]) == 1

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
        began = time.monotonic()
        refused = await first.bye()
        assert (refused.status, refused.get("Reason")) == (503, 'SIP;cause=503;text="no-route-left"')
        assert time.monotonic() - began < 0.5
        await asyncio.sleep(2.1)  # a peer that was refused is left alone that long
        async with tls_carrier(node, carrier):
            assert (await second.reinvite(reoffer(second))).status == 200
            assert (await second.bye()).status == 200
            # the carrier's leg of the first costs money until it has heard of its end
            await until(lambda: len(ended_at(carrier)) == 2, "a BYE of our own")

    run(node, scenario)
    assert f"outbound TLS to {NORTH} refused: nothing accepts TCP connections there" in node.log("kamailio")


def workers_of(node: Node, group: str) -> list[int]:
    """The processes of one of Kamailio's worker groups."""
    asked = subprocess.run(
        ["kamcmd", "-s", f"unix:{node.run}/edge/ctl.sock", "core.psx"],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    inside = re.findall(rf"PID: (\d+)\s+DSC: Async Task Worker - {group}\s", asked.stdout)
    found = []
    for pid in node.family("kamailio"):
        numbers = re.search(r"^NSpid:(.*)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        if numbers and numbers[1].split()[-1] in inside:
            found.append(pid)
    assert found, asked.stdout
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
            took: list[float] = []
            refused: list[tuple[float, str]] = []

            async def attempt() -> None:
                began = time.monotonic()
                final = await (await place(crowd, crowd_flow, SOUTH_NUMBER)).final()
                assert final.status == 503
                refused.append((time.monotonic() - began, final.get("Reason")))

            stuck = workers_of(node, "gate")
            for pid in stuck:
                os.kill(pid, signal.SIGSTOP)
            try:
                # nobody is there for other calls, and their queue has room: it does not wait in it
                early = await place(customer, flow, "911")
                assert (await early.final()).status == 200
                assert (await early.bye()).status == 200
                tasks = []
                for step in range(400):  # more than a queue holds
                    tasks.append(asyncio.create_task(attempt()))
                    if step % 10 == 9:
                        tasks.append(asyncio.create_task(timed(running[step // 10].bye(), took)))
                    await asyncio.sleep(0.004)
                await until(lambda: any(seconds < 0.5 for seconds, _ in refused), "a full queue")
                emergency = await place(customer, flow, "911")
                assert (await emergency.final()).status == 200
                await asyncio.gather(*tasks)
            finally:
                for pid in stuck:
                    os.kill(pid, signal.SIGCONT)
            print(f"BYE p99 {p99(took) * 1000:.1f} ms; slowest refusal {max(refused)[0]:.2f} s")
            assert {reason for _, reason in refused} == {'SIP;cause=503;text="no-worker-free"'}
            assert max(refused)[0] < 3
            # what a queue holds waited: `up` has seen to it that that is more than a few
            assert 100 < len([seconds for seconds, _ in refused if seconds > 1]) < 380
            assert p99(took) < FREE
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
                    await asyncio.sleep(2.5)  # a peer that was refused is left alone that long
                    call = await place(customer, flow, number)
                    await asyncio.sleep(0.5)
                    took: list[float] = []
                    await timed(call.cancel(), took)
                    assert (await call.final()).status == 487
                    assert took[0] < 1.0
                    calls.append(call)
                assert [s for s in busy.trace if not s.sent and s.message.method == "INVITE"]
                for call in calls:
                    record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
                    assert (record["ending"], record["end_code"], record["ended_by"]) == (
                        "cancelled",
                        487,
                        "caller",
                    )

    run(node, scenario)
