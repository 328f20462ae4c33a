"""Telling a gate what came of a call; on this node's disk when no gate listens."""

import os
import socket
from typing import Any

from trunkward.edge import ksr
from trunkward.edge.compact import compact


class OutcomeSender:
    """Datagrams to the gates; what none of them takes goes to the spool for the worker."""

    def __init__(self, paths: list[str], spool: str) -> None:
        """Remembers where to send; touches nothing yet."""
        self._paths = paths
        self._spool = spool
        self._pid = 0
        self._socket: socket.socket | None = None

    def send(self, outcome: dict[str, Any]) -> None:
        """Never blocks, never loses: a full or absent gate means the spool."""
        data = compact(outcome).encode()
        if self._pid != os.getpid() or self._socket is None:
            self._pid = os.getpid()
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        start = self._pid
        for turn in range(len(self._paths)):
            try:
                self._socket.sendto(data, self._paths[(start + turn) % len(self._paths)])
            except OSError:
                continue
            return
        ksr.log_warning(f"no gate took the outcome of {outcome.get('record_id')}: spooled")
        descriptor = os.open(self._spool, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            os.write(descriptor, data + b"\n")
        finally:
            os.close(descriptor)
