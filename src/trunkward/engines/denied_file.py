"""The list of denied evidence as a file: root writes it, gates and signers look at it by themselves.

It needs no version of the configuration, no database and no other process: a revocation is in force as soon
as the file is there, whatever else stands still.
"""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from trunkward.engines.pki_files import PkiFiles, read_evidence_key
from trunkward.engines.whole_file import read_plain, write_whole
from trunkward.settings import Paths
from trunkward.shaken.denied import (
    MOST_BYTES,
    NOTHING,
    DenyList,
    DenyListRefused,
    issue,
    open_list,
    read_list,
)

#: Seconds between two looks; a stat each.
LOOK_S = 0.2
_MOST_KEY_BYTES = 1 << 16


def deny(paths: Paths, ended: Mapping[str, int], now_s: float) -> None:
    """Adds ids to the list, and takes those off whose time is over; signed anew where that changes it.

    `ended` by id, from when on it need not be named, in seconds since the epoch. Where there is no key yet
    nothing was ever declared, and nothing is to be denied. Raises `OSError`, `ValueError`.
    """
    pki = PkiFiles(paths.pki)
    if not pki.evidence_key.exists():
        return
    key = read_evidence_key(pki.evidence_key)
    with _alone(paths):
        held, good = read_own(paths, key.public_key())
        until = {name: at for name, at in (dict(held.until) | dict(ended)).items() if at > now_s}
        if not good or until != held.until:
            text = issue(key, DenyList(sequence=held.sequence + 1, until=until))
            write_whole(pki.denied_evidence, text.encode("ascii"), 0o644)


def read_own(paths: Paths, key: Ed25519PublicKey | None = None) -> tuple[DenyList, bool]:
    """The list as root wrote it, and whether `key` signed it; an empty one where there is none.

    What a key signed that is gone still counts: its records are told again under the new one.
    """
    try:
        text = read_plain(PkiFiles(paths.pki).denied_evidence, MOST_BYTES + 1)
        held = read_list(text)
    except (OSError, DenyListRefused):
        return NOTHING, False
    try:
        return held, key is not None and open_list(key, text) == held
    except DenyListRefused:
        return held, False


class DeniedFile:
    """The list, for whoever only reads it."""

    def __init__(self, path: Path, key: Path) -> None:
        """Reads nothing yet. `key`: PEM of the public key it is signed with."""
        self._path, self._key = path, key
        self._seen: object = ()
        self._list = NOTHING
        #: Ids that nothing is to be signed by.
        self.ids: frozenset[str] = frozenset()
        #: What is wrong with the file; the list before it goes on then. "": nothing.
        self.problem = ""
        #: There is a list, and none was ever good here: nobody knows what was revoked.
        self.unknown = False

    def refresh(self) -> bool:
        """Reads it if it is another one; whether something has changed. Never raises, never goes back."""
        mark = self._mark()
        if mark == self._seen:
            return False
        self._seen, before = mark, (self.ids, self.problem)
        try:
            self._list = self._read()
        except (OSError, ValueError) as problem:  # a refusal is such
            self.problem, self.unknown = f"{self._path}: {problem}", self._list is NOTHING
        else:
            self.problem, self.unknown = "", False
            self.ids = frozenset(self._list.until)
        return (self.ids, self.problem) != before

    def _read(self) -> DenyList:
        try:
            text = read_plain(self._path, MOST_BYTES + 1)
        except FileNotFoundError:
            if self._list is NOTHING:
                return NOTHING  # nothing was revoked yet
            raise
        key = load_pem_public_key(read_plain(self._key, _MOST_KEY_BYTES))
        if not isinstance(key, Ed25519PublicKey):
            raise DenyListRefused(f"{self._key} is no Ed25519 key")
        found = open_list(key, text)
        if found.sequence < self._list.sequence:
            raise DenyListRefused(f"list {found.sequence} is older than {self._list.sequence}, which goes on")
        return found

    def _mark(self) -> object:
        """Of the key as well: who has another key has another list."""
        found: list[tuple[int, int, int] | None] = []
        for path in (self._path, self._key):
            try:
                state = path.stat()
            except OSError:
                found.append(None)
            else:
                found.append((state.st_mtime_ns, state.st_ino, state.st_size))
        return found


class DeniedToGate:
    """The list, and with it what the worker found of delegate certificates; for a gate."""

    def __init__(self, paths: Paths) -> None:
        """Reads nothing yet."""
        pki = PkiFiles(paths.pki)
        self._list = DeniedFile(pki.denied_evidence, pki.evidence_public_key)
        self._found, self._seen = paths.bad_delegates, 0
        self._bad: frozenset[str] = frozenset()
        #: Ids that speak for nobody; None: nobody knows what was revoked.
        self.ids: frozenset[str] | None = frozenset()

    def refresh(self) -> str:
        """Reads what has changed; what is wrong with it, once, or "". Never raises."""
        problem = self._list.problem if self._list.refresh() else ""
        try:
            state = self._found.stat()
            if state.st_mtime_ns != self._seen:
                self._seen = state.st_mtime_ns
                text = read_plain(self._found, MOST_BYTES)
                self._bad = frozenset(msgspec.json.decode(text, type=dict[str, str]))
        except FileNotFoundError:
            pass  # nobody has looked yet; what was found before goes on
        except (OSError, msgspec.MsgspecError) as wrong:
            problem = problem or f"{self._found}: {wrong}"
        self.ids = None if self._list.unknown else self._list.ids | self._bad
        return problem


@contextmanager
def _alone(paths: Paths) -> Iterator[None]:
    """Not the lock of changes: a change that hangs holds no revocation up."""
    paths.run.mkdir(parents=True, exist_ok=True)
    with (paths.run / "deny.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
