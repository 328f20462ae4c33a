"""What the edge is told: one JSON file, rendered for it by `trunkward.engines`, and followed while it runs.

Each process of Kamailio looks for another file at most once a second, when it has something to do, and takes
it whole or not at all. What cannot change without a restart (paths, ports, deadlines) is read at the start.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

#: Kamailio has no arguments for its script; the supervisor's environment names the file.
VARIABLE = "TRUNKWARD_EDGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSettings:
    """The edge's whole configuration."""

    #: Of the configuration it was rendered for.
    version: int
    #: The node's name, for requests of its own.
    node: str
    gate_sockets: list[str]
    gate_deadline_ms: int
    #: rtpengine's control port on 127.0.0.1, and how long a worker waits for it.
    ng_port: int
    media_deadline_ms: int
    dialogs: str
    #: Where Kamailio's numbers are written.
    numbers: str
    #: Where it is written who is registered.
    registrations: str
    #: Where outcomes are written, in this order.
    outcomes: list[str]
    #: Where the messages of calls are noted.
    ladder: str
    #: Seconds a call's row lives unattended in shared memory.
    longest_call_s: int
    #: Seconds a gate grants a running call at a time.
    grant_s: float
    #: The 64 characters Call-IDs are masked with (`trunkward.engines.call_id_mask`).
    call_id_alphabet: str
    #: What a masked Call-ID of this node begins with.
    call_id_prefix: str
    #: By the name asked for in the handshake (SNI): names accepted on the certificate, and hosts as declared.
    tls_peers: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    #: By the same name: what its chain must lead to, as a path or hash; another one means another trust.
    tls_authorities: dict[str, str] = field(default_factory=dict)
    #: By trunk: the host where it is dialled, one of `tls_peers`.
    trunk_hosts: dict[str, str] = field(default_factory=dict)
    #: By `trunk:NAME` and `carrier:NAME`: what tells a peer in its calls (`trunkward.edge.peers`).
    peers: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: By the same: until when (seconds since the epoch) and what told that peer before, newest first.
    departed: dict[str, list[tuple[float, dict[str, Any]]]] = field(default_factory=dict)
    #: By trunk that registers: what a registration may stand on (`trunkward.edge.standing`).
    proofs: dict[str, list[tuple[str, float | None]]] = field(default_factory=dict)
    #: Source networks of carriers with a plain listener; others get no answer there at all.
    plain_networks: list[str] = field(default_factory=list)
    #: The port where TLS 1.2 is spoken, 0 when there is none.
    tls12_port: int = 0
    #: What the worker found in DNS (`trunkward.edge.targets`), and where it is told who answers.
    targets: str = ""
    health: str = ""
    #: By `carrier:NAME`: the transport of those that are asked whether they are there.
    asked: dict[str, str] = field(default_factory=dict)
    #: Seconds between two questions (0: none); silences in a row until down; answers in a row until up.
    probes: tuple[int, int, int] = (30, 3, 2)
    #: The all-gates-down row of the posture table for emergency calls.
    emergency: list[dict[str, Any]] = field(default_factory=list)


#: Seconds between two looks for another file.
_LOOK_S = 1.0

type Mark = tuple[int, int, int]


def load() -> EdgeSettings:
    """Reads the file named by the environment. Raises on anything missing: Kamailio must not start."""
    return _read(os.environ[VARIABLE])[0]


class Followed[Edge]:
    """What is built of the settings in force, built anew when they change."""

    def __init__(self, build: Callable[[EdgeSettings], Edge], log: Callable[[str], None]) -> None:
        """Builds it once. Raises on anything missing. `log` hears once of a file that is no good."""
        self._log = log
        self._path = os.environ[VARIABLE]
        self._build = build
        settings, self._mark = _read(self._path)
        self._edge = build(settings)
        self._version = settings.version
        self._looked = time.monotonic()
        self._told = ""

    def now(self) -> Edge:
        """What is in force for the message in hand; it is not more than a second behind the file."""
        moment = time.monotonic()
        if moment - self._looked >= _LOOK_S:
            self._looked = moment
            self._look()
        return self._edge

    def _look(self) -> None:
        try:
            state = os.stat(self._path)
            if (state.st_ino, state.st_mtime_ns, state.st_size) == self._mark:
                return
            self._mark = state.st_ino, state.st_mtime_ns, state.st_size  # one look at each file
            settings, self._mark = _read(self._path)
            self._edge = self._build(settings)
        except Exception as problem:  # whatever is wrong with it: calls go on with what is in force
            said = f"{self._path} is not taken, version {self._version} stays: {problem!r}"
            if said != self._told:
                self._log(said)
            self._told = said
            return
        self._version, self._told = settings.version, ""


def _read(path: str) -> tuple[EdgeSettings, Mark]:
    with open(path, encoding="utf-8") as file:
        state = os.fstat(file.fileno())
        settings = EdgeSettings(**json.load(file))
    return settings, (state.st_ino, state.st_mtime_ns, state.st_size)
