"""Each field of a record, each column of an export and each default is on the page, and no other."""

import re
from collections.abc import Callable

import msgspec

from trunkward.calls.outcome import Ending, LegFacts
from trunkward.cli.calls_app import calls as command
from trunkward.control.node_keys import NodePart
from trunkward.records.export import COLUMNS
from trunkward.records.model import DecisionRecord
from trunkward.records.view import call_view

PAGE = "docs/records.md"

type Table = Callable[[str, str], list[list[str]]]


def _named(rows: list[list[str]]) -> list[str]:
    return [name for row in rows for name in row[0].split(", ")]


def test_the_fields_of_a_call(table: Table) -> None:
    decision = DecisionRecord(
        record_id="a", at=1.0, attempt_id="a", call_id="c", verdict="admit", reason="admitted"
    )
    view = call_view(msgspec.to_builtins(decision), None)
    assert sorted(_named(table(PAGE, "The fields of a call"))) == sorted(view)


def test_the_fields_of_a_leg(table: Table) -> None:
    fields = [field.name for field in msgspec.structs.fields(LegFacts)]
    assert sorted(["side", *_named(table(PAGE, "The legs of a call"))]) == sorted(fields)


def test_the_columns_in_their_order(table: Table) -> None:
    assert _named(table(PAGE, "Comma-separated values")) == list(COLUMNS)


def test_every_ending_is_named(page: Callable[[str], str]) -> None:
    assert all(f"`{ending.value}`" in page(PAGE) for ending in Ending)


def test_the_defaults_of_retention(table: Table) -> None:
    defaults = {row[0]: row[1] for row in table(PAGE, "How long records are kept")}
    for name in ("retention", "ladder_retention"):
        assert defaults[f"node.{name}"] == f"{NodePart.model_fields[name].default} days"


def test_every_option_is_on_the_page(page: Callable[[str], str]) -> None:
    written = set(re.findall(r"--[a-z-]+", page(PAGE)))
    for name in command.__annotations__:
        option = {"sender": "from", "called": "to", "as_json": "json", "as_csv": "csv"}.get(name, name)
        assert name in ("context", "return") or f"--{option.replace('_', '-')}" in written, name
