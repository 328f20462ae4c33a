"""Waiting until every part of a starting node answers: each is asked in its own language."""

import fcntl
import socket
import time
from collections.abc import Callable
from functools import partial

from trunkward.engines.kamailio import NG_PORT
from trunkward.settings import Paths, snapshot_name
from trunkward.trunks.model import Declared

_STEP_S = 0.1
#: Flags column of /proc/net/unix for a listening socket (__SO_ACCEPTCON).
_ACCEPTS = " 00010000 "


def wait_until_ready(
    paths: Paths, declared: Declared, version: int, within_s: float, give_up: Callable[[], bool]
) -> dict[str, str]:
    """Parts that do not answer in time, each with what was tried; {} when all do."""
    until = time.monotonic() + within_s
    while True:
        missing = not_ready(paths, declared, version)
        if not missing or give_up() or time.monotonic() > until:
            return missing
        time.sleep(_STEP_S)


def not_ready(paths: Paths, declared: Declared, version: int) -> dict[str, str]:
    """Parts that do not answer now; `version` is that of the configuration in force."""
    node = declared.node
    probes: dict[str, Callable[[], None]] = {
        "rtpengine": lambda: _ng_ping(NG_PORT),
        "signer": lambda: _listens(str(paths.signer_socket)),
        "worker": lambda: _works(paths, version),
        **{f"gate-{i}": partial(_listens, str(paths.gate_socket(i))) for i in range(node.gates)},
        "kamailio": lambda: _connect_tcp(str(node.address), node.tls_port),
    }
    missing: dict[str, str] = {}
    for part, probe in probes.items():
        try:
            probe()
        except OSError as problem:
            missing[part] = str(problem)
    return missing


def _ng_ping(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ng:
        ng.settimeout(0.3)
        ng.connect(("127.0.0.1", port))
        ng.send(b'ready {"command":"ping"}')
        if b"pong" not in ng.recv(4096):
            raise OSError("rtpengine answers, but not with pong")


def _listens(path: str) -> None:
    # looked up, not connected to: the signer's journal notes every stranger who tries
    with open("/proc/net/unix", encoding="ascii", errors="replace") as table:
        if not any(line.rstrip("\n").endswith(f" {path}") and _ACCEPTS in line for line in table):
            raise OSError(f"nobody listens on {path}")


def _connect_tcp(host: str, port: int) -> None:
    with socket.create_connection((host, port), timeout=0.3):
        pass


def _works(paths: Paths, version: int) -> None:
    current = paths.policy / "current"
    if not current.exists() or current.readlink().name != snapshot_name(version):
        raise OSError(f"policy {version} is not compiled yet in {paths.policy}")
    if not paths.records_db.exists():
        raise OSError(f"no records database yet at {paths.records_db}")
    with paths.worker_lock.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            if lock.read():
                return
            raise OSError("the worker is still opening the records database") from None
    raise OSError(f"no worker holds {paths.worker_lock}")
