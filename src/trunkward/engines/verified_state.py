"""To where a node has verified its journals, and what came of it (`cli.verify_journals`).

Root keeps it beside the versions, so that a look goes on where the last good one has ended, also after the
machine was started anew. What whoever watches has to know is told in a file that anybody may read.
"""

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from trunkward.engines.journals import Place
from trunkward.engines.pause import Pause
from trunkward.engines.whole_file import read_plain, write_whole
from trunkward.settings import Paths

_MOST_BYTES = 1 << 16
#: Seconds between two looks, and to the next one after one that has told neither good nor bad.
EVERY_S, AGAIN_S = 86_400.0, 3600.0


class Outcome(StrEnum):
    """What came of a look."""

    HOLDS = "holds"
    CHANGED = "changed"
    #: What there is is as it was written, but heads that should have been signed were not.
    SILENT = "silent"
    NOT_DONE = "not-done"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the last one. Times in seconds since the epoch."""

    at: float
    outcome: Outcome
    #: What is not as it was written, or why it could not be looked; "": nothing.
    problem: str = ""
    #: When the last one ended that found everything as it was written; 0: none has.
    good_at: float = 0.0
    #: In words, how much that one has looked at.
    looked_at: str = ""
    #: On lines whose call is not on record, and when that was seen, by the last look that found some.
    unrecorded: str = ""


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """That, and where the next one begins."""

    told: Told
    #: Of the last good one: the minute of heads and the time of calls to begin with.
    place: Place | None = None
    calls: float = 0.0
    #: When everything was looked at last, from the first line on.
    whole_at: float = 0.0


def read_verified(paths: Paths) -> Verified | None:
    """None where nothing was verified yet, or what is kept cannot be read: then all is looked at."""
    try:
        return msgspec.json.decode(read_plain(paths.verified, _MOST_BYTES), type=Verified)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def read_told(paths: Paths) -> Told | None:
    """What came of the last one; None where nobody can say."""
    try:
        return msgspec.json.decode(read_plain(paths.verified_told, _MOST_BYTES), type=Told)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def write_verified(paths: Paths, verified: Verified) -> None:
    """Raises `OSError`."""
    write_whole(paths.verified, msgspec.json.encode(verified), 0o600)
    tell(paths, verified.told)


def tell(paths: Paths, told: Told) -> None:
    """Tells whoever watches, which a machine that was started anew has forgotten. Raises `OSError`."""
    write_whole(paths.verified_told, msgspec.json.encode(told), 0o644, durable=False)


def not_good(before: Verified | None, outcome: Outcome, problem: str, now: float) -> Verified:
    """After a look that has not found everything as it was written; `now` in seconds since the epoch.

    The next one begins where this one did. What was changed stays so until a look finds that it is not.
    """
    told = before.told if before is not None else Told(at=now, outcome=outcome)
    if outcome is Outcome.CHANGED or told.outcome is not Outcome.CHANGED:
        told = replace(told, outcome=outcome, problem=problem)
    return replace(before or Verified(told=told), told=replace(told, at=now))


def is_due(told: Told | None, now: float) -> bool:
    """Whether it is time for the next one; `now` in seconds since the epoch."""
    if told is None:
        return True
    is_known = told.outcome in (Outcome.HOLDS, Outcome.CHANGED)
    return Pause(told.at, EVERY_S if is_known else AGAIN_S).is_over(now)
