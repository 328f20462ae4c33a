"""Lines of the signers' journals whose call is not on record: the other way round than `journals_examined`.

Who may write to the database of records can take a call out of it, and cannot take its line out of the
signer's journal. Nobody is accused by that alone: a gate may have ended between the signature and its record,
and records are kept for their time, in a database that may be another one by now. So what is known to explain
it is left out, and of the rest the lines are named.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache, cached_property
from itertools import batched
from math import inf

import msgspec
import sqlalchemy as sa
import typer

from trunkward.cli.changing import configuration_store
from trunkward.control.node_file import NodeFileRefused, read_node_file
from trunkward.engines.journals import signers_journals
from trunkward.engines.signed_lines import SignedLine, signed_between
from trunkward.engines.whole_file import open_plain
from trunkward.journal.chain import UNREADABLE
from trunkward.journal.examine import told
from trunkward.journal.witness import APART_S, restored
from trunkward.settings import Paths
from trunkward.store.configuration import TextDamaged
from trunkward.store.records import RecordStore
from trunkward.store.signed import standing
from trunkward.trunks.retention import DAY_S, RetentionPolicy

#: Lines that are asked about in one query, and that are told by their numbers.
_PAGE, _MOST_NAMED = 500, 5
#: Seconds a look lasts, at most: calls whose time is over meanwhile are deleted under it.
_LOOK_S = 86_400.0
#: Bytes of a record in a segment, at most (our limit).
_MOST_BYTES = 1 << 20
#: What a line without a record may come from.
WHY = (
    "a gate ended before it wrote it, records were brought back from a backup or begun anew in another"
    " database, or somebody took it out"
)


class _At(msgspec.Struct):
    at: float


_at = msgspec.json.Decoder(_At).decode


def unrecorded(
    paths: Paths,
    engine: sa.Engine,
    node: str,
    *,
    since: float,
    until: float,
    between: Callable[[], list[tuple[float, float]]],
) -> Iterator[str]:
    """A sentence for each journal that has such lines of a time, in seconds since the epoch.

    `node`: what this one is called in a database that several have. `between`: times that restores took,
    asked where something is missing. Journals are read from the segment on that has the first line of that
    time, and the database is asked about `_PAGE` lines at once. Raises `OSError`.
    """
    until = min(until, shipped_until(paths, RecordStore(engine, node)))
    explained = _Explained(paths, time.time(), between)
    for name, journal in signers_journals(paths).items():
        missing = _Missing()
        for line in without_record(engine, signed_between(journal, since, until)):
            if not explained.is_known(line):
                missing.add(line)
        if missing.count:
            yield f"{name}: {missing.in_words()}"


def without_record(engine: sa.Engine, lines: Iterable[SignedLine]) -> Iterator[SignedLine]:
    """Those whose call is not on record."""
    for some in batched(lines, _PAGE, strict=False):
        there = standing(engine, {line.record_id for line in some})
        yield from (line for line in some if line.record_id not in there)


def shipped_until(paths: Paths, store: RecordStore) -> float:
    """Before which time all records of this node's gates are in the database, in seconds since the epoch.

    By the first of each segment that is not: a worker that is behind, or could not reach it, ships it yet.
    """
    first = inf
    for segment in paths.records.glob("*/*.jsonl"):
        with suppress(OSError), open_plain(segment) as file:  # one that is gone was shipped
            file.seek(store.offset(f"{segment.parent.name}/{segment.name}"))
            while line := file.readline(_MOST_BYTES):
                if (at := _at_of(line)) is not None:
                    first = min(first, at)
                    break
    return first - APART_S


def kept_since(paths: Paths, now: float) -> Callable[[str], float]:
    """By tenant, since when its calls are kept by all versions there were; seconds since the epoch.

    A version that kept them for less time had those deleted that a later one would have kept.
    """
    policies: list[tuple[float, RetentionPolicy]] = []
    try:
        with configuration_store(paths, make=False) as store:
            ends: dict[str, float] = {}
            until = now
            newest_first = store.versions()
            for version in newest_first:
                ends.setdefault(version.text_sha256, until)
                until = version.at
            for version in newest_first:
                if (ended := ends.pop(version.text_sha256, None)) is not None:
                    try:
                        declared = read_node_file(store.text(version), f"version {version.number}")
                    except (TextDamaged, NodeFileRefused):
                        continue  # of an earlier version of Trunkward, say: nobody knows
                    policies.append((ended, declared.retention))
    except typer.Exit:
        pass  # which has been said
    policies.reverse()

    def since(tenant: str) -> float:
        first, said = 0.0, inf
        for ended, its in policies:
            # of a tenant that is gone what was said last goes on
            said = its.tenants.get(tenant, said)
            first = max(first, ended - min(said, its.days(tenant)) * DAY_S)
        return first

    return cache(since)


class _Explained:
    """What is known to be why a record is not there: its time was over, or a restore took it."""

    def __init__(self, paths: Paths, now: float, between: Callable[[], list[tuple[float, float]]]) -> None:
        self._paths, self._now, self._between_of = paths, now, between

    def is_known(self, line: SignedLine) -> bool:
        """Whether it is one of that line's."""
        return line.at < self._since(line.tenant) + _LOOK_S or bool(restored([line.at], self._between))

    @cached_property
    def _since(self) -> Callable[[str], float]:
        return kept_since(self._paths, self._now)

    @cached_property
    def _between(self) -> list[tuple[float, float]]:
        return self._between_of()


class _Missing:
    """Lines without a record: the first ones, and how many."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[SignedLine] = []
        self._last_at = 0.0

    def add(self, line: SignedLine) -> None:
        """One more."""
        self.count += 1
        self._last_at = line.at
        if self.count <= _MOST_NAMED:
            self._first.append(line)

    def in_words(self) -> str:
        """How many of when, and which."""
        named = [f"line {line.seq} (record {line.record_id})" for line in self._first]
        more = [f"and {self.count - len(named)} more"] if self.count > len(named) else []
        number = "1 signed line has" if self.count == 1 else f"{self.count} signed lines have"
        span = (
            told(self._first[0].at)
            if self.count == 1
            else f"{told(self._first[0].at)} to {told(self._last_at)}"
        )
        return f"{number} no call on record, of {span}: {', '.join([*named, *more])}; {WHY}"


def _at_of(line: bytes) -> float | None:
    try:
        return _at(line).at
    except UNREADABLE:  # a message, or no record at all
        return None
