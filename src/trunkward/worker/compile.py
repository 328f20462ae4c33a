"""Compiling the configuration in force into the snapshot the gates map."""

import fcntl
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec

from trunkward.admission.rows import SecretRow
from trunkward.admission.snapshot import compile_snapshot
from trunkward.control.declared import InForce
from trunkward.control.evidence_tokens import for_signers, records_until
from trunkward.control.secrets import usable
from trunkward.control.traceback_requests import OpenRequest
from trunkward.engines.behind_calls import done_behind
from trunkward.engines.destinations_file import destinations_with
from trunkward.engines.whole_file import write_whole
from trunkward.settings import snapshot_name
from trunkward.spend.deck import read_written
from trunkward.spend.table import compile_deck, deck_name
from trunkward.trunks.model import Declared, IdentifiedBy
from trunkward.trunks.retention import RetentionPolicy
from trunkward.trunks.spending import OwnerSpending, with_raises

#: The name gates look at; a link to the snapshot in force.
CURRENT = "current"
#: Seconds between two looks for another configuration.
LOOK_S = 0.2
#: The same after one that failed: compiling a large configuration takes seconds of CPU.
AGAIN_S = 1.0
#: Seconds a deck that is in force no more stays: a gate may not have taken the snapshot after it yet.
_DECKS_KEPT_S = 600
#: Snapshots kept beside the one in force: a gate may still hold the one before.
_KEPT = 2


class PolicyCompiler:
    """Watches the configuration in force and keeps `current` pointing at its snapshot."""

    def __init__(
        self, declared: Path, policy: Path, tell: Callable[[InForce, Declared, float], None] = lambda *_: None
    ) -> None:
        """`policy` must exist and be writable by the worker alone.

        `tell` hears what has been compiled, and when it was put in force (seconds since the epoch).
        """
        self._tell = tell
        self._declared = declared
        self._decks = declared.with_name("decks")
        self._policy = policy
        self._seen: tuple[int, int] | None = None
        #: What has been compiled, and not told of yet.
        self._untold: Callable[[], None] | None = None
        #: Rounds in vain, counted by `follow`.
        self.failed = 0
        self.version = 0
        #: What the snapshot in force was compiled from.
        self.declared: Declared | None = None
        #: Delegate certificates evidence rests on, by the same configuration, by id.
        self.delegates: dict[str, str] = {}
        #: When the first record of evidence of each kind ends.
        self.records_until: dict[str, float] = {}
        #: Whose money is capped, by the same configuration.
        self.capped: tuple[OwnerSpending, ...] = ()
        #: Requests to trace a call back that are not answered, by the same configuration.
        self.traceback_requests: list[OpenRequest] = []
        #: How long records are kept, by the same configuration; replaced whole, so any thread may read it.
        self.retention = RetentionPolicy()

    def round(self) -> bool:
        """Compiles if the configuration has changed since, and tells of it; True when it did.

        What could not be told is told by the next round, without compiling again.
        """
        if self._mark() != self._seen:
            with self._alone():
                self._compile()
        if self._untold is None:
            return False
        self._untold()
        self._untold = None
        return True

    def follow(self, stopped: threading.Event, tell: Callable[[str], None]) -> None:
        """Rounds until it is `stopped`: beside the records, which may take longer than a change may wait.

        `tell` hears of each compilation, and once of what stands in the way.
        """
        told = ""
        while not stopped.wait(AGAIN_S if told else LOOK_S):
            try:
                if self.round():
                    tell(f"policy {self.version} compiled")
                told = ""
            except Exception as problem:  # seen in the log, and by `status`; the next look may find it mended
                self.failed += 1
                if repr(problem) != told:
                    tell(f"policy not compiled, or not shown: {problem!r}")
                told = repr(problem)

    def _mark(self) -> tuple[int, int]:
        state = self._declared.stat()
        return state.st_mtime_ns, state.st_ino

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """A worker before this one may be slow to go: it must not put `current` back to what it compiled."""
        with (self._policy / "compiling").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _compile_decks(self, in_force: InForce) -> None:
        """Each deck once, whatever else changes; before the snapshot that names it is in force."""
        wanted = {deck_name(sha256): sha256 for sha256 in in_force.decks.values()}
        for name, sha256 in wanted.items():
            if (self._policy / name).exists():
                continue
            # seconds, behind calls; where no deck is new, as for a hold, nothing here waits
            write_whole(self._policy / name, done_behind(partial(self._deck, sha256)), 0o640)
        # gates have those before in their memory
        for old in self._policy.glob("*.deck"):
            if old.name not in wanted and old.stat().st_mtime < time.time() - _DECKS_KEPT_S:
                old.unlink()

    def _deck(self, sha256: str) -> bytes:
        text = zlib.decompress((self._decks / sha256).read_bytes())
        # what holds from now on: earlier rates are for calls that are over
        return compile_deck(read_written(text.decode()), int(time.time()))

    def _compile(self) -> None:
        seen = self._mark()
        in_force = msgspec.json.decode(self._declared.read_bytes(), type=InForce)
        declared = in_force.declared()
        snapshot = compile_snapshot(
            declared,
            for_signers(declared, in_force.evidence),
            in_force.version,
            destinations_with(in_force.destinations),
            {
                trunk.name: [
                    SecretRow(secret.id, secret.sha256, secret.md5, secret.until)
                    for secret in usable(declared, trunk, in_force.secrets[trunk.name])
                ]
                for trunk in declared.trunks
                if trunk.name in in_force.secrets and trunk.demands(IdentifiedBy.DIGEST)
            },
            relationships=in_force.relationships,
            contracts=in_force.contracts,
            verified=in_force.verified,
            never=in_force.do_not_originate,
            decks=in_force.decks,
            holds=in_force.holds,
            raises=in_force.raises,
        )
        self._compile_decks(in_force)
        name = snapshot_name(in_force.version)
        write_whole(self._policy / name, snapshot, 0o640)
        link = self._policy / f"{CURRENT}.part"
        link.unlink(missing_ok=True)
        link.symlink_to(name)
        os.rename(link, self._policy / CURRENT)
        # a restored node begins below the versions there were: when each was written counts, not its number
        others = [path for path in self._policy.glob("*.snapshot") if path.name != name]
        for old in sorted(others, key=lambda path: path.stat().st_mtime_ns)[:-_KEPT]:
            old.unlink()
        self._seen, self.version, self.declared = seen, in_force.version, declared
        self.retention, self.delegates = declared.retention, in_force.delegates
        self.traceback_requests = in_force.traceback_requests
        self.records_until = records_until(in_force.evidence, in_force.blocks, in_force.contracts)
        self.capped = tuple(
            one for one in with_raises(declared.spending, in_force.raises) if one.spending.is_capped
        )
        self._untold = partial(self._tell, in_force, declared, seen[0] / 1e9)
