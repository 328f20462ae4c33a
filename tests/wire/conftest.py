"""A whole node under a directory of its own, started as a person would: `trunkward up`.

The tests run in a network namespace of their own, so the node's ports meet nobody. Only processes
started here are ended, by their ids.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sipkit.certificates import Credential
from trunkward.cli.calls import with_records
from trunkward.cli.status import look, read_in_force
from trunkward.engines.supervisor_rpc import Supervisor, SupervisorRefused
from trunkward.records.filter import ALL
from trunkward.settings import DATABASE_FILE, Paths, read_database
from trunkward.store.records import RecordStore
from wire.commands import Forked, Process, run_command

#: A trunk's limits for tests about something else.
MANY = "{calls: 10000, international: 10000, per_second: 1000}"
#: Money is counted as anywhere, and never runs out.
RICH = "{call: 100000, hour: 1000000, day: 1000000, month: 1000000}"
_ISSUED = "        client_certificate: issued\n"
_MEMORY = Path("/dev/shm")
#: Bytes for some nodes at once, and a version installed for each.
_ENOUGH = 4 << 30
EXAMPLE = Path(__file__).parents[2] / "examples" / "node.yaml"


def pytest_itemcollected(item: pytest.Item) -> None:
    """Everything below this folder runs on real engines: `-m "not wire"` leaves it out."""
    item.add_marker(pytest.mark.wire)


@dataclass
class Node:
    """A running node and the files of its parties."""

    home: Path
    process: Process
    environment: dict[str, str] = field(default_factory=dict)
    #: Whose login commands are given under, as the kernel keeps it; None: nobody's.
    login: int | None = None

    @property
    def paths(self) -> Paths:
        """Where it keeps everything."""
        database, _ = read_database(self.home / DATABASE_FILE)
        log = self.home / "log"
        return Paths(
            config=self.home / "node.yaml", state=self.state, run=self.run, log=log, database=database
        )

    @property
    def run(self) -> Path:
        """Its run directory."""
        return self.home / "run"

    @property
    def state(self) -> Path:
        """Its state directory."""
        return self.home / "state"

    @property
    def authority(self) -> Path:
        """The node's own SIP authority."""
        return self.state / "pki" / "sip-ca.pem"

    def credential(self, name: str) -> Credential:
        """What the node issued to a trunk or carrier."""
        peers = self.state / "pki" / "peers"
        return Credential(certificate=peers / f"{name}.pem", key=peers / f"{name}.key")

    def trunkward(self, *arguments: str, within_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Runs a command of the project on this node."""
        return run_command(arguments, self.environment, within_s, self.login)

    def pid(self, program: str, within_s: float = 20.0) -> int:
        """The process the supervisor keeps under this name; waited for while it is being started again."""
        supervisor = Supervisor(self.paths.supervisor_socket)
        until = time.monotonic() + within_s
        while True:
            try:
                pid = supervisor.process(program).pid
            except SupervisorRefused as problem:
                raise AssertionError(str(problem)) from None
            # it knows the program, and between an end and the next start there is no process of it
            if pid:
                return pid
            assert time.monotonic() < until, f"no {program} within {within_s} s"
            time.sleep(0.02)

    def family(self, program: str) -> list[int]:
        """That process and everything below it."""
        found = [self.pid(program)]
        for pid in found:
            with suppress(OSError):  # it has gone
                found += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return found

    def signal(self, program: str, number: int) -> None:
        """Sends a signal to a program and everything below it."""
        for pid in self.family(program):
            with suppress(ProcessLookupError):  # gone with the one before
                os.kill(pid, number)

    @contextmanager
    def killed(self, *programs: str) -> Iterator[None]:
        """kill -9, and nobody there to start them again until it is left."""
        pids = [pid for program in programs for pid in self.family(program)]
        supervisor = int((self.run / "supervisor.pid").read_text())
        os.kill(supervisor, signal.SIGSTOP)
        try:
            for pid in pids:
                with suppress(ProcessLookupError):  # it was there for a moment
                    os.kill(pid, signal.SIGKILL)
            # one that was told to die may say a last word before it does
            until = time.monotonic() + 20
            while not all(map(_has_ended, pids)):
                assert time.monotonic() < until, f"{programs} do not die"
                time.sleep(0.01)
            yield
        finally:
            os.kill(supervisor, signal.SIGCONT)

    def wait_ready(self, within_s: float = 40.0) -> None:
        """Waits until `trunkward status` would say so; without a process for each question."""
        until = time.monotonic() + within_s
        while True:
            in_force = read_in_force(self.paths)
            assert in_force is not None
            missing = look(self.paths, in_force, in_force.declared(), ()).not_ready
            if not missing:
                return
            assert time.monotonic() < until, missing
            time.sleep(0.1)

    def calls(self) -> list[dict[str, Any]]:
        """The newest records, newest first, as `trunkward calls --json` shows them; without a process for it."""
        found: list[dict[str, Any]] = []

        def each(store: RecordStore) -> int:
            found.extend(json.loads(json.dumps(kept.view)) for kept in store.find(ALL, None))
            return 0

        assert with_records(self.paths, each) == 0
        return found

    def record(self, call_id: str, *, ended: bool = False, within_s: float = 20.0) -> dict[str, Any]:
        """The record of a call, once the worker has shipped it."""
        until = time.monotonic() + within_s
        while True:
            for call in self.calls():
                if call["call_id"] == call_id and (call["ended_at"] or not ended):
                    return call
            assert time.monotonic() < until, f"no record of {call_id} within {within_s} s"
            time.sleep(0.1)

    def media(self) -> list[str]:
        """The names of the calls rtpengine knows."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ng:
            ng.settimeout(20)
            ng.connect(("127.0.0.1", 2223))
            ng.send(os.urandom(8).hex().encode() + b' {"command":"list","limit":1000}')
            names: list[str] = json.loads(ng.recv(65_535).partition(b" ")[2])["calls"]
        return names

    def log(self, program: str) -> str:
        """What a program has said."""
        return (self.home / "log" / f"{program}.log").read_text(errors="replace")


def _has_ended(pid: int) -> bool:
    """Whether all of a process has: what is left of it, if anything, waits for its parent."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state in "ZX" and len(os.listdir(f"/proc/{pid}/task")) == 1
    except OSError:
        return True


def trunkward() -> str:
    """The installed command."""
    return str(Path(sys.executable).parent / "trunkward")


def start_node(config: str) -> Node:
    """Starts a node on a configuration (`home_of`); returns when it is ready."""
    return start_node_in(home_of(config))


def home_of(config: str) -> Path:
    """A home for a node with this configuration.

    Unless the configuration says how carriers are asked by OPTIONS, they are not: what else reaches a party
    is then what the test is about. Unless it says how many calls a trunk may have, and what they may cost,
    that is more than any test places.
    """
    if not re.search(r"^ +limits:", config, re.MULTILINE):
        config = config.replace(_ISSUED, f"{_ISSUED}        limits: {MANY}\n")
    if not re.search(r"^ +spend:", config, re.MULTILINE):
        config = config.replace(_ISSUED, f"{_ISSUED}        spend: {RICH}\n")
    if "probes:" not in config:
        config = config.replace("  gates: 2\n", "  gates: 2\n  probes: {every_s: 0}\n", 1)
    if os.geteuid() != 0:
        pytest.skip("a node gives each process its own user: needs root")
    home = new_home()
    (home / "node.yaml").write_text(config, encoding="utf-8")
    return home


def new_home() -> Path:
    """An empty directory for a node: its path short, for unix sockets, and readable by the node's users.

    In memory, where there is enough: no call waits for a record or a signature longer than its deadline, and
    what others write to the disk is not to make them late.
    """
    in_memory = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ENOUGH
    home = Path(tempfile.mkdtemp(prefix="tw-", dir=_MEMORY if in_memory else "/tmp"))
    home.chmod(0o755)
    return home


def start_node_in(home: Path, command: Sequence[str] = ()) -> Node:
    """Starts the node of a home, by another `command` than the installed one; returns when it is ready."""
    environment = os.environ | {"TRUNKWARD_HOME": str(home)}
    told = home / "up.out"
    process: Process
    with told.open("wb") as out:
        if command:
            process = subprocess.Popen([*command, "up"], env=environment, stdout=out, stderr=out)
        else:
            process = Forked(["up"], environment, told, told)
    node = Node(home=home, process=process, environment=environment)
    until = time.monotonic() + 80
    while "ready after" not in told.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > until:
            said = told.read_text(errors="replace")
            stop_node(node)
            pytest.fail(said)
        time.sleep(0.1)
    return node


def stop_node(node: Node, *, keep: bool = False) -> None:
    """Stops a node cleanly and removes its directory, unless it is to be kept; its logs are in the report."""
    if node.process.poll() is None:
        node.process.send_signal(signal.SIGINT)
        try:
            node.process.wait(30)
        except subprocess.TimeoutExpired:
            node.process.kill()
            node.process.wait()
            raise
    if not keep:
        shutil.rmtree(node.home, ignore_errors=True)


@pytest.fixture(autouse=True)
def nobody_is_left() -> Iterator[None]:
    """A test that fails leaves no party to the next one, whose event loop is another."""
    yield
    parties = sys.modules.get("wire.node.parties")
    if parties is not None:
        parties.Party.alive.clear()


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node on the example configuration, one for each test module."""
    running = start_node(EXAMPLE.read_text(encoding="utf-8"))
    yield running
    stop_node(running)
