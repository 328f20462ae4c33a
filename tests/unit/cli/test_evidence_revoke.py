"""A revocation is in force before, and whether or not, anybody can write it down."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sipkit.tokens import token
from trunkward.cli import evidence
from trunkward.control.declared import InForce
from trunkward.settings import Paths
from trunkward.shaken.contract import Contract, issue
from trunkward.shaken.evidence import Kind
from trunkward.trunks.evidence import GRACE_S, EvidenceRecord, NumberBlock

UNTIL = 4_000_000_000
RECORD = EvidenceRecord(
    version=17,
    trunk="acme-hq",
    tenant="acme",
    customer="KYC-2026-17",
    kind="loa",
    first="+12025550150",
    last="+12025550150",
    file_name="letter.pdf",
    file_sha256="ab" * 32,
    why="w",
    salt="5a" * 16,
    until=UNTIL,
    reviewed=18,
    accepted=True,
)


class Node:
    """A node whose database and whose versions do what a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, paths: Paths) -> None:
        self.paths = paths
        self.denied: dict[str, int] = {}
        self.records: list[EvidenceRecord] | None = [RECORD]
        self.act: Callable[[], int] = lambda: 0
        #: What was denied when the act began.
        self.before_the_act: dict[str, int] | None = None
        monkeypatch.setattr(evidence, "_root", lambda: True)
        monkeypatch.setattr(evidence, "sound", lambda store: (store.evidence(), []))
        #: Who has not taken the list.
        self.behind: dict[str, str] = {}
        monkeypatch.setattr(evidence, "deny", lambda _, ended, __: self.denied.update(ended))
        monkeypatch.setattr(evidence, "behind", lambda _: self.behind)
        monkeypatch.setattr(evidence, "configuration_store", self._store)
        monkeypatch.setattr(evidence, "_act", self._acted)

    @contextmanager
    def _store(self, *_: Any, **__: Any) -> Iterator[Any]:
        if self.records is None:
            raise typer.Exit(2)
        yield SimpleNamespace(evidence=lambda: self.records)

    def _acted(self, *_: Any, **__: Any) -> int:
        self.before_the_act = dict(self.denied)
        return self.act()

    def revoke(self, number: int = 17) -> int:
        """What the command ends with."""
        return evidence.run_revoke(self.paths, number, why="ported out")


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Node:
    return Node(monkeypatch, Paths(config=tmp_path, state=tmp_path, run=tmp_path, log=tmp_path))


@pytest.mark.parametrize(("acted", "code"), [(0, 0), (1, 1), (2, 1)])
def test_it_is_denied_before_it_is_written_down(node: Node, acted: int, code: int) -> None:
    """2: a version is pending, somebody else changes the node, the file in force is refused."""
    node.act = lambda: acted
    assert node.revoke() == code
    assert node.before_the_act == node.denied == {"evidence-17": UNTIL + GRACE_S}


def test_a_database_that_does_not_answer_stops_no_revocation(
    node: Node, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lost() -> int:
        raise typer.Exit(2)

    made = token("+12025550150", kind=Kind.LOA, until=UNTIL)
    name = "loa-acme-hq-12025550150"
    monkeypatch.setattr(evidence, "evidence_id", lambda number: name if number == 17 else str(number))
    in_force = InForce(version=1, node_file="", certificates={}, evidence={"acme-hq": [made]})
    monkeypatch.setattr(evidence, "read_in_force", lambda _: in_force)
    node.records, node.act = None, lost
    assert node.revoke() == 1
    assert node.denied == {name: UNTIL + GRACE_S}
    assert "the act itself is to be written down yet" in " ".join(capsys.readouterr().err.split())
    # what neither of them knows is not denied: the next record might have that number
    assert node.revoke(18) == 2
    assert node.denied == {name: UNTIL + GRACE_S}


def test_a_block_is_denied_until_its_own_end(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens in it are declared for 90 days at a time, and could be declared anew while nobody has written it down."""
    made = token("+12025550101", until=UNTIL - 1000, name="evidence-17")
    block = NumberBlock(
        record=17, accepted=18, identity="node", first="+12025550100", last="+12025550199", until=UNTIL - 0.5
    )
    in_force = InForce(version=1, node_file="", certificates={}, evidence={"acme-hq": [made]}, blocks=[block])
    monkeypatch.setattr(evidence, "read_in_force", lambda _: in_force)
    node.records, node.act = None, lambda: 2
    assert (node.revoke(), node.denied) == (1, {"evidence-17": UNTIL + GRACE_S})


@pytest.mark.parametrize("change", [{"until": 5.0}, {"accepted": False}, {"revoked": 19}])
def test_a_row_that_was_changed_ends_by_what_was_issued_for_it(
    node: Node, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    """Whoever wrote to the database that it has ended, or was rejected, keeps nobody from revoking it."""
    made = token("+12025550150", until=UNTIL, name="evidence-17")
    in_force = InForce(version=1, node_file="", certificates={}, evidence={"acme-hq": [made]})
    monkeypatch.setattr(evidence, "read_in_force", lambda _: in_force)
    monkeypatch.setattr(evidence, "sound", lambda _: ([], []))
    node.records = [replace(RECORD, **change)]
    assert (node.revoke(), node.denied) == (0, {"evidence-17": UNTIL + GRACE_S})


def test_a_contract_is_denied_until_its_end(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    said = Contract(identity="resale", spc="567T", id="evidence-17", not_after=UNTIL, version=18)
    held = {"resale": issue(Ed25519PrivateKey.generate(), said)}
    in_force = InForce(version=1, node_file="", certificates={}, evidence={}, contracts=held)
    monkeypatch.setattr(evidence, "read_in_force", lambda _: in_force)
    node.records, node.act = None, lambda: 2
    assert (node.revoke(), node.denied) == (1, {"evidence-17": UNTIL + GRACE_S})


@pytest.mark.parametrize("acted", [0, 1, 2])
def test_a_list_that_cannot_be_written_stops_no_version(
    node: Node, monkeypatch: pytest.MonkeyPatch, acted: int
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(evidence, "deny", full)
    node.act = lambda: acted
    assert (node.revoke(), node.before_the_act) == (acted, {})


def test_what_is_no_record_is_not_denied(node: Node) -> None:
    node.records = []
    assert (node.revoke(), node.denied, node.before_the_act) == (2, {}, None)


def test_what_is_known_to_be_revoked_is_told_again(node: Node) -> None:
    """Should the list be damaged, it is made anew with this."""
    node.records = [RECORD, replace(RECORD, version=20, revoked=21)]
    assert node.revoke() == 0
    assert node.denied == {"evidence-17": UNTIL + GRACE_S, "evidence-20": UNTIL + GRACE_S}


def test_who_has_not_taken_the_list_is_named(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.behind = {"signer": "it does not take the list; its log says why"}
    assert node.revoke() == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "may still be signed A by: signer: it does not take the list" in said
    assert "nothing is signed A by it" not in said
    node.behind = {}
    assert node.revoke() == 0
    assert "nothing is signed A by it any more" in " ".join(capsys.readouterr().err.split())
