"""`trunkward journal verify` says, and ends with 1, what the chain alone does not show.

Nobody signs heads any more: then a rewrite is not seen. Calls were signed, by their own records, and have no line.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from trunkward.cli import journal, journals_examined
from trunkward.cli.changing import configuration_store
from trunkward.control import configuration
from trunkward.control.acts import put_down
from trunkward.control.effects import Effects
from trunkward.control.restored import Restored
from trunkward.engines.pki_files import PkiFiles
from trunkward.journal.examine import Report
from trunkward.journal.heads import ACTS
from trunkward.records.model import AttestationRecord
from trunkward.signer.journal import Journal
from trunkward.store.configuration import SqlConfiguration
from trunkward.store.database import open_database
from unit.cli.evidence_node import ACCEPTED, ALICE
from unit.cli.journal_node import Calls, Node


def verify(node: Node, heads: Path | None = None, *, as_json: bool = False) -> int:
    return journal.run_verify(node.paths, heads=heads, key=None, as_json=as_json)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    monkeypatch.setattr(journals_examined, "_acts", lambda *_: Report(journal=ACTS))
    return Node(tmp_path)


def test_heads_that_are_signed(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.write(3700)
    node.sign(3650)  # nothing moved since: the next one is due in the next minute
    assert verify(node) == 0
    node.write(100)  # on its way
    assert verify(node) == 0
    assert "no head" not in capsys.readouterr().out
    assert verify(node, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["silent"] == []


def test_which_key_signed_the_heads_is_said(
    node: Node, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The number an auditor can make of the file he was given."""
    node.write(600)
    node.sign(60)
    given = PkiFiles(node.paths.pki).heads_public_key
    openssl = ["openssl", "pkey", "-pubin", "-in", str(given), "-outform", "DER"]
    number = sha256(subprocess.run(openssl, capture_output=True, check=True).stdout).hexdigest()
    assert verify(node) == 0
    assert f"the key sha256:{number}" in capsys.readouterr().out
    assert verify(node, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["key_sha256"] == number
    assert journal.run_heads(node.paths, as_json=False) == 0
    assert f"sha256:{number}" in capsys.readouterr().out
    assert journal.run_heads(node.paths, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["key_sha256"] == number


def test_a_file_that_is_none_of_heads_is_named(
    node: Node, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(b"%PDF-1.7\n1 0 obj\n")
    assert verify(node, letter) == 1
    assert str(letter) in capsys.readouterr().err


def test_nobody_signs_any_more(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.write(5000)
    node.sign(4000)
    assert verify(node) == 1
    assert "no head was signed since" in capsys.readouterr().out
    # a copy ends where it was taken, and is asked about what it has
    copy = node.paths.heads.with_name("copy.log")
    copy.write_bytes(node.paths.heads.read_bytes())
    assert verify(node, copy) == 0
    (link := copy.with_name("link.log")).symlink_to(copy)
    assert verify(node, link) == 0


def test_a_journal_that_goes_on_without_heads(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    node.write(600)
    node.sign(500)
    node.write(130)
    node.write(1)
    assert verify(node) == 1
    assert "node: no head was signed of its lines since" in capsys.readouterr().out
    assert verify(node, as_json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert [one["journal"] for one in told["journals"]] == ["node", ACTS]
    (said,) = told["silent"]
    assert said.startswith("node: no head")
    assert told["last_head_at"] == pytest.approx(time.time() - 500, abs=5)


def test_no_head_was_ever_signed(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(node) == 1
    assert "no head was signed ever" in capsys.readouterr().out


@pytest.fixture
def calls(node: Node) -> Iterator[Calls]:
    made = Calls(node)
    yield made
    made.engine.dispose()


def test_calls_that_all_have_their_lines(
    node: Node, calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    for ago_s in (900.0, 800.0):
        calls.signed(ago_s)
    calls.signed(700, told=False)  # its line came late
    calls.signed(600, line=False, attestation=AttestationRecord(rule="B-known-customer"))  # was not signed
    calls.signed(500, line=False, attestation=None)
    calls.signed(30, line=False)  # on its way
    node.sign(60)
    assert verify(node) == 0
    assert "no line of" not in capsys.readouterr().out
    assert verify(node, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["lost"] == []


def test_finding_28_a_journal_that_was_cut_short_is_held_against_the_calls_own_records(
    node: Node, calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    """Power went while the disk was slow: lines and their count are gone, other lines have their numbers now."""
    calls.signed(3000)
    minute = time.time() // 60 * 60 - 2400
    now = time.time()
    (kept,) = node.paths.signer_journal().glob("*.jsonl")
    before = kept.read_bytes()
    # two of one minute, one of the next
    for at in (minute + 10, minute + 20, minute + 70):
        calls.signed(now - at)
    node.journal.close()
    for segment in node.paths.signer_journal().glob("*.jsonl"):
        segment.unlink()
    kept.write_bytes(before)
    node.journals["node"] = Journal(node.paths.signer_journal())
    node.write(now - minute - 100, kind="started", unended=True)
    calls.signed(1000)
    node.sign(60)
    assert verify(node) == 1
    out = " ".join(capsys.readouterr().out.split())
    first, second = (time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(minute + after)) for after in (0, 60))
    # each day has a segment of its own, and a line that opens it; the hour before may have been yesterday's
    days = {time.gmtime(at).tm_yday for at in (now - 3000, minute + 100, now - 1000)}
    assert f"node: {2 + len(days)} lines as they were written" in out
    told = f"node: by the calls' records 3 calls were signed that the journal has no line of, and no gap declares: {first} 2, {second} 1;"
    assert told in out
    assert verify(node, as_json=True) == 1
    (sentence,) = json.loads(capsys.readouterr().out)["lost"]
    assert sentence.startswith(told)


def test_a_gap_declares_as_many_as_it_counts(
    node: Node, calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    now = time.time()
    for ago_s in (900.0, 899.0, 898.0, 400.0):
        calls.signed(ago_s, line=False, told=False)
    node.write(890, kind="gap", count=2, first=now - 900, last=now - 898, cause="full")
    node.sign(60)
    assert verify(node) == 1
    assert "2 calls were signed that the journal has no line of" in " ".join(capsys.readouterr().out.split())
    node.write(300, kind="gap", count=1, first=now - 400, last=now - 400, cause="full")
    node.write(299, kind="gap", count=5, first=now - 900, last=now - 898, cause="full")
    node.sign(50)
    assert verify(node) == 0


def test_the_journal_of_a_signer_that_is_gone_has_no_line(
    node: Node, calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    said = AttestationRecord(rule="A-own-inventory", identity="resold", serial="aa", journal=7)
    calls.signed(900, line=False, attestation=said)
    node.write(800)
    node.sign(60)
    assert verify(node) == 1
    assert "resold: by the calls' records 1 call was signed" in " ".join(capsys.readouterr().out.split())


def test_records_that_cannot_be_read_are_not_taken_for_none(
    node: Node, calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    node.write(300)
    node.sign(60)
    calls.engine.dispose()
    node.paths.records_db.write_bytes(b"no database" * 1000)
    assert verify(node) == 2
    assert "cannot be read" in capsys.readouterr().err


def restored_act(store: SqlConfiguration, made_ago_s: float, ago_s: float) -> None:
    now = time.time()
    made_at = datetime.fromtimestamp(now - made_ago_s, UTC).isoformat(timespec="seconds")
    act = Restored(made_at=made_at, version="1", evidence=())
    put_down(store, act, actor=ALICE, command="restore", at=now - ago_s, beyond=0)


def test_what_a_restore_took_is_declared_and_nobody_is_accused(
    node: Node, calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    """Records are in a PostgreSQL that no restore touches; the signers' journals begin again at the backup."""
    with configuration_store(node.paths, make=True) as store:
        planned = configuration.plan(store, ACCEPTED, Effects())
        configuration.accept(store, planned, actor=ALICE, command="up", at=time.time() - 5000)
    calls.signed(3000)
    for ago_s in (2000.0, 1500.0):
        calls.signed(ago_s, line=False)
    resale = AttestationRecord(rule="A-own-inventory", identity="resale", serial="1f2e")
    calls.signed(1400, line=False, attestation=resale)
    calls.signed(900)
    node.sign(60)
    assert verify(node) == 1
    assert "2 calls were signed that the journal has no line of" in " ".join(capsys.readouterr().out.split())
    with configuration_store(node.paths, make=True) as store:
        restored_act(store, 2500, 1000)
    assert verify(node) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "node: 2 calls were signed between a backup and its restore" in out
    assert "resale: 1 call was signed between a backup and its restore" in out
    # one after the restore is lost as ever
    calls.signed(800, line=False)
    assert verify(node, as_json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert (len(told["restored"]), len(told["lost"])) == (2, 1)
    assert told["lost"][0].startswith("node: by the calls' records 1 call was signed")


def test_a_restore_that_root_has_not_written_excuses_nothing(
    node: Node, calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    with configuration_store(node.paths, make=True) as store:
        planned = configuration.plan(store, ACCEPTED, Effects())
        configuration.accept(store, planned, actor=ALICE, command="up", at=time.time() - 5000)
    engine = open_database(node.paths.configuration_url)
    restored_act(SqlConfiguration(engine), 2500, 1000)
    restored_act(SqlConfiguration(engine), 2500, 1000)
    engine.dispose()
    calls.signed(2000, line=False)
    calls.signed(900)
    node.sign(60)
    assert verify(node) == 1
    assert "root has not written entries 2 to 3" in " ".join(capsys.readouterr().err.split())
