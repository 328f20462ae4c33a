"""Looking at the node on behalf of whoever asks: one look at a time, and none more often than once a second.

A look costs each part a question. It is bounded in time by what it asks with (`engines.node_facts.see`),
however many parts are dead, and however many ask here.
"""

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec

from trunkward import __version__
from trunkward.control.health import Health, health
from trunkward.control.health_facts import CertificateFacts, PartFacts
from trunkward.control.shown import Shown, VersionInForce
from trunkward.engines.certificate_state import IdentitiesState, read_state
from trunkward.engines.certificates import certificate_facts, identity_facts, shown_facts, shown_from
from trunkward.engines.node_facts import (
    Seen,
    denied_facts,
    drain_facts,
    forget_facts,
    new_threads,
    node_facts,
    part_facts,
    records_facts,
    restored_facts,
    retention_facts,
    see,
    space_facts,
    verified_facts,
)
from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.unsound_state import read_unsound
from trunkward.settings import Paths

#: Seconds a look is good for.
FRESH_S = 1.0
#: Seconds two starts of one part are apart at least: the supervisor calls a shorter life a failure.
_SAME_START_S = 1.5
#: Processes that are asked at once: as many gates as a node may have (`node.gates`).
_MOST_GATES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What was seen in one look."""

    health: Health
    seen: Seen
    #: What the process that speaks with the authorities of SHAKEN says; None where there is none.
    identities: IdentitiesState | None = None


class Look:
    """The node as this process sees it."""

    def __init__(self, paths: Paths) -> None:
        """Looks at nothing yet."""
        self._paths = paths
        self._threads = new_threads(_MOST_GATES)
        self._one = asyncio.Lock()
        self._view: View | None = None
        self._looked = 0.0
        self._since: dict[str, float] = {}
        self.started = time.time()

    async def now(self) -> View:
        """The newest look; a new one when that is older than a second."""
        async with self._one:
            if self._view is None or time.monotonic() - self._looked > FRESH_S:
                self._view = await asyncio.to_thread(self._look)
                self._looked = time.monotonic()
            return self._view

    def _look(self) -> View:
        paths, now = self._paths, time.time()
        shown = read_shown(paths)
        seen = see(shown, paths, self._threads, web=False)
        seen = replace(seen, web={"version": __version__, "since": self.started})
        facts = node_facts(
            shown,
            self._steady(part_facts(shown, seen, {}, {}, now)),
            now=now,
            space=space_facts(paths),
            records=records_facts(seen.parts.get("worker")),
            certificates=_certificates(paths, shown, now) if shown else [],
            drain=drain_facts(paths),
            restored=restored_facts(paths),
            retention=retention_facts(paths),
            verified=verified_facts(paths),
            denied_left=denied_facts(seen),
            unsound=read_unsound(paths),
            forget_fails=forget_facts(seen),
        )
        return View(health=health(facts), seen=seen, identities=_identities(paths, shown))

    def _steady(self, parts: tuple[PartFacts, ...]) -> tuple[PartFacts, ...]:
        """The same parts; one that tells its age in whole seconds was not started anew at each look."""
        steady = []
        for part in parts:
            since, before = part.since, self._since.get(part.name)
            if before is not None and since is not None and abs(since - before) < _SAME_START_S:
                since = before
            if since is not None:
                self._since[part.name] = since
            steady.append(replace(part, since=since))
        return tuple(steady)


def read_shown(paths: Paths) -> Shown | None:
    """What the worker shows of the configuration in force; None when it has shown nothing yet.

    A worker may be dead, or unable to compile or to show: which version gates must have is what root says, if
    that is a later one.
    """
    try:
        found = msgspec.json.decode(paths.shown.read_bytes(), type=Shown)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    try:
        told = msgspec.json.decode(paths.shown_version.read_bytes(), type=VersionInForce)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return found
    if told.version <= found.version:
        return found
    return msgspec.structs.replace(found, version=told.version, since=told.since)


def _certificates(paths: Paths, shown: Shown, now: float) -> list[CertificateFacts]:
    try:
        authorities = msgspec.json.decode(
            paths.shown_authorities.read_bytes(), type=dict[str, datetime | None]
        )
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        authorities = {}
    at = datetime.fromtimestamp(now, UTC)
    return [
        *certificate_facts(PkiFiles(paths.pki), shown.issued, authorities, tested=shown.tested),
        *shown_facts(shown_from(shown.certificates, paths), at),
        *identity_facts(shown.identities, _identities(paths, shown), paths.held_lists, at),
    ]


def _identities(paths: Paths, shown: Shown | None) -> IdentitiesState | None:
    return read_state(paths.identities_state, IdentitiesState) if shown and shown.identities else None
