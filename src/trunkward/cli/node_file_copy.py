"""The node file as the working copy of what was accepted: written by `apply -f OTHER` and `rollback`.

What a person has written there and never applied is kept beside it. A note stands beside the store while it
happens, so that a writing that was broken off is finished by whoever comes next.
"""

import os
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec

from trunkward.cli.kept_aside import UNAPPLIED
from trunkward.control.configuration import ConfigurationStore
from trunkward.settings import Paths


class _Note(msgspec.Struct, frozen=True):
    file: str
    sha256: str


def announce(paths: Paths, file: Path, text: str) -> None:
    """Notes, before a version is decided on, that the working copy is to have this text."""
    note = _Note(file=str(file), sha256=sha256(text.encode()).hexdigest())
    _replace(_note(paths), msgspec.json.encode(note).decode(), 0o600)


def settle(paths: Paths, store: ConfigurationStore) -> list[str]:
    """Writes the working copy if it was announced for the newest version; what to tell the person."""
    try:
        note = msgspec.json.decode(_note(paths).read_bytes(), type=_Note)
    except (FileNotFoundError, msgspec.MsgspecError):
        return []
    head = store.head()
    told = []
    if head is not None and head.text_sha256 == note.sha256:
        told = _write(Path(note.file), store, store.text(head))
    _note(paths).unlink(missing_ok=True)
    return told


def _write(file: Path, store: ConfigurationStore, text: str) -> list[str]:
    told, mode, held = [], 0o644, None
    with suppress(FileNotFoundError):
        held = file.read_bytes()
        mode = file.stat().st_mode & 0o777
    if held == text.encode():
        return []
    if held is not None and sha256(held).hexdigest() not in {v.text_sha256 for v in store.versions()}:
        aside = file.with_name(f"{file.name}{UNAPPLIED}{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
        _replace(aside, held.decode(errors="surrogateescape"), mode)
        told.append(f"{file} had edits that were never applied: they are kept as {aside}")
    file.parent.mkdir(parents=True, exist_ok=True)
    _replace(file, text, mode)
    return [*told, f"{file} has the text of this version now"]


def _replace(file: Path, text: str, mode: int) -> None:
    part = file.with_name(file.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as written:
        os.fchmod(descriptor, mode)
        written.write(text)
        written.flush()
        os.fsync(descriptor)
    os.replace(part, file)


def _note(paths: Paths) -> Path:
    return paths.declared.with_name("node-file.json")
