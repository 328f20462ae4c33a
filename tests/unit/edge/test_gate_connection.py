"""A gate that was silent is left alone until it answers a knock, or a second is over."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from trunkward.edge.gate import GateClient, GateUnavailable
from trunkward.edge.gate_connection import GateConnection

KNOCK = bytes(4)
#: Of a client; little, for each silence is waited for, and more than a gate is given at least.
DEADLINE_S, LEAST_S = 0.2, 0.05


@pytest.fixture(autouse=True)
def _no_rest_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a machine takes from one line to the next."""
    monkeypatch.setattr("trunkward.edge.gate.LEAST_S", LEAST_S)
    monkeypatch.setattr("trunkward.edge.gate_connection._REST_S", 60.0)


class Gate:
    """A socket to connect to; what connects is looked at by the test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._door.bind(str(path))
        self._door.listen(8)
        self._door.setblocking(False)
        self._taken: list[socket.socket] = []

    def take(self) -> socket.socket:
        """The connection that has waited longest. Raises `BlockingIOError` for none."""
        connection, _ = self._door.accept()
        connection.settimeout(2)
        self._taken.append(connection)
        return connection

    def close(self) -> None:
        for one in (*self._taken, self._door):
            one.close()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    made = Gate(tmp_path / "0.sock")
    yield made
    made.close()


@pytest.fixture
def client(gate: Gate) -> Iterator[GateClient]:
    made = GateClient([str(gate.path)], DEADLINE_S)
    yield made
    for connection in made._connections:
        connection.close()


def ask(client: GateClient) -> dict[str, object]:
    return client.ask("a1", '{"id":"a1"}')


def verdict() -> bytes:
    body = json.dumps(
        {"id": "a1", "verdict": "reject", "status": 403, "phrase": "No", "headers": []}
    ).encode()
    return len(body).to_bytes(4, "big") + body


def silent(client: GateClient, gate: Gate) -> None:
    """It is asked, and says nothing."""
    with pytest.raises(GateUnavailable, match="timed out"):
        ask(client)
    gate.take()


def knocked(gate: Gate) -> socket.socket:
    connection = gate.take()
    assert connection.recv(64) == KNOCK
    return connection


def test_one_that_was_late_is_asked_as_soon_as_it_says_that_it_is_there(
    client: GateClient, gate: Gate
) -> None:
    silent(client, gate)
    connection = knocked(gate)
    with pytest.raises(GateUnavailable, match="every gate rests"):
        ask(client)
    connection.sendall(KNOCK + verdict())  # the second is read as the answer to what is asked next
    assert ask(client)["status"] == 403
    # and as often as it was late for a moment
    connection.recv(64)
    with pytest.raises(GateUnavailable, match="timed out"):
        ask(client)
    knocked(gate).sendall(KNOCK + verdict())
    assert ask(client)["status"] == 403


def test_one_that_answers_nothing_but_knocks_gets_its_second(client: GateClient, gate: Gate) -> None:
    silent(client, gate)
    knocked(gate).sendall(KNOCK)
    with pytest.raises(GateUnavailable, match="timed out"):
        ask(client)
    with pytest.raises(BlockingIOError):
        gate.take()
    with pytest.raises(GateUnavailable, match="every gate rests"):
        ask(client)


def test_one_that_has_gone_is_asked_again_at_once(client: GateClient, gate: Gate) -> None:
    silent(client, gate)
    knocked(gate).close()
    with pytest.raises(GateUnavailable, match="timed out"):
        ask(client)


def test_one_that_says_what_is_no_answer_is_not_knocked_at(client: GateClient, gate: Gate) -> None:
    connection = GateConnection(str(gate.path))
    connection.leave_alone(silent=False)
    assert connection.rests()
    with pytest.raises(BlockingIOError):
        gate.take()


def test_the_answer_to_a_knock_answers_nothing_else(gate: Gate) -> None:
    connection = GateConnection(str(gate.path))
    connection.leave_alone(silent=True)
    knocked(gate)
    assert connection.rests()
    connection._rests_until = 0.0  # its second is over
    assert not connection.rests()
    assert connection.socket is None
