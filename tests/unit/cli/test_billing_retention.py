"""An export of a time whose calls are being deleted says that it is not whole."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from trunkward.cli import billing
from trunkward.settings import Paths
from trunkward.store.rated import RatedFilter
from trunkward.trunks.retention import DAY_S, RetentionPolicy

PATHS = Paths(config=Path("c"), state=Path("s"), run=Path("r"), log=Path("l"))
DECLARED = SimpleNamespace(
    tenants=("acme", "bolt"), retention=RetentionPolicy(calls_days=90, tenants={"bolt": 30, "gone": 10})
)


@pytest.mark.parametrize(
    ("days_ago", "tenant", "told"),
    [
        (29, None, ""),
        (31, None, "calls of tenant bolt are kept for 30 days"),
        (31, "acme", ""),
        (91, None, "calls of tenant bolt (and of 1 more) are kept for 30 days"),
        (91, "acme", "calls of tenant acme are kept for 90 days"),
        (11, "gone", "calls of tenant gone are kept for 10 days"),
    ],
)
def test_what_is_told(monkeypatch: pytest.MonkeyPatch, days_ago: int, tenant: str | None, told: str) -> None:
    monkeypatch.setattr(billing, "read_in_force", lambda _: SimpleNamespace(declared=lambda: DECLARED))
    since = time.time() - days_ago * DAY_S
    wanted = RatedFilter(since=since, until=time.time(), by_end=True, tenant=tenant)
    assert billing._gone(PATHS, wanted).partition(":")[0] == told
    monkeypatch.setattr(billing, "read_in_force", lambda _: None)
    assert billing._gone(PATHS, wanted) == ""
