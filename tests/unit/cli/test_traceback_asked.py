"""What is asked in a traceback is read as people write it, or refused before anything is searched."""

from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from trunkward.cli import traceback as command
from trunkward.cli.main import app
from trunkward.control.declared import InForce
from trunkward.control.traceback import Question
from trunkward.settings import Paths

EXAMPLE = (Path(__file__).parents[3] / "examples/node.yaml").read_text(encoding="utf-8")


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Question]:
    """The questions that get through, on a node in the United States."""
    monkeypatch.setenv("TRUNKWARD_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "250")
    declared = Paths.from_environment().declared
    declared.parent.mkdir(parents=True)
    in_force = InForce(version=1, node_file=EXAMPLE, certificates={"acme-hq": ["ab" * 32]}, evidence={})
    declared.write_bytes(msgspec.json.encode(in_force))
    questions: list[Question] = []

    def run(_: Paths, question: Question, **__: object) -> int:
        questions.append(question)
        return 0

    monkeypatch.setattr(command, "run", run)
    return questions


def ask(*words: str) -> Result:
    return CliRunner().invoke(app, ["traceback", "answer", *words])


@pytest.mark.parametrize(
    ("number", "other"),
    [("+12025550150", "+13035550142"), ("2025550150", "3035550142"), ("+1 (202) 555-0150", "303.555.0142")],
)
def test_numbers_as_people_write_them(asked: list[Question], number: str, other: str) -> None:
    told = ask(number, "--at", "2026-11-25T14:30:00Z", "--other", other)
    assert told.exit_code == 0, told.stderr
    assert [(one.number, one.other) for one in asked] == [("+12025550150", "+13035550142")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("abc", "--at", "1h"), "write it with + and its country code"),
        (("5550150", "--at", "1h"), "not ten digits"),
        (("+1202*", "--at", "1h"), "something other than digits"),
        (("2025550150", "--at", "2099-01-01T00:00:00Z"), "is still to come"),
        (("2025550150", "--at", "1h", "--received", "2099-01-01T00:00:00Z"), "is still to come"),
        (("2025550150", "--at", "1h", "--for", "two\nlines"), "one line of at most 120 characters"),
        (("2025550150", "--at", "1h", "--out", "x.zip"), "says whose question it answers"),
    ],
)
def test_what_cannot_be_meant_is_refused(asked: list[Question], words: tuple[str, ...], said: str) -> None:
    told = ask(*words)
    shown = " ".join(told.stderr.replace("│", " ").split())
    assert (told.exit_code, asked) == (2, [])
    assert said in shown
    assert "+1202*" not in shown.replace("'+1202*'", "")
