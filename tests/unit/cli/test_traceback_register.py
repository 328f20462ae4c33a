"""Property 31: `traceback open`, `close` and `list`: what is due when, and what became of it."""

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from trunkward.cli import traceback_requests as module
from trunkward.cli.changing import configuration_store
from trunkward.cli.main import app
from trunkward.control.acts import put_down
from trunkward.control.traceback_requests import TracebackAnswered, TracebackClosed
from trunkward.store.configuration import SqlConfiguration
from trunkward.store.database import open_database
from unit.cli.evidence_node import ALICE, EvidenceNode

HASH = "0123456789abcdef" * 4
HOUR = 3600.0


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EvidenceNode:
    made = EvidenceNode(tmp_path, time.time())
    monkeypatch.setattr(module, "is_root", lambda _: True)
    monkeypatch.setattr("trunkward.settings.Paths.from_environment", lambda: made.paths)
    monkeypatch.setenv("COLUMNS", "200")
    return made


def ask(*words: str) -> Result:
    return CliRunner().invoke(app, ["traceback", *words])


def answered(node: EvidenceNode, number: int, asked_by: str, received_at: float, at: float) -> None:
    act = TracebackAnswered(
        asked_by=asked_by, received_at=received_at, calls=1, manifest_sha256=HASH, request=number
    )
    with configuration_store(node.paths, make=True) as store:
        put_down(store, act, actor=ALICE, command="traceback answer", at=at, beyond=0)


def listed(*words: str) -> dict[str, dict[str, object]]:
    return {one["request"]: one for one in map(json.loads, ask("list", "--json", *words).stdout.splitlines())}


def test_property_31_what_is_due_first_is_first(node: EvidenceNode) -> None:
    assert ask("list").stdout == "no request yet\n"
    for request, ago in (("ITG 7", "1h"), ("AG 3", "20h"), ("FCC 5", "30h")):
        assert ask("open", request, "--received", ago).exit_code == 0
    _, late, soon, later = ask("list").stdout.splitlines()
    assert late.split()[:2] == ["FCC", "5"]
    assert "6 h 0 min overdue" in late
    assert (soon.split()[:2], later.split()[:2]) == (["AG", "3"], ["ITG", "7"])
    assert "3 h 59 min left" in soon or "4 h 0 min left" in soon
    assert set(listed()) == {"ITG 7", "AG 3", "FCC 5"}


def test_property_31_an_answer_says_with_what_and_how_late(node: EvidenceNode) -> None:
    assert ask("open", "ITG 7", "--received", "30h").exit_code == 0
    (opened,) = listed().values()
    number = opened["written_down"]["version"]  # type: ignore[index]
    received = node.now - 30 * HOUR
    # the request is opened some moments after the node was made
    answered(node, number, "ITG 7", received, received + 24.5 * HOUR + 30)
    answered(node, 0, "ITG 8", received, received + 23 * HOUR)
    assert ask("list").stdout == "no request is waiting; --all shows those that did\n"
    told = listed("--all")
    late, first = told["ITG 7"], told["ITG 8"]
    assert (late["state"], first["state"]) == ("answered", "answered")
    assert late["left_s"] == pytest.approx(-0.5 * HOUR, abs=30)
    assert first["left_s"] == HOUR
    assert late["answers"][0]["manifest_sha256"] == HASH  # type: ignore[index]
    assert late["answers"][0]["by"] == str(ALICE)  # type: ignore[index]
    lines = ask("list", "--all").stdout.splitlines()
    assert any("ITG 7" in line and "answered 30 min late" in line for line in lines)
    assert any("ITG 8" in line and HASH[:16] in line and "late" not in line for line in lines)


def test_property_31_one_that_needs_no_answer_says_why(node: EvidenceNode) -> None:
    assert ask("open", "ITG 7").exit_code == 0
    assert ask("close", "itg 7", "--why", "taken back").exit_code == 0
    assert listed() == {}
    (one,) = listed("--all").values()
    assert (one["state"], one["left_s"]) == ("closed", pytest.approx(24 * HOUR, abs=60))
    assert "closed: taken back" in ask("list", "--all").stdout
    again = ask("open", "ITG 7")
    assert again.exit_code == 2
    assert "'ITG 7' is in the register, and closed" in again.stderr


def test_property_31_one_that_was_closed_too_late_says_how_late(node: EvidenceNode) -> None:
    assert ask("open", "ITG 7", "--received", "26h").exit_code == 0
    assert ask("close", "ITG 7", "--why", "taken back").exit_code == 0
    (one,) = listed("--all").values()
    assert (one["state"], one["left_s"]) == ("closed", pytest.approx(-2 * HOUR, abs=60))
    assert "closed 2 h 0 min late: taken back" in ask("list", "--all").stdout


def test_property_31_what_others_have_written_is_told_of(node: EvidenceNode) -> None:
    assert ask("open", "ITG 7").exit_code == 0
    engine = open_database(node.paths.configuration_url)
    act = TracebackClosed(request=2, asked_by="ITG 7", why="x")
    forging = SqlConfiguration(engine)
    put_down(forging, act, actor=ALICE, command="traceback close", at=node.now, beyond=0)
    engine.dispose()
    said = " ".join(ask("list", "--all").stderr.split())
    assert "root has not written entries 3 to 3 of the journal of acts" in said
    assert "the register of traceback requests is not proven" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("open", " "), "one line of at most 120 characters"),
        (("open", "ITG 7", "--received", "2099-01-01T00:00:00Z"), "is still to come"),
        (("close", "ITG 9", "--why", "x"), "there is no request 'ITG 9'"),
        (("close", "ITG 9", "--why", "two\nlines"), "one line of at most 500 characters"),
    ],
)
def test_what_cannot_be_meant_is_refused(node: EvidenceNode, words: tuple[str, ...], said: str) -> None:
    told = ask(*words)
    assert told.exit_code == 2
    assert said in " ".join(told.stderr.replace("│", " ").split())
