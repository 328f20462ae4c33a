"""That nobody has confirmed a restore is written down until somebody does, and a damaged word on it counts as well."""

from pathlib import Path

from trunkward.engines.restored_mark import Unconfirmed, mark, unconfirmed
from trunkward.settings import Paths


def test_it_is_there_until_it_is_taken_away(tmp_path: Path) -> None:
    paths = Paths(config=tmp_path, state=tmp_path, run=tmp_path, log=tmp_path)
    assert unconfirmed(paths) is None
    mark(paths, Unconfirmed("2026-11-20T03:00:00+00:00"))
    assert unconfirmed(paths) == Unconfirmed("2026-11-20T03:00:00+00:00")
    paths.restored.write_text("{")
    found = unconfirmed(paths)
    assert found is not None
    assert "cannot be read" in found.since
    mark(paths, None)
    mark(paths, None)
    assert unconfirmed(paths) is None
