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


def test_one_that_does_not_end_is_told_to_and_finishes_what_it_has_begun(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention_look, "_ENDS_WITHIN_S", 1.0)
    found: list[Look | None] = []
    monkeypatch.setattr(retention_look, "write_look", lambda paths, its: found.append(its))
    # a shell: it listens for the signal long before it comes, also where a Python takes its time to start
    text = (
        f"trap 'touch {tmp_path}/finished; echo version 7 is in force >&2; exit 0' TERM\n"
        "while :; do sleep 0.05; done"
    )
    assert look(paths, ["/bin/sh", "-c", text]) == ("", "version 7 is in force")
    assert (tmp_path / "finished").exists()
    assert ["has not ended within" in one.problem for one in found if one] == [True, False]
    monkeypatch.undo()
    monkeypatch.setattr(retention_look, "_ENDS_WITHIN_S", 0.2)
    problem, _ = look(paths, _python("import time; time.sleep(60)"))
    assert "ended with -15" in problem
    problem, _ = look(paths, ["/no/such/python"])
    assert "No such file" in problem
    assert read_look(paths) == Look(at=pytest.approx(time.time(), abs=10), problem=problem)  # type: ignore[arg-type]


def test_nobody_has_looked(paths: Paths) -> None:
    assert read_look(paths) is None
    paths.retention_look.write_text("{")
    assert read_look(paths) is None


class _Enough(BaseException):
    """Ends a loop that ends by itself never."""


@pytest.mark.parametrize("trouble", [BrokenPipeError(32, "Broken pipe"), SystemExit(1), RuntimeError("x")])
def test_no_trouble_ends_the_looks(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, trouble: BaseException
) -> None:
    """A standard output that is closed (rich ends the process then), or anything else."""
    looks: list[str] = []

    def sleep(_: float) -> None:
        if len(looks) == 3:
            raise _Enough

    def looked(*_: object) -> tuple[str, str]:
        looks.append("one")
        return "", f"version {len(looks)} is in force"

    def tell(_: str) -> None:
        raise trouble

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(retention_look, "look", looked)
    monkeypatch.setattr(retention_look, "ran", lambda *_: ("", ""))
    with pytest.raises(_Enough):
        retention_look._look_hourly(paths, tell)
    assert len(looks) == 3


def test_tokens_are_renewed_an_hour_after_up_and_from_then_on(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`up` itself has renewed them."""
    asked: list[str] = []

    def ran(command: list[str], *_: object) -> tuple[str, str]:
        asked.append(command[-1])
        return "", ""

    def sleep(_: float) -> None:
        if len(asked) >= 5:
            raise _Enough

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(retention_look, "ran", ran)
    with pytest.raises(_Enough):
        retention_look._look_hourly(paths, lambda _: None)
    renew, forget = "trunkward.cli.renewing", "trunkward.cli.forget_evidence"
    assert asked == [forget, renew, forget, renew, forget]


def test_a_look_that_cannot_begin_is_written_down(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Paths) -> None:
        raise ValueError("no such version")

    monkeypatch.setattr(retention_look, "in_use", broken)
    assert retention_look._looked(paths, renew=True) == {"ValueError: no such version"}
    found = read_look(paths)
    assert found is not None
    assert found.problem == "ValueError: no such version"
