"""`trunkward journal verify` says, and ends with 1, when nobody signs heads any more: then a rewrite is not seen."""

import json
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from trunkward.cli import journal
from trunkward.engines.journals import append_minute
from trunkward.engines.pki_files import PkiFiles
from trunkward.journal.chain import Entry
from trunkward.journal.examine import Report
from trunkward.journal.heads import ACTS, Head, signed_minute
from trunkward.settings import Paths
from trunkward.signer.journal import Journal, Line

KEY = Ed25519PrivateKey.generate()


class Node:
    """A signer's journal and its heads; the journal of acts is empty."""

    def __init__(self, home: Path) -> None:
        self.paths = Paths(
            config=home / "node.yaml", state=home / "state", run=home / "run", log=home / "log"
        )
        for place in (self.paths.pki, self.paths.heads.parent, self.paths.signer_state()):
            place.mkdir(parents=True)
        public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        PkiFiles(self.paths.pki).heads_public_key.write_bytes(public)
        self.paths.heads.touch()
        self._journal = Journal(self.paths.signer_journal())
        self._last: Entry | None = None

    def write(self, ago_s: float) -> None:
        self._journal.commit([Line(facts={"kind": "signed", "at": time.time() - ago_s})])

    def sign(self, ago_s: float) -> None:
        head = Head(journal="node", seq=self._journal.seq, hash=self._journal.head)
        self._last, line = signed_minute(self._last, [head], time.time() - ago_s, KEY, lambda: bytes(16))
        append_minute(self.paths.heads, line)

    def verify(self, heads: Path | None = None, *, as_json: bool = False) -> int:
        return journal.run_verify(self.paths, heads=heads, key=None, as_json=as_json)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    monkeypatch.setattr(journal, "_acts", lambda *_: Report(journal=ACTS))
    return Node(tmp_path)


def test_heads_that_are_signed(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.write(3700)
    node.sign(3650)  # nothing moved since: the next one is due in the next minute
    assert node.verify() == 0
    node.write(100)  # on its way
    assert node.verify() == 0
    assert "no head" not in capsys.readouterr().out
    assert node.verify(as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["silent"] == []


def test_nobody_signs_any_more(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.write(5000)
    node.sign(4000)
    assert node.verify() == 1
    assert "no head was signed since" in capsys.readouterr().out
    # a copy ends where it was taken, and is asked about what it has
    copy = node.paths.heads.with_name("copy.log")
    copy.write_bytes(node.paths.heads.read_bytes())
    assert node.verify(copy) == 0


def test_a_journal_that_goes_on_without_heads(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.write(600)
    node.sign(500)
    node.write(130)
    node.write(1)
    assert node.verify() == 1
    assert "node: no head was signed of its lines since" in capsys.readouterr().out
    assert node.verify(as_json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert [one["journal"] for one in told["journals"]] == ["node", ACTS]
    (said,) = told["silent"]
    assert said.startswith("node: no head")
    assert told["last_head_at"] == pytest.approx(time.time() - 500, abs=5)


def test_no_head_was_ever_signed(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    assert node.verify() == 1
    assert "no head was signed ever" in capsys.readouterr().out
