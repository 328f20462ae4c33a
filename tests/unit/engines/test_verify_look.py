"""The node's own verifying of its journals: when it is due, what is said of it, and that it ends with the node."""

import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from trunkward.engines import verify_look
from trunkward.engines.verified_state import (
    AGAIN_S,
    EVERY_S,
    Outcome,
    Told,
    Verified,
    is_due,
    read_told,
    read_verified,
    write_verified,
)
from trunkward.engines.verify_look import Verifying
from trunkward.settings import Paths

NOW = 1_800_000_000.0


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(config=tmp_path, state=tmp_path / "state", run=tmp_path / "run", log=tmp_path)
    made.run.mkdir()
    made.verified.parent.mkdir(parents=True)
    return made


@pytest.mark.parametrize(
    ("told", "due"),
    [
        (None, True),
        (Told(at=NOW - EVERY_S, outcome=Outcome.HOLDS), True),
        (Told(at=NOW - EVERY_S + 1, outcome=Outcome.HOLDS), False),
        (Told(at=NOW - EVERY_S + 1, outcome=Outcome.CHANGED), False),
        (Told(at=NOW - AGAIN_S, outcome=Outcome.NOT_DONE), True),
        (Told(at=NOW - AGAIN_S + 1, outcome=Outcome.NOT_DONE), False),
        # heads may be signed again by then
        (Told(at=NOW - AGAIN_S, outcome=Outcome.SILENT), True),
        # of a clock that was ahead
        (Told(at=NOW + 1, outcome=Outcome.HOLDS), True),
    ],
)
def test_when_it_is_due(told: Told | None, due: bool) -> None:
    assert is_due(told, NOW) is due


def looking(paths: Paths, text: str, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Verifying:
    """A node that looks at once, and for which this is the command."""
    monkeypatch.setattr(verify_look, "_FIRST_S", 0.01)
    monkeypatch.setattr(verify_look, "_EVERY_S", 0.05)
    monkeypatch.setattr(verify_look, "_COMMAND", ("-I", "-c", text))

    def here(_: Paths) -> Any:
        return None

    class Installation:
        python = sys.executable

    monkeypatch.setattr(verify_look, "in_use", here)
    monkeypatch.setattr(verify_look, "this_installation", lambda: Installation)
    return Verifying(paths, said.append)


def until(what: Any) -> None:
    end = time.monotonic() + 20
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "verifying"]


def test_what_is_found_is_said_and_a_look_that_ended_badly(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    text = (
        f"import sys; print('line 7:\\n changed', file=sys.stderr); open({str(paths.run / 'looked')!r}, 'w')"
    )
    verifying = looking(paths, text, said, monkeypatch)
    verifying.begin()
    until(lambda: said)
    verifying.end()
    assert said[0] == "line 7:; changed"
    until(lambda: not threads())
    verifying = looking(paths, "raise SystemExit(3)", said, monkeypatch)
    said.clear()
    verifying.begin()
    until(lambda: said)
    verifying.end()
    assert said[0] == "it ended with 3"


def test_what_is_not_due_is_not_looked_at_and_is_told_anew(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine was started anew: who watches still knows when it was."""
    told = Told(at=time.time() - 60, outcome=Outcome.HOLDS, good_at=time.time() - 60)
    write_verified(paths, Verified(told=told))
    paths.verified_told.unlink()
    said: list[str] = []
    verifying = looking(paths, "raise SystemExit(3)", said, monkeypatch)
    verifying.begin()
    assert read_told(paths) == told
    time.sleep(0.3)
    verifying.end()
    assert said == []


@pytest.mark.parametrize(
    ("text", "most_s", "problem"),
    [
        ("import time; time.sleep(60)", 0.1, "the look was ended: it had not ended after 0 hours"),
        ("import os; os.kill(os.getpid(), 9)", 60.0, "the look was ended: signal 9"),
    ],
)
def test_a_look_that_does_not_end_is_ended_and_written_down(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, text: str, most_s: float, problem: str
) -> None:
    """It opened what never answers, or the kernel needed its memory; what was good stays, as the time of it does."""
    monkeypatch.setattr(verify_look, "_MOST_S", most_s)
    good_at = time.time() - EVERY_S - 1
    write_verified(paths, Verified(told=Told(at=good_at, outcome=Outcome.HOLDS, good_at=good_at)))
    said: list[str] = []
    verifying = looking(paths, text, said, monkeypatch)
    verifying.begin()
    until(lambda: said)
    verifying.end()
    assert said[0] == problem
    told = read_told(paths)
    assert told is not None
    assert (told.outcome, told.problem, told.good_at) == (Outcome.NOT_DONE, problem, good_at)
    assert told.at == pytest.approx(time.time(), abs=20)
    # and begins again in an hour, not at once
    assert said == [problem]


def test_it_ends_with_the_node(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    begun = paths.run / "begun"
    text = f"import time; open({str(begun)!r}, 'w'); time.sleep(60)"
    verifying = looking(paths, text, said, monkeypatch)
    verifying.begin()
    until(begun.exists)
    verifying.end()
    until(lambda: not threads())
    assert said == []


def test_no_trouble_ends_the_looks(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """A standard output that is closed (rich ends the process then), a version that cannot be told."""
    said: list[str] = []

    def closed(words: str) -> None:
        said.append(words)
        raise SystemExit(1)

    def broken(_: Paths) -> None:
        raise ValueError("no such version")

    looking(paths, "", [], monkeypatch)
    monkeypatch.setattr(verify_look, "in_use", broken)
    verifying = Verifying(paths, closed)
    verifying.begin()
    until(lambda: len(said) > 2)
    verifying.end()
    assert set(said) == {"ValueError: no such version"}


def test_nobody_has_looked(paths: Paths) -> None:
    assert read_verified(paths) is None
    assert read_told(paths) is None
    paths.verified_told.write_text("{")
    assert read_told(paths) is None
