"""Reading what the node's parts count: Python parts over HTTP, Kamailio in a file, rtpengine over ng."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from trunkward.engines.exporter import BEATS_WITHIN_S, BUILD, HEARTBEAT
from trunkward.engines.probes import get, ng
from trunkward.settings import FETCHER_METRICS_PORT, METRICS_PORT, NG_PORT, WORKER_METRICS_PORT


@dataclass(frozen=True, slots=True, kw_only=True)
class PartNumbers:
    """What a Python part tells: every family of its metrics."""

    families: tuple[Metric, ...] = ()

    def value(self, name: str, **labels: str) -> float | None:
        """One sample; None for one that is not there."""
        for family in self.families:
            for sample in family.samples:
                if sample.name == name and all(sample.labels.get(key) == its for key, its in labels.items()):
                    return sample.value
        return None

    @property
    def version(self) -> str:
        """The version the part runs, "" for unknown."""
        for family in self.families:
            if family.name == BUILD:
                return next((sample.labels.get("version", "") for sample in family.samples), "")
        return ""

    @property
    def problem(self) -> str:
        """Why the part's own loop does not work, "" when it does."""
        age_s = self.value(HEARTBEAT)
        if age_s is None:
            return "its metrics have no sign of life"
        return "" if age_s < BEATS_WITHIN_S else f"its last sign of life is {age_s:.0f} s old"


def ports(gates: int, signers: Mapping[str, int]) -> dict[str, int]:
    """Where each Python part but `web` tells its numbers, on 127.0.0.1, by the part's name.

    `signers`: `engines.signers.read_ports`.
    """
    found = {f"gate-{index}": METRICS_PORT + index for index in range(gates)}
    return {**found, **signers, "worker": WORKER_METRICS_PORT, "fetcher": FETCHER_METRICS_PORT}


def read_part(port: int) -> PartNumbers:
    """A Python part's numbers. Raises `OSError`."""
    text = get(port, "/metrics")
    try:
        return PartNumbers(families=tuple(text_string_to_metric_families(text)))
    except (ValueError, KeyError, IndexError) as problem:
        raise OSError(f"127.0.0.1:{port}: these are no metrics: {problem}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class KamailioNumbers:
    """What the edge wrote down of Kamailio (`edge.numbers`)."""

    #: Seconds since the epoch: when it was written, and when Kamailio started.
    at: float
    since: float
    version: str
    calls_running: int
    #: Trunks that are registered, and at how many places in all.
    trunks_registered: int
    bindings: int
    #: Kamailio's own statistics by `group:name`... as Kamailio calls them.
    counted: Mapping[str, int]


def read_kamailio(path: Path) -> KamailioNumbers:
    """The edge's file. Raises `OSError`."""
    try:
        found = json.loads(path.read_bytes())
        return KamailioNumbers(
            at=float(found["at"]),
            since=float(found["since"]),
            version=str(found["version"]),
            calls_running=int(found["calls_running"]),
            trunks_registered=int(found["trunks_registered"]),
            bindings=int(found["bindings"]),
            counted={str(name): int(value) for name, value in found["counted"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise OSError(f"{path}: not what the edge writes: {problem}") from None


def read_rtpengine() -> dict[str, Any]:
    """Rtpengine's statistics as it has them. Raises `OSError`."""
    found = ng(NG_PORT, "statistics").get("statistics")
    if not isinstance(found, dict):
        raise OSError("rtpengine gives no statistics")
    return found
