"""A REGISTER through the edge: suspended, judged by a gate as a call is, and remembered.

What takes time is done in a worker of a group of its own, so no call waits behind a registration.
"""

import os
import time
from functools import partial
from typing import Any

from trunkward.edge import attempt, flows, identified, ksr, refusal
from trunkward.edge.bindings import BindingTable
from trunkward.edge.compact import compact, expand
from trunkward.edge.gate import GateClient, GateUnavailable
from trunkward.edge.suspended import Suspended

#: The headers a judgement may look at.
_JUDGED = ("contact", "expires", "supported", "require", "user-agent", "authorization")
#: Values of one header that are looked at.
_MOST_VALUES = 10


class Registrations:
    """Registrations, callback by callback."""

    def __init__(
        self,
        gate: GateClient,
        table: BindingTable,
        *,
        peers: dict[str, dict[str, Any]],
        suspended: Suspended,
        group: str,
    ) -> None:
        """Keeps its parts; nothing is opened before the first one in each process."""
        self._peers = peers
        self._gate = gate
        self._table = table
        self._suspended = suspended
        self._group = group

    # ---- in a SIP worker -----------------------------------------------------------------------
    def suspend(self) -> None:
        """Lets a REGISTER wait for its verdict without holding this worker."""
        if not ksr.new_transaction():
            return
        facts = self._read()
        held = self._suspended.hold()
        if not (held and ksr.later("ksr_register", f"{held} {compact(facts)}", self._group)):
            refusal.refuse(503, "Service Unavailable", "no-worker-free")

    def _read(self) -> dict[str, Any]:
        head, connection = ksr.head(), ksr.connection_id()
        transport = ksr.pv("$proto").lower()
        return {
            "kind": "register",
            "id": os.urandom(16).hex(),
            "edge": attempt.THIS_EDGE,
            "at": time.time(),
            "source_ip": ksr.source_ip(),
            "source_port": int(ksr.pv("$sp") or 0),
            "transport": transport,
            "local_ip": ksr.pv("$Ri"),
            "local_port": int(ksr.pv("$Rp") or 0),
            "tls": attempt.tls_facts(),
            "ruri": ksr.ruri(),
            "from_uri": ksr.pv("$fu"),
            "to_uri": ksr.pv("$tu"),
            "call_id": ksr.call_id(),
            "cseq": int(ksr.pv("$cs") or 0),
            "headers": {name: values[:_MOST_VALUES] for name in _JUDGED if (values := head.values(name))},
            "flow": flows.token(connection, attempt.THIS_EDGE, ksr.source_host()),
            "registered": self._table.trunk_on(connection),
        }

    # ---- in a worker of the group ----------------------------------------------------------------
    def judge(self, held: str, text: str) -> None:
        """Asks the gate and applies its verdict."""
        if self._suspended.is_late(held):
            return
        facts = expand(text)
        try:
            verdict = self._gate.register(facts["id"], text)
        except GateUnavailable as problem:
            ksr.log_error(f"no verdict on registration {facts['id']}: {problem}")
            self._suspended.resume(
                held, partial(refusal.refuse, 503, "Service Unavailable", "gate-unavailable")
            )
            return
        if verdict["verdict"] == "registered":
            self._keep(verdict, facts["flow"])
        self._suspended.resume(held, partial(_answer, verdict))

    def _keep(self, verdict: dict[str, Any], flow: str) -> None:
        bindings, peer = verdict["bindings"], f"trunk:{verdict['trunk']}"
        names = {one["flow"] for one in bindings["bindings"]}
        connections = {name: flows.connection_of(name, attempt.THIS_EDGE) for name in names}
        self._table.put(verdict["trunk"], bindings, connections)
        if self._peers.get(peer, {}).get("by_connection"):
            identified.note(flows.connection_of(flow, attempt.THIS_EDGE), peer)
        for connection in connections.values():
            # one that has ended meanwhile will not be told any more
            if connection and not ksr.tell_when_closed(connection):
                self._forget(connection)

    def connection_closed(self, _event: str) -> None:
        """In Kamailio's TCP process, which must not wait: leaves it to a worker.

        With no worker free the rows stay until their time is over; their connection is known to have ended.
        """
        # its id, which the one of a message is not to be had by any more
        ksr.later("ksr_flow_ended", ksr.pv("$conid"), self._group)

    def flow_ended(self, _event: str) -> None:
        """A connection over which a trunk was registered, or recognised, is gone."""
        connection = int(ksr.later_data())
        identified.forget(connection)
        self._forget(connection)

    def _forget(self, connection: int) -> None:
        trunk, flow = self._table.ended(connection)
        if flow:
            ksr.log_warning(f"trunk {trunk}: the connection it was registered on is gone")
            self._gate.tell(compact({"kind": "flow-ended", "trunk": trunk, "flow": flow}))


def _answer(verdict: dict[str, Any]) -> None:
    for name, value in verdict["headers"]:
        ksr.add_reply_header(name, value)
    ksr.reply(verdict.get("status", 200), verdict.get("phrase", "OK"))
