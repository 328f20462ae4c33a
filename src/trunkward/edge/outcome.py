"""What came of each call, written down at once: nobody needs to be alive to take it.

And what the edge has decided itself, because no gate did: every verdict has its record.
"""

import os
import time
from typing import Any

from trunkward.edge import ksr
from trunkward.edge.attempt import THIS_EDGE
from trunkward.edge.compact import compact
from trunkward.edge.segments import Segments

#: Which gate decided, in a decision of the edge's own.
_NO_GATE = -1
_UNJUDGED = {"check": "edge", "detail": "no gate has it on record"}


class Outcomes:
    """The edge's own segments of decisions and outcomes."""

    def __init__(self, directories: list[str]) -> None:
        """`directories`: where to write, and where else when that has no room; nothing is opened yet."""
        self._segments = [(directory, Segments(directory)) for directory in directories]

    def write(self, outcome: dict[str, Any]) -> None:
        """Appends one outcome."""
        self._append({"kind": "outcome", "record_id": outcome["record_id"], "outcome": outcome})

    def refused(self, facts: dict[str, Any], reason: str) -> None:
        """Appends the record of a 503 to an attempt that no gate has on record; before it is answered."""
        told = {"verdict": "reject", "reason": reason, "blame": "us", "status": 503}
        found = _UNJUDGED | {"refused": True, "remedy": "./trunkward status, then kamailio.log"}
        self._decided(facts, told | {"findings": [found]})

    def admitted(self, facts: dict[str, Any], verdict: dict[str, Any]) -> None:
        """Appends the record of an emergency call that goes without a gate (`trunkward.edge.emergency`)."""
        told = {"verdict": "admit", "reason": verdict["reason"], "direction": verdict["direction"]}
        told |= {"record_id": verdict["record_id"], "called_number": verdict["called"]}
        told |= {"calling_number": verdict["callback"]}
        told |= {"tenant": verdict["tenant"], "trunk": verdict["trunk"], "source_name": verdict["source"]}
        shown, asserted = facts["from_uri"][:128], verdict["callback"] or "none"
        said = f"{shown} is shown and not verified: asserted is {asserted}"
        found = [_UNJUDGED, {"check": "caller", "detail": said}]
        routes = [route["peer"] for route in verdict["routes"]]
        self._decided(facts, told | {"routes": routes, "findings": found})

    def _decided(self, facts: dict[str, Any], told: dict[str, Any]) -> None:
        tls = facts.get("tls") or {}
        record = {
            "kind": "decision",
            "record_id": facts["id"],
            "attempt_id": facts["id"],
            "edge": facts["edge"],
            "call_id": facts["call_id"],
            "source": f"{facts['source_ip']}:{facts['source_port']}",
            "transport": facts["transport"],
            "tls_version": tls.get("version", ""),
            "tls_cipher": tls.get("cipher", ""),
            "attest": "",  # only a gate has calls signed
            "findings": [_UNJUDGED],
            "gate": _NO_GATE,
        }
        self._append(record | told)

    def note_start(self, running: list[str]) -> None:
        """Says that Kamailio has started, and which calls it still has (`trunkward.worker.abandoned`).

        In place of what a start before this one has said: this one knows of all that was left open until now,
        and of two notes nobody could tell which is the later one.
        """
        directories = [directory for directory, _ in self._segments]
        for directory in directories:
            try:
                for name in os.listdir(directory):
                    if ".started" in name:
                        os.unlink(os.path.join(directory, name))
            except OSError as problem:
                ksr.log_error(f"a start before this one stays noted in {directory}: {problem}")
        text = compact({"edge": THIS_EDGE, "at": time.time(), "running": running})
        for directory in directories:
            path = os.path.join(directory, f"{THIS_EDGE}.started")
            try:
                with open(f"{path}.part", "w", encoding="ascii") as file:
                    file.write(text)
                os.rename(f"{path}.part", path)
            except OSError as problem:
                ksr.log_error(f"start not noted in {directory}: {problem}")
            else:
                return

    def _append(self, record: dict[str, Any]) -> None:
        """Appends one line; one that no directory takes stands in the log, whole."""
        text = compact(record | {"at": time.time()})
        for directory, segments in self._segments:
            try:
                segments.append(f"{text}\n")
            except OSError as problem:
                ksr.log_error(f"record not written in {directory}: {problem}")
            else:
                return
        ksr.log_error(f"record lost: {text}")
