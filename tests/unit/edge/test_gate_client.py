"""The edge waits for each gate it asks at least as long as that one waits for the signer, however many there are."""

import asyncio
import json
import os
import socket
import struct
from contextlib import suppress
from pathlib import Path

import pytest

from trunkward.edge.gate import LEAST_S, GateClient, GateUnavailable, _place, _verdict
from trunkward.engines.kamailio import GATE_DEADLINE_MS
from trunkward.gate.signing import DEADLINE_S
from trunkward.live.wire import DEADLINE_S as VALKEY_S


class Gates:
    """Gates that refuse after some time, and count whom they answered."""

    def __init__(self, after_s: float) -> None:
        self.after_s = after_s
        self.asked = 0
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with suppress(asyncio.IncompleteReadError):  # one that has only knocked
            while not (length := struct.unpack(">I", await reader.readexactly(4))[0]):
                writer.write(bytes(4))
            await self.answer(await reader.readexactly(length), writer)

    async def answer(self, asked: bytes, writer: asyncio.StreamWriter) -> None:
        attempt = json.loads(asked)
        self.asked += 1
        await asyncio.sleep(self.after_s)
        verdict = {"id": attempt["id"], "verdict": "reject", "status": 403, "phrase": "No", "headers": []}
        body = json.dumps(verdict).encode()
        with suppress(ConnectionError):  # who asked may have given it up
            writer.write(struct.pack(">I", len(body)) + body)
            await writer.drain()


async def asked_of_four(gates: Gates, directory: Path, deadline_s: float) -> int:
    paths = [str(directory / f"{index}.sock") for index in range(4)]
    servers = [await asyncio.start_unix_server(gates.serve, path) for path in paths]
    client = GateClient(paths, deadline_s)
    try:
        verdict = await asyncio.to_thread(client.ask, "a1", '{"id":"a1"}')
    finally:
        for connection in client._connections:
            connection.close()
        await asyncio.sleep(0.01)  # whoever knocked last is let in before the doors are closed
        for server in servers:
            server.close()
            server.close_clients()
            await server.wait_closed()
    assert verdict["status"] == 403
    return gates.asked


def test_a_slow_gate_s_verdict_is_the_one_applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # an even share of the deadline among four is less than what a gate may take
    assert GATE_DEADLINE_MS / 1000 / 4 < LEAST_S
    # it waits for one after the other
    assert VALKEY_S + DEADLINE_S < LEAST_S
    # the same with a second and more for a machine that has other work
    monkeypatch.setattr("trunkward.edge.gate.LEAST_S", 1.9)
    assert asyncio.run(asked_of_four(Gates(0.51), tmp_path, 2.0)) == 1


def test_it_has_the_time_its_own_deadline_gives_it() -> None:
    assert DEADLINE_S < LEAST_S < GATE_DEADLINE_MS / 1000


def test_gates_that_never_answer_are_given_up_in_time(tmp_path: Path) -> None:
    """Each is given its part of the deadline, and none is asked for which there is no time left."""
    gates = Gates(60)

    async def given_up() -> None:
        async with asyncio.timeout(20):
            with pytest.raises(GateUnavailable):
                await asked_of_four(gates, tmp_path, GATE_DEADLINE_MS / 1000)

    asyncio.run(given_up())
    assert gates.asked <= GATE_DEADLINE_MS / 1000 // LEAST_S


def test_a_gate_that_was_not_there_is_asked_again_with_the_next_call(tmp_path: Path) -> None:
    async def scenario() -> None:
        gates, path = Gates(0), str(tmp_path / "0.sock")
        client = GateClient([path], 20.0)
        with pytest.raises(GateUnavailable):
            await asyncio.to_thread(client.ask, "a1", '{"id":"a1"}')
        server = await asyncio.start_unix_server(gates.serve, path)
        try:
            assert (await asyncio.to_thread(client.ask, "a2", '{"id":"a2"}'))["status"] == 403
        finally:
            client._connections[0].close()
            server.close()
            for writer in gates.writers:
                writer.close()

    asyncio.run(scenario())


# ---- what has no answer --------------------------------------------------------------------------
def listening(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(1)
    listener.settimeout(2)
    return listener


def heard(connection: socket.socket) -> str:
    length = struct.unpack(">I", connection.recv(4, socket.MSG_WAITALL))[0]
    return connection.recv(length, socket.MSG_WAITALL).decode()


def test_one_gate_is_told_and_another_when_that_has_gone(tmp_path: Path) -> None:
    paths = [tmp_path / "0.sock", tmp_path / "1.sock"]
    gates = [listening(path) for path in paths]
    client = GateClient([str(path) for path in paths], 0.5)
    assert client.tell("first")
    first = os.getpid() % 2
    connection, _ = gates[first].accept()
    assert heard(connection) == "first"
    # what was kept is of a gate that has gone, and there is none in its place
    connection.close()
    gates[first].close()
    paths[first].unlink()
    assert client.tell("second")
    other, _ = gates[1 - first].accept()
    assert heard(other) == "second"
    other.close()
    gates[1 - first].close()
    paths[1 - first].unlink()
    assert not client.tell("third")


def test_a_gate_that_is_started_anew_is_told_on_a_new_connection(tmp_path: Path) -> None:
    path = tmp_path / "0.sock"
    gate = listening(path)
    client = GateClient([str(path)], 0.5)
    assert client.tell("first")
    connection, _ = gate.accept()
    connection.close()
    gate.close()
    path.unlink()
    gate = listening(path)
    assert client.tell("second")
    connection, _ = gate.accept()
    assert heard(connection) == "second"
    connection.close()
    gate.close()
    client._connections[0].close()


def test_a_gate_that_does_not_read_holds_nobody(tmp_path: Path) -> None:
    path = tmp_path / "0.sock"
    gate = listening(path)
    client = GateClient([str(path)], 0.5)
    told = 0
    while client.tell("x" * 1000):
        told += 1
        assert told < 100_000, "a queue without an end"
    assert told > 10
    gate.close()


@pytest.mark.parametrize(
    "counters", [["calls:a b"], ["calls:a,b"], [""], [7], "calls:a", ["c" * 201], ["c\n"]]
)
def test_a_verdict_with_keys_that_cannot_stand_in_a_row_is_none(counters: object) -> None:
    verdict = {
        "verdict": "admit", "id": "a1", "record_id": "a1", "source": "s", "direction": "outbound", "from_uri": "",
        "remove_headers": [], "trunk": "s", "grant": None, "counters": ["calls:trunk:s:number:+12025550101"],
        "routes": [{
            "peer": "p", "ruri": "r", "next_hop": "n", "transport": "tls", "offer": "", "media": [], "headers": [],
            "ring_timeout_s": 1,
        }],
    }  # fmt: skip
    assert _verdict("a1", json.dumps(verdict).encode()) == verdict
    with pytest.raises(ValueError, match="not a whole verdict"):
        _verdict("a1", json.dumps(verdict | {"counters": counters}).encode())


def test_an_answer_about_places() -> None:
    assert _place("r", b'{"id":"r","counters":["calls:trunk:branch","calls:tenant:acme"]}') == [
        "calls:trunk:branch",
        "calls:tenant:acme",
    ]
    assert _place("r", b'{"id":"r","counters":null}') is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"id":"another","counters":null}',
        b'{"id":"r"}',
        b'{"id":"r","counters":"calls:trunk:branch"}',
        # what cannot stand in a row
        b'{"id":"r","counters":["calls trunk"]}',
        b'{"id":"r","counters":[7]}',
        b"[]",
    ],
)
def test_what_is_no_answer_about_places(body: bytes) -> None:
    with pytest.raises(ValueError, match="not an answer about places"):
        _place("r", body)
