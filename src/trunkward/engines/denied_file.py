"""The list of denied evidence as a file: root writes it, gates and signers look at it by themselves.

It needs no version of the configuration, no database and no other process: a revocation is in force as soon
as the file is there, whatever else stands still.
"""

import fcntl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from trunkward.engines.pki_files import PkiFiles, read_evidence_key
from trunkward.engines.sure_clock import doubted
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
#: What gates and signers tell of it: `DeniedFile.taken`.
TAKEN = "trunkward_denied_list"
TAKEN_IS = "The list of denied evidence in force, by its sequence; 0 while what is in the file is not taken"


def deny(paths: Paths, ended: Mapping[str, int], now_s: float) -> str:
    """Adds ids to the list, and takes those off whose time is over; signed anew where that changes it.

    `ended` by id, from when on it need not be named, in seconds since the epoch. Returns what was damaged
    before, and what came of that; "": nothing was. Where there is no key yet nothing was ever declared, and
    nothing is to be denied. Raises `OSError`, also for a list that is longer than what readers read.

    1. What is held is what either of two files says: what could not be written down is nowhere else.
    2. Nothing goes by a clock in doubt: by one that woke in 2038 everything's time is over.
    3. The sequence never goes back, also where neither file is left: it goes by the clock.
    """
    pki = PkiFiles(paths.pki)
    if not pki.evidence_key.exists():
        return ""
    try:
        key = read_evidence_key(pki.evidence_key)
        with _alone(paths):
            # 1.
            found = {place: _found(place, key.public_key()) for place in _places(paths)}
            held = _united(found.values())
            until = _later(held.until, ended)
            # 2.
            doubt = _is_doubted(paths, now_s)
            until = {name: at for name, at in until.items() if at > now_s or doubt}
            if until != held.until or any(one.problem or one.says != held for one in found.values()):
                # 3.
                sequence = max(held.sequence + 1, 0 if doubt and held.sequence else int(now_s))
                text = issue(key, DenyList(sequence=sequence, until=until)).encode("ascii")
                for place in found:
                    write_whole(place, text, 0o644)
    except ValueError as refused:
        raise OSError(f"{pki.denied_evidence}: {refused}") from None
    return _lost(paths, found)


def read_own(paths: Paths) -> DenyList:
    """The list as root wrote it, whoever signed it; an empty one where there is none.

    What a key signed that is gone still counts: its records are told again under the new one.
    """
    return _united(_found(place, None) for place in _places(paths))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """One file of root's."""

    #: None: nobody can say.
    says: DenyList | None
    #: Why readers do not take it; "": they do.
    problem: str = ""
    gone: bool = False


def _places(paths: Paths) -> tuple[Path, Path]:
    """The one that is read, and root's copy, which nobody else can lose."""
    pki = PkiFiles(paths.pki)
    return pki.denied_evidence, pki.denied_copy


def _found(place: Path, key: Ed25519PublicKey | None) -> _Found:
    try:
        text = read_plain(place, MOST_BYTES + 1)
        says = read_list(text)
    except FileNotFoundError:
        return _Found(says=None, problem="it is gone", gone=True)
    except (OSError, DenyListRefused) as problem:
        return _Found(says=None, problem=str(problem))
    try:
        if key is not None:
            open_list(key, text)
    except DenyListRefused as problem:
        return _Found(says=says, problem=str(problem))
    return _Found(says=says)


def _united(found: Iterable[_Found]) -> DenyList:
    held = NOTHING
    for one in found:
        if one.says is not None:
            until = _later(held.until, one.says.until)
            held = DenyList(sequence=max(held.sequence, one.says.sequence), until=until)
    return held


def _later(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return dict(one) | {name: max(at, one.get(name, at)) for name, at in other.items()}


def _is_doubted(paths: Paths, now_s: float) -> bool:
    # whatever a person says of the clock: what stays on the list for longer does no harm
    try:
        return bool(doubted(paths.heads, now_s, trusted=False))
    except OSError:
        return True


def _lost(paths: Paths, found: Mapping[Path, _Found]) -> str:
    wrong = "; ".join(
        f"{place.relative_to(paths.pki)}: {one.problem}" for place, one in found.items() if one.problem
    )
    if any(one.says is not None for one in found.values()):
        return wrong and f"{wrong}; signed anew from what can be read"
    # before anything was in force there was none
    if all(one.gone for one in found.values()) and not paths.declared.exists():
        return ""
    return (
        f"{wrong}; made anew from the records of evidence. What was revoked and not written down is not in "
        "it: the signers' journals name what they were told (denied-evidence); revoke it again"
    )


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

    @property
    def taken(self) -> int:
        """Which list is in force, by its sequence; 0: what is in the file is not taken."""
        return 0 if self.problem else self._list.sequence

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

    @property
    def taken(self) -> int:
        """As `DeniedFile.taken`."""
        return self._list.taken

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
