"""A whole node on a PostgreSQL: what it keeps there, and what it does while that is gone.

The server is reached over TCP, at an address that can be taken away: whoever sends there then hears nothing, as from
a machine that is gone.
"""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from store.postgresql import PostgreSQL
from trunkward.store.database import open_database
from wire.conftest import EXAMPLE, Node, new_home, start_node_in, stop_node
from wire.records.parties import eventually, parties

ADDRESS = "192.0.2.77"
TEXT = EXAMPLE.read_text(encoding="utf-8").replace("  gates: 2\n", "  gates: 2\n  probes: {every_s: 0}\n", 1)
#: In which a server that says nothing is given up: after 15 s without an acknowledgement, and a round.
GIVEN_UP_S = 50.0


def address(what: str) -> None:
    """Adds the server's address to this namespace, or takes it away."""
    subprocess.run(["ip", "address", what, f"{ADDRESS}/32", "dev", "lo"], check=True, timeout=10)


@dataclass
class OnPostgreSQL:
    """The node and its database."""

    node: Node
    server: PostgreSQL
    url: str

    def call(self) -> str:
        """A whole call; its Call-ID."""

        async def scenario() -> str:
            async with parties(self.node) as lab:
                call, _ = await lab.whole_call()
                return call.invite.call_id

        return asyncio.run(scenario())

    def applied(self, text: str) -> subprocess.CompletedProcess[str]:
        """What `apply` of a text says."""
        (self.node.home / "node.yaml").write_text(text, encoding="utf-8")
        return self.node.trunkward("apply")

    def versions(self) -> list[int]:
        """Of the history, newest first; its journal holds."""
        told = self.node.trunkward("history", "--json")
        assert told.returncode == 0, told.stderr
        return [json.loads(line)["number"] for line in told.stdout.splitlines()]


@pytest.fixture(scope="module")
def lab() -> Iterator[OnPostgreSQL]:
    if os.geteuid() != 0:
        pytest.skip("a node gives each process its own user: needs root")
    address("add")
    server = PostgreSQL(ADDRESS)
    home = new_home()
    url = f"postgresql://trunkward@{ADDRESS}/{server.new_database()}"
    (home / "node.yaml").write_text(TEXT, encoding="utf-8")
    (home / "database").write_text(f"{url}\n", encoding="ascii")
    node = start_node_in(home)
    yield OnPostgreSQL(node, server, url)
    stop_node(node)
    server.remove()
    address("del")


def test_what_a_node_keeps_is_in_it(lab: OnPostgreSQL) -> None:
    """Summary: `up`, a call, `apply`, `history`, `rollback` and `calls` with everything in PostgreSQL, and no SQLite file."""
    record = lab.node.record(lab.call(), ended=True)
    assert (record["verdict"], record["ending"], record["attest"]) == ("admit", "bye", "A")
    done = lab.applied(TEXT + "# another\n")
    assert done.returncode == 0, done.stderr
    assert "version 2 is in force" in done.stderr
    assert lab.node.trunkward("rollback", "1").returncode == 0
    assert lab.versions() == [3, 2, 1]
    assert lab.node.record(lab.call())["policy_version"] == 3
    assert not list(lab.node.state.rglob("*.db"))
    engine = open_database(lab.url)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM calls")) == 2
    engine.dispose()


# ---- ways to take it away; leaving the context brings it back ------------------------------------
@contextmanager
def killed(lab: OnPostgreSQL) -> Iterator[None]:
    """kill -9 of all its processes: connections are cut, new ones refused."""
    lab.server.kill()
    try:
        yield
    finally:
        lab.server.start()


@contextmanager
def frozen(lab: OnPostgreSQL) -> Iterator[None]:
    """SIGSTOP: connections are taken, nothing is answered."""
    lab.server.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        lab.server.signal(signal.SIGCONT)


@contextmanager
def vanished(lab: OnPostgreSQL) -> Iterator[None]:
    """Its machine is gone: nothing that is sent there is acknowledged. The worker gives it up by itself."""
    log = lab.node.home / "log" / "worker.log"
    begins = log.stat().st_size
    address("del")
    try:
        yield
        eventually(
            lambda: "round failed" in log.read_bytes()[begins:].decode(), GIVEN_UP_S, "the worker gives it up"
        )
    finally:
        address("add")


@pytest.mark.parametrize("how", [killed, frozen, vanished])
def test_without_it_calls_go_and_nothing_is_lost(
    lab: OnPostgreSQL, how: Callable[[OnPostgreSQL], AbstractContextManager[None]]
) -> None:
    """Summary: the database killed, frozen, its machine gone: calls go, signed; `apply` changes nothing and says why; back again, the records arrive, and nothing was started anew."""
    worker, versions = lab.node.pid("worker"), lab.versions()
    in_force = (lab.node.state / "config" / "declared.json").read_bytes()
    with how(lab):
        call_id = lab.call()
        if how is not frozen:  # that one waits, as for a slow one
            refused = lab.applied(TEXT + f"# {how.__name__}\n")
            assert refused.returncode == 2, refused.stderr
            assert lab.url in refused.stderr
    record = lab.node.record(call_id, ended=True, within_s=40)
    assert (record["verdict"], record["ending"], record["attest"]) == ("admit", "bye", "A")
    assert (lab.node.state / "config" / "declared.json").read_bytes() == in_force
    assert lab.versions() == versions
    assert lab.node.pid("worker") == worker
    lab.node.wait_ready()
    done = lab.applied(TEXT + f"# after {how.__name__}\n")
    assert done.returncode == 0, done.stderr
