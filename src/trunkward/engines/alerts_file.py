"""What the worker keeps of alerts about money: which levels were told, and messages that wait."""

from pathlib import Path

import msgspec

from trunkward.engines.whole_file import read_plain

_MOST_BYTES = 16 << 20


class Message(msgspec.Struct, kw_only=True):
    """One message for one channel."""

    #: The same however often it is sent.
    id: str
    channel: str
    subject: str
    body: str
    #: Seconds since the epoch.
    at: float
    tries: int = 0
    next_at: float = 0.0
    problem: str = ""


class Kept(msgspec.Struct, kw_only=True):
    """What outlives the process."""

    #: By owner and window, the level that was told last.
    told: dict[str, int] = {}
    waiting: list[Message] = []


def read_kept(path: Path) -> Kept:
    """What a worker has left; nothing where there is nothing to read. Raises `OSError`."""
    try:
        return msgspec.json.decode(read_plain(path, _MOST_BYTES), type=Kept)
    except (FileNotFoundError, msgspec.DecodeError, msgspec.ValidationError):
        return Kept()
