"""That a node is of a backup whose time has passed, and nobody has said that its evidence still holds.

A file of the state directory, like that of a drain: it outlives every process, is in a backup like all that
is there, and whoever watches may look for it.
"""

import msgspec

from trunkward.engines.whole_file import read_plain, write_whole
from trunkward.settings import Paths

_MOST_BYTES = 4096


class Unconfirmed(msgspec.Struct, frozen=True):
    """Evidence that may have been revoked since."""

    #: When the backup was made, as it says itself.
    since: str


def unconfirmed(paths: Paths) -> Unconfirmed | None:
    """What nobody has confirmed yet; None: nothing."""
    try:
        return msgspec.json.decode(read_plain(paths.restored, _MOST_BYTES), type=Unconfirmed)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return Unconfirmed("a time that cannot be read")  # it is there, and that is what counts


def mark(paths: Paths, what: Unconfirmed | None) -> None:
    """Writes it down, or that there is nothing. Raises `OSError`."""
    if what is None:
        paths.restored.unlink(missing_ok=True)
    else:
        # everybody may know
        write_whole(paths.restored, msgspec.json.encode(what), 0o644)
