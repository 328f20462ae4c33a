"""Property 31: the register of traceback requests: what is due when, who is told, and what becomes an act."""

from dataclasses import replace

import pytest

from trunkward.control.acts import journaled
from trunkward.control.traceback_requests import (
    ANSWER_S,
    SOON_S,
    Answer,
    OpenRequest,
    Request,
    State,
    TracebackAct,
    TracebackAnswered,
    TracebackClosed,
    TracebackOpened,
    TracebackRefused,
    Urgency,
    closed,
    event,
    in_words,
    opened,
    received_by,
    said,
    still_open,
)

AT = 1_800_000_000.0  # 2027-01-15 08:00 UTC
HASH = "ab" * 32
ITG = Request(version=7, asked_by="ITG 2026-0417", received_at=AT)
ANSWERED = replace(ITG, answers=(Answer(version=8, request=7, calls=1, manifest_sha256=HASH),))
CLOSED = replace(ITG, closed=8, close_why="taken back")
WAITING = OpenRequest(asked_by="ITG 2026-0417", due_at=AT + ANSWER_S)


@pytest.mark.parametrize(
    ("after_s", "urgency"),
    [
        (0.0, Urgency.FINE),
        (ANSWER_S - SOON_S - 1, Urgency.FINE),
        (ANSWER_S - SOON_S, Urgency.SOON),
        (ANSWER_S - 1, Urgency.SOON),
        (ANSWER_S, Urgency.OVERDUE),
        (10 * ANSWER_S, Urgency.OVERDUE),
    ],
)
def test_property_31_24_hours_from_its_receipt(after_s: float, urgency: Urgency) -> None:
    (one,) = still_open([ITG])
    assert one == WAITING
    assert one.due_at - AT == 86_400.0  # 47 CFR 64.1200(n)(1)
    assert one.urgency(AT + after_s) is urgency


@pytest.mark.parametrize(
    ("request_", "state"),
    [
        (ITG, State.OPEN),
        (ANSWERED, State.ANSWERED),
        (CLOSED, State.CLOSED),
        (replace(ANSWERED, closed=9, close_why="x"), State.ANSWERED),
    ],
)
def test_what_is_answered_or_closed_is_open_no_more(request_: Request, state: State) -> None:
    assert request_.state is state
    assert bool(still_open([request_])) is (state is State.OPEN)


def test_the_first_that_is_due_is_first() -> None:
    later = replace(ITG, asked_by="AG of somewhere", received_at=AT + 60)
    assert [one.asked_by for one in still_open([later, ITG])] == ["ITG 2026-0417", "AG of somewhere"]


def test_what_is_said_of_one() -> None:
    assert in_words(WAITING, AT + ANSWER_S - 5 * 3600 - 61) == (
        "traceback request 'ITG 2026-0417' is not answered: it is due 2027-01-16 08:00 UTC, in 5 h 1 min"
    )
    late = AT + ANSWER_S + 720
    assert in_words(WAITING, late) == (
        "traceback request 'ITG 2026-0417' is not answered: it was due 2027-01-16 08:00 UTC, 12 min ago"
        " (47 CFR 64.1200(n)(1))"
    )
    assert event(WAITING, "sbc.example.com", late, "2027-01-16T08:12:00Z") == {
        "type": "traceback.due",
        "timestamp": "2027-01-16T08:12:00Z",
        "data": {
            "node": "sbc.example.com",
            "request": "ITG 2026-0417",
            "level": "overdue",
            "due_at": "2027-01-16T08:00:00Z",
            "text": in_words(WAITING, late),
        },
    }


@pytest.mark.parametrize(
    ("act", "line", "entry"),
    [
        (
            TracebackOpened(asked_by="ITG 7", received_at=AT),
            "traceback request opened: ITG 7",
            {"act": "open", "received_at": AT},
        ),
        (
            TracebackAnswered(asked_by="ITG 7", received_at=AT, calls=1, manifest_sha256=HASH, request=7),
            "traceback answered: ITG 7, 1 call",
            {"act": "answer", "received_at": AT, "calls": 1, "manifest_sha256": HASH, "request": 7},
        ),
        (
            TracebackAnswered(asked_by="ITG 7", received_at=AT, calls=0, manifest_sha256=HASH),
            "traceback answered: ITG 7, 0 calls",
            {"act": "answer", "received_at": AT, "calls": 0, "manifest_sha256": HASH},
        ),
        (
            TracebackClosed(request=7, asked_by="ITG 7", why="taken back"),
            "traceback request closed: ITG 7",
            {"act": "close", "request": 7, "why": "taken back"},
        ),
    ],
)
def test_an_act_names_who_asked_and_no_number(act: TracebackAct, line: str, entry: dict[str, object]) -> None:
    assert said(act) == line
    assert journaled(act, 9) == {"traceback": {"asked_by": "ITG 7"} | entry}


def test_a_request_is_opened_once_whatever_became_of_it() -> None:
    assert opened([], "ITG 7", AT) == TracebackOpened(asked_by="ITG 7", received_at=AT)
    for one in (ITG, ANSWERED, CLOSED):
        with pytest.raises(TracebackRefused, match=f"'ITG 2026-0417' is in the register, and {one.state}"):
            opened([one], "itg 2026-0417", AT)


def test_only_what_is_open_is_closed() -> None:
    assert closed([ITG], "itg 2026-0417", "x") == TracebackClosed(
        request=7, asked_by="ITG 2026-0417", why="x"
    )
    with pytest.raises(TracebackRefused, match="traceback list shows them"):
        closed([ITG], "ITG 2026-0418", "x")
    for one in (ANSWERED, CLOSED):
        with pytest.raises(TracebackRefused, match=f"is {one.state} already"):
            closed([one], "ITG 2026-0417", "x")


def test_when_it_was_received_stands_in_the_register() -> None:
    now = AT + 7200
    assert received_by([ITG], "itg 2026-0417", None, now) == AT
    assert received_by([ITG], "ITG 2026-0417", AT, now) == AT
    with pytest.raises(TracebackRefused, match="was received 2027-01-15T08:00:00Z by the register"):
        received_by([ITG], "ITG 2026-0417", AT + 60, now)
    assert received_by([ITG], "ITG 2026-0418", AT + 60, now) == AT + 60
    assert received_by([ITG], "", None, now) == now
