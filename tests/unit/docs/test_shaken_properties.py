"""docs/shaken-properties.md has each property once, and each test it names is there and names the property."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

PAGE = "docs/shaken-properties.md"
#: Those that belong to this work; 30, 32 and 33 come with another.
NUMBERS = [*range(1, 30), 31, 34, 35]
_NAMED = re.compile(r"propert(?:y|ies)[ _]((?:[0-9]+|,|\([^)]*\)|\bto\b|\band\b|[ _])+)", re.IGNORECASE)

type Table = Callable[[str, str], list[list[str]]]


def _rows(table: Table) -> list[list[str]]:
    return table(PAGE, "STIR/SHAKEN: what is claimed, and what proves it")


def named(text: str) -> set[int]:
    """The properties a text names: `Property 5`, `property_5_`, `Properties 12 to 16 and 24`."""
    found: set[int] = set()
    for match in _NAMED.finditer(text):
        said = re.sub(r"\([^)]*\)", "", match[1])
        for first, last in re.findall(r"([0-9]+) to ([0-9]+)", said):
            found |= set(range(int(first), int(last) + 1))
        found |= {int(number) for number in re.findall(r"[0-9]+", said)}
    return found


def _of_test(root: Path, file: str, name: str) -> set[int] | None:
    """What a test names in its own name and first words, or in its file's; None: there is no such test."""
    tree = ast.parse((root / file).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return named(f"{name} {ast.get_docstring(node)} {ast.get_docstring(tree)}")
    return None


def test_how_properties_are_named() -> None:
    assert named("test_property_10_no_user_reads") == {10}
    assert named("Properties 12 to 16 and 24, and each") == {12, 13, 14, 15, 16, 24}
    assert named("Properties 17 (what is refused), 18 (whom), 19 (what)") == {17, 18, 19}
    assert named("Property 5: line 7, of 3") == {5}
    assert named("proper 5, properties of it") == set()


def test_every_property_has_its_row(table: Table) -> None:
    assert [int(row[0]) for row in _rows(table)] == NUMBERS


def test_every_test_is_there_and_names_its_property(table: Table, root: Path) -> None:
    wrong = []
    for number, _, tests, _ in _rows(table):
        assert tests, number
        for test in tests.split(", "):
            file, _, name = test.partition("::")
            found = _of_test(root, file, name) if (root / file).is_file() else None
            if found is None or int(number) not in found:
                wrong.append((number, test, found))
    assert not wrong
