"""What `web` takes for the configuration in force: what the worker shows of it, and root's word on which it is."""

import asyncio
import re
from pathlib import Path

import msgspec
import pytest

from trunkward.api import look
from trunkward.api.look import Look, read_shown
from trunkward.api.metrics import exposition
from trunkward.control.declared import InForce
from trunkward.control.showing import shown
from trunkward.control.shown import VersionInForce
from trunkward.engines.node_facts import Seen
from trunkward.engines.unsound_state import write_unsound
from trunkward.settings import Paths

EXAMPLE = Path(__file__).parents[3] / "examples" / "node.yaml"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    (tmp_path / "shown").mkdir()
    return Paths(config=tmp_path, state=tmp_path, run=tmp_path, log=tmp_path)


def _worker_shows(paths: Paths, version: int, since: float) -> None:
    made = InForce(
        version=version,
        node_file=EXAMPLE.read_text(encoding="utf-8"),
        certificates={"acme-hq": ["ab" * 32]},
        evidence={},
    )
    paths.shown.write_bytes(msgspec.json.encode(shown(made, made.declared(), since)))


def _root_says(paths: Paths, version: int, since: float) -> None:
    paths.shown_version.write_bytes(msgspec.json.encode(VersionInForce(version=version, since=since)))


def test_a_policy_that_is_not_compiled_is_in_force_all_the_same(paths: Paths) -> None:
    _root_says(paths, 5, 50.0)
    assert read_shown(paths) is None  # how many gates there are only the worker tells
    _worker_shows(paths, 4, 40.0)
    found = read_shown(paths)
    assert found is not None
    assert (found.version, found.since, found.gates) == (5, 50.0, 2)


@pytest.mark.parametrize("said", [(5, 50.0), (4, 40.0), None])
def test_what_the_worker_shows_is_never_older_news(paths: Paths, said: tuple[int, float] | None) -> None:
    _worker_shows(paths, 5, 51.0)
    if said is not None:
        _root_says(paths, *said)
    found = read_shown(paths)
    assert found is not None
    assert (found.version, found.since) == (5, 51.0)


def test_evidence_that_was_changed_is_told_to_whoever_asks(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root has written it down: `web` reads no database."""
    monkeypatch.setattr(look, "see", lambda *_, **__: Seen())

    def told() -> list[str]:
        view = asyncio.run(Look(paths).now())
        (gauge,) = re.findall(r"^trunkward_evidence_unsound (\S+)$", exposition(view).decode(), re.MULTILINE)
        found = [one.problem for one in view.health.troubles if one.what == "unsound-evidence"]
        assert float(gauge) == len(found)
        return found

    assert told() == []
    write_unsound(paths, ["record 11 of evidence is not as it was entered"])
    assert told() == ["record 11 of evidence is not as it was entered"]
    write_unsound(paths, [])
    assert told() == []
    paths.unsound.write_text("{")
    assert told() == []
