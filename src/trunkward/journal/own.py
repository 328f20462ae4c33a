"""How far a journal of acts is by who alone may write it, kept where nobody else can.

A chain tells what was changed in it, and not who has written it: whoever can write all of it makes another
one that holds. The journal of acts may be in a database that others have the password of. So root keeps the
hash of its last entry, which vouches for all before it, in a file of its own.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from trunkward.journal.chain import Entry

#: An entry by number and hash; number 0: before the first.
type End = tuple[int, str]


class Own(msgspec.Struct, frozen=True, kw_only=True):
    """What root keeps of it."""

    #: The last entry; while an act is being written the one before and that of the act (of one that takes
    #: entries of others over: not the last of those). Empty: unreadable.
    ends: tuple[End, ...]
    #: Entries that were there when this began to be kept: who has written them nobody can tell.
    taken_over: int = 0


class OwnKept(Protocol):
    """Where it is kept."""

    def read(self) -> Own | None:
        """None: nothing was ever kept. Raises `OSError`."""

    def write(self, own: Own) -> None:
        """On the disk when this returns. Raises `OSError`."""


class OwnInMemory:
    """For a journal that ends with this process."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._own: Own | None = None

    def read(self) -> Own | None:
        """What was written last."""
        return self._own

    def write(self, own: Own) -> None:
        """Keeps it."""
        self._own = own


def end_of(entry: Entry | None) -> End:
    """An entry, or the place before the first."""
    return (entry.seq, entry.hash) if entry else (0, "")


def not_own(entries: Sequence[Entry], own: Own) -> str:
    """What of a whole chain, which holds, root has not written or does not find; "": nothing."""
    if end_of(entries[-1] if entries else None) in own.ends:
        return ""
    if not own.ends:
        return "what root keeps of the journal of acts cannot be read"
    seq, digest = own.ends[0]
    if len(entries) <= seq:
        return f"the journal of acts ends with entry {len(entries)}, and root has written {seq}"
    if seq and entries[seq - 1].hash != digest:
        return f"the journal of acts is another one: entry {seq} is not the one root has written"
    return f"root has not written entries {seq + 1} to {len(entries)} of the journal of acts"


def borne_out(entries: Sequence[Entry], own: Own) -> int:
    """How many of the first entries of a whole chain, which holds, root has written or taken over."""
    return max(
        (seq for seq, digest in own.ends if 0 < seq <= len(entries) and entries[seq - 1].hash == digest),
        default=0,
    )
