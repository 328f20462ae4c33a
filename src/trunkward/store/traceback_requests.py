"""The register of traceback requests in SQL, for `store.configuration`: its acts, and all that is kept."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from trunkward.control.traceback_requests import (
    Answer,
    Request,
    TracebackAct,
    TracebackAnswered,
    TracebackClosed,
    TracebackOpened,
)
from trunkward.store.configuration_schema import traceback_answers, traceback_requests


def write(connection: sa.Connection, act: TracebackAct, number: int) -> None:
    """What an act does, which is version `number`."""
    match act:
        case TracebackOpened():
            _open(connection, act.asked_by, act.received_at, number)
        case TracebackClosed():
            row = traceback_requests.update().where(traceback_requests.c.version == act.request)
            connection.execute(row.values(closed=number, close_why=act.why))
        case TracebackAnswered():
            if not act.request:
                _open(connection, act.asked_by, act.received_at, number)
            answer = Answer(
                version=number,
                request=act.request or number,
                calls=act.calls,
                manifest_sha256=act.manifest_sha256,
            )
            connection.execute(traceback_answers.insert().values(**asdict(answer)))


def _open(connection: sa.Connection, asked_by: str, received_at: float, number: int) -> None:
    row = {"version": number, "asked_by": asked_by, "received_at": received_at, "closed": 0, "close_why": ""}
    connection.execute(traceback_requests.insert().values(**row))


def read(requests: Iterable[Mapping[str, Any]], answers: Iterable[Mapping[str, Any]]) -> list[Request]:
    """Rows of both tables, the newest first, as values."""
    by_request: defaultdict[int, list[Answer]] = defaultdict(list)
    for row in answers:
        by_request[row["request"]].insert(0, Answer(**row))
    return [Request(**row, answers=tuple(by_request[row["version"]])) for row in requests]
