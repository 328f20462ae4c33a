"""What would stop a node from starting, found before: packages, users, ports, directories, long paths."""

import errno
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trunkward.calls.attempt import Transport
from trunkward.engines.kamailio import plain_transports
from trunkward.engines.packages import missing_packages
from trunkward.engines.part_numbers import ports as metrics_ports
from trunkward.engines.users import UserMissing, ensure_users
from trunkward.settings import NG_PORT, SIGNER_METRICS_PORT, WEB_PORT, Paths
from trunkward.trunks.model import AcmeSettings, Declared
from trunkward.trunks.transit import OF_NODE

#: Bytes of a unix socket's path, the closing zero not counted (unix(7)).
_UNIX_PATH_BYTES = 107
#: Seconds ports of a node that was killed may take to be free again.
_PATIENCE_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A port a part of the node will listen on."""

    part: str
    host: str
    number: int
    udp: bool

    def __str__(self) -> str:
        """As a person writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.number}/{'udp' if self.udp else 'tcp'}"


def ports(declared: Declared) -> list[Port]:
    """Every port a node listens on, the media range excepted: rtpengine takes what is free there."""
    node, hosts = declared.node, [str(address) for address in declared.node.addresses]
    tls = [node.tls_port, *([node.tls12_port] if declared.has_tls12 else [])]
    found = [Port(part="kamailio", host=host, number=port, udp=False) for port in tls for host in hosts]
    found += [
        Port(part="kamailio", host=host, number=node.plain_port, udp=transport is Transport.UDP)
        for transport in plain_transports(declared)
        for host in hosts
    ]
    if isinstance(node.certificate, AcmeSettings):
        port = node.certificate.http_port
        found += [Port(part="acme", host=host, number=port, udp=False) for host in hosts]
    told = {**metrics_ports(node.gates, {"signer": SIGNER_METRICS_PORT}), "web": WEB_PORT}
    found.append(Port(part="rtpengine", host="127.0.0.1", number=NG_PORT, udp=True))
    found += [Port(part=part, host="127.0.0.1", number=number, udp=False) for part, number in told.items()]
    return found


def obstacles(paths: Paths, declared: Declared) -> list[str]:
    """What stands in the way, a sentence each; [] for nothing. Waits a little for ports to become free.

    Users that are missing are made. Without its packages nothing else of a machine is looked at.
    """
    if missing := missing_packages():
        install = f"apt-get install --no-install-recommends {' '.join(missing)}"
        return [f"packages a node runs on are not installed. On Debian 13, as root: {install}"]
    found = _users() + _long_paths(paths, declared) + _closed_directories(paths)
    wanted, until = ports(declared), time.monotonic() + _PATIENCE_S
    while (taken := [said for port in wanted if (said := _taken(port))]) and time.monotonic() < until:
        time.sleep(0.1)
    return found + taken


def new_obstacles(old: Declared | None, new: Declared) -> list[str]:
    """The same for a node that runs and changes from `old` to `new`: ports it does not have yet."""
    held = {(port.host, port.number, port.udp) for port in ports(old)} if old else set()
    wanted = [port for port in ports(new) if (port.host, port.number, port.udp) not in held] if old else []
    return [said for port in wanted if (said := _taken(port))]


def _users() -> list[str]:
    try:
        ensure_users()
    except UserMissing as missing:
        return [str(missing)]
    return []


def _long_paths(paths: Paths, declared: Declared) -> list[str]:
    longest = max(
        (
            paths.gate_socket(declared.node.gates),
            *(paths.signer_socket_of(identity) for identity in (OF_NODE, *declared.reseller_identities)),
            paths.fetcher_socket,
            paths.run / "edge" / "ctl.sock",
        ),
        key=lambda path: len(str(path)),
    )
    if len(bytes(longest)) <= _UNIX_PATH_BYTES:
        return []
    return [f"{longest}: too long for a unix socket, at most {_UNIX_PATH_BYTES} bytes: choose a shorter home"]


def _closed_directories(paths: Paths) -> list[str]:
    """The node's users must be able to pass through every directory above theirs."""
    above: dict[Path, None] = {}
    for path in (paths.state, paths.run):
        above |= dict.fromkeys(reversed(path.resolve().parents))
    return [
        f"{directory}: closed to the node's users (mode {directory.stat().st_mode & 0o7777:04o}): "
        f"chmod o+x {directory}"
        for directory in above
        if directory.exists() and not directory.stat().st_mode & 0o001
    ]


def _taken(port: Port) -> str:
    family = socket.AF_INET6 if ":" in port.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if port.udp else socket.SOCK_STREAM) as probe:
        if not port.udp:
            # as the engines do: connections of the node before this one may still be waiting their time out
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.host, port.number))
            if not port.udp:
                probe.listen(1)
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                return f"{port.part} cannot listen on {port}: another program{_holder(port)} has this port"
            if problem.errno == errno.EADDRNOTAVAIL:
                return f"{port.part} cannot listen on {port}: this machine does not have the address"
            return f"{port.part} cannot listen on {port}: {problem.strerror}"
    return ""


def _holder(port: Port) -> str:
    """Who has the port, as far as /proc tells: ` (name, process N)`."""
    protocol = f"{'udp' if port.udp else 'tcp'}{'6' if ':' in port.host else ''}"
    inodes = set()
    for line in Path(f"/proc/net/{protocol}").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        # 0A: listening; a UDP socket is in state 07
        if int(fields[1].rpartition(":")[2], 16) == port.number and fields[3] in ("0A", "07"):
            inodes.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(str(link.readlink()) in inodes for link in (process / "fd").iterdir()):
                name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                return f" ({name}, process {process.name})"
    return ""
