"""The register of traceback requests, read off the journal of acts: there is no row anybody could change."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

import msgspec

from trunkward.control.configuration import ConfigurationStore, HistoryBroken
from trunkward.control.sound_journal import sound_journal
from trunkward.control.traceback_requests import (
    Answer,
    Request,
    TracebackAct,
    TracebackAnswered,
    TracebackClosed,
    TracebackOpened,
)
from trunkward.journal.chain import UNREADABLE, Entry


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    traceback: TracebackAct | None = None


_decode = msgspec.json.Decoder(_Entry).decode


def register(store: ConfigurationStore) -> tuple[list[Request], str]:
    """All requests, the newest first; and what is wrong with the journal they stand in; "": nothing.

    A request has its 24 hours whatever has become of the journal, so it is read also where it is not sound,
    and whoever reads it is told.
    """
    try:
        return requests_of(sound_journal(store)), ""
    except HistoryBroken as broken:
        _, entries = store.history()
        doubt = "until that is put right the register of traceback requests is not proven"
        return requests_of(entries), f"{broken}: {doubt}"


def requests_of(entries: Iterable[Entry]) -> list[Request]:
    """What the journal says of requests, the newest first."""
    found: dict[int, Request] = {}
    for entry in entries:
        # an entry that cannot be read makes the journal unsound; answers of versions before the register say
        # nothing of a request
        with suppress(*UNREADABLE):
            read = _decode(entry.text)
            if read.traceback is not None:
                _follow(found, read.traceback, read.version)
    return sorted(found.values(), key=lambda one: one.version, reverse=True)


def _follow(found: dict[int, Request], act: TracebackAct, version: int) -> None:
    match act:
        case TracebackOpened():
            found[version] = Request(version=version, asked_by=act.asked_by, received_at=act.received_at)
        case TracebackClosed():
            if (its := found.get(act.request)) is not None:
                found[act.request] = replace(its, closed=version, close_why=act.why)
        case TracebackAnswered():
            number = act.request or version
            opened_now = Request(version=number, asked_by=act.asked_by, received_at=act.received_at)
            its = found.get(number, opened_now)
            answer = Answer(
                version=version, request=number, calls=act.calls, manifest_sha256=act.manifest_sha256
            )
            found[number] = replace(its, answers=(*its.answers, answer))
