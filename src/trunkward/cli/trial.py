"""`trunkward try`: judges calls nobody places, one or a whole table, and says what each would get."""

import csv
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.text import Text

from trunkward.admission.checks import ALIVE
from trunkward.admission.judge import Judgement
from trunkward.admission.snapshot import Snapshot, SnapshotRefused, compile_snapshot
from trunkward.admission.trial import Trial, judge_trial
from trunkward.calls.verdict import Admit, Reject
from trunkward.cli.changing import configuration_store, read_config
from trunkward.cli.check_list import check_lines, check_list
from trunkward.cli.explain import verdict_lines, words_of
from trunkward.cli.host_paths import hint
from trunkward.cli.said import complain, in_words
from trunkward.cli.trial_table import ADMIT, COLUMNS, Asked, CasesRefused, problems_of, read_table
from trunkward.control import contracts
from trunkward.control.blocks import needs_blocks, wanting_by
from trunkward.control.decks import in_force, rated_by, unpacked, users_of, wanting
from trunkward.control.evidence_journal import sound
from trunkward.control.evidence_tokens import tokens_of
from trunkward.control.relationship_tokens import relationships_of
from trunkward.control.why import unsigned_in_words
from trunkward.engines.denied_file import read_own
from trunkward.engines.destinations_file import DestinationsUnreadable, destinations_text, destinations_with
from trunkward.settings import Paths
from trunkward.shaken.attest import LACKS, Lack
from trunkward.spend.table import DeckRefused, DeckTable, compile_deck, deck_name
from trunkward.trunks.evidence import EvidenceRecord
from trunkward.trunks.model import Carrier, Declared, IdentifiedBy, Trunk
from trunkward.trunks.transit import OF_NODE

console = Console(highlight=False)
#: What a row of the answer has beside the columns of the table.
_TOLD = ("verdict", "reason", "status", "detail", "remedy", "differs")


def run(paths: Paths, file: Path | None, asked: Asked, *, as_json: bool) -> int:
    """Tries one call: 0 tried, 2 not."""
    policy = _policy(paths, file)
    try:
        trial = trial_of(asked, policy, time.time())
    except CasesRefused as refused:
        for problem in refused.problems:
            complain(problem)
        return 2
    told = document(asked, trial, judge_trial(trial, policy), policy)
    if as_json:
        print(json.dumps(told))
        return 0
    for line in lines(told):
        console.print(Text(line), soft_wrap=True)
    return 0


def run_table(paths: Paths, file: Path | None, table: Path, common: Asked, *, as_json: bool) -> int:
    """Tries a table of calls, an answer for each: 0 all as expected, 1 not all, 2 the table is refused.

    `common` has what a row leaves empty: trunk, carrier, time.
    """
    policy = _policy(paths, file)
    try:
        with table.open(encoding="utf-8-sig", newline="") as text:
            cases = read_table(text, common, partial(_problems_of, policy=policy))
            now_s = time.time()
            trials = [(asked, trial_of(asked, policy, now_s)) for _, asked in cases]
    except (OSError, UnicodeDecodeError) as problem:
        complain(f"{table}: cannot be read: {in_words(problem)}{hint(table)}")
        return 2
    except CasesRefused as refused:
        for why in refused.problems:
            complain(f"{table}: {why}")
        complain(f"{table}: refused whole; nothing was tried")
        return 2
    told = [(asked, document(asked, trial, judge_trial(trial, policy), policy)) for asked, trial in trials]
    try:
        _print_table(told, as_json=as_json)
    except BrokenPipeError:  # as with `| head`: whoever reads has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if differ := sum(one["differs"] for _, one in told):
        complain(f"{differ} of {len(trials)} calls would not get what is expected")
    return 1 if differ else 0


def _print_table(told: list[tuple[Asked, dict[str, Any]]], *, as_json: bool) -> None:
    writer = csv.writer(sys.stdout)  # RFC 4180: CR LF, and quotes where they are needed
    if not as_json:
        writer.writerow((*COLUMNS, *_TOLD))
    for asked, one in told:
        if as_json:
            print(json.dumps(one))
        else:
            writer.writerow(_row(asked, one))
    sys.stdout.flush()


def trial_of(asked: Asked, policy: Snapshot, now_s: float) -> Trial:
    """A case as a call of a trunk or carrier this policy knows. Raises `CasesRefused`."""
    if problems := list(_problems_of(asked, policy)):
        raise CasesRefused(problems)
    source = _source(asked, policy)
    assert source is not None
    at = datetime.fromisoformat(asked.at).timestamp() if asked.at else now_s
    return Trial(source=source, calling=asked.calling, called=asked.called, at=at, level=asked.level)


def _problems_of(asked: Asked, policy: Snapshot) -> Iterator[str]:
    yield from problems_of(asked)
    if bool(asked.trunk) != bool(asked.carrier) and _source(asked, policy) is None:
        yield _nobody(asked, policy)


def _source(asked: Asked, policy: Snapshot) -> Trunk | Carrier | None:
    return policy.trunk(asked.trunk) if asked.trunk else _carrier(asked.carrier, policy)


def _nobody(asked: Asked, policy: Snapshot) -> str:
    """There is no such trunk or carrier; what was meant, where that can be told."""
    kind, name = ("trunk", asked.trunk) if asked.trunk else ("enabled carrier", asked.carrier)
    said = f"no {kind} is called {name!r}"
    if asked.trunk and _carrier(name, policy):
        return f"{said}: it is a carrier; write --carrier {name}"
    if asked.carrier and policy.trunk(name):
        return f"{said}: it is a trunk; write --trunk {name}"
    return f"{said}: ./trunkward get {'trunks' if asked.trunk else 'carriers'} lists them"


def _remarks(trial: Trial, policy: Snapshot) -> list[str]:
    """What a call needs beside a verdict; of a file that is not applied nobody knows the secrets."""
    source = trial.source
    found = []
    if isinstance(source, Trunk) and trial.level and not source.supplies_levels:
        found.append(f"trunk {source.name} has no supplies_levels, so the level it says counts for nothing")
    if (
        isinstance(source, Trunk)
        and source.demands(IdentifiedBy.DIGEST)
        and policy.version
        and not policy.secrets(source.name)
    ):
        name = source.name
        found.append(f"trunk {name} has no secret, so nobody can call as it: ./trunkward secret new {name}")
    return found


def document(asked: Asked, trial: Trial, judgement: Judgement, policy: Snapshot) -> dict[str, Any]:
    """What a call would get, for programs; `differs` from what was expected."""
    verdict = judgement.verdict
    routes = verdict.routes if isinstance(verdict, Admit) else []
    # of a call from a carrier the trial says how it is signed
    not_asked = ALIVE - {"identity"} if isinstance(trial.source, Carrier) else ALIVE
    return {
        "from": asked.calling,
        "to": asked.called,
        "trunk": asked.trunk,
        "carrier": asked.carrier,
        "at": trial.at,
        "verdict": type(verdict).__name__.lower(),
        "reason": verdict.reason.value,
        "status": verdict.status if isinstance(verdict, Reject) else 0,
        "blame": verdict.blame.value if isinstance(verdict, Reject) else "nobody",
        **words_of(verdict.reason.value),
        "routes": list(dict.fromkeys(route.peer for route in routes)),
        # what the signer would be asked for
        "level": judgement.attest,
        "rule": judgement.attested.rule.value if judgement.attested else "",
        "lacks": judgement.attested.lack or "" if judgement.attested else "",
        "checks": [asdict(line) for line in check_list(judgement.findings, not_asked)],
        "remarks": _remarks(trial, policy),
        "policy_version": policy.version,
        "expect": asked.expect,
        "differs": bool(asked.expect) and asked.expect not in (verdict.reason, ADMIT if routes else ""),
    }


def lines(told: dict[str, Any]) -> Iterator[str]:
    """The same for a person."""
    who = f"trunk {told['trunk']}" if told["trunk"] else f"carrier {told['carrier']}"
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(told["at"]))
    by = f"policy version {told['policy_version']}" if told["policy_version"] else "the file"
    yield f"{who} would call from {told['from']} to {told['to']}, {when}, by {by}"
    yield "  nobody was called; nothing was recorded or signed"
    yield ""
    yield from verdict_lines(told)
    if told["routes"]:
        yield f"  routes: {', '.join(told['routes'])}"
    if told["level"]:
        lacks = f"; for a higher one it lacks: {LACKS[Lack(told['lacks'])]}" if told["lacks"] else ""
        yield f"  the signer would be asked for level {told['level']}, by rule {told['rule']}{lacks}"
    elif told["rule"]:
        yield f"  nothing would be signed, by rule {told['rule']}: {unsigned_in_words(told['rule'])}"
    for remark in told["remarks"]:
        yield f"  but: {remark}"
    yield ""
    yield from check_lines(told["checks"])


def _row(asked: Asked, told: dict[str, Any]) -> list[str]:
    refused = next((line for line in told["checks"] if line["remedy"]), {"detail": "", "remedy": ""})
    # only where a time was asked for: answers of two days can be compared
    at = datetime.fromtimestamp(told["at"]).astimezone().isoformat(timespec="seconds") if asked.at else ""
    cells = told | {name: refused[name] for name in ("detail", "remedy")}
    cells |= {"at": at, "status": told["status"] or "", "differs": "differs" if told["differs"] else ""}
    return [str(cells[name]) for name in (*COLUMNS, *_TOLD)]


def _carrier(name: str, policy: Snapshot) -> Carrier | None:
    return next((found for found in policy.carriers if found.name == name and found.enabled), None)


def _policy(paths: Paths, file: Path | None) -> Snapshot:
    """The policy the gates have mapped, or that of a file; an exit when there is none."""
    if file is not None:
        declared = read_config(file).declared
        # an applied file has a declaration for every number in it; nobody asks by whose key
        key = Ed25519PrivateKey.generate()
        now_s = int(time.time())
        records = _records_for(paths, declared)
        tokens = tokens_of(declared, records, key, {}, now_s=now_s)
        whose = relationships_of(declared, key, {}, now_s=now_s)
        try:
            table = destinations_with(destinations_text(declared.node.destinations_file))
        except DestinationsUnreadable as problem:  # read a moment ago, and gone
            complain(str(problem))
            raise typer.Exit(2) from None
        decks, compiled = _decks_for(paths, declared)
        every = (token for its in tokens.values() for token in its)
        policy = compile_snapshot(
            declared,
            every,
            0,
            table,
            relationships=whose,
            contracts=contracts.contract_tokens(declared, records, key, now_s),
            decks=decks,
        )
        return Snapshot(policy, compiled.__getitem__)
    current = paths.policy / "current"
    try:
        denied = read_own(paths)
        return Snapshot(
            current.read_bytes(), partial(_compiled_deck, paths.policy), lambda: frozenset(denied.until)
        )
    except FileNotFoundError:
        complain(f"{current}: no policy is in force; start the node, or name a node file with --file")
    except PermissionError:
        complain("the node's policy is root's to read: use sudo, or name a node file with --file")
    except (OSError, SnapshotRefused, DeckRefused) as problem:
        complain(f"{current}: {in_words(problem) if isinstance(problem, OSError) else problem}")
    raise typer.Exit(2)


def _records_for(paths: Paths, declared: Declared) -> list[EvidenceRecord]:
    """What this node knows of whose numbers are, of a file whose inventories do not stand by themselves.

    And of contracts. What is wanting is said: calls that need it are signed B, or not at all.
    """
    if not any(needs_blocks(declared, name) for name in (OF_NODE, *declared.reseller_identities)):
        return []
    records: list[EvidenceRecord] = []
    if paths.configuration_shared or paths.configuration_db.exists():
        with configuration_store(paths, make=False) as store:
            records, problems = sound(store)
        for problem in problems:
            complain(problem)
    for trunk, why in wanting_by(declared, records, time.time()):
        complain(f"trunk {trunk}: {why}")
    for identity, why in contracts.wanting_by(declared, records, time.time()):
        complain(f"identity {identity}: {why}")
    return records


def _decks_for(paths: Paths, declared: Declared) -> tuple[dict[str, str], dict[str, DeckTable]]:
    """Of the decks a file names those this node has: SHA-256 by name, and compiled by that.

    What is wanting is said: calls that need it get `no-price`. An exit when decks cannot be read.
    """
    if not users_of(declared):
        return {}, {}  # whoever has no node can try such a file
    if not paths.configuration_shared and not paths.configuration_db.exists():
        complain(
            "the file names decks, and none is to be read here: what needs one gets no-price. Decks are kept"
            " by a node (./trunkward deck import) and root's to read (sudo)"
        )
        return {}, {}
    with configuration_store(paths, make=False) as store:
        kept = store.decks()
        for why in wanting(declared, kept):
            complain(why)
        decks, held = rated_by(declared, kept), in_force(kept)
        try:
            found = [unpacked(held[name], store.packed_deck(held[name])) for name in decks]
        except ValueError as problem:
            complain(f"{problem}; ./trunkward deck restore brings an earlier state of it back")
            raise typer.Exit(2) from None
    # from ever on: --at may be in the past
    tables = [DeckTable(compile_deck(deck, 0)) for deck in found]
    return decks, dict(zip(decks.values(), tables, strict=True))


def _compiled_deck(policy: Path, sha256: str) -> DeckTable:
    """A deck of the policy in force, as gates have it. Raises `DeckRefused`, `OSError`."""
    name = deck_name(sha256)
    try:
        return DeckTable((policy / name).read_bytes())
    except FileNotFoundError:
        # not as if there were no policy: there is one, and not what it names
        raise DeckRefused(f"{name} is not there: ./trunkward status says how the worker is") from None
    except DeckRefused as problem:
        raise DeckRefused(f"{name}: {problem}; delete it and start the node anew: it makes another") from None
