"""Whether a node is up: `up` holds a lock, which its supervisor holds too, as long as anything of it runs."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from trunkward.settings import Paths


class NodeIsUp(Exception):
    """A node runs; the message names its process."""


def holder(paths: Paths) -> str:
    """The process that `up` is, "" when no node runs here."""
    try:
        with (paths.run / "up.lock").open("r", encoding="ascii", errors="replace") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return lock.read().strip() or "unknown"
    except FileNotFoundError:
        pass
    return ""


@contextmanager
def kept_down(paths: Paths) -> Iterator[None]:
    """Nobody starts a node as long as this lasts. Raises `NodeIsUp`."""
    paths.run.mkdir(parents=True, exist_ok=True)
    with (paths.run / "up.lock").open("a+", encoding="ascii", errors="replace") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise NodeIsUp(f"this node is up (process {lock.read().strip()})") from None
        yield
