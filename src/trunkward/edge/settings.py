"""What the edge is told at start: one JSON file, rendered for it by `trunkward.engines`."""

import json
import os
from dataclasses import dataclass, field
from typing import Any

#: Kamailio has no arguments for its script; the supervisor's environment names the file.
VARIABLE = "TRUNKWARD_EDGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSettings:
    """The edge's whole configuration."""

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
    #: Where outcomes are written, in this order.
    outcomes: list[str]
    #: Seconds a call's row lives unattended in shared memory.
    longest_call_s: int
    #: The 64 characters Call-IDs are masked with (`trunkward.engines.call_id_mask`).
    call_id_alphabet: str
    #: By the name asked for in the handshake (SNI): names accepted on the certificate, and `ip:port` dialled.
    tls_peers: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    #: By trunk: `ip:port` where it is dialled, one of `tls_peers`.
    trunk_hosts: dict[str, str] = field(default_factory=dict)
    #: By `trunk:NAME` and `carrier:NAME`: what tells a peer in its calls (`trunkward.edge.peers`).
    peers: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Source networks of carriers with a plain listener; others get no answer there at all.
    plain_networks: list[str] = field(default_factory=list)
    #: The all-gates-down row of the posture table for emergency calls.
    emergency: list[dict[str, Any]] = field(default_factory=list)


def load() -> EdgeSettings:
    """Reads the file named by the environment. Raises on anything missing: Kamailio must not start."""
    with open(os.environ[VARIABLE], encoding="utf-8") as file:
        return EdgeSettings(**json.load(file))
