"""`trunkward traceback answer|verify`: a request to trace a call back, answered; and an answer looked at.

Looking shows the page and leaves no trace, as `calls` does. Writing an answer down (`--out`) is an act: the
journal names who asked, who answered, and the answer's hash, and the register has it as answered.
"""

import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from trunkward import __version__
from trunkward.cli.acting import act
from trunkward.cli.actor import current_actor
from trunkward.cli.calls import with_records_database
from trunkward.cli.changing import configuration_store
from trunkward.cli.configured import Configured, configured
from trunkward.cli.deck import declared_by
from trunkward.cli.host_paths import hint
from trunkward.cli.said import complain, in_words, say
from trunkward.cli.traceback_files import Written, read_pack
from trunkward.cli.traceback_lines import Searched, lines_of, proof, proof_for, searched
from trunkward.cli.why import known_by
from trunkward.control.acts import put_down
from trunkward.control.configuration import NoSuchVersion, Version
from trunkward.control.node_file import NodeFileRefused
from trunkward.control.traceback import (
    MOST_CALLS,
    Kept,
    Provider,
    Question,
    Traced,
    answer,
)
from trunkward.control.traceback_page import followed_in_words, page, unproved, without_head
from trunkward.control.traceback_readme import README
from trunkward.control.traceback_register import register
from trunkward.control.traceback_requests import TracebackAnswered, TracebackRefused, named, received_by
from trunkward.engines.journal_proof import proven_line
from trunkward.engines.journals import KeyUnusable, read_private_key, read_public_key
from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.signed_lines import NamedLine
from trunkward.journal.chain import UNREADABLE
from trunkward.journal.heads import key_sha256
from trunkward.journal.pack import MANIFEST, not_as_sealed, sealed
from trunkward.records import ladder
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration, TextDamaged
from trunkward.store.records import RecordStore
from trunkward.trunks.model import Declared
from trunkward.trunks.transit import OF_NODE

ANSWER, PAGE, PUBLIC_KEY, HOW = "answer.json", "answer.txt", "heads.pub", "README.txt"
_SALT_BYTES = 16


def run(paths: Paths, question: Question, *, received: bool, out: Path | None, as_json: bool) -> int:
    """Answers: 0 calls were found, 1 none was, 2 nothing was answered, or it is not where it was to be.

    `received`: whether somebody has said when the request came; else the register does, or it is now.
    """
    if os.geteuid() != 0:
        complain("trunkward traceback needs root: records and configuration are root's. Use sudo.")
        return 2
    if out is not None and (why := "is there already" if out.exists() else _lost(out)):
        complain(f"{out}: {why}")
        return 2
    with configuration_store(paths, make=False) as configured:
        try:
            declared = declared_by(configured)
            said = question.received_at if received else None
            requests, doubt = register(configured)
            received_at = received_by(requests, question.asked_by, said, question.received_at)
        except (NoSuchVersion, NodeFileRefused, TextDamaged, TracebackRefused) as problem:
            complain(str(problem))
            return 2
    if doubt:
        complain(doubt)
    question = replace(question, received_at=received_at)

    def answered(engine: sa.Engine) -> int:
        found = _answer(paths, engine, declared, question)
        if out is not None and not _written(paths, out, found, question):
            return 2
        if as_json:
            print(json.dumps(found, indent=1))
        else:
            for line in page(found):
                say(line)
            if out is None:
                say("shown only; --out FILE.zip --for WHO writes it down, signed and journaled", err=True)
        if early := without_head(found):
            say(
                f"of {early} the last part of the journal is under no signed head yet: one is signed each "
                "minute; the same command, with another --out, a minute from now",
                "yellow",
                err=True,
            )
        return 0 if found["calls"] or found["signed_without_record"] else 1

    return with_records_database(paths, answered)


def run_verify(paths: Paths, pack: Path, key_file: Path | None) -> int:
    """0: it is as it was written. 1: it is not, or does not prove what it says. 2: it could not be looked at.

    1. Manifest, signature, files. 2. What the answer's proofs say by themselves. 3. On the node whose
    journals they are of, that these still hold each line, and lead from it to its signed head.
    """
    try:
        key = read_public_key(key_file or PkiFiles(paths.pki).heads_public_key)
        files = read_pack(pack)
    except (OSError, ValueError, KeyUnusable) as problem:
        complain(f"{in_words(problem)}{hint(pack)}" if isinstance(problem, OSError) else str(problem))
        return 2
    # 1.
    if wrong := list(not_as_sealed(files, key)):
        return _complained(pack, wrong)
    try:
        found = json.loads(files[ANSWER])
        # 2.
        wrong = list(unproved(found, key))
        # 3.
        followed, not_followed = _followed(paths, found, key) if key_file is None else (None, [])
        asked_by, made_at = found["request"]["asked_by"], found["made_at"]
        words = list(followed_in_words(found, followed))
    except (LookupError, TypeError, ValueError, AttributeError, *UNREADABLE) as problem:
        # with a key of somebody else's anything may be signed, also an answer of a later version
        complain(f"{pack}: signed with the key, and no answer that can be read here: {problem!r}")
        return 2
    if wrong + not_followed:
        return _complained(pack, wrong + not_followed)
    say(f"{pack}: {len(found['calls'])} calls, as they were written {made_at} for {asked_by}", "green")
    say(f"  signed with the key sha256:{key_sha256(key)}")
    for line in words:
        say(f"  {line}")
    return 0


def _complained(pack: Path, wrong: list[str]) -> int:
    for problem in wrong:
        complain(f"{pack}: {problem}")
    return 1


def _followed(paths: Paths, found: Mapping[str, Any], key: Ed25519PublicKey) -> tuple[int, list[str]]:
    """Of how many calls the journals here lead from the line to a signed head; what is wrong with others."""
    followed, wrong = 0, []
    for call in [*found["calls"], *found.get("signed_without_record", ())]:
        proof = call["proof"]
        if proof is None or not proof["text"]:
            continue
        name, number = proof["journal"], proof["line"]
        at = json.loads(proof["text"])["at"]
        try:
            line = proven_line(paths.signer_journal(name), name, number, at, paths.heads, key)
        except OSError as problem:
            wrong.append(f"call {call['record_id']}: {in_words(problem)}")
            continue
        if line.text != proof["text"]:
            wrong.append(f"call {call['record_id']}: line {number} of journal {name} is another one now")
        elif line.broken:
            wrong.append(f"call {call['record_id']}: {line.broken}")
        elif line.head:
            followed += 1
    return followed, wrong


# ---- the answer ------------------------------------------------------------------------------


def _answer(paths: Paths, engine: sa.Engine, declared: Declared, question: Question) -> dict[str, Any]:
    """1. Calls by their records, in an index. 2. Signers' lines of that time. 3. Each call, with its line."""
    store = RecordStore(engine)
    # 1.
    views: dict[str, dict[str, Any]] = {}
    for wanted in question.filters():
        for kept in store.find(wanted, MOST_CALLS + 1):
            views[kept.view["record_id"]] = kept.view
    first = sorted(views.values(), key=lambda view: view["started_at"] or 0.0)
    # 2.
    lines = searched(paths, question)
    # 3.
    with configured(paths) as of:
        found = [_traced(paths, store, of, question, lines, view) for view in first[:MOST_CALLS]]
    retention = declared.retention
    return answer(
        question,
        Provider(
            node=declared.node.name,
            spc=declared.node.spc,
            answered_by=str(current_actor()),
            version=__version__,
        ),
        Kept(
            days=retention.calls_days,
            least_days=min([retention.calls_days, *retention.tenants.values()]),
            oldest_at=store.oldest_at(),
            in_time=store.count(question.since, question.until),
        ),
        found,
        lines=lines_of(paths, engine, declared, question, lines, list(views)),
        more=len(first) > MOST_CALLS,
        at=time.time(),
        salt=secrets.token_hex(_SALT_BYTES),
    )


def _traced(
    paths: Paths,
    store: RecordStore,
    of: Configured,
    question: Question,
    lines: Searched,
    view: dict[str, Any],
) -> Traced:
    """What is kept of a call; of another node's only what is in the records: it has the rest."""
    said: Mapping[str, Any] = view.get("attestation") or {}
    number, identity = said.get("journal"), said.get("identity") or OF_NODE
    line = lines.line_of(view["record_id"], None if number is None else NamedLine(identity, number))
    beside = known_by(paths, view, of, line)
    its = None
    if line is not None and not beside.node:
        its = proof_for(question, view, proof(paths, view["record_id"], line, view["started_at"] or 0.0))
    return Traced(
        view=view,
        known=beside,
        role="" if beside.node else of.role(view["policy_version"], view["source_name"]),
        messages=store.messages(ladder.keys(view), *ladder.period(view, time.time())),
        proof=its,
    )


def _lost(out: Path) -> str:
    return f"what is written there is lost{why}" if (why := hint(out)) else ""


# ---- written down ----------------------------------------------------------------------------


def _written(paths: Paths, out: Path, found: dict[str, Any], question: Question) -> bool:
    """Writes the answer, and then that it was given; without the second there is no first."""
    pki = PkiFiles(paths.pki)
    files = {
        ANSWER: json.dumps(found, indent=1).encode() + b"\n",
        PAGE: "".join(f"{line}\n" for line in page(found)).encode(),
        HOW: README.encode(),
    }
    try:
        files[PUBLIC_KEY] = pki.heads_public_key.read_bytes()
        key = read_private_key(pki.heads_key)
        for wrong in unproved(found, key.public_key()):  # the answer is due all the same, and says so itself
            complain(f"the answer does not prove all it says: {wrong}")
        pack = sealed(files, key)
        written = Written.at(out, pack)
    except (OSError, KeyUnusable) as problem:
        complain(in_words(problem) if isinstance(problem, OSError) else str(problem))
        return False
    made: list[Version] = []

    def decide(store: SqlConfiguration, _: Declared, now: float, beyond: int) -> Version:
        opened = named(register(store)[0], question.asked_by)
        its = TracebackAnswered(
            asked_by=question.asked_by,
            received_at=question.received_at,
            calls=len(found["calls"]) + len(found["signed_without_record"]),
            manifest_sha256=sha256(pack[MANIFEST]).hexdigest(),
            request=opened.version if opened else 0,
        )
        made.append(
            put_down(store, its, actor=current_actor(), command="traceback answer", at=now, beyond=beyond)
        )
        return made[0]

    act(paths, "traceback answer", decide)
    if not made:
        written.discard()
        return False
    try:
        written.keep()
    except OSError as problem:
        complain(
            f"{in_words(problem)}: the answer is journaled as version {made[0].number}, and lies in "
            f"{written.part}: give it its name yourself, and to whoever asked"
        )
        return False
    say(f"{out}: written, and journaled as version {made[0].number}", err=True)
    say(
        f"signed with the key sha256:{key_sha256(key.public_key())}: tell whoever asked, in another way than "
        "with the answer",
        err=True,
    )
    return True
