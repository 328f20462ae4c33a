"""Every key a node file may have is on the page, with its default; and nothing else is."""

from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from trunkward.control.node_file import read_node_file
from trunkward.control.node_schema import FilePart
from trunkward.media.suites import ALLOWED

PAGE = "docs/configuration.md"
SECTIONS = ("node", "tenants", "trunks", "carriers")

type Table = Callable[[str, str], list[list[str]]]


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """The keys below a part of the file: `node.media.ports`, `carriers[].hosts`."""
    for name, field in model.model_fields.items():
        parts = [*part_models(field.annotation)]
        listed = "[]" if str(field.annotation).startswith("list[") else ""
        if not parts:
            yield prefix + name, field
        for part in parts:
            yield from keys(part, f"{prefix}{name}{listed}.")


def part_models(annotation: Any) -> Iterator[type[BaseModel]]:
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            yield candidate


def documented(table: Table) -> dict[str, str]:
    rows = [row for section in SECTIONS for row in table(PAGE, section)]
    return {row[0]: row[1] for row in rows}


def default_of(field: FieldInfo) -> str:
    """A field's default as the page writes it; "" where the page may use words."""
    value = field.default
    if field.is_required():
        return "required"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | str) else ""


def test_every_key_is_on_the_page_and_no_other(table: Table) -> None:
    assert sorted(documented(table)) == sorted(key for key, _ in keys(FilePart))


def test_defaults_and_required_keys_are_as_in_the_schema(table: Table) -> None:
    page = documented(table)
    wrong = {
        key: (page[key], wanted)
        for key, field in keys(FilePart)
        if (wanted := default_of(field)) and page[key] != wanted
    }
    assert not wrong


def test_an_optional_key_is_never_called_required(table: Table) -> None:
    page = documented(table)
    assert not [key for key, field in keys(FilePart) if page[key] == "required" and not field.is_required()]


def test_the_suites_are_named_in_order(page: Callable[[str], str]) -> None:
    assert ", ".join(f"`{suite}`" for suite in ALLOWED) in page(PAGE)


def test_the_example_is_accepted(root: Path) -> None:
    declared = read_node_file((root / "examples/node.yaml").read_text(encoding="utf-8"), "examples/node.yaml")
    assert declared.trunks
    assert declared.carriers
