"""docs/reasons.md is what the table of reasons says."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

from trunkward.calls.verdict import Reason

type Table = Callable[[str, str], list[list[str]]]


def test_the_page_is_what_the_table_says(root: Path) -> None:
    spec = importlib.util.spec_from_file_location("reasons_page", root / "tools/reasons_page.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    written = tool.PAGE.read_text(encoding="utf-8")
    assert written == tool.page(written), "python tools/reasons_page.py --write"


def test_every_code_has_its_row_on_the_page(table: Table) -> None:
    told = [row[0] for row in table("docs/reasons.md", "The codes")]
    assert sorted(told) == sorted(reason.value for reason in Reason)
