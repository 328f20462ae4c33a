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
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from trunkward import __version__
from trunkward.cli.acting import act
from trunkward.cli.actor import current_actor
from trunkward.cli.calls import with_records
from trunkward.cli.changing import configuration_store
from trunkward.cli.deck import declared_by
from trunkward.cli.host_paths import hint
from trunkward.cli.said import complain, in_words, say
from trunkward.cli.traceback_files import Written, read_pack
from trunkward.cli.why import known, proof_of
from trunkward.control.acts import put_down
from trunkward.control.configuration import HistoryBroken, NoSuchVersion, Version
from trunkward.control.node_file import NodeFileRefused, read_node_file
from trunkward.control.sound_journal import sound_journal
from trunkward.control.traceback import (
    MOST_CALLS,
    Kept,
    Proof,
    Provider,
    Question,
    Traced,
    answer,
)
from trunkward.control.traceback_page import followed_in_words, page, unproved, without_head
from trunkward.control.traceback_readme import README
from trunkward.control.traceback_register import register
from trunkward.control.traceback_requests import TracebackAnswered, TracebackRefused, named, received_by
from trunkward.engines.journal_proof import proven_line, values_of
from trunkward.engines.journals import KeyUnusable, read_private_key, read_public_key
from trunkward.engines.pki_files import PkiFiles
from trunkward.journal.examine import told
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
    """Answers: 0 calls were found, 1 none was, 2 nothing was answered.

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

    def answered(store: RecordStore) -> int:
        found = _answer(paths, store, declared, question)
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
        return 0 if found["calls"] else 1

    return with_records(paths, answered)


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
    found = json.loads(files[ANSWER])
    # 2.
    wrong = list(unproved(found, key))
    # 3.
    followed, not_followed = _followed(paths, found, key) if key_file is None else (None, [])
    if wrong + not_followed:
        return _complained(pack, wrong + not_followed)
    asked_by, made_at = found["request"]["asked_by"], found["made_at"]
    say(f"{pack}: {len(found['calls'])} calls, as they were written {made_at} for {asked_by}", "green")
    say(f"  signed with the key sha256:{key_sha256(key)}")
    for line in followed_in_words(found, followed):
        say(f"  {line}")
    return 0


def _complained(pack: Path, wrong: list[str]) -> int:
    for problem in wrong:
        complain(f"{pack}: {problem}")
    return 1


def _followed(paths: Paths, found: Mapping[str, Any], key: Ed25519PublicKey) -> tuple[int, list[str]]:
    """Of how many calls the journals here lead from the line to a signed head; what is wrong with others."""
    followed, wrong = 0, []
    for call in found["calls"]:
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


def _answer(paths: Paths, store: RecordStore, declared: Declared, question: Question) -> dict[str, Any]:
    views: dict[str, dict[str, Any]] = {}
    for wanted in question.filters():
        for kept in store.find(wanted, MOST_CALLS + 1):
            views[kept.view["record_id"]] = kept.view
    first = sorted(views.values(), key=lambda view: view["started_at"] or 0.0)
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
        [_traced(paths, store, view) for view in first[:MOST_CALLS]],
        more=len(first) > MOST_CALLS,
        at=time.time(),
        salt=secrets.token_hex(_SALT_BYTES),
    )


def _traced(paths: Paths, store: RecordStore, view: dict[str, Any]) -> Traced:
    return Traced(
        view=view,
        known=known(paths, view),
        role=_role(paths, view),
        messages=store.messages(ladder.keys(view), *ladder.period(view, time.time())),
        proof=_proof(paths, view),
    )


def _role(paths: Paths, view: Mapping[str, Any]) -> str:
    """Whose calls the trunk brought by the version the call was judged by; "": that is not proven.

    By the version's node file, whose hash a sound journal has; the objects beside it anybody could change who
    writes to the database.
    """
    with configuration_store(paths, make=False) as configured:
        try:
            sound_journal(configured)
            version = configured.version(view["policy_version"])
            roles = _roles(configured.text(version)) if version is not None else {}
        except (HistoryBroken, TextDamaged, NodeFileRefused):
            return ""
    return roles.get(view["source_name"], "")


@lru_cache(maxsize=4)  # an answer asks for every call of its time
def _roles(text: str) -> Mapping[str, str]:
    return {trunk.name: trunk.role.value for trunk in read_node_file(text, "a version").trunks}


def _proof(paths: Paths, view: Mapping[str, Any]) -> Proof | None:
    said: Mapping[str, Any] = view.get("attestation") or {}
    journal, line = said.get("identity") or OF_NODE, said.get("journal")
    if line is None:
        return None
    try:
        found = proof_of(paths, view)
        assert found is not None
        day = told(found.facts["at"])[:10] if found.facts else ""
        values = values_of(paths.signer_journal(journal), day, line) if day else None
    except (OSError, KeyUnusable, msgspec.MsgspecError) as problem:
        return Proof(journal=journal, line=line, problem=str(problem))
    opened = values.values if values else {}
    return Proof(
        journal=journal, line=line, text=found.text, head=found.head, values=opened, problem=found.broken
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
            calls=len(found["calls"]),
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
    written.keep()
    say(f"{out}: written, and journaled as version {made[0].number}", err=True)
    say(
        f"signed with the key sha256:{key_sha256(key.public_key())}: tell whoever asked, in another way than "
        "with the answer",
        err=True,
    )
    return True
