"""A real NAT: a PBX's network and its router, each in a network namespace of its own, and what is outside in the tests'.

Outside (203.0.113.0/24) are the node, a carrier and a stranger; the router there is `ROUTER`, and masquerades what
comes from inside (10.9.8.0/24), where the PBX is and somebody else.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sipkit.transport import Address
from wire.registration.pbx import CONFIG

SBC = Address(host="203.0.113.1", port=5061)
SBC_PLAIN = Address(host="203.0.113.1", port=5060)
CARRIER = Address(host="203.0.113.41", port=35060)
STRANGER = "203.0.113.66"
ROUTER = "203.0.113.5"
#: What it may get instead.
ROUTER_LATER = "203.0.113.6"
PBX = "10.9.8.7"
#: Behind the same NAT.
NEIGHBOUR = "10.9.8.99"

#: The example with its trunk registering, on addresses that can be routed to.
NAT_CONFIG = (
    CONFIG.replace("127.0.0.10", SBC.host)
    .replace("127.0.0.41", CARRIER.host)
    .replace("127.0.0.1/32, 127.0.0.21/32", "203.0.113.4/30")
    .replace("        host: registered\n", "        host: registered\n        behind_nat: true\n")
)

_INSIDE = f"""
ip link set lo up
ip link set inside up
ip addr add {PBX}/24 dev inside
ip addr add {NEIGHBOUR}/24 dev inside
ip route add default via 10.9.8.1
"""
_ROUTER = f"""
ip link set lo up
ip link set inside up
ip link set outside up
ip addr add 10.9.8.1/24 dev inside
ip addr add {ROUTER}/24 dev outside
echo 1 >/proc/sys/net/ipv4/ip_forward
"""
_RULES = """
flush ruleset
table ip nat {
  chain out { type nat hook postrouting priority srcnat; oifname "outside" masquerade %s; }
}
table ip filter {
  chain in { type filter hook input priority filter; policy %s; iifname "inside" accept; }
}
"""


@dataclass(frozen=True)
class Nat:
    """The two namespaces, by a process that lives in each."""

    inside: int
    router: int

    def rules(self, *, ports: str = "", unasked: str = "drop") -> None:
        """Masquerades anew: `ports` are kept (""), or drawn (`random`); `unasked` packets are dropped or accepted."""
        _in(self.router, "nft -f -", _RULES % (ports, unasked))

    def move(self, old: str, new: str) -> None:
        """Gives the router another public address, as its provider may; no mapping outlives that."""
        _in(self.router, f"ip addr del {old}/24 dev outside; ip addr add {new}/24 dev outside")

    @contextmanager
    def sockets_inside(self) -> Iterator[None]:
        """Sockets that are opened within are the inside's; nothing else may open one meanwhile."""
        with _namespace(os.getpid()) as here, _namespace(self.inside) as there:
            os.setns(there, os.CLONE_NEWNET)
            try:
                yield
            finally:
                os.setns(here, os.CLONE_NEWNET)


@contextmanager
def nat() -> Iterator[Nat]:
    """The router and what is behind it; outside addresses stand on an interface of the tests' own namespace."""
    holders = [subprocess.Popen(["unshare", "--net", "sleep", "infinity"]) for _ in range(2)]
    try:
        made = Nat(*(_inhabited(holder.pid) for holder in holders))
        _run(f"ip link add outside type veth peer name outside netns {made.router}")
        for host in (SBC.host, CARRIER.host, STRANGER):
            _run(f"ip addr add {host}/24 dev outside")
        _run("ip link set outside up")
        _in(made.inside, f"ip link add inside type veth peer name inside netns /proc/{made.router}/ns/net")
        _in(made.router, _ROUTER)
        _in(made.inside, _INSIDE)
        made.rules()
        yield made
    finally:
        for holder in holders:
            holder.kill()
            holder.wait()
        with suppress(subprocess.CalledProcessError):  # it goes with its other end, soon
            _run("ip link del outside")


def _inhabited(pid: int) -> int:
    """The process, once it is in its own namespace."""
    ours = os.readlink("/proc/self/ns/net")
    for _ in range(3000):
        if os.readlink(f"/proc/{pid}/ns/net") != ours:
            return pid
        time.sleep(0.01)
    raise AssertionError("no namespace within 30 s")


@contextmanager
def _namespace(pid: int) -> Iterator[int]:
    handle = os.open(Path(f"/proc/{pid}/ns/net"), os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)


def _in(pid: int, script: str, told: str = "") -> None:
    command = ["nsenter", f"--net=/proc/{pid}/ns/net", "bash", "-euc", script]
    subprocess.run(command, input=told, text=True, check=True)


def _run(command: str) -> None:
    subprocess.run(command.split(), check=True)
