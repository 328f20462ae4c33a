"""Gates dead, frozen or talking rubbish: refusals in time, nothing unjudged, running calls untouched."""

import asyncio
import json
import os
import signal
import socket
import struct
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from sipkit.call import Call
from wire.conftest import Node
from wire.node.parties import (
    SOUTH_NUMBER,
    Party,
    carrier_agent,
    connect,
    customer_agent,
    place,
    reached,
    reoffer,
    run,
    signals_in,
    south_agent,
    tls_carrier,
    udp_carrier,
    until,
)
from wire.node.waves import meanwhile
from wire.records.conftest import segment_lines
from wire.records.parties import eventually
from wire.signer.conftest import lines_below

GATES = ("gate-0", "gate-1")


async def answer_only(call: Call) -> None:
    call.answer()


async def ring_only(call: Call) -> None:
    call.ring()


@contextmanager
def frozen(node: Node, gates: tuple[str, ...] = GATES) -> Iterator[None]:
    for gate in gates:
        node.signal(gate, signal.SIGSTOP)
    try:
        yield
    finally:
        for gate in gates:
            node.signal(gate, signal.SIGCONT)


async def works(node: Node, customer: Party, within_s: float = 30) -> None:
    """Places calls until one is answered; hangs it up."""
    end = time.monotonic() + within_s
    flow = await connect(node, customer)
    while True:
        call = await place(customer, flow, SOUTH_NUMBER)
        if (await call.final()).status == 200:
            await call.bye()
            return
        assert time.monotonic() < end
        await asyncio.sleep(0.3)


def test_all_gates_killed_and_back(node: Node) -> None:
    """Summary: when both gates were killed and are back, the very next calls go, in whichever worker."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        async with udp_carrier(carrier):
            flow = await connect(node, customer)

            async def twenty() -> None:  # more than there are workers, one after the other
                for _ in range(20):
                    call = await place(customer, flow, SOUTH_NUMBER)
                    assert (await call.final()).status == 200
                    await call.bye()

            await twenty()
            before = {gate: node.pid(gate) for gate in GATES}
            for pid in before.values():
                os.kill(pid, signal.SIGKILL)
            await until(lambda: all(node.pid(gate) != pid for gate, pid in before.items()), "new gates")
            await asyncio.to_thread(node.wait_ready)
            await twenty()

    run(node, scenario)


@pytest.mark.alone
def test_one_gate_killed(node: Node) -> None:
    """Summary: kill -9 of one gate while calls come in: none fails, the other answers."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        async with udp_carrier(carrier):
            flow = await connect(node, customer)
            calls = []
            for number in range(40):
                if number == 10:
                    os.kill(node.pid("gate-0"), signal.SIGKILL)
                calls.append(await place(customer, flow, SOUTH_NUMBER))
                await asyncio.sleep(0.02)
            for call in calls:
                assert (await call.final()).status == 200
            await asyncio.gather(*(call.bye() for call in calls))

    run(node, scenario)


@pytest.mark.alone
def test_frozen_gates_delay_no_running_call(node: Node, record_property: Callable[[str, Any], None]) -> None:
    """Summary: gates frozen, 50 INVITE/s on 6 connections for 6 s: running calls answered with p99 < 50 ms, each INVITE 503 in time."""

    async def scenario() -> None:
        async def ring(call: Call) -> None:
            call.ring() if call.invite.get("Subject") else call.answer()

        customer, carrier, crowd = customer_agent(), south_agent(), customer_agent(keeps_messages=False)
        async with udp_carrier(carrier):
            flow = await connect(node, customer)
            running = []
            for _ in range(100):
                call = await place(customer, flow, SOUTH_NUMBER)
                await call.answered()
                running.append(call)
            carrier.on_call = ring_only
            ringing = [await place(customer, flow, SOUTH_NUMBER) for _ in range(50)]
            for call in ringing:
                await call.received(180)
            invites_before = len(reached(carrier, "INVITE"))
            flows = [await connect(node, crowd) for _ in range(6)]
            refused: list[tuple[float, Call]] = []
            took: list[float] = []

            async def timed(what: Any, wanted: int) -> None:
                began = time.monotonic()
                assert (await what).status == wanted
                took.append(time.monotonic() - began)

            async def attempt(number: int) -> None:
                began = time.monotonic()
                call = await place(crowd, flows[number % 6], SOUTH_NUMBER)
                await call.final()
                refused.append((time.monotonic() - began, call))

            with frozen(node):
                tasks = []
                for number in range(300):
                    tasks.append(asyncio.create_task(attempt(number)))
                    if 60 <= number < 260:
                        step = (number - 60) // 2
                        if number % 2:
                            tasks.append(
                                asyncio.create_task(
                                    timed(running[step].reinvite(reoffer(running[step])), 200)
                                )
                            )
                        elif step < 50:
                            tasks.append(asyncio.create_task(timed(ringing[step].cancel(), 200)))
                        else:
                            tasks.append(asyncio.create_task(timed(running[step - 50].bye(), 200)))
                    await asyncio.sleep(0.02)
                await asyncio.gather(*tasks)
            p99 = sorted(took)[int(len(took) * 0.99)]
            slowest = max(seconds for seconds, _ in refused)
            print(f"in-dialog p99 {p99 * 1000:.1f} ms of {len(took)}; slowest refusal {slowest:.2f} s")
            record_property("p99_ms", round(p99 * 1000, 1))
            for _, call in refused:
                final = await call.final()
                assert final.status == 503
                assert final.get("Retry-After")
                assert final.get("Reason").partition('"')[2].strip('"') in (
                    "gate-unavailable",
                    "no-worker-free",
                )
            assert slowest < 3.0
            assert p99 < 0.05
            assert len(reached(carrier, "INVITE")) - invites_before == 100
            carrier.on_call = answer_only
            await works(node, customer)
            # none is left for the node to end under a later test
            await asyncio.gather(*(call.bye() for call in running[50:]))

    run(node, scenario)
    assert not signals_in(node.log("kamailio"))


def test_what_no_gate_judged_is_on_record(node: Node) -> None:
    """Summary: gates frozen: a 503 has its record when it arrives; a caller who cancels before it has one, too."""

    async def scenario() -> None:
        customer = customer_agent()
        flow = await connect(node, customer)
        with frozen(node):
            refused = await place(customer, flow, SOUTH_NUMBER)
            assert (await refused.final()).status == 503
            written = {line["call_id"]: line for line in segment_lines(node.state) if "call_id" in line}
            assert written[refused.invite.call_id]["reason"] == "gate-unavailable"
            given_up: list[Call] = []

            async def wave() -> bool:
                call = await place(customer, flow, SOUTH_NUMBER)
                await call.received(100)
                answer = await call.cancel()
                # once the gates are given up, or while they are left alone, a CANCEL comes too late
                if in_time := (await call.final()).status == 487:
                    assert answer.status == 200
                    given_up.append(call)
                return in_time

            await meanwhile(wave, "CANCEL")
            for call in (refused, *given_up):
                record = await asyncio.to_thread(node.record, call.invite.call_id)
                assert (record["verdict"], record["gate"]) == ("reject", -1)
                assert record["reason"] == "gate-unavailable"

    run(node, scenario)


class FakeGate:
    """Listens where a gate did, and answers as it is told."""

    def __init__(self, path: Path, answer: Callable[[dict[str, Any]], bytes | None]) -> None:
        self.answer = answer
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        path.chmod(0o777)
        self._socket.listen(64)
        self._peers: list[socket.socket] = []
        self._serving = threading.Thread(target=self._serve, daemon=True)
        self._serving.start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            self._peers.append(peer)
            threading.Thread(target=self._speak, args=(peer,), daemon=True).start()

    def _speak(self, peer: socket.socket) -> None:
        try:
            while length := peer.recv(4, socket.MSG_WAITALL):
                if length == bytes(4):  # whether anybody is there
                    peer.sendall(length)
                    continue
                attempt = json.loads(peer.recv(struct.unpack(">I", length)[0], socket.MSG_WAITALL))
                if attempt.get("kind") == "grants":
                    break  # the edge's timer asks, too
                answered = self.answer(attempt)
                if answered is None:
                    break
                peer.sendall(answered)
        except OSError:
            pass

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._serving.join()  # it may just have taken one more peer in
        self._socket.close()
        for peer in self._peers:
            with suppress(OSError):  # it may have gone
                peer.shutdown(socket.SHUT_RDWR)  # or whoever reads there holds it open
            peer.close()


def frame(value: Any) -> bytes:
    body = json.dumps(value).encode()
    return struct.pack(">I", len(body)) + body


ROUTE = {
    "peer": "south",
    "ruri": "sip:1@127.0.0.41:35060",
    "next_hop": "sip:127.0.0.41:35060",
    "transport": "udp",
    "offer": "",
    "media": [],
    "headers": [],
    "ring_timeout_s": 20,
    "called_suites": [],
}
ADMIT = {
    "verdict": "admit",
    "record_id": "abc123abc123",
    "reason": "admitted",
    "trunk": "t",
    "source": "acme-hq",
    "direction": "outbound",
    "from_uri": "",
    "remove_headers": [],
    "routes": [ROUTE],
    "grant": {"for_s": 60.0, "then": "grant-not-renewed"},
}
RUBBISH: dict[str, Callable[[dict[str, Any]], bytes | None]] = {
    "no JSON": lambda a: struct.pack(">I", 5) + b"{nope",
    "a list": lambda a: frame([1, 2]),
    "another id": lambda a: frame(ADMIT | {"id": "someone-else"}),
    "huge": lambda a: struct.pack(">I", 2**31) + b"x" * 1000,
    "half a frame": lambda a: frame(ADMIT | {"id": a["id"]})[:40],
    "closed": lambda a: None,
    "unknown verdict": lambda a: frame({"id": a["id"], "verdict": "perhaps"}),
    "no routes": lambda a: frame(ADMIT | {"id": a["id"], "routes": []}),
    "routes a string": lambda a: frame(ADMIT | {"id": a["id"], "routes": "north"}),
    "ruri a number": lambda a: frame(ADMIT | {"id": a["id"], "routes": [ROUTE | {"ruri": 7}]}),
    "media of nothing": lambda a: frame(
        ADMIT | {"id": a["id"], "routes": [ROUTE | {"media": [{}], "offer": a["body"]}]}
    ),
    "grant without a reason": lambda a: frame(ADMIT | {"id": a["id"], "grant": {"for_s": 60}}),
    "record id a path": lambda a: frame(ADMIT | {"id": a["id"], "record_id": "../../x"}),
    "status 200": lambda a: frame(
        {"id": a["id"], "verdict": "reject", "status": 200, "phrase": "OK", "headers": []}
    ),
    "status a string": lambda a: frame(
        {"id": a["id"], "verdict": "reject", "status": "503", "phrase": "x", "headers": []}
    ),
    "headers wrong": lambda a: frame(
        {"id": a["id"], "verdict": "reject", "status": 503, "phrase": "x", "headers": [[1]]}
    ),
}


def test_rubbish_from_a_gate(node: Node) -> None:
    """Summary: whatever stands in a gate's place and says, the caller gets 503 or 500 in time and no carrier an INVITE."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        pids = node.family("kamailio")
        async with udp_carrier(carrier):
            flow = await connect(node, customer)
            paths = [node.run / "gate" / f"{index}.sock" for index in range(2)]
            for name, answer in RUBBISH.items():
                with frozen(node):
                    kept = [path.rename(path.with_suffix(".kept")) for path in paths]
                    fakes = [FakeGate(path, answer) for path in paths]
                    try:
                        call = await place(customer, flow, SOUTH_NUMBER)
                        final = await call.final()
                        assert final.status in (500, 503), name
                    finally:
                        for fake in fakes:
                            fake.close()
                        for path, old in zip(paths, kept, strict=True):
                            old.rename(path)
                assert not reached(carrier, "INVITE"), name
            await works(node, customer)
        assert node.family("kamailio") == pids

    run(node, scenario)
    assert not signals_in(node.log("kamailio"))


@pytest.mark.parametrize("identified", [True, False])
def test_emergency_call_with_all_gates_dead(node: Node, identified: bool) -> None:
    """Summary: 911 of an identified trunk goes by the table when no gate answers; without its certificate it is 503."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()
        async with tls_carrier(node, carrier):
            flow = await connect(node, customer, "acme-hq" if identified else "")
            with frozen(node):
                call = await place(customer, flow, "911")
                final = await call.final()
                assert final.status == (200 if identified else 503)
                if identified:
                    there = await carrier.incoming()
                    assert there.invite.uri.startswith("sip:911@127.0.0.31:25061")
                    assert (await call.bye()).status == 200
                else:
                    assert not reached(carrier, "INVITE")

    run(node, scenario)


@pytest.mark.parametrize("stopped", [("gate-0",), GATES], ids=["one", "both"])
def test_thawed_gates_leave_no_trace_of_what_they_missed(node: Node, stopped: tuple[str, ...]) -> None:
    """Summary: gates frozen while calls come in, then let go on: records and signatures are those of the verdicts applied."""
    journal = node.state / "signer" / "journal" / "000000000001.jsonl"
    ended = {}

    async def scenario() -> None:
        customer, carrier = customer_agent(), south_agent()
        async with udp_carrier(carrier):
            flow = await connect(node, customer)
            with frozen(node, stopped):
                # more than there are workers, and for longer than a worker leaves a frozen gate alone
                for _ in range(4):
                    calls = [await place(customer, flow, SOUTH_NUMBER) for _ in range(12)]
                    for call in calls:
                        ended[call.invite.call_id] = (await call.final()).status
                        if not call.is_over:
                            assert (await call.bye()).status == 200
                    await asyncio.sleep(0.6)
            await asyncio.sleep(0.5)  # what thawed gates have in their sockets
            await works(node, customer)

    node.wait_ready()  # a test before this one may have killed a gate
    missed_before, began = sum(_given_up(port) for port in (9310, 9311)), time.time()
    run(node, scenario)
    eventually(
        lambda: sum(_given_up(port) for port in (9310, 9311)) > missed_before,
        20,
        "a gate that was left waiting: else this shows nothing",
    )
    went = {call_id for call_id, status in ended.items() if status == 200}
    assert bool(went) == (len(stopped) < len(GATES)), ended
    decided = [
        line for line in segment_lines(node.state) if line["kind"] == "decision" and line["at"] > began
    ]
    assert not [line for line in decided if line["call_id"] in ended and f"gate-{line['gate']}" in stopped]

    def admitted() -> set[str]:
        return {call["call_id"] for call in node.calls() if call["verdict"] == "admit"} & set(ended)

    eventually(lambda: went <= admitted(), 20, "the records of the calls that went")
    assert admitted() == went
    attested = {line["record_id"] for line in decided if line["attest"]}

    def signed() -> set[str]:
        lines = [line for line in lines_below(journal.parent) if line["kind"] == "signed"]
        return {line["record_id"] for line in lines if line["at"] > began}

    eventually(lambda: attested <= signed(), 20, "the lines of all signatures")
    assert signed() == attested


def _given_up(port: int) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    return sum(
        float(line.rpartition(" ")[2]) for line in lines if line.startswith("trunkward_gate_given_up_total")
    )
