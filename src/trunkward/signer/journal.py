"""The signer's own journal: one line per signature or refusal, append-only, hash-chained.

Every line is a JSON object with `seq` (counting from 1) and `prev`, the SHA-256 of the line before it (64
zeros at the start), so a changed, removed or inserted line shows (`trunkward.journal.examine`). Whose numbers
a line is about it holds as commitments (`trunkward.journal.commitment`); the values are in `signer.details`.
It lies in a file a day, or more (`signer.segments`).

Lines are on disk (fdatasync) when `commit` returns, those of all requests of that moment at once. A disk that
takes no more does not stop the signer (`signer.committing`): the first line after that says how many are
missing.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import msgspec

from trunkward.journal.commitment import SALT_BYTES, commitment
from trunkward.journal.segments import OPENED
from trunkward.signer.details import Details
from trunkward.signer.segments import JournalError, Over, Segments

_encode = msgspec.json.Encoder().encode


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


class Journal:
    """An open journal; one process at a time holds it, one thread at a time writes."""

    def __init__(self, path: Path) -> None:
        """Open or make it (files of mode 0600), continue the chain, move a torn last line aside.

        `path`: the directory of its segments. Raises `JournalError` when another process holds it, it cannot
        be opened, or its last line is damaged.
        """
        self.path = path
        try:
            self._segments = Segments(path)
        except OSError as error:
            raise JournalError(f"{path}: cannot be opened: {error.strerror}") from error
        self.torn = self._segments.torn
        self._seq, self._prev = self._segments.last
        try:
            self._details = Details(path.with_name("details"), self._seq)
        except OSError as error:
            self._segments.close()
            raise JournalError(f"{path}: cannot be continued: {error.strerror}") from error
        #: What was written of a commit that failed may still be there.
        self._left_over = False

    @property
    def seq(self) -> int:
        """Number of the last line; 0 for an empty journal."""
        return self._seq

    @property
    def ended_well(self) -> bool:
        """Whether its last line was, when it was opened, that of an orderly end; or there was none."""
        return self._segments.ended_well

    @property
    def head(self) -> str:
        """SHA-256 of the last line; `GENESIS` for an empty journal."""
        return self._prev

    def commit(self, lines: Sequence[Line]) -> int:
        """Writes all these lines and waits for the disk; the number of the first. All are written, or none.

        Raises `JournalError`, and whatever nobody foresaw as it is; what was written of them is then taken
        back, at the latest before the next ones.
        """
        try:
            if self._left_over:
                self._take_back()
            opening = self._opening(lines[0].at)
            seq, prev = self._seq, self._prev
            written: list[bytes] = []
            details: list[tuple[float, bytes]] = []
            for line in (*opening, *lines):
                seq += 1
                facts: dict[str, object] = {"seq": seq, "prev": prev, **line.facts}
                if line.private:
                    facts["commits"], values = _committed(line.private)
                    details.append((line.at, _encode({"seq": seq, "values": values}) + b"\n"))
                text = _encode(facts)
                prev = sha256(text).hexdigest()
                written.append(text)
            if details:
                self._details.append(details)
                self._details.sync()
            self._segments.write(b"\n".join(written) + b"\n", lines[0].at)
        except BaseException as error:
            self._left_over = True
            with suppress(Exception):
                self._take_back()
            if isinstance(error, OSError):
                raise JournalError(f"{self.path}: cannot be written: {error.strerror}") from error
            raise
        first = self._seq + len(opening) + 1
        self._seq, self._prev = seq, prev
        return first

    def _opening(self, at_s: float) -> list[Line]:
        """The line that opens a new segment, where the one in hand has ended."""
        if not self._segments.ended(at_s):
            return []
        before = self._segments.name
        self._segments.begin(self._seq + 1)
        return [Line(facts={"kind": OPENED, "at": at_s, "follows": before})]

    def _take_back(self) -> None:
        """No half line, and no line that was given up, may stay in front of the next one."""
        self._segments.take_back()
        self._details.take_back(self._seq)
        self._left_over = False

    def details_over(self, now_s: float, keep_days: int) -> list[Path]:
        """Files with personal data of days that are no longer kept. Raises `OSError`."""
        return self._details.over(now_s, keep_days)

    def segment_over(self, now_s: float, keep_days: int) -> Over | None:
        """The oldest segment, once nothing in it is kept any longer. Raises `OSError`."""
        return self._segments.over(now_s, keep_days)

    def close(self) -> None:
        """Let go; what was committed is on disk."""
        self._details.close()
        self._segments.close()


def _committed(private: Mapping[str, str]) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    """Commitments to values, and what opens them."""
    salts = os.urandom(SALT_BYTES * len(private))
    commits, values = {}, {}
    for at, (name, value) in enumerate(private.items()):
        salt = salts[at * SALT_BYTES : (at + 1) * SALT_BYTES]
        commits[name] = commitment(salt, name, value)
        values[name] = (salt.hex(), value)
    return commits, values
