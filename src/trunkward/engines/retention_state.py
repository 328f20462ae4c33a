"""How the last look for evidence whose time is over went, for whoever watches (`engines.retention_look`)."""

import msgspec

from trunkward.engines.whole_file import read_plain, write_whole
from trunkward.settings import Paths

_MOST_BYTES = 1 << 16


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """How it went."""

    #: Seconds since the epoch.
    at: float
    #: Why what is over is not deleted; "": nothing is over, or it is deleted.
    problem: str = ""


def read_look(paths: Paths) -> Look | None:
    """The last one; None where there was none since the machine's start, or nobody can say."""
    try:
        return msgspec.json.decode(read_plain(paths.retention_look, _MOST_BYTES), type=Look)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def write_look(paths: Paths, look: Look) -> None:
    """Raises `OSError`."""
    write_whole(paths.retention_look, msgspec.json.encode(look), 0o644, durable=False)
