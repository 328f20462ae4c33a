"""Property 31: the register of traceback requests is what the journal of acts says, and nothing else."""

from trunkward.control.acts import journaled
from trunkward.control.configuration import Act
from trunkward.control.traceback_register import requests_of
from trunkward.control.traceback_requests import (
    Answer,
    Request,
    TracebackAnswered,
    TracebackClosed,
    TracebackOpened,
)
from trunkward.journal.chain import Entry, begin_or_continue

AT = 1_800_000_000.0
HASH = "ab" * 32


def journal(*acts: Act | dict[str, object]) -> list[Entry]:
    """Of versions 1 and on, each with an act, or with what else stands in its entry."""
    entries: list[Entry] = []
    for number, act in enumerate(acts, start=1):
        facts = act if isinstance(act, dict) else journaled(act, number)
        entries.append(begin_or_continue(entries[-1] if entries else None, {"version": number} | facts))
    return entries


def answered(asked_by: str, request: int = 0) -> TracebackAnswered:
    return TracebackAnswered(
        asked_by=asked_by, received_at=AT + 60, calls=1, manifest_sha256=HASH, request=request
    )


def test_property_31_each_act_is_followed() -> None:
    found = requests_of(
        journal(
            {"changes": []},
            TracebackOpened(asked_by="ITG 7", received_at=AT),
            TracebackOpened(asked_by="ITG 8", received_at=AT),
            TracebackClosed(request=3, asked_by="ITG 8", why="taken back"),
            answered("ITG 7", 2),
            answered("ITG 9"),
            answered("ITG 7", 2),
        )
    )
    answers = [Answer(version=version, request=2, calls=1, manifest_sha256=HASH) for version in (5, 7)]
    its_own = Answer(version=6, request=6, calls=1, manifest_sha256=HASH)
    assert found == [
        Request(version=6, asked_by="ITG 9", received_at=AT + 60, answers=(its_own,)),
        Request(version=3, asked_by="ITG 8", received_at=AT, closed=4, close_why="taken back"),
        Request(version=2, asked_by="ITG 7", received_at=AT, answers=tuple(answers)),
    ]


def test_what_cannot_be_read_or_ends_nothing_hides_no_other_request() -> None:
    entries = journal(
        TracebackOpened(asked_by="ITG 7", received_at=AT),
        TracebackClosed(request=9, asked_by="ITG 9", why="x"),
        {"traceback": {"asked_by": "ITG 6", "received_at": AT, "calls": 1, "manifest_sha256": HASH}},
    )
    broken = Entry(seq=4, text='{"version": 4, oops', hash="")
    assert requests_of([*entries, broken]) == [Request(version=1, asked_by="ITG 7", received_at=AT)]
