"""`trunkward journal`: whether the journals say what they said, as far as their signed heads can tell."""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from trunkward.cli.calls import with_records_database
from trunkward.cli.changing import configuration_store
from trunkward.cli.said import complain, in_words, say
from trunkward.control.configuration import HistoryBroken, history
from trunkward.control.restored import lost_between
from trunkward.control.sound_journal import sound_journal
from trunkward.engines.in_force import read_in_force
from trunkward.engines.journals import (
    KeyUnusable,
    minutes_of,
    read_public_key,
    segments_of,
    signers_journals,
    values_beside,
)
from trunkward.engines.pki_files import PkiFiles
from trunkward.journal.chain import ChainBroken
from trunkward.journal.examine import HeadAt, Report, examine, told, whole
from trunkward.journal.heads import ACTS, Head, Minute
from trunkward.journal.witness import Told, in_minutes, restored
from trunkward.settings import Paths
from trunkward.store.signed import signed_calls

#: Seconds after which heads that nobody signed any more are a finding: an hour and some rounds; and a line
#: that no head names: a minute, and what signer and worker take.
_SILENT_S, _UNSIGNED_S = 3900.0, 120.0


def run_verify(paths: Paths, *, heads: Path | None, key: Path | None, as_json: bool) -> int:
    """0: every line is as it was written, and signed heads say so. 1: not all. 2: it could not be looked."""
    began_s, by_journal = time.time(), defaultdict[str, Told](Told)
    try:
        reports, last_s = _reports(paths, heads or paths.heads, _key(paths, key), by_journal)
    except (ChainBroken, KeyUnusable) as problem:
        complain(str(problem))
        return 1 if isinstance(problem, ChainBroken) else 2
    except OSError as problem:
        complain(in_words(problem))
        return 2
    # a copy of the heads ends where it was taken
    silent = list(_silent(reports, last_s, time.time())) if heads is None else []
    lost: list[str] = []
    declared: list[str] = []
    unread = 0
    if paths.database or paths.records_db.exists():
        unread = with_records_database(
            paths, lambda engine: _compared(engine, paths, by_journal, began_s, lost, declared)
        )
    if as_json:
        journals = [asdict(report) for report in reports]
        document = {"journals": journals, "last_head_at": last_s or None, "silent": silent, "lost": lost}
        document["restored"] = declared
        print(json.dumps(document, indent=1))
    else:
        for report in reports:
            _say(report)
        for sentence in declared:
            say(sentence, "yellow")
        for sentence in [*silent, *lost]:
            say(sentence, "red")
    return 1 if silent or lost or any(report.findings for report in reports) else unread


def _compared(
    engine: sa.Engine,
    paths: Paths,
    by_journal: defaultdict[str, Told],
    began_s: float,
    lost: list[str],
    declared: list[str],
) -> int:
    """Adds sentences on calls that were signed, by their own records, and have no line; 0.

    `declared`: that a restore took it, which the journal of acts says.
    """
    in_force = read_in_force(paths.declared)
    # of a database that is a file nobody else has one
    node = in_force.declared().node.ledger_name if paths.database and in_force is not None else ""
    missing: defaultdict[str, list[float]] = defaultdict(list)
    # lines of calls of this moment are on their way
    for call in signed_calls(engine, began_s - _UNSIGNED_S, node):
        if by_journal[call.identity].lacks(call.record_id, call.at):
            missing[call.identity].append(call.at)
    between = _restores(paths) if missing else []
    for name, moments in sorted(missing.items()):
        left = by_journal[name].undeclared(moments)
        if taken := restored(left, between):
            number = "1 call was" if len(taken) == 1 else f"{len(taken)} calls were"
            declared.append(
                f"{name}: {number} signed between a backup and its restore, which the journal of acts tells "
                f"of: their lines were not in it: {in_minutes(taken)}"
            )
        if left := sorted(set(left) - set(taken)):
            number = "1 call was" if len(left) == 1 else f"{len(left)} calls were"
            lost.append(
                f"{name}: by the calls' records {number} signed that the journal has no line of, and no gap "
                f"declares: {in_minutes(left)}; power that went while the disk was slow does that, or "
                "somebody who cut lines off before their head was signed"
            )
    return 0


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
    if now_s - last_s > _SILENT_S:
        since = f"since {told(last_s)}" if last_s else "ever"
        yield f"no head was signed {since}: what came later is not protected; {do}"
    for report in reports:
        at = report.since_head_at
        if at is not None and now_s - at > _UNSIGNED_S:
            yield f"{report.journal}: no head was signed of its lines since {told(at)}; {do}"


def run_heads(paths: Paths, *, as_json: bool) -> int:
    """0: shown. 1: the file of heads is not as it was written. 2: it could not be looked."""
    last: Minute | None = None
    try:
        for minute in minutes_of(paths.heads, _key(paths, None)):
            last = minute
    except (ChainBroken, KeyUnusable) as problem:
        complain(str(problem))
        return 1 if isinstance(problem, ChainBroken) else 2
    except OSError as problem:
        complain(in_words(problem))
        return 2
    if last is None:
        complain(f"{paths.heads}: no head was signed yet; the worker does, once a minute")
        return 2
    if as_json:
        document = {"at": last.at, "seq": last.seq, "heads": [_plain(head) for head in last.heads]}
        print(json.dumps(document, indent=1))
        return 0
    say(f"{last.seq} minutes signed, the last at {told(last.at)}")
    for head in last.heads:
        missing = f", {head.gap.count} lines missing and not declared yet" if head.gap.count else ""
        say(f"  {head.journal}: line {head.seq}, {head.hash}{missing}")
    say(f"in {paths.heads}; the key to verify them is {PkiFiles(paths.pki).heads_public_key}")
    say("copy both elsewhere, each day: whoever can write here could make both anew")
    return 0


def _reports(
    paths: Paths, heads: Path, key: Ed25519PublicKey, by_journal: defaultdict[str, Told]
) -> tuple[list[Report], float]:
    """What came out of each journal, and when a head was last signed; 0: never.

    `by_journal`: what each says of calls that were signed.
    """
    signed: defaultdict[str, list[HeadAt]] = defaultdict(list)
    last_s = 0.0
    for minute in minutes_of(heads, key):
        last_s = minute.at
        for head in minute.heads:
            signed[head.journal].append(HeadAt(at=minute.at, head=head))
    journals = signers_journals(paths)
    reports = [
        examine(name, segments_of(path), signed[name], values_beside(path), by_journal[name])
        for name, path in journals.items()
    ]
    # heads of a journal that is gone altogether
    reports += [
        examine(name, (), signed[name], lambda _: None)
        for name in signed
        if name not in journals and name != ACTS
    ]
    reports.append(_acts(paths, signed[ACTS]))
    return reports, last_s


def _acts(paths: Paths, signed: list[HeadAt]) -> Report:
    """The journal of acts, and that each version is as it was journaled."""
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
    return report


def _say(report: Report) -> None:
    if report.findings:
        say(f"{report.journal}: NOT as it was written", "red")
        for finding in report.findings:
            where = f"{finding.segment}, line" if finding.segment else "line"
            say(f"  {where} {finding.line}, {finding.written}: {finding.what}", "red")
        if report.more:
            say(f"  and {report.more} more", "red")
    else:
        since = f", {report.since_head} of them after the last head" if report.since_head else ""
        say(f"{report.journal}: {report.lines} lines as they were written{since}", "green")
    for declared in report.declared:
        say(f"  {declared}", "yellow")


def _key(paths: Paths, key: Path | None) -> Ed25519PublicKey:
    return read_public_key(key or PkiFiles(paths.pki).heads_public_key)


def _plain(head: Head) -> dict[str, Any]:
    return {"journal": head.journal, "seq": head.seq, "hash": head.hash, "missing": head.gap.count}
