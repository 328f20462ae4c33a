"""What came of a look for evidence whose time is over: written down for whoever watches, however it went."""

import sys
import time
from pathlib import Path

import pytest

from trunkward.engines import retention_look
from trunkward.engines.retention_look import look
from trunkward.engines.retention_state import Look, read_look
from trunkward.settings import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(config=tmp_path, state=tmp_path, run=tmp_path, log=tmp_path)


def _python(text: str) -> list[str]:
    return [sys.executable, "-I", "-c", f"import sys; {text}"]


@pytest.mark.parametrize(
    ("text", "problem", "done"),
    [
        ("print('nothing has ended')", "", ""),
        ("sys.stderr.write('version 7 is in force\\n')", "", "version 7 is in force"),
        ("sys.stderr.write('not deleted:\\n the clock\\n'); sys.exit(2)", "not deleted:; the clock", ""),
        ("sys.exit(3)", "it ended with 3", ""),
        ("import trunkward.no_such_room", "ModuleNotFoundError", ""),
    ],
)
def test_how_it_went(paths: Paths, text: str, problem: str, done: str) -> None:
    said = look(paths, _python(text))
    assert said[1] == done
    assert problem in said[0]
    assert bool(said[0]) == bool(problem)
    found = read_look(paths)
    assert found is not None
    assert found.problem == said[0]
    assert found.at == pytest.approx(time.time(), abs=10)
    assert paths.retention_look.stat().st_mode & 0o777 == 0o644


def test_one_that_does_not_end_is_ended(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention_look, "_ENDS_WITHIN_S", 0.2)
    problem, _ = look(paths, _python("import time; time.sleep(60)"))
    assert "timed out" in problem
    problem, _ = look(paths, ["/no/such/python"])
    assert "No such file" in problem
    assert read_look(paths) == Look(at=pytest.approx(time.time(), abs=10), problem=problem)  # type: ignore[arg-type]


def test_nobody_has_looked(paths: Paths) -> None:
    assert read_look(paths) is None
    paths.retention_look.write_text("{")
    assert read_look(paths) is None
