"""Which running calls have lost their media: only those the engine denies, or whose engine is gone, and for long."""

from typing import Any

import pytest

from trunkward.edge.media_watch import PATIENCE_S, TURN_S, MediaWatch
from trunkward.edge.rtpengine import Rtpengine, RtpengineGone, RtpengineUnavailable


class Engine(Rtpengine):
    """Knows some names; or says nothing, or has ended."""

    def __init__(self, known: set[str]) -> None:
        self.known: set[str] | None = known
        self.gone = False
        self.asked: list[str] = []

    def knows(self, call_id: str) -> bool | None:
        self.asked.append(call_id)
        if self.gone:
            raise RtpengineGone("refused")
        return None if self.known is None else call_id in self.known


def calls(count: int) -> dict[str, str]:
    return {f"c{number}": f"m{number}" for number in range(count)}


def lost_after(watch: MediaWatch, names: dict[str, str], seconds: int, from_s: int = 0) -> dict[str, int]:
    """Each lost call with the second in which it was; ended ones are not asked about again."""
    found: dict[str, int] = {}
    for second in range(from_s, from_s + seconds):
        left = {record_id: name for record_id, name in names.items() if record_id not in found}
        found |= dict.fromkeys(watch.lost(left, float(second)), second)
    return found


def test_known_calls_are_never_lost_and_each_is_asked_about_once_a_turn() -> None:
    names = calls(300)
    engine = Engine(set(names.values()))
    assert not lost_after(MediaWatch(engine), names, TURN_S)
    assert sorted(engine.asked) == sorted(names.values())


def test_a_new_engine_knows_none_of_them_and_all_are_lost_after_the_patience() -> None:
    names = calls(600)
    engine = Engine(set())
    found = lost_after(MediaWatch(engine), names, 60)
    assert set(found) == set(names)
    assert min(found.values()) >= PATIENCE_S
    assert max(found.values()) <= PATIENCE_S + 5  # nobody waits for his turn once one is unknown


def test_a_reinvite_within_the_patience_saves_a_call() -> None:
    names = calls(2)
    engine = Engine(set())
    watch = MediaWatch(engine)
    assert not lost_after(watch, names, 8)
    engine.known = {"m0"}
    assert set(lost_after(watch, names, 20, from_s=8)) == {"c1"}


def test_a_silent_engine_loses_nobody_however_long() -> None:
    names = calls(20)
    engine = Engine(set())
    watch = MediaWatch(engine)
    assert not lost_after(watch, names, 5)
    engine.known = None  # it had denied them before it froze: the last word counts, and there is none
    assert not lost_after(watch, names, 300, from_s=5)
    assert len(engine.asked) < 5 * 20 + 300 + 20, "one question a second to an engine that does not answer"


def test_an_engine_that_has_ended_loses_all() -> None:
    names = calls(1000)
    engine = Engine(set(names.values()))
    watch = MediaWatch(engine)
    assert not lost_after(watch, names, 3)
    engine.gone = True
    found = lost_after(watch, names, 30, from_s=3)
    assert set(found.values()) == {3 + int(PATIENCE_S)}
    assert set(found) == set(names)


@pytest.mark.parametrize("many", [10, 2000])
def test_one_lost_alone_does_not_have_all_asked_about_all_the_time(many: int) -> None:
    names = calls(many)
    engine = Engine(set(names.values()) - {"m3"})
    watch = MediaWatch(engine)
    found = lost_after(watch, names, 10 * TURN_S)
    assert set(found) == {"c3"}
    assert len(engine.asked) <= max(13 * many, 5 * 10 * TURN_S + 50)


def test_ended_calls_are_forgotten() -> None:
    watch = MediaWatch(Engine(set()))
    watch.lost(calls(3), 0.0)
    assert not watch.lost({}, 100.0)
    assert not watch.lost(calls(3), 200.0), "their patience begins anew"


def test_rtpengine_s_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the client makes of each answer; the answers themselves are proved on a real one (tests/wire/media)."""
    engine = Rtpengine(("127.0.0.1", 9), 0.1, 0.5)
    answers: list[Any] = [
        {"result": "ok"},
        {"result": "error", "error-reason": "Unknown call-id"},
        {"result": "error", "error-reason": "something else"},
    ]
    found = []
    for answer in answers:
        monkeypatch.setattr(engine, "_ask", lambda _request, answer=answer: _checked(answer))
        found.append(engine.knows("m"))
    assert found == [True, False, None]


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    if answer["result"] != "ok":
        raise RtpengineUnavailable(answer["error-reason"])
    return answer
