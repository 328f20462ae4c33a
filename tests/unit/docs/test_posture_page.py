"""The fail posture that people read is the one in the code."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

from trunkward.admission.posture import POSTURE, Calls, Lost, as_markdown, effect
from trunkward.calls.grant import Cut
from trunkward.engines.kamailio import GATE_DEADLINE_MS, MEDIA_DEADLINE_MS


def test_the_page_shows_the_table_word_for_word(page: Callable[[str], str]) -> None:
    assert as_markdown() in page("docs/posture.md")


def test_the_page_explains_every_row(page: Callable[[str], str]) -> None:
    text = page("docs/posture.md")
    missing = [row.lost.value for row in POSTURE if f"### {row.lost.value}\n" not in text]
    assert not missing


def test_the_table_has_every_cell() -> None:
    assert all(effect(row.lost, calls) for row in POSTURE for calls in Calls)


def test_the_page_names_the_deadlines_in_force(page: Callable[[str], str]) -> None:
    text = page("docs/posture.md")
    assert f"{GATE_DEADLINE_MS} ms" in text
    assert f"{MEDIA_DEADLINE_MS} ms" in text


def test_every_cell_has_its_test_by_name(root: Path, table: Callable[[str, str], list[list[str]]]) -> None:
    proved = set()
    for lost, _, cells, test in table("docs/posture.md", "Which test proves which cell"):
        file, function, case = re.fullmatch(r"([a-z_/]+\.py)::(test_\w+)(?:\[([\w-]+)\])?", test).groups()  # type: ignore[union-attr]
        names = [
            node.name
            for node in ast.walk(ast.parse((root / "tests/wire" / file).read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef)
        ]
        assert function in names, test
        if case:  # a dependency, and a way to take it away, which is a function there
            row, _, way = case.partition("-")
            assert Lost[row.upper()] == lost, test
            assert way in names, test
        proved |= {(Lost(lost), Calls(cell)) for cell in cells.split(", ")}
    assert proved == {(row.lost, calls) for row in POSTURE for calls in Calls}


def test_every_reason_of_ours_is_explained(table: Callable[[str, str], list[list[str]]]) -> None:
    assert [row[0] for row in table("docs/posture.md", "Running calls")] == [cut.value for cut in Cut]
