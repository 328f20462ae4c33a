"""Whether a node takes new calls: a file that is there, or is not.

A file of the state directory, because it must outlive every process and the machine's next start, and
because whoever needs to know can look for it at any time: nothing was sent that could have been lost.
"""

import json
import os
from dataclasses import dataclass
from datetime import datetime

from trunkward.engines.whole_file import write_private
from trunkward.settings import Paths


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """Since when no new calls are taken, and who wanted it so; "" for what nobody can tell any more."""

    since: str
    by: str


def is_draining(paths: Paths) -> bool:
    """Whether the node takes no new calls; one look, no reading."""
    return os.path.lexists(paths.draining)


def draining(paths: Paths) -> Drain | None:
    """What is known of it; None when the node takes calls."""
    try:
        held = json.loads(paths.draining.read_bytes())
        return Drain(since=str(held["since"]), by=str(held["by"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError):
        return Drain(since="", by="")  # it is there, and that is what counts


def begin(paths: Paths, *, by: str, now: datetime) -> None:
    """No new calls from now on. What was begun before keeps its time and its name."""
    if not is_draining(paths):
        text = json.dumps({"since": now.isoformat(timespec="seconds"), "by": by})
        # everybody may know: gates have to
        write_private(paths.draining, text, "root", "root", 0o644)


def end(paths: Paths) -> bool:
    """Takes calls again; False when it did all the time."""
    try:
        paths.draining.unlink()
    except FileNotFoundError:
        return False
    return True
