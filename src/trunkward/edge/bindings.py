"""Where trunks are registered over connections of this Kamailio; its own memory, which needs no gate.

By trunk: what the gate said at its last REGISTER. A connection that has ended is seen as ended when somebody
wants to use it, whether the row is gone by then or not.
"""

import time
from typing import Any

from trunkward.edge import ksr
from trunkward.edge.compact import compact, expand
from trunkward.edge.standing import stands

#: By trunk: SERIAL and its bindings, newest first.
BINDINGS = "bindings"
#: By connection id: the trunk that is registered over it.
FLOWS = "flows"
#: Seconds; the longest binding is for an hour (`admission.registration.MAX_EXPIRES_S`).
_LONGEST_S = 3700


class BindingTable:
    """The shared tables."""

    def __init__(self, edge: str) -> None:
        """`edge`: this start of Kamailio; bindings of another one are another's."""
        self._edge = edge
        #: What tells each peer by the settings in force.
        self._peers: dict[str, dict[str, Any]] = {}
        #: By trunk, what else its registrations may stand on.
        self._proofs: dict[str, list[tuple[str, float | None]]] = {}

    def follow(
        self, peers: dict[str, dict[str, Any]], proofs: dict[str, list[tuple[str, float | None]]]
    ) -> None:
        """Takes over what tells each peer by the settings in force (`edge.peers`, `edge.standing`)."""
        self._peers, self._proofs = peers, proofs

    def put(self, trunk: str, told: dict[str, Any], connections: dict[str, int]) -> None:
        """Takes over a trunk's bindings as the gate tells them, unless it has told newer ones.

        `connections`: the id of each flow.
        """
        rows = [
            {name: one[name] for name in _KEPT if name in one} | {"connection": connection}
            for one in told["bindings"]
            if one["edge"] == self._edge and (connection := connections.get(one["flow"], 0))
        ]
        with ksr.table_locked(BINDINGS, trunk):
            serial, before = _read(ksr.table_get(BINDINGS, trunk))
            if told["serial"] < serial:
                return
            ksr.table_set(BINDINGS, trunk, compact([told["serial"], rows]), _LONGEST_S)
        now = {row["connection"] for row in rows}
        for row in before:
            if row["connection"] not in now:
                ksr.table_remove(FLOWS, str(row["connection"]))
        for connection in now:
            ksr.table_set(FLOWS, str(connection), trunk, _LONGEST_S)

    def of(self, trunk: str) -> list[dict[str, Any]]:
        """A trunk's bindings whose time is not over and whose connection stands, newest first.

        Only those of a PBX that would be recognised today (`standing`).
        """
        now = time.time()
        _, rows = _read(ksr.table_get(BINDINGS, trunk))
        peer, proofs = self._peers.get(f"trunk:{trunk}"), self._proofs.get(trunk)
        return [
            row
            for row in rows
            if row["expires_at"] > now
            and stands(row, peer, proofs)
            and ksr.connection_alive(row["connection"])
        ]

    def at(self, trunk: str, connection: int) -> dict[str, Any] | None:
        """A trunk's newest binding over a connection, None when it is over."""
        return next((row for row in self.of(trunk) if row["connection"] == connection), None)

    def again(self, trunk: str) -> dict[str, Any] | None:
        """Where a trunk can be reached that has lost a connection: its newest binding, None for none."""
        return next(iter(self.of(trunk)), None)

    def trunk_on(self, connection: int) -> str:
        """The trunk that is registered over a connection, "" for none."""
        trunk = ksr.table_get(FLOWS, str(connection))
        if trunk and any(row["connection"] == connection for row in self.of(trunk)):
            return trunk
        return ""

    def ended(self, connection: int) -> tuple[str, str]:
        """Forgets a connection that is gone: the trunk that was registered over it, and the flow's name."""
        trunk = ksr.table_get(FLOWS, str(connection))
        ksr.table_remove(FLOWS, str(connection))
        if not trunk:
            return "", ""
        with ksr.table_locked(BINDINGS, trunk):
            serial, rows = _read(ksr.table_get(BINDINGS, trunk))
            left = [row for row in rows if row["connection"] != connection]
            ksr.table_set(BINDINGS, trunk, compact([serial, left]), _LONGEST_S)
        return trunk, next((row["flow"] for row in rows if row["connection"] == connection), "")

    def everywhere(self) -> dict[str, list[dict[str, Any]]]:
        """The bindings of each trunk that had one within the last hour."""
        return {trunk: self.of(trunk) for trunk, _ in ksr.table_rows(BINDINGS)}


#: What of a binding is remembered here.
_KEPT = (
    *("contact", "path", "flow", "since", "expires_at", "instance", "reg_id", "user"),
    *("source", "transport", "user_agent", "fingerprint", "proof"),
)


def _read(text: str) -> tuple[int, list[dict[str, Any]]]:
    if not text:
        return 0, []
    serial, rows = expand(text)
    return serial, rows
