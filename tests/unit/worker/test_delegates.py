"""Delegate certificates are looked at again with each list, and what is bad is told to the gates."""

import json
from pathlib import Path
from typing import Any

import pytest

from stirkit import pki
from stirkit.pki import NOW_S
from trunkward.control.node_file import read_node_file
from trunkward.engines.trust import Trust
from trunkward.settings import Paths
from trunkward.shaken.crl import NO_LIST, read_crl
from trunkward.shaken.trusted_list import TrustedList
from trunkward.worker import delegates
from trunkward.worker.delegates import Delegates

DECLARED = read_node_file((Path(__file__).parents[3] / "examples" / "node.yaml").read_text(), "node.yaml")
ONE = pki.delegate(pki.delegating(), "12025550101").issue()
CHAINS = {"evidence-17": pki.pem(ONE, pki.delegating(), pki.intermediate()).decode()}
GOOD = Trust(authorities=TrustedList.of(pki.root().x509), revocations=NO_LIST)
REVOKING = read_crl(pki.crl((ONE,)), (pki.administrator().x509,), NOW_S)


class Files:
    """The lists as they are now."""

    now: Trust | None = GOOD
    behind = True

    def __init__(self, *_: Any, **__: Any) -> None:
        self.trust: Trust | None = None

    def is_behind(self) -> bool:
        """Whether they are others."""
        return Files.behind

    def refresh(self) -> None:
        """Reads them."""
        self.trust = Files.now


class Said(list[dict[str, Any]]):
    """A log."""

    def __call__(self, _: str, **facts: Any) -> None:
        self.append(facts)


@pytest.fixture
def looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Delegates, Path, Said]:
    monkeypatch.setattr(delegates, "TrustFiles", Files)
    monkeypatch.setattr(Files, "now", GOOD)
    monkeypatch.setattr(Files, "behind", True)
    paths = Paths(config=tmp_path, state=tmp_path, run=tmp_path, log=tmp_path)
    paths.policy.mkdir()
    said = Said()
    return Delegates(paths, said), paths.bad_delegates, said


def test_revoked_with_the_next_list(looking: tuple[Delegates, Path, Said], monkeypatch: Any) -> None:
    worker, file, said = looking
    worker.round(DECLARED, CHAINS, NOW_S)
    assert (worker.bad, json.loads(file.read_text()), said) == ({}, {}, [])
    monkeypatch.setattr(Files, "now", revoking(GOOD))
    worker.round(DECLARED, CHAINS, NOW_S)
    assert set(json.loads(file.read_text())) == {"evidence-17"}
    assert [one["evidence"] for one in said] == ["evidence-17"]
    assert "certificate-revoked" in said[0]["why"]
    # told once
    worker.round(DECLARED, CHAINS, NOW_S)
    assert len(said) == 1
    # a list that does not name it any more makes it good again
    monkeypatch.setattr(Files, "now", GOOD)
    worker.round(DECLARED, CHAINS, NOW_S)
    assert json.loads(file.read_text()) == {}


def revoking(trust: Trust) -> Trust:
    """The same with a list that revokes it."""
    return Trust(authorities=trust.authorities, revocations=REVOKING)


def test_over_or_off_the_trusted_list(looking: tuple[Delegates, Path, Said], monkeypatch: Any) -> None:
    worker, _, _ = looking
    worker.round(DECLARED, CHAINS, ONE.plan.not_after.timestamp() + 1)
    assert set(worker.bad or ()) == {"evidence-17"}
    monkeypatch.setattr(Files, "now", Trust(authorities=TrustedList.of()))
    worker.round(DECLARED, CHAINS, NOW_S)
    assert set(worker.bad or ()) == {"evidence-17"}


def test_without_a_list_what_was_found_goes_on(
    looking: tuple[Delegates, Path, Said], monkeypatch: Any
) -> None:
    """A fault of ours takes no level away, and gives none back."""
    worker, file, _ = looking
    monkeypatch.setattr(Files, "now", None)
    worker.round(DECLARED, CHAINS, NOW_S)
    assert (worker.bad, file.exists()) == (None, False)
    monkeypatch.setattr(Files, "now", revoking(GOOD))
    worker.round(DECLARED, CHAINS, NOW_S)
    monkeypatch.setattr(Files, "now", None)
    worker.round(DECLARED, CHAINS, NOW_S)
    assert set(json.loads(file.read_text())) == {"evidence-17"}


def test_while_nothing_changes_nothing_is_looked_at(
    looking: tuple[Delegates, Path, Said], monkeypatch: Any
) -> None:
    worker, _, _ = looking
    worker.round(DECLARED, {}, NOW_S)
    monkeypatch.setattr(Files, "behind", False)
    monkeypatch.setattr(Files, "now", revoking(GOOD))
    worker.round(DECLARED, {}, NOW_S)
    assert worker.bad == {}
    # but for one that is new
    worker.round(DECLARED, CHAINS, NOW_S)
    assert set(worker.bad or ()) == {"evidence-17"}
