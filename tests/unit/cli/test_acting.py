"""What is told of an act that is decided on and could not be put in force everywhere."""

from pathlib import Path
from typing import Any

import pytest

from trunkward.access.actor import Actor
from trunkward.cli import acting
from trunkward.control.configuration import Version
from trunkward.control.declared import InForce
from trunkward.control.node_file import read_node_file
from trunkward.engines.checked_files import NotPrepared
from trunkward.engines.live import NotApplied
from trunkward.settings import Paths

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")


class Nothing:
    """A store without secrets and findings."""

    def secrets(self) -> list[Any]:
        """None."""
        return []

    verifications = evidence = holds = raises = secrets

    def history(self) -> tuple[list[Any], list[Any]]:
        return [], []

    def not_own(self, _: list[Any]) -> str:
        return ""

    def decks(self) -> dict[str, object]:
        return {}


@pytest.mark.parametrize(
    "problem",
    [
        NotApplied("gate-0 has not taken policy 2"),
        NotPrepared("carrier north: /etc/ca.pem: No such file or directory"),
        OSError(28, "No space left on device"),
    ],
)
def test_a_part_that_cannot_follow_is_named(
    problem: Exception,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise problem

    monkeypatch.setattr(acting, "put_policy_in_force", refuse)
    paths = Paths(config=tmp_path, state=tmp_path, run=tmp_path, log=tmp_path)
    (tmp_path / "config" / "decks").mkdir(parents=True)
    before = InForce(version=1, node_file=EXAMPLE, certificates={}, evidence={})
    version = Version(
        number=2, at=1.0, actor=Actor(name="a", uid=0), command="c", summary="s", text_sha256=""
    )
    declared = read_node_file(EXAMPLE, "node.yaml")
    assert acting._put_in_force(paths, Nothing(), before, declared, version) == 1  # type: ignore[arg-type]
    said = " ".join(capsys.readouterr().err.split())
    assert "version 2 is decided on, but not everywhere in force" in said
    assert "./trunkward apply, or the next up, goes on from there" in said
