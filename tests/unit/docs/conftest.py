"""Reading pages of the documentation: their tables, as people see them."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

type Rows = list[list[str]]


@pytest.fixture
def root() -> Path:
    return ROOT


@pytest.fixture
def page() -> Callable[[str], str]:
    """The text of a page, by its path in the repository."""
    return lambda path: (ROOT / path).read_text(encoding="utf-8")


@pytest.fixture
def table() -> Callable[[str, str], Rows]:
    """The rows (cells, backticks gone) of the table under a heading of a page, its header row left out."""

    def read(path: str, heading: str) -> Rows:
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        places = [number for number, line in enumerate(lines) if line.lstrip("#").strip() == heading]
        assert len(places) == 1, f"{path}: heading {heading!r} stands there {len(places)} times"
        rows: Rows = []
        for line in lines[places[0] + 1 :]:
            if line.startswith("|"):
                rows.append([cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")])
            elif rows or re.match(r"#+ ", line):
                break
        assert len(rows) > 2, f"{path}: no table under {heading!r}"
        return rows[2:]

    return read
