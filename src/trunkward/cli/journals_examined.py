"""All journals of a node, held against their signed heads and against the calls' own records."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from trunkward.cli.calls import with_records_database
from trunkward.cli.changing import configuration_store
from trunkward.cli.said import complain, in_words
from trunkward.cli.unrecorded import unrecorded
from trunkward.control.configuration import HistoryBroken, history
from trunkward.control.evidence_documents import exchanged
from trunkward.control.restored import lost_between
from trunkward.control.sound_journal import sound_journal
from trunkward.engines.in_force import read_in_force
from trunkward.engines.journals import Place, minutes_since, segments_of, signers_journals, values_beside
from trunkward.engines.whole_file import NoPlainFile
from trunkward.journal.chain import ChainBroken
from trunkward.journal.examine import HeadAt, Report, examine, told, whole
from trunkward.journal.heads import ACTS
from trunkward.journal.witness import Told, in_minutes, restored
from trunkward.settings import Paths
from trunkward.store.signed import UnreadableCall, signed_calls

#: Seconds after which heads that nobody signed any more are a finding: an hour and some rounds; and a line
#: that no head names: a minute, and what signer and worker take.
_SILENT_S, _UNSIGNED_S = 3900.0, 120.0
#: Seconds before now that the next look begins at: calls of later heads may be on their way.
_SURELY_S = 180.0
#: Records that cannot be read are told by their ids; of more their number.
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What a look knows of the one before, and where it begins."""

    #: A minute of signed heads that was there; None: no look has come to one.
    place: Place | None
    #: It begins with the first minute all the same, and each journal with its first line.
    whole: bool
    #: Seconds since the epoch from which on calls are held against their lines.
    calls: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What came of a look."""

    reports: list[Report]
    #: Sentences on heads that should have been signed; on calls that have no line, or whose record cannot be
    #: read; on those a restore took.
    silent: list[str]
    lost: list[str]
    declared: list[str]
    #: Sentences on lines whose call is not on record (`cli.unrecorded`); no finding by themselves.
    unrecorded: list[str]
    #: When a head was last signed, in seconds since the epoch; 0: never.
    last_s: float
    #: Where the next one may begin; None: nowhere yet.
    reached: Since | None
    #: From when on calls' records were held against their lines, in seconds since the epoch; None: there are
    #: no records.
    calls_since: float | None
    #: The calls' records could not be asked, which has been said.
    is_unread: bool

    @property
    def is_changed(self) -> bool:
        """Whether anything that was looked at is not as it was written."""
        return bool(self.lost) or any(report.findings for report in self.reports)

    @property
    def holds(self) -> bool:
        """Whether it is, and heads are signed of it."""
        return not (self.is_changed or self.silent)


def examined(
    paths: Paths, heads: Path, key: Ed25519PublicKey, *, is_copy: bool = False, since: Since | None = None
) -> Examined:
    """Follows each journal, from its first line or from where one before has come to.

    Raises `ChainBroken`, `KeyUnusable`, `OSError`, and `typer.Exit` where a database cannot be asked, which
    has been said. `is_copy`: the heads end where they were taken.
    """
    looking = _Looking(paths, since)
    reports, last_s = looking.reports(heads, key)
    unread, calls_since = 0, None
    if paths.database or paths.records_db.exists():
        calls_since = since.calls if since else 0.0
        try:
            unread = with_records_database(paths, looking.compared)
        except Exception as problem:  # whatever stands in there hides nothing that the journals have shown
            complain(f"calls are not held against their lines: {type(problem).__name__}: {problem}")
            unread = 2
    return Examined(
        reports=reports,
        silent=[] if is_copy else list(_silent(reports, last_s, time.time())),
        lost=looking.lost,
        declared=looking.declared,
        unrecorded=looking.unrecorded,
        last_s=last_s,
        reached=looking.reached,
        calls_since=calls_since,
        is_unread=bool(unread),
    )


class _Looking:
    """One look, as far as it is."""

    def __init__(self, paths: Paths, since: Since | None) -> None:
        self._paths, self._since, self._began_s = paths, since, time.time()
        calls_since = since.calls if since else float("-inf")
        self._by_journal = defaultdict[str, Told](lambda: Told(calls_since))
        #: By journal, the line to begin with, where it is not the first.
        self._begins: dict[str, int] = {}
        self.reached: Since | None = None
        self.lost: list[str] = []
        self.declared: list[str] = []
        self.unrecorded: list[str] = []

    def reports(self, heads: Path, key: Ed25519PublicKey) -> tuple[list[Report], float]:
        """What came out of each journal, and when a head was last signed; 0: never."""
        signed: defaultdict[str, list[HeadAt]] = defaultdict(list)
        last_s = 0.0
        known, whole = (self._since.place, self._since.whole) if self._since else (None, True)
        for minute, its_place in minutes_since(heads, key, known, whole=whole):
            if not whole and not last_s:
                self._begins = {head.journal: head.seq for head in minute.heads}
            last_s = minute.at
            if minute.at <= self._began_s - _SURELY_S:
                self.reached = Since(place=its_place, whole=False, calls=minute.at)
            for head in minute.heads:
                signed[head.journal].append(HeadAt(at=minute.at, head=head))
        journals = signers_journals(self._paths)
        # and heads of a journal that is gone altogether
        gone = [name for name in signed if name not in journals and name != ACTS]
        reports = [self._report(name, path, signed[name]) for name, path in journals.items()]
        reports += [examine(name, (), signed[name], lambda _: None) for name in gone]
        reports.append(_acts(self._paths, signed[ACTS]))
        return reports, last_s

    def _report(self, name: str, journal: Path, signed: list[HeadAt]) -> Report:
        begins = self._begins.get(name, 0)
        segments = segments_of(journal, begins)
        if begins and not segments:  # deleted since, its time was over: what is left tells of it
            begins, segments = 0, segments_of(journal)
        told_of_calls = self._by_journal[name]
        try:
            return examine(name, segments, signed, values_beside(journal), told_of_calls, since=begins)
        except NoPlainFile as problem:
            report = Report(journal=name)
            report.add(0, f"{problem}: what is in it cannot be followed")
            return report

    def compared(self, engine: sa.Engine) -> int:
        """Adds sentences on calls that were signed, by their own records, and have no line; 0.

        And on records that speak of a signature, and cannot be read; and on lines without a record.

        `declared`: that a restore took it, which the journal of acts says.
        """
        in_force = read_in_force(self._paths.declared)
        # of a database that is a file nobody else has one
        node = in_force.declared().node.ledger_name if self._paths.database and in_force is not None else ""
        missing: defaultdict[str, list[float]] = defaultdict(list)
        # lines of calls of this moment are on their way
        until_s, since_s = self._began_s - _UNSIGNED_S, self._since.calls if self._since else 0.0
        unreadable: list[str] = []
        for call in signed_calls(engine, until_s, node, since=since_s):
            if isinstance(call, UnreadableCall):
                unreadable.append(call.record_id)
            elif self._by_journal[call.identity].lacks(call.record_id, call.at):
                missing[call.identity].append(call.at)
        if unreadable:
            self.lost.append(_unreadable(unreadable))
        between = _restores(self._paths) if missing else []
        for name, moments in sorted(missing.items()):
            left = self._by_journal[name].undeclared(moments)
            if taken := restored(left, between):
                number = "1 call was" if len(taken) == 1 else f"{len(taken)} calls were"
                self.declared.append(
                    f"{name}: {number} signed between a backup and its restore, which the journal of acts "
                    f"tells of: their lines were not in it: {in_minutes(taken)}"
                )
            if left := sorted(set(left) - set(taken)):
                number = "1 call was" if len(left) == 1 else f"{len(left)} calls were"
                self.lost.append(
                    f"{name}: by the calls' records {number} signed that the journal has no line of, and no "
                    f"gap declares: {in_minutes(left)}; power that went while the disk was slow does that, "
                    "or somebody who cut lines off before their head was signed"
                )
        try:
            self.unrecorded += unrecorded(
                *(self._paths, engine, node),
                since=since_s,
                until=until_s,
                between=lambda: between or _restores(self._paths),
            )
        except OSError as problem:  # a segment whose time was over meanwhile, say
            complain(f"lines are not held against calls on record: {in_words(problem)}")
        return 0


def _unreadable(record_ids: list[str]) -> str:
    number = "1 call's record" if len(record_ids) == 1 else f"{len(record_ids)} calls' records"
    more = [f"and {len(record_ids) - _MOST_NAMED} more"] if len(record_ids) > _MOST_NAMED else []
    which = ", ".join([*record_ids[:_MOST_NAMED], *more])
    return f"{number} cannot be read, and not be held against the journals: changed, or damaged: {which}"


def _restores(paths: Paths) -> list[tuple[float, float]]:
    """Times that restores took out of the journals, by a journal of acts that root has written; else none."""
    try:
        with configuration_store(paths, make=False) as store:
            return lost_between(sound_journal(store))
    except HistoryBroken as broken:
        complain(f"what restores took out of the journals is not told: {broken}")
    except typer.Exit:
        complain("so what restores took out of the journals is not told")
    return []


def _silent(reports: Iterable[Report], last_s: float, now_s: float) -> Iterator[str]:
    """Sentences on heads that should have been signed: without them a journal can be rewritten unseen."""
    do = "is the worker there, and what does its log say? ./trunkward status"
    if abs(now_s - last_s) > _SILENT_S:  # heads of the future were signed by a clock that was wrong
        since = f"since {told(last_s)}" if last_s else "ever"
        yield f"no head was signed {since}: what came later is not protected; {do}"
    for report in reports:
        at = report.since_head_at
        if at is not None and now_s - at > _UNSIGNED_S:
            yield f"{report.journal}: no head was signed of its lines since {told(at)}; {do}"


def _acts(paths: Paths, signed: list[HeadAt]) -> Report:
    """The journal of acts, and that each version, and each document of evidence, is as it was journaled."""
    with configuration_store(paths, make=False) as store:
        _, entries = store.history()
        report = examine(ACTS, whole(entry.text.encode() for entry in entries), signed, lambda _: None)
        if not report.findings:
            try:
                history(store, 1)
            except (ChainBroken, HistoryBroken) as broken:
                report.add(0, str(broken))
            else:
                if foreign := store.not_own(entries):
                    report.add(0, foreign)
                for problem in exchanged(store, store.evidence()).values():
                    report.add(0, problem)
    return report
