"""What is told of an act that could not be put in force everywhere; and what acts are decided on."""

import time
import zlib
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trunkward.access.actor import Actor
from trunkward.cli import acting
from trunkward.control.configuration import Version
from trunkward.control.declared import InForce
from trunkward.control.node_file import read_node_file
from trunkward.control.traceback_requests import TracebackRefused
from trunkward.engines.checked_files import NotPrepared
from trunkward.engines.live import NotApplied
from trunkward.settings import Paths
from trunkward.store.configuration_schema import node_files, versions
from unit.cli.evidence_node import EvidenceNode

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


def test_nothing_is_decided_on_a_node_file_that_is_not_the_one_in_force(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever can write to the database would have tokens made for another customer, or of another day."""
    node = EvidenceNode(tmp_path, time.time())
    monkeypatch.setattr(acting, "is_running", lambda _: True)
    monkeypatch.setattr(acting, "check_runs_this", lambda _: None)
    node.paths.declared.parent.mkdir(exist_ok=True)
    before = InForce(version=1, node_file=EXAMPLE, certificates={}, evidence={})
    node.paths.declared.write_bytes(msgspec.json.encode(before))
    decided: list[float] = []

    def decide(_: object, __: object, now: float, ___: int) -> Version:
        decided.append(now)
        raise TracebackRefused("as far as this")

    for goes_on in (False, True):
        assert acting.act(node.paths, "traceback open", decide, goes_on=goes_on) == 2
    assert len(decided) == 2
    text = EXAMPLE.replace("KYC-2026-17", "KYC-2026-18").encode()
    digest = sha256(text).hexdigest()
    row = {"sha256": digest, "text": zlib.compress(text), "objects": b"", "schema_id": ""}
    node.changed(node_files.insert().values(**row))
    node.changed(versions.update().values(text_sha256=digest))
    capsys.readouterr()
    for goes_on in (False, True):
        assert acting.act(node.paths, "traceback open", decide, goes_on=goes_on) == 2
    assert len(decided) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "the node file of version 1 in the database is not the one in force" in said


def test_what_was_broken_off_goes_on_only_by_the_node_file_in_force(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    node = EvidenceNode(tmp_path, time.time())
    monkeypatch.setattr(acting, "is_running", lambda _: True)
    monkeypatch.setattr(acting, "check_runs_this", lambda _: None)
    put: list[int] = []

    def put_in_force(*found: Any) -> int:
        put.append(found[-1].number)
        return 0

    monkeypatch.setattr(acting, "_put_in_force", put_in_force)
    node.revoke(node.accepted("+12125550150"))
    node.paths.declared.parent.mkdir(exist_ok=True)

    def goes_on(node_file: str) -> int:
        before = InForce(version=3, node_file=node_file, certificates={}, evidence={})
        node.paths.declared.write_bytes(msgspec.json.encode(before))

        def decide(*_: object) -> Version:
            raise TracebackRefused("nothing new")

        return acting.act(node.paths, "evidence", decide, goes_on=True)

    assert (goes_on(EXAMPLE), put) == (0, [4])
    assert (goes_on(EXAMPLE + "# another\n"), put) == (2, [4])
