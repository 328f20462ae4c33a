"""Against whom `evidence add --kind delegate` holds a certificate: whoever a gate trusts, and as strictly."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trunkward.cli import evidence
from trunkward.control.node_file import read_node_file
from trunkward.engines.trust import Trust
from trunkward.settings import Paths
from trunkward.shaken.trusted_list import TrustedList
from trunkward.trunks.signing import Revocation

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
HARD, SOFT = Revocation.HARD, Revocation.SOFT


class Files:
    """Files of a node that has a list."""

    def __init__(self, *_: Any, hard: bool, **__: Any) -> None:
        self.trust = Trust(authorities=TrustedList.of(), hard=hard)

    def refresh(self) -> None:
        """There is nothing to read."""


@pytest.mark.parametrize(("own", "others", "hard"), [(SOFT, HARD, True), (HARD, SOFT, False)])
def test_the_policy_is_that_for_certificates_of_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own: Revocation, others: Revocation, *, hard: bool
) -> None:
    """`node.verification.revocation`; `node.identity.revocation` is about our own."""
    asked: list[bool] = []
    monkeypatch.setattr(evidence, "TrustFiles", Files)
    monkeypatch.setattr(evidence, "check_delegate", lambda *_, hard, **__: asked.append(hard))
    declared = read_node_file(EXAMPLE, "node.yaml")
    node = replace(
        declared.node,
        signing=replace(declared.node.signing, revocation=own),
        verification=replace(declared.node.verification, revocation=others),
    )
    paths = Paths(config=tmp_path, state=tmp_path, run=tmp_path, log=tmp_path)
    evidence._check_delegate(paths, b"", "+12125550150", replace(declared, node=node), 2.0, 1.0)
    assert asked == [hard]
