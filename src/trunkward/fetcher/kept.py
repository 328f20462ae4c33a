"""Chains on this node's disk: what was fetched is there after a restart, and no host is asked again.

What is there is known in memory, in the order in which it was last asked for: to make room is to delete one
file, never to look at all of them. A file's time of change is when its chain's time is over, so a start reads
none of them either.
"""

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path

from trunkward.live.kept_chain import Kept, key_of, read, written

#: Chains kept; more than there are published ones in all the United States (17,839 URLs seen, 2026).
MOST = 20_000
#: URLs of one certificate: chains are public, and anybody can publish another's at as many as he likes.
PER_CERTIFICATE = 4
#: Files one sweep deletes: it is done between answers.
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class _File:
    #: Seconds since the epoch.
    until: float
    #: Which certificate it has; "" for one of before the start.
    leaf: str = ""


class KeptChains:
    """A directory with a file for each URL."""

    def __init__(self, directory: Path, most: int = MOST) -> None:
        """`directory` must exist and be this process' alone."""
        self._directory = directory
        self._most = most
        for part in directory.glob("*.part"):  # of a process that was killed
            part.unlink(missing_ok=True)
        ends = sorted((path.stat().st_mtime, path.stem) for path in directory.glob("*.json"))
        #: By key, those longest not asked for first.
        self._files = {key: _File(until) for until, key in ends}
        #: Keys of each certificate, oldest first.
        self._of_leaf: dict[str, list[str]] = {}

    def get(self, url: str, now_s: float) -> Kept | None:
        """What is kept of a URL."""
        key = key_of(url)
        if (file := self._files.get(key)) is None:
            return None
        try:
            found = read(self._path(key).read_bytes(), url, now_s)
        except OSError:
            found = None
        if found is None:
            self._drop(key)
        else:
            self._files[key] = self._files.pop(key, file)
        return found

    def put(self, kept: Kept, now_s: float) -> None:
        """Keeps a chain, whole or not at all. Raises `OSError` when the disk does not take it."""
        key, leaf = key_of(kept.url), _leaf_of(kept.chain)
        descriptor, part = tempfile.mkstemp(dir=self._directory, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(written(kept))
            os.utime(part, (now_s, kept.until))
            os.replace(part, self._path(key))
        except OSError:
            with suppress(OSError):
                os.unlink(part)
            raise
        self._forget(key)
        self._files[key] = _File(kept.until, leaf)
        others = self._of_leaf.setdefault(leaf, [])
        others.append(key)
        if len(others) > PER_CERTIFICATE:
            self._drop(others[0])
        if len(self._files) > self._most:
            self._drop(next(iter(self._files)))

    def sweep(self, now_s: float) -> None:
        """Deletes what is over, some of it."""
        over = (key for key, file in self._files.items() if file.until <= now_s)
        for key in list(islice(over, _AT_ONCE)):
            self._drop(key)

    def _drop(self, key: str) -> None:
        self._forget(key)
        with suppress(OSError):
            self._path(key).unlink()

    def _forget(self, key: str) -> None:
        file = self._files.pop(key, None)
        if file is None or not file.leaf:
            return
        others = self._of_leaf[file.leaf]
        others.remove(key)
        if not others:
            del self._of_leaf[file.leaf]

    def _path(self, key: str) -> Path:
        return self._directory / f"{key}.json"


def _leaf_of(chain: str) -> str:
    """Which certificate a chain is for: it is the first, and PEM is written here in one way only."""
    return sha256(chain.partition("-----END")[0].encode()).hexdigest()
