"""Commands the pages name can be typed as they stand there."""

import re
from pathlib import Path


def test_the_supervisors_own_is_in_no_path(root: Path) -> None:
    # it is in the environment of each version, which `./trunkward shell` has in its PATH
    named = [
        line
        for page in sorted((root / "docs").glob("*.md"))
        for line in page.read_text(encoding="utf-8").splitlines()
        if "supervisorctl -c" in line
    ]
    assert named
    assert all(re.search(r"`\./trunkward shell supervisorctl -c ", line) for line in named)


def test_a_command_that_is_set_apart_has_not_run_into_a_paragraph(root: Path) -> None:
    pages = (root / "README.md", *sorted((root / "docs").glob("*.md")))
    lines = [line for page in pages for line in page.read_text(encoding="utf-8").splitlines()]
    assert any(line.startswith("    ./trunkward ") for line in lines)
    assert [line for line in lines if re.search(r"\S {4,}\./trunkward ", line)] == []
