"""Chains on this node's disk: what was fetched is there after a restart, and no host is asked again."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec

#: Chains kept; more than there are published ones in all the United States (17,839 URLs seen, 2026).
MOST = 20_000


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One chain, as it is kept on disk and in Valkey."""

    url: str
    chain: str
    #: Seconds since the epoch.
    until: float


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Kept).decode


def key_of(url: str) -> str:
    """What a URL's chain is kept under."""
    return sha256(url.encode()).hexdigest()


def written(kept: Kept) -> bytes:
    """A chain as bytes."""
    return _encode(kept)


def read(text: bytes, url: str, now_s: float) -> Kept | None:
    """The chain of a URL; None for another's, one whose time is over, and what cannot be read."""
    try:
        found = _decode(text)
    except msgspec.MsgspecError:
        return None
    return found if found.url == url and found.until > now_s else None


class KeptChains:
    """A directory with a file for each URL."""

    def __init__(self, directory: Path, most: int = MOST) -> None:
        """`directory` must exist and be this process' alone."""
        self._directory = directory
        self._most = most
        self._count = sum(1 for _ in self._files())

    def get(self, url: str, now_s: float) -> Kept | None:
        """What is kept of a URL."""
        try:
            text = self._path(url).read_bytes()
        except OSError:
            return None
        return read(text, url, now_s)

    def put(self, kept: Kept, now_s: float) -> None:
        """Keeps a chain, whole or not at all. Raises `OSError` when the disk does not take it."""
        path = self._path(kept.url)
        is_new = not path.exists()
        if is_new and self._count >= self._most:
            self.sweep(now_s)
        descriptor, part = tempfile.mkstemp(dir=self._directory, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(written(kept))
            os.replace(part, path)
        except OSError:
            with suppress(OSError):
                os.unlink(part)
            raise
        self._count += is_new

    def sweep(self, now_s: float) -> None:
        """Deletes what is over, and then the oldest until there is room."""
        for part in self._directory.glob("*.part"):
            part.unlink(missing_ok=True)
        left = []
        for path in self._files():
            with suppress(OSError):
                if self._is_over(path, now_s):
                    path.unlink()
                else:
                    left.append((path.stat().st_mtime, path))
        for _, path in sorted(left)[: max(len(left) - self._most + 1, 0)]:
            path.unlink(missing_ok=True)
        self._count = sum(1 for _ in self._files())

    def _is_over(self, path: Path, now_s: float) -> bool:
        try:
            return _decode(path.read_bytes()).until <= now_s
        except msgspec.MsgspecError:
            return True

    def _path(self, url: str) -> Path:
        return self._directory / f"{key_of(url)}.json"

    def _files(self) -> Iterator[Path]:
        return self._directory.glob("*.json")
