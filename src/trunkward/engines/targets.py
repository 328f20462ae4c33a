"""Where peers' names lead and which carriers' hosts answer, as worker and edge have written it down."""

from pathlib import Path

import msgspec

from trunkward.routing.targets import Targets
from trunkward.settings import Paths


class TargetHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One host of a carrier, as the edge's questions found it."""

    #: `carrier:NAME`.
    peer: str
    transport: str
    #: `address:port`.
    host: str
    #: `up`, `down`, or `unknown` before the first question is settled.
    state: str
    #: Seconds since the epoch: of the state, and of the last answer; 0 for none.
    since: float = 0.0
    answered_at: float = 0.0
    #: The last answer's status, "" when there was none; and why, where that is known.
    status: str = ""
    problem: str = ""


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """The edge's file. One older than a minute was left by an edge that is gone."""

    #: Seconds since the epoch.
    at: float = 0.0
    targets: list[TargetHealth] = []


def read_health(paths: Paths) -> HealthReport:
    """The edge's report; an empty one when there is none."""
    return _read(paths.target_health, HealthReport) or HealthReport()


def read_targets(paths: Paths) -> Targets:
    """What the worker found in DNS; nothing when it has not asked."""
    return _read(paths.targets, Targets) or Targets()


def _read[T](path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
