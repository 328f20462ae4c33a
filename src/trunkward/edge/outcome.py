"""What came of each call, written down at once: nobody needs to be alive to take it.

The edge writes segments as a gate does (`trunkward.records.segment`), all its processes into one, and
the worker ships them by record id.
"""

import os
import time
from typing import Any

from trunkward.edge import ksr
from trunkward.edge.attempt import THIS_EDGE
from trunkward.edge.compact import compact

#: Seconds one segment is written to, so that shipped ones can be deleted.
SEGMENT_S = 3600


class Outcomes:
    """The edge's own segments."""

    def __init__(self, directories: list[str]) -> None:
        """`directories`: where to write, and where else when that has no room; nothing is opened yet."""
        self._directories = directories
        #: This process' segments by directory: the hour and the descriptor.
        self._open: dict[str, tuple[int, int]] = {}

    def write(self, outcome: dict[str, Any]) -> None:
        """Appends one outcome."""
        self._append({"kind": "outcome", "record_id": outcome["record_id"], "outcome": outcome})

    def note_decision(self, facts: dict[str, Any], verdict: dict[str, Any]) -> None:
        """Appends the record of a call that the edge has admitted by itself (`trunkward.edge.emergency`)."""
        self._append(
            {
                "kind": "decision",
                "record_id": verdict["record_id"],
                "attempt_id": facts["id"],
                "edge": facts["edge"],
                "call_id": facts["call_id"],
                "verdict": "admit",
                "reason": verdict["reason"],
                "trunk": verdict["trunk"],
                "source_name": verdict["source"],
                "direction": verdict["direction"],
                "called_number": verdict["called"],
                "routes": [route["peer"] for route in verdict["routes"]],
                "source": f"{facts['source_ip']}:{facts['source_port']}",
                "transport": facts["transport"],
                "findings": ["edge: no gate has judged it"],
                "gate": -1,
            }
        )

    def note_start(self, running: list[str]) -> None:
        """Says that Kamailio has started, and which calls it still has (`trunkward.worker.abandoned`)."""
        now = time.time()
        text = compact({"edge": THIS_EDGE, "at": now, "running": running})
        for directory in self._directories:
            path = os.path.join(directory, f"{now * 1000:015.0f}-{THIS_EDGE}.started")
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
        now = time.time()
        text = compact(record | {"at": now})
        # it starts a line of its own, whatever a full disk left of one before
        data = f"\n{text}\n".encode()
        for directory in self._directories:
            try:
                if os.write(self._segment(directory, int(now // SEGMENT_S)), data) != len(data):
                    raise OSError("no room")
            except OSError as problem:
                ksr.log_error(f"outcome not written in {directory}: {problem}")
            else:
                return
        ksr.log_error(f"outcome lost: {text}")

    def _segment(self, directory: str, hour: int) -> int:
        """The descriptor of this hour's segment: the worker deletes none so young."""
        held = self._open.get(directory)
        if held is not None and held[0] == hour:
            return held[1]
        if held is not None:
            del self._open[directory]
            os.close(held[1])
        path = os.path.join(directory, f"{hour * SEGMENT_S * 1000:015d}.jsonl")
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._open[directory] = hour, descriptor
        return descriptor
