"""`trunkward number`: numbers a trunk may show though they are not its own; found, listed, taken back."""

import json
import os
import secrets
import time
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

from rich.table import Table
from rich.text import Text

from trunkward.cli.acting import act
from trunkward.cli.actor import current_actor
from trunkward.cli.changing import configuration_store
from trunkward.cli.host_paths import hint
from trunkward.cli.said import complain, say, wide
from trunkward.control.acts import put_down
from trunkward.control.borne_out import BorneOut, borne_out
from trunkward.control.configuration import Version
from trunkward.control.verified import verified, withdrawn
from trunkward.engines.in_force import read_in_force
from trunkward.journal.commitment import SALT_BYTES
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration
from trunkward.trunks.callers import Verification
from trunkward.trunks.model import Declared

#: Bytes of a file that is evidence; nothing of it is kept but its SHA-256.
_MOST_BYTES = 64 * 1024 * 1024


def run_verify(paths: Paths, number: str, *, trunk: str, evidence: str, file: Path | None, until: str) -> int:
    """Writes a finding down: 0 done, 1 not everywhere in force, 2 nothing was changed."""
    if not _root():
        return 2
    try:
        digest = _digest(file) if file is not None else ""
        ends = end_of(until)
    except ValueError as why:
        complain(f"nothing was changed: {why}")
        return 2

    command = "number verify"

    def decide(store: SqlConfiguration, declared: Declared, now: float, beyond: int) -> Version:
        change = verified(
            declared,
            store.verifications(),
            number=number,
            trunk=trunk,
            evidence=evidence,
            file_sha256=digest,
            until=ends,
            now=now,
            salt=secrets.token_hex(SALT_BYTES),
            unproven=_kept(paths, store, now).unproven,
        )
        return put_down(store, change, actor=current_actor(), command=command, at=now, beyond=beyond)

    return act(paths, command, decide)


def run_withdraw(paths: Paths, number: str, *, trunk: str | None) -> int:
    """Takes a finding back; exit codes as of `run_verify`."""
    if not _root():
        return 2
    command = "number withdraw"

    def decide(store: SqlConfiguration, declared: Declared, now: float, beyond: int) -> Version:
        change = withdrawn(
            *(declared, store.verifications()),
            number=number,
            trunk=trunk,
            now=now,
            unproven=_kept(paths, store, now).unproven,
        )
        return put_down(store, change, actor=current_actor(), command=command, at=now, beyond=beyond)

    return act(paths, command, decide)


def run_list(paths: Paths, *, every: bool, as_json: bool) -> int:
    """Findings that hold, or all there ever were, the newest first."""
    if not _root():
        return 2
    now = time.time()
    with configuration_store(paths, make=False) as store:
        found = store.verifications()
        versions = {version.number: version for version in store.versions()}
        kept = _kept(paths, store, now)
    proven = {one.version for one in kept.findings}
    shown = [one for one in found if every or one.holds(now)]
    if as_json:
        for one in shown:
            print(json.dumps(_document(one, versions, now, is_proven=one.version in proven)))
        return 0
    if not shown:
        say(
            "no number is verified now; --all shows those that were"
            if found
            else "no number was verified yet"
        )
        return 0
    table = Table("number", "trunk", "until", "by", "on (UTC)", "evidence", "state", box=None)
    for one in shown:
        made = versions.get(one.version)
        by, on = (made.actor.name, day(made.at)) if made else ("", "")
        state = _state(one, now, is_proven=one.version in proven)
        cells = (one.number, one.trunk, day(one.until), by, on, one.evidence, state)
        table.add_row(*(Text(cell) for cell in cells))
    wide().print(table)
    return 0


def _digest(file: Path) -> str:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise ValueError(f"{file}: more than {_MOST_BYTES} bytes")
        return sha256(file.read_bytes()).hexdigest()
    except OSError as problem:
        raise ValueError(f"{file}: {problem.strerror}{hint(file)}") from None


def end_of(text: str) -> float:
    """The end of a day in UTC, in seconds since the epoch. Raises `ValueError`."""
    try:
        last = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r}: write the last day on which it holds, such as 2027-06-30") from None
    return datetime(last.year, last.month, last.day, tzinfo=UTC).timestamp() + 86_400


def _kept(paths: Paths, store: SqlConfiguration, now: float) -> BorneOut:
    return borne_out(store, read_in_force(paths.declared), now)


def _document(
    one: Verification, versions: dict[int, Version], now: float, *, is_proven: bool
) -> dict[str, object]:
    made, ended = versions.get(one.version), versions.get(one.withdrawn)
    return {
        "number": one.number,
        "trunk": one.trunk,
        "tenant": one.tenant,
        "evidence": one.evidence,
        "file_sha256": one.file_sha256 or None,
        "verified_at": made.at if made else None,
        "by": made.actor.name if made else None,
        "until": one.until,
        "version": one.version,
        "withdrawn_at": ended.at if ended else None,
        "withdrawn_by": ended.actor.name if ended else None,
        "holds": one.holds(now) and is_proven,
    }


def _state(one: Verification, now: float, *, is_proven: bool) -> str:
    if one.withdrawn:
        return "taken back"
    if not one.holds(now):
        return "over"
    return "holds" if is_proven else "not as it was journaled"


def day(at: float) -> str:
    """The last day on which something holds, not the midnight after it at which it ends."""
    return f"{datetime.fromtimestamp(at - 0.001, UTC):%Y-%m-%d}"


def _root() -> bool:
    if os.geteuid() == 0:
        return True
    complain("trunkward number needs root: the configuration is root's. Use sudo.")
    return False
