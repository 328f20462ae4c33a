"""Where a node keeps its things. One value, made once, handed down."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

#: Metrics of gate 0 on 127.0.0.1; gate N has this + N. Like rtpengine's control port it is one a machine, or
#: network namespace: a node has it to itself.
METRICS_PORT = 9310
#: The signer's, beside them.
SIGNER_METRICS_PORT = METRICS_PORT - 1
#: The worker's.
WORKER_METRICS_PORT = METRICS_PORT - 2
#: Where `web` answers, on 127.0.0.1: health, readiness, and everybody's metrics in one place.
WEB_PORT = METRICS_PORT - 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """The directories of one node on this machine.

    `state` survives everything, `run` survives its processes but not a reboot, `log` can be
    deleted at any time.
    """

    config: Path
    state: Path
    run: Path
    log: Path

    @classmethod
    def from_environment(cls) -> Self:
        """`TRUNKWARD_HOME=/dir` puts a whole node under one directory (tests, labs, a second node)."""
        home = os.environ.get("TRUNKWARD_HOME")
        if home:
            base = Path(home).absolute()
            return cls(config=base / "node.yaml", state=base / "state", run=base / "run", log=base / "log")
        return cls(
            config=Path("/etc/trunkward/node.yaml"),
            state=Path("/var/lib/trunkward"),
            run=Path("/run/trunkward"),
            log=Path("/var/log/trunkward"),
        )

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.state / "pki"

    @property
    def records(self) -> Path:
        """Append-only segments, one directory a writer."""
        return self.state / "records"

    def gate_records(self, index: int) -> Path:
        """Decisions of gate number `index`."""
        return self.records / f"gate-{index}"

    @property
    def edge_records(self) -> Path:
        """Outcomes of calls, written by the edge."""
        return self.records / "edge"

    @property
    def edge_overflow(self) -> Path:
        """The same in memory, for when the disk is full; not below `records`, which is that disk."""
        return self.run / "overflow"

    def segment_directories(self) -> list[Path]:
        """Every directory with segments in it, those of gates that were before included."""
        return [*sorted(path for path in self.records.iterdir() if path.is_dir()), self.edge_overflow]

    @property
    def records_db(self) -> Path:
        """The records database (SQLite as it comes)."""
        return self.state / "db" / "records.db"

    @property
    def worker_lock(self) -> Path:
        """Held by the worker, the only writer of the records database, as long as it lives."""
        return self.state / "db" / "worker.lock"

    @property
    def declared(self) -> Path:
        """The configuration in force, as `control` accepted it."""
        return self.state / "config" / "declared.json"

    @property
    def policy(self) -> Path:
        """Compiled policy snapshots; `current` names the one in force."""
        return self.run / "policy"

    @property
    def dialogs(self) -> Path:
        """One small file for each running call, so that calls outlive Kamailio."""
        return self.run / "dialogs"

    @property
    def edge_numbers(self) -> Path:
        """What Kamailio counts, written by the edge each second for whoever watches the node."""
        return self.run / "numbers" / "kamailio.json"

    @property
    def shown(self) -> Path:
        """What `web` may know of the configuration in force, written by the worker."""
        return self.run / "shown" / "node.json"

    @property
    def shown_authorities(self) -> Path:
        """When the authorities of carriers end, for `web`, which may not read where they stand."""
        return self.shown.with_name("authorities.json")

    def gate_socket(self, index: int) -> Path:
        """Where gate number `index` takes attempts."""
        return self.run / "gate" / f"{index}.sock"

    @property
    def signer_socket(self) -> Path:
        """Where the signer takes claims."""
        return self.run / "signer" / "signer.sock"

    @property
    def supervisor_socket(self) -> Path:
        """The supervisor's control socket, root only."""
        return self.run / "supervisor.sock"


def snapshot_name(version: int) -> str:
    """The file name of a compiled policy."""
    return f"{version:012d}.snapshot"
