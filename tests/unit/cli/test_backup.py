"""What `backup` says."""

from pathlib import Path

import pytest

from trunkward.cli.backup import _size


@pytest.mark.parametrize(
    ("size_bytes", "said"),
    [(34_120, "34 kB"), (99_999, "100 kB"), (100_000, "0.1 MB"), (12_340_000, "12.3 MB")],
)
def test_a_size_is_never_nothing(size_bytes: int, said: str) -> None:
    assert _size(size_bytes) == said


def test_a_backup_in_the_checkout_is_not_committed() -> None:
    top = Path(__file__).parents[3]
    assert "*.backup" in (top / ".gitignore").read_text(encoding="utf-8").splitlines()
