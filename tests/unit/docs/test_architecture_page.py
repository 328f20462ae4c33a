"""The house on the page is the one in the repository; what is said to cross the border does."""

from collections.abc import Callable
from pathlib import Path

from trunkward.edge.headers import PASSED
from trunkward.media.suites import ALLOWED

type Table = Callable[[str, str], list[list[str]]]


def test_every_room_is_on_the_page_and_no_other(table: Table, root: Path) -> None:
    rooms = {file.parent.name for file in (root / "src/trunkward").glob("*/__init__.py")}
    named = [row[1] for row in table("docs/architecture.md", "The house")]
    assert sorted(named) == sorted([*(f"{room}/" for room in rooms), "settings.py"])


def test_the_headers_that_cross(page: Callable[[str], str]) -> None:
    assert ", ".join(f"`{name}`" for name in PASSED) in page("docs/topology-hiding.md")


def test_the_suites_we_accept(table: Table) -> None:
    assert [row[0] for row in table("docs/media.md", "SRTP suites")] == list(ALLOWED)
