"""The ladder of a call: everything in its order, the customer on the left, repetitions told."""

from typing import Any

import pytest

from trunkward.cli.call_ladder import ladder_lines
from trunkward.records.ladder import Arrow, cancel_key, keys, period, sides, steps
from trunkward.records.model import MessageRecord
from trunkward.records.view import call_view
from unit.records.samples import DECISION, OUTCOME


def _message(
    at: float, side: str, way: str, what: str, of: str = "", media: str = "", why: str = ""
) -> MessageRecord:
    return MessageRecord(record_id="ab", at=at, side=side, way=way, what=what, of=of, media=media, why=why)


VIEW = call_view(DECISION | {"routes": ["south", "north"]}, OUTCOME)
MESSAGES = [
    _message(99.99, "caller", "in", "INVITE", media="sdp"),
    _message(99.991, "caller", "out", "100", "INVITE"),
    _message(100.01, "callee", "out", "INVITE", media="sdp", why="south"),
    _message(100.02, "callee", "in", "503", "INVITE", why="Q.850 34"),
    _message(100.03, "callee", "out", "INVITE", media="sdp", why="north"),
    _message(103.5, "callee", "in", "200", "INVITE", "sdp"),
    _message(103.501, "caller", "out", "200", "INVITE", "sdp"),
    _message(104.0, "callee", "in", "200", "INVITE", "sdp"),
    _message(104.1, "caller", "in", "ACK"),
    _message(106.0, "caller", "in", "INVITE", media="hold"),
    _message(109.9, "caller", "in", "BYE", why="Q.850 16"),
]


def test_messages_and_verdict_in_their_order() -> None:
    told = [(step.arrow, step.text) for step in steps(VIEW, MESSAGES)]
    assert told == [
        (Arrow.LEFT_TO, "INVITE [sdp]"),
        (Arrow.LEFT_FROM, "100 Trying"),
        (Arrow.HERE, "admit: admitted, signed A, to south, north"),
        (Arrow.RIGHT_FROM, "INVITE [sdp] to south"),
        (Arrow.RIGHT_TO, "503 Service Unavailable Q.850 34"),
        (Arrow.RIGHT_FROM, "INVITE [sdp] to north"),
        (Arrow.RIGHT_TO, "200 OK [sdp]"),
        (Arrow.LEFT_FROM, "200 OK [sdp]"),
        (Arrow.RIGHT_TO, "200 OK [sdp] (again)"),
        (Arrow.LEFT_TO, "ACK"),
        (Arrow.LEFT_TO, "INVITE [hold]"),
        (Arrow.LEFT_TO, "BYE Q.850 16"),
        (Arrow.HERE, "ended: bye by caller"),
    ]
    assert [round(step.after_s, 2) for step in steps(VIEW, MESSAGES)][:4] == [0.0, 0.0, 0.01, 0.02]


def test_an_answer_to_something_else_is_no_repetition() -> None:
    held = [_message(float(n), "caller", "in", "INVITE", media="hold") for n in (1, 3)]
    answers = [_message(n + 0.5, "caller", "out", "200", "INVITE", "hold") for n in (1, 3)]
    told = [step.text for step in steps(VIEW, sorted([*held, *answers], key=lambda m: m.at))]
    assert not [text for text in told if "again" in text]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, ("acme-hq", "north")),
        ({"direction": "inbound", "source_name": "north"}, ("acme-hq", "north")),
        ({"direction": "", "trunk": "", "source_name": ""}, ("stranger", "north")),
    ],
)
def test_the_customer_stands_on_the_left(changed: dict[str, Any], expected: tuple[str, str]) -> None:
    view = call_view(DECISION | changed, OUTCOME)
    assert sides(view) == expected
    left = [
        m for m in MESSAGES if m.side == ("callee" if changed.get("direction") == "inbound" else "caller")
    ]
    arrows = {step.arrow for step in steps(view, left)}
    assert arrows <= {Arrow.LEFT_TO, Arrow.LEFT_FROM, Arrow.HERE}


def test_where_messages_are_looked_for() -> None:
    own, cancelled = keys(VIEW)
    assert (own, cancelled) == ("ab", cancel_key("c"))
    assert keys(VIEW | {"attempt_id": "cd"}) == ["ab", "cd", cancelled]
    assert period(VIEW, 9999.0) == (90.0, 170.0)
    assert period(VIEW | {"ended_at": None}, 9999.0) == (90.0, 10_059.0)
    assert period(VIEW | {"ended_at": None, "verdict": "reject"}, 9999.0) == (90.0, 160.0)


def test_as_a_terminal_shows_it() -> None:
    lines = list(ladder_lines(VIEW | {"calling_number": "+12025550101", "called_number": "911"}, MESSAGES))
    drawn = [line for line in lines if "|" in line]
    assert len(drawn) == len(steps(VIEW, MESSAGES))
    assert len({line.index("|") for line in drawn}) == 1
    assert max(map(len, lines)) <= 110
    assert any("tried before: south, 503" in line for line in lines)
    (verdict,) = [line for line in drawn if "admit: admitted" in line]
    assert "* admit" in verdict


def test_a_call_whose_messages_are_gone_says_so() -> None:
    assert any("no messages" in line for line in ladder_lines(call_view(DECISION, None), []))
