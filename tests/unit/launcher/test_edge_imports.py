"""The edge runs in Kamailio's own Python, where nothing is installed: the standard library and itself."""

import ast
import sys
from pathlib import Path

import pytest

EDGE = Path(__file__).parents[3] / "src/trunkward/edge"
ENGINE = {"KSR"}  # Kamailio puts it there
#: Pure rooms' files that keep to the standard library themselves, and so may come along.
GUESTS = {
    "trunkward.media.answer",
    "trunkward.media.crossing",
    "trunkward.media.sdp",
    "trunkward.media.silence",
    "trunkward.media.suites",
}
FILES = sorted(EDGE.rglob("*.py"))
GUEST_FILES = [EDGE.parents[1] / f"{name.replace('.', '/')}.py" for name in sorted(GUESTS)]


def imported(source: str) -> set[str]:
    """The modules `source` imports, with their packages."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module or "")
    return names


def test_there_is_an_edge() -> None:
    assert FILES


@pytest.mark.parametrize("file", [*FILES, *GUEST_FILES], ids=lambda file: file.name)
def test_only_the_standard_library_and_itself(file: Path) -> None:
    foreign = {
        name
        for name in imported(file.read_text())
        if name.split(".")[0] not in sys.stdlib_module_names | ENGINE
        and not f"{name}.".startswith("trunkward.edge.")
        and name not in GUESTS
    }
    assert not foreign
