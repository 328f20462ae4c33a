"""A restore takes no revocation back that anybody at hand knows of, and where nobody knows a person has to look."""

import io
import itertools
import json
import shutil
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trunkward import __version__
from trunkward.access.actor import Actor, Source
from trunkward.cli import evidence, restored
from trunkward.cli.changing import configuration_store
from trunkward.cli.evidence import run_review
from trunkward.cli.restored import Restoring, run_confirm
from trunkward.control.evidence_journal import evidence_id, sound
from trunkward.engines.denied_file import DeniedFile, deny
from trunkward.engines.own_file import OwnFile
from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.restore import restore
from trunkward.engines.restored_mark import Unconfirmed, unconfirmed
from trunkward.settings import Paths
from trunkward.signer.journal import Journal, Line
from unit.cli.evidence_node import ALICE, BOB, EvidenceNode

LATER = 4_000_000_000
#: Of each restore; what it puts aside is called by it.
MOMENTS = itertools.count(1_800_000_000)


@pytest.fixture
def node(tmp_path: Path) -> EvidenceNode:
    """With record 2 accepted, and a signer's journal."""
    made = EvidenceNode(tmp_path / "here", time.time())
    assert made.accepted("+12125550150") == 2
    made.paths.signer_state().mkdir()
    journal = Journal(made.paths.signer_journal())
    journal.commit([Line(facts={"kind": "signed", "at": made.now})])
    journal.close()
    return made


def denied(paths: Paths) -> frozenset[str]:
    """What gates and signers deny: the list as they read it, signed."""
    files = PkiFiles(paths.pki)
    found = DeniedFile(files.denied_evidence, files.evidence_public_key)
    found.refresh()
    assert (found.problem, found.unknown) == ("", False)
    return found.ids


def restored_onto(paths: Paths, backup: io.BytesIO) -> None:
    """What the command does, for a node that is down."""
    restoring = Restoring(paths)
    backup.seek(0)
    restore(
        *(paths, backup),
        version=__version__,
        now=datetime.fromtimestamp(next(MOMENTS), UTC),
        replace=True,
        unite=restoring.unite,
    )
    restoring.tell()


def last_act(node: EvidenceNode) -> dict[str, object]:
    found: dict[str, object] = json.loads(node.entries()[-1])
    return found


@pytest.mark.parametrize("written_down", [True, False])
def test_what_was_revoked_here_after_the_backup_stays_revoked(
    node: EvidenceNode, capsys: pytest.CaptureFixture[str], written_down: bool
) -> None:
    """Written down and not told, or told and not written down: either is known here."""
    backup = node.backed_up()
    if written_down:
        node.revoke(2)
    else:
        deny(node.paths, {evidence_id(2): LATER}, node.now)
    before = len(node.entries())
    restored_onto(node.paths, backup)
    assert denied(node.paths) == {"evidence-2"}
    assert unconfirmed(node.paths) is None
    act = last_act(node)
    said = act["restored"]
    assert isinstance(said, dict)
    assert (said["evidence"], said["denied"], said["known"]) == ([], [2], True)
    made_at = datetime.fromtimestamp(node.now, UTC).isoformat(timespec="seconds")
    assert said["made_at"] == made_at
    assert said["journals"]["node"][0] == 1
    # beyond all numbers that were given: no later record is called like one that was revoked
    assert act["version"] == before + 1
    out = " ".join(capsys.readouterr().out.split())
    assert "evidence 2 was revoked after the backup, and nothing is signed by it" in out
    assert f"journaled as version {before + 1}: restored from the backup of {made_at}" in out
    # and once more, from what is at hand now
    restored_onto(node.paths, backup)
    assert denied(node.paths) == {"evidence-2"}
    assert last_act(node)["version"] == before + 2


def test_nothing_was_revoked_since(node: EvidenceNode, capsys: pytest.CaptureFixture[str]) -> None:
    backup = node.backed_up()
    node.accepted("+12125550151")
    restored_onto(node.paths, backup)
    assert (denied(node.paths), unconfirmed(node.paths), node.numbers()) == (frozenset(), None, [2])
    assert "confirm" not in capsys.readouterr().out


def test_on_a_fresh_machine_a_person_has_to_look(
    node: EvidenceNode,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    backup = node.backed_up()
    node.revoke(2)
    shutil.rmtree(tmp_path / "here")
    fresh = tmp_path / "there"
    paths = Paths(config=fresh / "node.yaml", state=fresh / "state", run=fresh / "run", log=fresh / "log")
    restored_onto(paths, backup)
    node.paths = paths
    made_at = datetime.fromtimestamp(node.now, UTC).isoformat(timespec="seconds")
    assert (denied(paths), unconfirmed(paths)) == (frozenset(), Unconfirmed(made_at))
    said = last_act(node)["restored"]
    assert isinstance(said, dict)
    assert (said["evidence"], said["denied"], said["known"]) == ([2], [], False)
    out = " ".join(capsys.readouterr().out.split())
    assert "evidence 2 (loa, trunk acme-hq) holds, as it did then" in out
    assert f"what evidence was revoked since {made_at} is not known here" in out
    # the same again tells nobody more
    backup.seek(0)
    restored_onto(paths, backup)
    assert unconfirmed(paths) == Unconfirmed(made_at)
    # a person confirms it, under a login
    monkeypatch.setattr(restored, "current_actor", lambda: Actor(name="x", uid=5, source=Source.SUDO))
    assert run_confirm(paths) == 2
    assert unconfirmed(paths) == Unconfirmed(made_at)
    monkeypatch.setattr(restored, "current_actor", lambda: ALICE)
    assert run_confirm(paths) == 0
    assert unconfirmed(paths) is None
    act = last_act(node)
    assert (act["actor"], act["restore_confirmed"]) == ("alice", {"made_at": made_at, "evidence": [2]})
    assert run_confirm(paths) == 2
    # a backup that nobody has confirmed, onto a node where somebody has
    backup.seek(0)
    restored_onto(paths, backup)
    assert unconfirmed(paths) is None


def test_another_node_at_hand_knows_nothing_of_it(node: EvidenceNode, tmp_path: Path) -> None:
    """Its record 2 is another: what it revoked is not taken for the backup's."""
    other = EvidenceNode(tmp_path / "other", node.now - 5)
    other.accepted("+12125550155")
    other.revoke(2)
    deny(other.paths, {evidence_id(2): LATER}, node.now)
    restored_onto(other.paths, node.backed_up())
    assert denied(other.paths) == frozenset()
    assert unconfirmed(other.paths) is not None
    said = last_act(other)["restored"]
    assert isinstance(said, dict)
    assert (said["evidence"], said["known"]) == ([2], False)


def test_of_a_database_that_is_damaged_the_list_is_still_known(
    node: EvidenceNode, capsys: pytest.CaptureFixture[str]
) -> None:
    backup = node.backed_up()
    assert node.accepted("+12125550151") == 4
    deny(node.paths, {evidence_id(2): LATER, evidence_id(4): LATER}, node.now)
    node.paths.configuration_db.write_bytes(b"no database at all" * 100)
    restored_onto(node.paths, backup)
    # 4 is unknown to the backup, and a token of it may still be about
    assert denied(node.paths) == {"evidence-2", "evidence-4"}
    said = last_act(node)["restored"]
    assert isinstance(said, dict)
    assert (said["denied"], said["known"], unconfirmed(node.paths)) == ([2], False, None)


def test_a_journal_from_which_a_revocation_was_taken_is_not_believed(node: EvidenceNode) -> None:
    backup = node.backed_up()
    node.revoke(2)
    node.accepted("+12125550151")
    with closing(sqlite3.connect(node.paths.configuration_db, autocommit=True)) as database:
        database.execute('DELETE FROM journal WHERE entry LIKE \'%"act":"revoke"%\'')
        database.execute("UPDATE evidence SET revoked = 0 WHERE version = 2")
    restored_onto(node.paths, backup)
    assert unconfirmed(node.paths) is not None


def test_what_root_keeps_beside_the_journal_may_be_older_in_a_backup(node: EvidenceNode) -> None:
    """It is read before the database is copied: an act may come between."""
    file = OwnFile(node.paths).path
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_bytes()
    node.accepted("+12125550151")
    now = file.read_bytes()
    assert now != before
    file.write_bytes(before)
    backup = node.backed_up()
    file.write_bytes(now)
    restored_onto(node.paths, backup)
    with configuration_store(node.paths, make=True) as store:
        good, problems = sound(store)
        assert ([one.version for one in good], problems) == ([4, 2], [])
    assert last_act(node)["taken_over"] == 5


def test_a_row_that_was_unrevoked_does_not_undo_what_the_journal_says(node: EvidenceNode) -> None:
    backup = node.backed_up()
    node.revoke(2)
    with closing(sqlite3.connect(node.paths.configuration_db, autocommit=True)) as database:
        database.execute("UPDATE evidence SET revoked = 0 WHERE version = 2")
    restored_onto(node.paths, backup)
    assert denied(node.paths) == {"evidence-2"}


def test_acts_of_nobody_root_knows_of_are_confirmed_by_a_person(
    node: EvidenceNode, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What they alone accepted waits for a second person, who is none of those they name."""
    file = OwnFile(node.paths).path
    before = file.read_bytes()
    assert node.accepted("+12125550151") == 4
    file.write_bytes(before)
    with configuration_store(node.paths, make=True) as store:
        assert sound(store)[0] == []
    as_who(monkeypatch, ALICE)
    assert run_confirm(node.paths) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "from now on you answer for these acts, which root has not written:" in out
    at = f"{datetime.fromtimestamp(node.now, UTC):%Y-%m-%d %H:%M} UTC"
    for said_of in (
        f"version 4, {at}, by alice (uid 1000), evidence: evidence (loa) entered for trunk acme-hq",
        f"version 5, {at}, by bob (uid 1001), evidence: evidence 4 (loa) accepted for trunk acme-hq",
        "evidence 4 was accepted by acts that root has not written, and signs nothing until another person",
        "says so: ./trunkward evidence review 4",
    ):
        assert said_of in out
    assert "version 3" not in out
    said = last_act(node)
    assert (said["taken_over"], said["restore_confirmed"]) == (
        5,
        {"made_at": "", "evidence": [2], "foreign": [4, 5]},
    )
    assert accepted_ones(node) == [2]
    assert run_review(node.paths, 4, accept=True, why="as I said") == 2
    assert "alice (uid 1000) has entered record 4" in " ".join(capsys.readouterr().err.split())
    as_who(monkeypatch, BOB)
    assert run_review(node.paths, 4, accept=True, why="looked at it again") == 0
    assert accepted_ones(node) == [2, 4]
    assert run_confirm(node.paths) == 2
    assert "nothing to confirm" in capsys.readouterr().err


def test_a_journal_brought_back_from_ones_own_backup_holds_again_when_two_people_say_so(
    node: EvidenceNode,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It ends before what root has written, which vouches for nothing in it: a second one looks at all."""
    older = tmp_path / "older.db"

    def copy(source: Path, to: Path) -> None:
        with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(to)) as written:
            read.backup(written)

    copy(node.paths.configuration_db, older)
    node.accepted("+12125550151")
    copy(older, node.paths.configuration_db)
    as_who(monkeypatch, BOB)
    assert run_confirm(node.paths) == 0
    assert "version 1," in capsys.readouterr().out
    assert accepted_ones(node) == []
    as_who(monkeypatch, ALICE)
    assert run_review(node.paths, 2, accept=True, why="it is in our folder") == 0
    assert accepted_ones(node) == [2]


def as_who(monkeypatch: pytest.MonkeyPatch, actor: Actor) -> None:
    """Who gives the next commands."""
    for module in (restored, evidence):
        monkeypatch.setattr(module, "current_actor", lambda: actor)


def accepted_ones(node: EvidenceNode) -> list[int]:
    """Numbers of records by which something is signed."""
    with configuration_store(node.paths, make=True) as store:
        return sorted(one.version for one in sound(store)[0] if one.accepted)


def test_a_node_of_a_version_before_goes_on(node: EvidenceNode, capsys: pytest.CaptureFixture[str]) -> None:
    OwnFile(node.paths).path.unlink()
    with configuration_store(node.paths, make=True) as store:
        assert len(sound(store)[0]) == 1
    assert "root answers for the journal of acts, 3 entries as they were found" in " ".join(
        capsys.readouterr().err.split()
    )
    node.accepted("+12125550151")
    assert [json.loads(entry).get("taken_over") for entry in node.entries()] == [None, None, None, 3, None]
    assert "root answers" not in capsys.readouterr().err
