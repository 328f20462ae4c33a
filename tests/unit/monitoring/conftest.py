"""Pages, as the alerts point to them."""

from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def page() -> Callable[[str], str]:
    """The text of a page, by its path in the repository."""
    return lambda path: (ROOT / path).read_text(encoding="utf-8")
