"""`trunkward journal`: whether the journals say what they said, as far as their signed heads can tell."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from trunkward.cli.journals_examined import examined
from trunkward.cli.said import complain, in_words, say
from trunkward.engines.journals import KeyUnusable, minutes_of, read_public_key
from trunkward.engines.pki_files import PkiFiles
from trunkward.journal.chain import ChainBroken
from trunkward.journal.examine import Report, told
from trunkward.journal.heads import Head, Minute, key_sha256
from trunkward.settings import Paths


def run_verify(paths: Paths, *, heads: Path | None, key: Path | None, as_json: bool) -> int:
    """0: every line is as it was written, and signed heads say so. 1: not all. 2: it could not be looked."""
    try:
        public = _key(paths, key)
        # a copy may well be a link; what stands in the node's own place may not
        found = examined(paths, heads.resolve() if heads else paths.heads, public, is_copy=heads is not None)
    except (ChainBroken, KeyUnusable) as problem:
        complain(str(problem))
        return 1 if isinstance(problem, ChainBroken) else 2
    except OSError as problem:
        complain(in_words(problem))
        return 2
    if as_json:
        document = {
            "journals": [asdict(report) for report in found.reports],
            "last_head_at": found.last_s or None,
            "key_sha256": key_sha256(public),
            "silent": found.silent,
            "lost": found.lost,
            "restored": found.declared,
            "unrecorded": found.unrecorded,
        }
        print(json.dumps(document, indent=1))
    else:
        for report in found.reports:
            _say(report)
        say(f"heads signed with the key sha256:{key_sha256(public)}")
        for sentence in [*found.declared, *found.unrecorded]:
            say(sentence, "yellow")
        for sentence in [*found.silent, *found.lost]:
            say(sentence, "red")
    return 2 if found.holds and found.is_unread else 0 if found.holds else 1


def run_heads(paths: Paths, *, as_json: bool) -> int:
    """0: shown. 1: the file of heads is not as it was written. 2: it could not be looked."""
    last: Minute | None = None
    try:
        key = _key(paths, None)
        for minute in minutes_of(paths.heads, key):
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
        document = {
            "at": last.at,
            "seq": last.seq,
            "heads": [_plain(head) for head in last.heads],
            "key_sha256": key_sha256(key),
        }
        print(json.dumps(document, indent=1))
        return 0
    say(f"{last.seq} minutes signed, the last at {told(last.at)}")
    for head in last.heads:
        missing = f", {head.gap.count} lines missing and not declared yet" if head.gap.count else ""
        say(f"  {head.journal}: line {head.seq}, {head.hash}{missing}")
    say(f"in {paths.heads}; the key to verify them is {PkiFiles(paths.pki).heads_public_key}")
    say(f"which is sha256:{key_sha256(key)}; tell that whoever is to compare")
    say("copy both elsewhere, each day: whoever can write here could make both anew")
    return 0


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
