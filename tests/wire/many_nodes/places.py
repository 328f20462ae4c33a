"""Nodes on machines of their own: each in a network namespace, with a cable to that of the tests, where the parties and
the Valkey are that they share."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sipkit.certificates import ThrowawayAuthority
from sipkit.transport import Address
from sipkit.valkey import OwnValkey
from trunkward.engines.valkey import SHARED_USERS
from wire.conftest import EXAMPLE, Node, home_of, start_node_in, stop_node, trunkward

PBX, CARRIER, VALKEY = "198.51.100.21", "198.51.100.41", "198.51.100.5"
_VALKEY_PORT = 6379
_HERE = (PBX, CARRIER, VALKEY)


@dataclass
class Machine:
    """One of them: the process that holds its namespace, and the node in it."""

    holder: subprocess.Popen[bytes]
    address: str
    home: Path
    node: Node | None = None

    @property
    def sbc(self) -> Address:
        """Where its node takes TLS."""
        return Address(host=self.address, port=5061)

    @property
    def command(self) -> list[str]:
        """The installed command, in there."""
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", trunkward()]

    def trunkward(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of the project on its node."""
        assert self.node is not None
        return subprocess.run(
            [*self.command, *arguments],
            env=self.node.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def processes(self) -> list[int]:
        """All that run in it, but for the holder."""
        mine, found = os.readlink(f"/proc/{self.holder.pid}/ns/net"), []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if os.readlink(process / "ns/net") == mine and int(process.name) != self.holder.pid:
                    found.append(int(process.name))
        return found

    def die(self) -> None:
        """As in a power cut: kill -9 of all there is, until there is nothing."""
        assert self.processes()
        while pids := self.processes():
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if self.node is not None:
                self.node.process.poll()
            time.sleep(0.01)


@contextmanager
def machines(count: int, *, more: str, changed: dict[str, str]) -> Iterator[tuple[OwnValkey, list[Machine]]]:
    """So many nodes on one Valkey; `more` lines of `node`, and what is otherwise than in the example."""
    with ExitStack() as undo:
        for host in _HERE:
            _run(f"ip addr add {host}/32 dev lo")
            undo.callback(_run, f"ip addr del {host}/32 dev lo")
        found = []
        for number in range(1, count + 1):
            holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
            undo.callback(holder.wait)
            undo.callback(holder.kill)
            address = f"198.51.100.{10 + number}"
            _cable(number, _inhabited(holder.pid), address)
            found.append(Machine(holder=holder, address=address, home=Path()))
        home = home_of("")  # short, and readable by the nodes' users
        authority = ThrowawayAuthority(home / "authority")
        shown = authority.issue("valkey", hosts=(VALKEY,))
        valkey = OwnValkey(home / "valkey", tls=(Address(host=VALKEY, port=_VALKEY_PORT), shown))
        undo.callback(valkey.close)
        for number, machine in enumerate(found, 1):
            machine.home = _home(number, machine, authority, valkey, more, changed)
        for machine in found:
            machine.node = start_node_in(machine.home, machine.command)
            undo.callback(_stop, machine)
        yield valkey, found


def _home(
    number: int,
    machine: Machine,
    authority: ThrowawayAuthority,
    valkey: OwnValkey,
    more: str,
    changed: dict[str, str],
) -> Path:
    text = EXAMPLE.read_text(encoding="utf-8")
    home = home_of("")
    secrets = home / "secrets"
    secrets.mkdir(mode=0o700)
    for user in SHARED_USERS:
        (secrets / f"{user}.secret").write_text(valkey.paths.valkey_secret(user).read_text())
    lines = f"""  gates: 1
  probes: {{every_s: 0}}
  id: sbc-{number}
  live:
    host: {VALKEY}:{_VALKEY_PORT}
    ca: {authority.trust}
    secrets: {secrets}
{more}"""
    moved = {
        "127.0.0.10": machine.address,
        "127.0.0.21": PBX,
        "127.0.0.41": CARRIER,
        "  gates: 2\n": lines,
    }
    for old, new in (moved | changed).items():
        assert old in text, old
        text = text.replace(old, new)
    (home / "node.yaml").write_text(text, encoding="utf-8")
    return home


def _stop(machine: Machine) -> None:
    if machine.node is not None:
        stop_node(machine.node)


def _cable(number: int, pid: int, address: str) -> None:
    _run(f"ip link add m{number} type veth peer name out netns {pid}")
    # the other end: its address, whoever is asked for
    _run(f"ip addr add {VALKEY}/32 peer {address}/32 dev m{number}")
    _run(f"ip link set m{number} up")
    script = f"ip link set lo up; ip addr add {address}/32 dev out; ip link set out up; ip route add default dev out"
    subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", "bash", "-euc", script], check=True)


def _inhabited(pid: int) -> int:
    ours = os.readlink("/proc/self/ns/net")
    for _ in range(2000):
        if os.readlink(f"/proc/{pid}/ns/net") != ours:
            return pid
        time.sleep(0.01)
    raise AssertionError("no namespace within 20 s")


def _run(command: str) -> None:
    subprocess.run(command.split(), check=True)
