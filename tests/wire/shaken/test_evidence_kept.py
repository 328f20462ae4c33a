"""What evidence a node keeps: a restore takes no revocation back, and what is over goes without anybody."""

import json
import math
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trunkward.access.actor import Actor, Source
from trunkward.cli.changing import configuration_store
from trunkward.control.acts import put_down
from trunkward.control.evidence import added
from trunkward.control.evidence_journal import evidence_id
from trunkward.control.node_file import read_node_file
from trunkward.engines.journals import read_private_key
from trunkward.engines.pki_files import PkiFiles
from trunkward.journal.heads import signed_minute
from trunkward.settings import WEB_PORT
from wire.conftest import EXAMPLE, Node, start_node, start_node_in, stop_node
from wire.node.parties import ACME_NUMBER, run
from wire.records.parties import eventually
from wire.shaken.test_evidence import HELD, LETTER, as_person, done, level_of
from wire.signer.conftest import lines_below

DAY = 86_400.0
ALICE = Actor(name="alice", uid=41001, source=Source.LOGIN)


def test_finding_27_a_restore_takes_no_revocation_back(tmp_path: Path) -> None:
    """Summary: evidence is accepted, backed up, signed A by, and revoked; the older backup is restored on the same machine: neither gate nor signer takes it, and nobody is asked to look."""
    node = start_node(EXAMPLE.read_text(encoding="utf-8"))
    backup = tmp_path / "node.backup"
    try:
        number = _accepted(node)
        run(node, lambda: _shows(node, "A", HELD))
        done(node, "backup", str(backup))
        alice = as_person(node, "alice", 41001)
        done(alice, "evidence", "revoke", number, "--why", "ported out")
        run(node, lambda: _shows(node, "A", ACME_NUMBER))
        stop_node(node, keep=True)
        said = done(node, "restore", str(backup), "--replace")
        assert f"evidence {number} was revoked after the backup, and nothing is signed by it" in " ".join(
            said.split()
        )
        node = start_node_in(node.home)
        (listed,) = done(node, "evidence", "list", "--json").splitlines()
        assert (json.loads(listed)["state"], json.loads(listed)["denied"]) == ("accepted", True)
        run(node, lambda: _shows(node, "A", ACME_NUMBER))
        # what the signer started with says its own journal
        journal = node.paths.signer_journal()
        eventually(
            lambda: [line["kind"] for line in lines_below(journal) if line["kind"] != "late"][-1] == "signed",
            20,
            "the signature's line",
        )
        (denied,) = [line for line in lines_below(journal) if line["kind"] == "denied-evidence"]
        assert denied["added"] == [evidence_id(int(number))]
        eventually(lambda: not _troubles(node), 20, "nobody is asked to look")
        eventually(lambda: _gauge("trunkward_node_restored_unconfirmed") == 0, 20, "it is told")
    finally:
        stop_node(node)


def test_finding_27_on_a_fresh_machine_a_person_is_asked_to_look(tmp_path: Path) -> None:
    """Summary: the same backup where nothing is known: it is signed A by, `status` and the metrics say that nobody has looked, until somebody under a login confirms it."""
    node = start_node(EXAMPLE.read_text(encoding="utf-8"))
    backup = tmp_path / "node.backup"
    try:
        number = _accepted(node)
        done(node, "backup", str(backup))
        stop_node(node)
        node.home.mkdir(mode=0o755)
        said = " ".join(done(node, "restore", str(backup)).split())
        assert f"evidence {number} (loa, trunk acme-hq) holds, as it did then" in said
        node = start_node_in(node.home)
        run(node, lambda: _shows(node, "A", HELD))
        eventually(lambda: [one["what"] for one in _troubles(node)] == ["restored"], 20, "it is told")
        eventually(lambda: _gauge("trunkward_node_restored_unconfirmed") == 1, 20, "web sees it")
        done(node, "evidence", "confirm", code=2)
        done(as_person(node, "bob", 41002), "evidence", "confirm")
        eventually(lambda: not _troubles(node), 20, "it is confirmed")
        eventually(lambda: _gauge("trunkward_node_restored_unconfirmed") == 0, 20, "web sees it")
        assert "bob (uid 41002)" in done(node, "history", "--limit", "1")
    finally:
        stop_node(node)


def test_property_34_what_is_over_goes_without_anybody() -> None:
    """Summary: Property 34: a record ended three years ago. By a clock nobody has vouched for since an hour it stays, and `status` and the metrics say so; by one that is believed the node deletes it by itself, an act of nobody's login."""
    node = start_node(EXAMPLE.read_text(encoding="utf-8"))
    try:
        _entered_long_ago(node)
        done(node, "plan")  # nobody is hindered by it

        def why() -> list[str]:
            return [one["problem"] for one in _troubles(node) if one["what"] == "retention"]

        (problem,) = eventually(why, 60, "it says why")
        assert "no heads of journals were signed within the last day and more than an hour ago" in problem
        eventually(lambda: _gauge("trunkward_evidence_retention_failing") == 1, 20, "web sees it")
        assert _numbers(node) == [2]
        stop_node(node, keep=True)
        key = read_private_key(PkiFiles(node.paths.pki).heads_key)
        _, line = signed_minute(None, [], time.time() - 7200, key, lambda: bytes(16))
        node.paths.heads.write_text(f"{line}\n")
        node = start_node_in(node.home)
        eventually(lambda: not _numbers(node), 60, "it is deleted")
        eventually(lambda: not _troubles(node), 20, "and all is well")
        eventually(lambda: _gauge("trunkward_evidence_retention_failing") == 0, 20, "web sees it")
        with configuration_store(node.paths, make=False) as store:
            newest, entries = store.head(), store.history()[1]
        assert newest is not None
        assert (str(newest.actor), newest.command) == ("up (uid 0)", "evidence forget")
        assert json.loads(entries[-1].text)["evidence_deleted"]["records"] == [2]
        # in force, like any act
        number = newest.number
        eventually(
            lambda: json.loads(node.trunkward("status", "--json").stdout)["configuration"] == number,
            20,
            "it is in force",
        )
        said = node.home / "up.out"
        eventually(lambda: "evidence whose time is over: version" in said.read_text(), 20, "`up` says so")
    finally:
        stop_node(node)


def _accepted(node: Node) -> str:
    """Enters a letter for a number that only it speaks for, and accepts it: the record's number."""
    letter = node.home / "letter.pdf"
    letter.write_bytes(LETTER)
    until = f"{datetime.now(UTC) + timedelta(days=100):%Y-%m-%d}"
    done(
        *(as_person(node, "alice", 41001), "evidence", "add", HELD, "--trunk", "acme-hq", "--kind", "loa"),
        *("--file", str(letter), "--until", until, "--why", "filed as 2026/44"),
    )
    (listed,) = done(node, "evidence", "list", "--json").splitlines()
    number = str(json.loads(listed)["id"])
    done(as_person(node, "bob", 41002), "evidence", "review", number, "--accept", "--why", "called them")
    return number


async def _shows(node: Node, level: str, number: str) -> None:
    assert (await level_of(node, HELD))[:2] == (level, number)


def _entered_long_ago(node: Node) -> None:
    """As somebody would have done three years ago; then the node takes it in force."""
    then = time.time() - 1100 * DAY
    with configuration_store(node.paths, make=True) as store:
        newest = store.head()
        assert newest is not None
        entering = added(
            read_node_file(store.text(newest), "node.yaml"),
            (),
            numbers=HELD,
            trunk="acme-hq",
            kind="loa",
            file_name="letter.pdf",
            document=LETTER,
            until=then + DAY,
            why="filed as 2023/1",
            actor=ALICE,
            now=then,
            salt="5a" * 16,
        )
        assert put_down(store, entering, actor=ALICE, command="evidence add", at=then, beyond=0).number == 2
    done(node, "apply")


def _numbers(node: Node) -> list[int]:
    with configuration_store(node.paths, make=False) as store:
        return [one.version for one in store.evidence()]


def _troubles(node: Node) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(node.trunkward("status", "--json").stdout)["troubles"]
    return found


def _gauge(name: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{WEB_PORT}/metrics", timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(f"{name} ")), math.nan)
