"""How long hosts of certificates took to answer: a file the fetcher writes, and `verification --hosts` reads.

Callers name hosts, so they are in no metric. What one sender's calls name is forgotten for nobody else's.
"""

from pathlib import Path

import msgspec

from trunkward.engines.whole_file import read_plain, write_whole

_MOST_BYTES = 1 << 22


class HostSeen(msgspec.Struct, kw_only=True):
    """One host, as it answered what was fetched for one sender's calls."""

    sender: str
    host: str
    fetched: int = 0
    #: Fetches in vain, by why (`fetch.chains.Why`).
    failed: dict[str, int] = {}
    #: Seconds all of them took, and the slowest one.
    total_s: float = 0.0
    slowest_s: float = 0.0
    #: Seconds since the epoch, of the last one.
    at: float = 0.0

    @property
    def asked(self) -> int:
        """Times it was asked."""
        return self.fetched + sum(self.failed.values())


class HostsSeen(msgspec.Struct, frozen=True, kw_only=True):
    """All of them, since the fetcher was started (seconds since the epoch)."""

    since: float
    hosts: list[HostSeen]


def write_hosts(path: Path, seen: HostsSeen) -> None:
    """Raises `OSError`."""
    write_whole(path, msgspec.json.encode(seen), 0o600, durable=False)


def read_hosts(path: Path) -> HostsSeen | None:
    """As it was written last; None: nothing was fetched since the fetcher was started, or nobody can say."""
    try:
        return msgspec.json.decode(read_plain(path, _MOST_BYTES), type=HostsSeen)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
