"""Each column, kind, basis and option is on the page, and no other."""

import re
from collections.abc import Callable

from trunkward.cli.billing_app import export_billing
from trunkward.records.billing import COLUMNS
from trunkward.spend.rating import Basis, Charged
from trunkward.spend.reconcile import Kind

PAGE = "docs/billing.md"

type Table = Callable[[str, str], list[list[str]]]


def _named(rows: list[list[str]]) -> list[str]:
    return [name for row in rows for name in row[0].split(", ")]


def test_the_columns_in_their_order(table: Table) -> None:
    assert _named(table(PAGE, "The columns")) == list(COLUMNS)


def test_what_a_call_may_be(table: Table) -> None:
    assert _named(table(PAGE, "Rated calls")) == list(Charged)
    assert _named(table(PAGE, "What an amount stands on")) == list(Basis)


def test_every_kind_of_difference(table: Table) -> None:
    assert _named(table(PAGE, "What a difference comes from")) == list(Kind)


def test_every_option_is_on_the_page(page: Callable[[str], str]) -> None:
    written = set(re.findall(r"--[a-z-]+", page(PAGE)))
    names = {"since": "from", "until": "to", "every": "all", "as_csv": "csv", "as_json": "json-lines"}
    for name in export_billing.__annotations__:
        option = names.get(name, name).replace("_", "-")
        assert name == "return" or f"--{option}" in written, name
