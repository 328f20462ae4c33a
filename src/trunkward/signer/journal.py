"""The signer's own journal: one line per signature or refusal, append-only, hash-chained.

Every line is a JSON object with `seq` (counting from 1) and `prev`, the SHA-256 of the line before it (64
zeros at the start), so a changed, removed or inserted line shows (`trunkward.journal.examine`). Whose numbers
a line is about it holds as commitments (`trunkward.journal.commitment`); the values are in `signer.details`.

Lines are on disk (fdatasync) when `commit` returns, those of all requests of that moment at once. A disk that
takes no more does not stop the signer (`signer.committing`): the first line after that says how many are
missing.
"""

import errno
import fcntl
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import msgspec

from trunkward.journal.chain import GENESIS
from trunkward.journal.commitment import SALT_BYTES, commitment
from trunkward.signer.details import Details

#: Longest line written, in bytes; the reader refuses more.
MAX_LINE = 64 * 1024

_encode = msgspec.json.Encoder().encode


class JournalError(RuntimeError):
    """The journal cannot be kept. The message names file and cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one line says."""

    #: For as long as there is a journal; with `kind` and `at`, seconds since the epoch.
    facts: Mapping[str, object]
    #: What retention deletes, by name.
    private: Mapping[str, str] = field(default_factory=dict)

    @property
    def at(self) -> float:
        """When it was written."""
        at = self.facts["at"]
        return at if isinstance(at, float | int) else 0.0


class _Link(msgspec.Struct):
    seq: int
    prev: str


_decode_link = msgspec.json.Decoder(_Link).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Torn:
    """What a broken-off write left behind its last whole line, and where it was put."""

    moved_to: str
    size: int
    sha256: str


class Journal:
    """An open journal; one process at a time holds it, one thread at a time writes."""

    def __init__(self, path: Path) -> None:
        """Open or make it (mode 0600), continue the chain, move a torn last line aside.

        Raises `JournalError` when another process holds it, it cannot be opened, or its last line is damaged.
        """
        self.path = path
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(f"{path}: cannot be opened: {error.strerror}") from error
        try:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise JournalError(f"{path}: in use by another process") from error
            self.torn = self._move_torn_line_aside()
            self._size = os.fstat(self._fd).st_size
            self._seq, self._prev = self._last_link()
            self._details = Details(path.with_name("details"), self._seq)
        except OSError as error:
            os.close(self._fd)
            raise JournalError(f"{path}: cannot be continued: {error.strerror}") from error
        except JournalError:
            os.close(self._fd)
            raise
        #: What was written of a commit that failed may still be there.
        self._left_over = False

    @property
    def seq(self) -> int:
        """Number of the last line; 0 for an empty journal."""
        return self._seq

    @property
    def head(self) -> str:
        """SHA-256 of the last line; `GENESIS` for an empty journal."""
        return self._prev

    def commit(self, lines: Sequence[Line]) -> int:
        """Writes all these lines and waits for the disk; the number of the first. All are written, or none.

        Raises `JournalError`; what was written of them is then taken back, at the latest before the next
        ones.
        """
        try:
            if self._left_over:
                self._take_back()
            seq, prev = self._seq, self._prev
            written: list[bytes] = []
            details: list[tuple[float, bytes]] = []
            for line in lines:
                seq += 1
                facts: dict[str, object] = {"seq": seq, "prev": prev, **line.facts}
                if line.private:
                    facts["commits"], values = _committed(line.private)
                    details.append((line.at, _encode({"seq": seq, "values": values}) + b"\n"))
                text = _encode(facts)
                prev = sha256(text).hexdigest()
                written.append(text)
            self._to_disk(b"\n".join(written) + b"\n", details)
        except OSError as error:
            self._left_over = True
            with suppress(OSError):
                self._take_back()
            raise JournalError(f"{self.path}: cannot be written: {error.strerror}") from error
        first = self._seq + 1
        self._seq, self._prev = seq, prev
        return first

    def _to_disk(self, block: bytes, details: list[tuple[float, bytes]]) -> None:
        if details:
            self._details.append(details)
            self._details.sync()
        if os.write(self._fd, block) != len(block):
            # a full disk takes a part
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fdatasync(self._fd)
        self._size += len(block)

    def _take_back(self) -> None:
        """No half line, and no line that was given up, may stay in front of the next one."""
        os.ftruncate(self._fd, self._size)
        self._details.take_back(self._seq)
        self._left_over = False

    def details_over(self, now_s: float, keep_days: int) -> list[Path]:
        """Files with personal data of days that are no longer kept. Raises `OSError`."""
        return self._details.over(now_s, keep_days)

    def close(self) -> None:
        """Let go; what was committed is on disk."""
        self._details.close()
        os.close(self._fd)

    def _move_torn_line_aside(self) -> Torn | None:
        size = os.fstat(self._fd).st_size
        tail = os.pread(self._fd, MAX_LINE, max(0, size - MAX_LINE))
        rest = tail.rpartition(b"\n")[2]
        if not rest:
            return None
        if len(rest) == MAX_LINE:
            raise JournalError(f"{self.path}: its last line is longer than {MAX_LINE} bytes")
        digest = sha256(rest).hexdigest()
        aside = self.path.with_name(f"{self.path.name}.torn-{digest[:16]}")
        fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            if os.write(fd, rest) != len(rest):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            # Safe on disk before it leaves the journal.
            os.fsync(fd)
        finally:
            os.close(fd)
        os.ftruncate(self._fd, size - len(rest))
        return Torn(moved_to=aside.name, size=len(rest), sha256=digest)

    def _last_link(self) -> tuple[int, str]:
        if not self._size:
            return 0, GENESIS
        tail = os.pread(self._fd, MAX_LINE, max(0, self._size - MAX_LINE))
        line = tail[:-1].rpartition(b"\n")[2]
        try:
            return _decode_link(line).seq, sha256(line).hexdigest()
        except msgspec.MsgspecError:
            raise JournalError(f"{self.path}: its last line is damaged; see `verify`") from None


def _committed(private: Mapping[str, str]) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    """Commitments to values, and what opens them."""
    salts = os.urandom(SALT_BYTES * len(private))
    commits, values = {}, {}
    for at, (name, value) in enumerate(private.items()):
        salt = salts[at * SALT_BYTES : (at + 1) * SALT_BYTES]
        commits[name] = commitment(salt, name, value)
        values[name] = (salt.hex(), value)
    return commits, values
