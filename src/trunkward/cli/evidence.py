"""`trunkward evidence`: documents of whose numbers are, and contracts; entered, reviewed, revoked, shown."""

import json
import os
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from trunkward.cli.acting import act
from trunkward.cli.actor import current_actor
from trunkward.cli.call_options import one_known
from trunkward.cli.changing import configuration_store
from trunkward.cli.deck import declared_by
from trunkward.cli.denying import behind
from trunkward.cli.host_paths import hint
from trunkward.cli.number import day, end_of
from trunkward.cli.said import complain, say, wide
from trunkward.control import contracts
from trunkward.control.acts import put_down
from trunkward.control.blocks import provider_of, wanting_by
from trunkward.control.configuration import Version
from trunkward.control.declared import InForce
from trunkward.control.delegate import check_delegate, check_possession
from trunkward.control.evidence import (
    MOST_BYTES,
    EvidenceActRefused,
    added,
    already_own,
    denied_by,
    described,
    reviewed,
    revoked,
)
from trunkward.control.evidence_documents import as_entered, exchanged, why_not
from trunkward.control.evidence_journal import evidence_id, sound
from trunkward.control.reviewing import reviewed_again, to_review
from trunkward.engines.denied_file import deny, read_own
from trunkward.engines.in_force import read_in_force
from trunkward.engines.pki_files import PkiFiles, read_evidence_key
from trunkward.engines.trust import TrustFiles
from trunkward.journal.commitment import SALT_BYTES
from trunkward.settings import Paths
from trunkward.shaken.evidence import Kind, read_token
from trunkward.shaken.possession import LIFETIME_S, Purpose, challenge
from trunkward.store.configuration import SqlConfiguration
from trunkward.trunks.evidence import GRACE_S, EvidenceChange, EvidenceRecord, State
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import Revocation

#: States nobody asks about any more.
_OVER = (State.REJECTED, State.REVOKED, State.ENDED)


def run_add(
    paths: Paths,
    numbers: str,
    *,
    kind: str,
    trunk: str,
    identity: str,
    file: Path,
    until: str,
    why: str,
    replaces: int = 0,
    proof: Path | None = None,
) -> int:
    """Enters a document: 0 done, 1 not everywhere in force, 2 nothing was changed."""
    if not _root():
        return 2
    try:
        document, ends = _read(file), end_of(until)
        proved = _read(proof).decode("ascii", "replace").strip() if proof else ""
        if proof and kind != Kind.DELEGATE:
            raise ValueError("--proof is of a delegate certificate alone")
    except ValueError as problem:
        complain(f"nothing was changed: {problem}")
        return 2

    def change(store: SqlConfiguration, declared: Declared, now: float) -> EvidenceChange:
        entered = added(
            declared,
            store.evidence(),
            numbers=numbers,
            kind=kind,
            trunk=trunk,
            identity=identity,
            file_name=file.name,
            document=document,
            until=ends,
            why=why,
            actor=current_actor(),
            now=now,
            replaces=replaces,
            proof=proved,
            salt=secrets.token_hex(SALT_BYTES),
        )
        if kind == Kind.DELEGATE:
            _check_delegate(paths, document, entered.record, declared, now)
        if said := already_own(declared, entered.record):
            say(said, "yellow", err=True)
        return entered

    return _act(
        paths,
        "evidence add",
        change,
        lambda version: (
            f"record {version.number} waits for another person: ./trunkward evidence review {version.number}"
        ),
    )


def run_review(paths: Paths, number: int, *, accept: bool, why: str) -> int:
    """Accepts or rejects a record; exit codes as of `run_add`."""

    def change(store: SqlConfiguration, declared: Declared, now: float) -> EvidenceChange:
        records, entered_by = to_review(store, number)
        return reviewed(
            declared,
            records,
            number,
            accept=accept,
            why=why,
            entered_by=entered_by,
            actor=current_actor(),
            now=now,
        )

    return _act(paths, f"evidence review {number} --{'accept' if accept else 'reject'}", change)


def run_revoke(paths: Paths, number: int, *, why: str) -> int:
    """Ends a record: 0 done, 1 denied but not taken by all, in force or written down, 2 nothing changed.

    What is to stop A waits for nothing: first the record is denied to gates and signers, which needs no lock,
    no version, and no database that answers; then the act is written down and put in force.
    """
    if not _root():
        return 2
    denied, taken = True, False
    try:
        now = time.time()
        if lost := deny(paths, _denied_with(paths, number, why, now), now):
            complain(lost)
        taken = _is_taken(paths, number)
    except EvidenceActRefused as refused:
        complain(f"nothing was changed: {refused}")
        return 2
    except (OSError, ValueError) as problem:  # a full disk, say: perhaps the version goes through
        complain(f"record {number} could not be denied: {problem}")
        denied = False
    try:
        done = _act(
            paths,
            f"evidence revoke {number}",
            lambda store, _, now: _revoked(store, number, why, now),
            lambda _: (
                "nothing is signed by it any more; numbers of no inventory may be shown only if something "
                "else says so (./trunkward number verify)"
            ),
        )
    except typer.Exit:
        done = 2
    if done == 2 and denied:
        complain("the act itself is to be written down yet: mend that, and give this command again")
        return 1
    return 1 if denied and not taken else done


def _is_taken(paths: Paths, number: int) -> bool:
    """Says what it has come to."""
    left = behind(paths)
    if left:
        complain(f"record {number} is on the list of denied evidence, and may still be signed A by:")
        for name, problem in left.items():
            complain(f"  {name}: {problem}")
        complain("whoever runs and does not take the list has to be started anew: ./trunkward status")
        return False
    say(f"record {number} is denied to gates and signers: nothing is signed A by it any more", err=True)
    return True


def _denied_with(paths: Paths, number: int, why: str, now: float) -> dict[str, int]:
    """What the list must say with this record on it: all that is known to be revoked, should it be damaged.

    By the policy in force where the database cannot be asked.
    """
    in_force = read_in_force(paths.declared)
    ends = _ends_in_force(in_force, number) if in_force else []
    try:
        with configuration_store(paths, make=False) as store:
            records, until = store.evidence(), _revoked(store, number, why, now).record.until
    except typer.Exit:
        if not ends:
            raise EvidenceActRefused(f"the policy in force knows no record {number}") from None
        return {evidence_id(number): ceil(max(ends)) + GRACE_S}
    # a row that was changed may name an earlier end than what was issued for it
    return denied_by(records, now) | {evidence_id(number): ceil(max([until, *ends])) + GRACE_S}


def _revoked(store: SqlConfiguration, number: int, why: str, now: float) -> EvidenceChange:
    records = store.evidence()
    try:
        return revoked(records, number, why=why, now=now)
    except EvidenceActRefused:
        # asked only now: a revocation waits for no journal
        if any(one.version == number for one in sound(store)[0]):
            raise
        return revoked(records, number, why=why, now=now, is_sound=False)


def _ends_in_force(in_force: InForce, number: int) -> list[float]:
    """Until when a record holds by what is in force, in seconds since the epoch; []: it is not in there."""
    name = evidence_id(number)
    said = (read_token(token) for tokens in in_force.evidence.values() for token in tokens)
    agreed = contracts.read_contracts(in_force.contracts).values()
    return [
        *(one.until for one in in_force.blocks if one.record == number),
        *(one.not_after for one in said if one.id == name),
        *(one.not_after for one in agreed if one.id == name),
    ]


def run_list(paths: Paths, *, trunk: str, every: bool, as_json: bool) -> int:
    """Records that are waiting or hold, or all there ever were, the newest first.

    Raises `typer.BadParameter` for a trunk nobody knows.
    """
    if not _root():
        return 2
    with configuration_store(paths, make=False) as store:
        rows = store.evidence()
        believed, problems = sound(store)
        again = reviewed_again(rows, believed)
        as_far_as = {one.version: one for one in believed if one.version in again}
        every_record = [as_far_as.get(one.version, one) for one in rows]
        found = [one for one in every_record if trunk in ("", one.trunk)]
        if trunk and not found:
            held = declared_by(store).trunks if store.head() is not None else ()
            one_known("--trunk", trunk, (*(one.name for one in held), *(one.trunk for one in every_record)))
        versions = {version.number: version for version in store.versions()}
        asked = store.head() is not None and not (trunk or as_json)
        declared = declared_by(store) if asked else None
        lacking = _lacking(declared, believed, time.time()) if declared else []
        now = time.time()
        shown = [one for one in found if every or one.state(now) not in _OVER]
        others = exchanged(store, shown)
    denied = read_own(paths).until
    sound_ones = {one.version for one in believed}
    for problem in (*problems, *others.values()):
        complain(problem)
    if as_json:
        for one in shown:
            is_denied = evidence_id(one.version) in denied
            whether = {"denied": is_denied, "sound": one.version in sound_ones}
            whether["document_sound"] = one.version not in others
            print(json.dumps(described(one, versions, now) | whether))
        return 0
    for said in lacking:
        say(said, "yellow", err=True)
    if not shown:
        say("no record is waiting or holds; --all shows those that did" if found else "no record yet")
        return 0
    table = Table("id", "numbers", "of", "kind", "until", "entered by", "reviewed by", "state", box=None)
    for one in shown:
        told = described(one, versions, now)
        by = (told["entered_by"], told["reviewed_by"] or "")
        # a revocation that could not be written down: one that was is no contradiction
        is_denied = evidence_id(one.version) in denied and one.state(now) not in _OVER
        state = told["state"] + (", but denied" if is_denied else "")
        if declared and provider_of(declared, one) != (one.identity, one.spc):
            state += ", but of another provider"
        state += "" if one.version in sound_ones else ", but not as it was journaled"
        state += ", to be reviewed again" if one.version in again else ""
        state += ", but its document was exchanged" if one.version in others else ""
        cells = (str(one.version), one.numbers, one.trunk or one.owner, one.kind, day(one.until), *by, state)
        table.add_row(*map(Text, cells))
    wide().print(table)
    return 0


def _lacking(declared: Declared, records: Sequence[EvidenceRecord], now: float) -> list[str]:
    """What is signed lower, or not at all, for want of a record."""
    return [
        *(f"trunk {name}: {said}" for name, said in wanting_by(declared, records, now)),
        *(f"identity {name}: {said}" for name, said in contracts.wanting_by(declared, records, now)),
    ]


def run_show(paths: Paths, number: int, *, file: Path | None, as_json: bool) -> int:
    """One record, and its document where `file` is; 1 when there is no such record."""
    if not _root():
        return 2
    with configuration_store(paths, make=False) as store:
        one = next((one for one in store.evidence() if one.version == number), None)
        versions = {version.number: version for version in store.versions()}
        packed = store.document(one) if one is not None else b""
        believed, problems = sound(store)
    if one is None:
        complain(f"there is no record {number}; ./trunkward evidence list shows them")
        return 1
    if file is not None and (why := _written(file, one, packed)):
        complain(why)
        return 1
    held = next((sound_one for sound_one in believed if sound_one.version == number), None)
    is_sound, one = held is not None, held or one
    if not is_sound:
        for problem in problems:
            complain(problem)
    has_document = as_entered(packed, one) is not None
    if not has_document:
        complain(why_not(one))
    told = described(one, versions, time.time()) | {"sound": is_sound, "document_sound": has_document}
    if as_json:
        print(json.dumps(told))
        return 0
    for line in _lines(told, one):
        say(line)
    return 0


def _act(
    paths: Paths,
    command: str,
    change: Callable[[SqlConfiguration, Declared, float], EvidenceChange],
    then: Callable[[Version], str] = lambda _: "",
) -> int:
    if not _root():
        return 2

    def decide(store: SqlConfiguration, declared: Declared, now: float, beyond: int) -> Version:
        version = put_down(
            store, change(store, declared, now), actor=current_actor(), command=command, at=now, beyond=beyond
        )
        if said := then(version):
            say(said, err=True)
        return version

    return act(paths, command, decide)


def _check_delegate(
    paths: Paths, document: bytes, record: EvidenceRecord, declared: Declared, now: float
) -> None:
    """Against whom this node trusts now, and that its key is the customer's; without a proof: a challenge."""
    hard = declared.node.verification.revocation is Revocation.HARD
    administered = declared.node.policy_administrator is not None
    files = TrustFiles(paths, administered=administered, hard=hard, only_reads=True)
    files.refresh()
    if files.trust is None:
        raise EvidenceActRefused("there is no list of trusted authorities: ./trunkward status")
    delegate = check_delegate(
        document,
        files.trust.authorities,
        files.trust.revocations,
        first=record.first,
        last=record.last,
        until=record.until,
        now=now,
        hard=hard,
    )
    key = read_evidence_key(PkiFiles(paths.pki).evidence_key)
    purpose = Purpose(
        chain_sha256=record.file_sha256,
        customer=record.customer,
        trunk=record.trunk,
        first=record.first,
        last=record.last,
    )
    if record.proof:
        check_possession(record.proof, ours=key.public_key(), delegate=delegate, purpose=purpose, now=now)
        return
    # to the standard output, in one line, and alone there
    print(challenge(key, purpose, int(now)))
    raise EvidenceActRefused(
        "a certificate is public, its key is not: have the customer sign the challenge above with it (a JWS "
        f"in compact form, ES256, within {LIFETIME_S // 86_400} days), then add --proof FILE"
    )


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ValueError(f"{file}: more than {MOST_BYTES} bytes")
        return file.read_bytes()
    except OSError as problem:
        raise ValueError(f"{file}: {problem.strerror}{hint(file)}") from None


def _written(file: Path, one: EvidenceRecord, packed: bytes) -> str:
    """Writes a document for its owner alone; why not, or ""."""
    document = as_entered(packed, one)
    if document is None:
        return why_not(one)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(file, flags, 0o600), "wb") as out:
            out.write(document)
    except OSError as problem:
        return f"{file}: {problem.strerror}{hint(file)}"
    return ""


def _lines(told: dict[str, Any], one: EvidenceRecord) -> list[str]:
    def when(at: float | None) -> str:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC" if at else ""

    lines = [
        f"record {one.version}, {told['kind']}: {told['state']}",
        f"  {'numbers' if one.first else '':<10} {one.about}",
        f"  document   {one.file_name}, sha256:{one.file_sha256}",
        f"  until      {day(one.until)}",
        f"  entered    by {told['entered_by']}, {when(told['entered_at'])}: {one.why}",
    ]
    if one.replaces:
        lines.append(
            f"  replaces   record {one.replaces}, which has to be revoked before this one is accepted"
        )
    if one.proof:
        lines.append("  proof      signed with the certificate's key")
    if told["reviewed_by"]:
        done = "accepted" if one.accepted else "rejected"
        lines.append(f"  {done}   by {told['reviewed_by']}, {when(told['reviewed_at'])}: {one.review_why}")
    if told["revoked_by"]:
        lines.append(f"  revoked    by {told['revoked_by']}, {when(told['revoked_at'])}: {one.revoke_why}")
    return lines


def _root() -> bool:
    if os.geteuid() == 0:
        return True
    complain("trunkward evidence needs root: the configuration is root's. Use sudo.")
    return False
