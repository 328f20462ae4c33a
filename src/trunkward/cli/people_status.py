"""What `status` says of what waits for a person: evidence to be reviewed, traceback requests."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import typer
from rich.text import Text

from trunkward.cli.changing import configuration_store
from trunkward.control import reviews
from trunkward.control.borne_out import borne_out
from trunkward.control.traceback_register import register
from trunkward.control.traceback_requests import OpenRequest, Urgency, in_words, still_open
from trunkward.engines.in_force import read_in_force
from trunkward.settings import Paths

_STYLES = {Urgency.FINE: "", Urgency.SOON: "yellow", Urgency.OVERDUE: "red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """All of it; nothing where no database can be asked, which has been said."""

    reviews: tuple[tuple[str, str], ...] = ()
    #: Sentences on what is not as it was journaled (`control.borne_out`): troubles of the node's.
    problems: tuple[str, ...] = ()
    tracebacks: tuple[OpenRequest, ...] = ()
    #: A sentence on the journal they stand in; "": it is sound.
    doubt: str = ""


def waiting(paths: Paths) -> Waiting:
    """What waits by the database, whether or not a node is up."""
    if paths.configuration_shared or paths.configuration_db.exists():
        with suppress(typer.Exit), configuration_store(paths, make=False) as store:
            kept = borne_out(store, read_in_force(paths.declared), time.time())
            requests, doubt = register(store)
            return Waiting(
                reviews=tuple(reviews.waiting(kept.records, time.time())),
                problems=tuple(kept.problems),
                tracebacks=tuple(still_open(requests)),
                doubt=doubt,
            )
    return Waiting()


def document(waits: Waiting, now: float) -> dict[str, Any]:
    """For programs. `now` in seconds since the epoch."""
    return {
        "reviews": dict(waits.reviews),
        "evidence_problems": [*waits.problems],
        "traceback_problem": waits.doubt,
        "tracebacks": {one.asked_by: in_words(one, now) for one in waits.tracebacks},
    }


def lines(waits: Waiting, now: float) -> Iterator[Text]:
    """For a person. `now` in seconds since the epoch."""
    for record, said in waits.reviews:
        yield Text.assemble("  ", (record, "yellow"), f" {said}")
    if waits.doubt:
        yield Text.assemble("  ", ("traceback", "red"), f" {waits.doubt}")
    for one in waits.tracebacks:
        yield Text.assemble("  ", (in_words(one, now), _STYLES[one.urgency(now)]))
