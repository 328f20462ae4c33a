"""The node verifies its journals by itself: from where the last good look has ended, once a week from the first line on."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from trunkward.cli import journals_examined
from trunkward.cli.journal import run_verify
from trunkward.cli.verify_journals import run
from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.verified_state import Outcome, Verified, read_told, read_verified, write_verified
from trunkward.journal.examine import Report, told
from trunkward.journal.heads import ACTS
from trunkward.records.model import Event
from trunkward.signer.journal import Journal
from unit.cli.journal_node import Calls, Node


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """With three lines of long ago, the first head after two of them."""
    monkeypatch.setattr(journals_examined, "_acts", lambda *_: Report(journal=ACTS))
    # also around midnight
    monkeypatch.setattr("trunkward.signer.segments.DAY_S", 1e12)
    made = Node(tmp_path)
    made.write(3000, "a call")
    made.write(2900)
    made.sign(2800)
    made.write(2700)
    made.sign(2600)
    return made


@pytest.fixture
def calls(node: Node) -> Iterator[Calls]:
    made = Calls(node)
    yield made
    made.engine.dispose()


def looked(node: Node, code: int) -> Verified:
    assert run(node.paths) == code
    found = read_verified(node.paths)
    assert found is not None
    return found


def rewritten(node: Node, old: bytes, new: bytes) -> None:
    """In the journal's file, by whoever may write it."""
    file = node.paths.signer_journal() / "000000000001.jsonl"
    text = file.read_bytes()
    assert text.count(old) == 1
    file.write_bytes(text.replace(old, new))


def line(number: int) -> bytes:
    return f'"seq":{number},'.encode()


def test_the_first_look_follows_all_and_says_so_to_whoever_watches(node: Node) -> None:
    found = looked(node, 0)
    assert found.told.outcome is Outcome.HOLDS
    assert found.told.good_at == found.told.at == pytest.approx(time.time(), abs=10)
    assert found.told.looked_at == "node to line 3, configuration to line 0; from the first line on"
    assert found.place is not None
    assert found.calls == pytest.approx(time.time() - 2600, abs=10)
    assert read_told(node.paths) == found.told
    assert (node.paths.verified.stat().st_mode & 0o777, node.paths.verified_told.stat().st_mode & 0o777) == (
        0o600,
        0o644,
    )


def test_the_next_goes_on_where_it_ended_and_the_weekly_one_does_not(node: Node) -> None:
    first = looked(node, 0)
    node.write(1000)
    node.sign(900)
    # of a line before that nothing is asked today
    rewritten(node, b"a call", b"A call")
    second = looked(node, 0)
    assert second.told.looked_at.startswith("node to line 4, ")
    assert second.told.looked_at.endswith("; from where the last look had come to")
    assert second.place is not None
    assert first.place is not None
    assert second.place.offset > first.place.offset
    assert second.whole_at == first.whole_at
    write_verified(node.paths, replace(second, whole_at=second.whole_at - 7 * 86_400))
    found = looked(node, 1)
    assert found.told.outcome is Outcome.CHANGED
    assert "node: 000000000001.jsonl, line" in found.told.problem
    assert (found.place, found.told.good_at) == (second.place, second.told.good_at)
    # and every day, until it is mended
    assert looked(node, 1).told.problem == found.told.problem
    rewritten(node, b"A call", b"a call")
    assert looked(node, 0).told.problem == ""


@pytest.mark.parametrize("number", [3, 4, 5])
def test_a_line_that_was_changed_since_is_found(node: Node, number: int) -> None:
    looked(node, 0)
    node.write(1000, count=4)
    node.write(950, count=5)
    node.sign(900)
    text = (node.paths.signer_journal() / "000000000001.jsonl").read_bytes().split(b"\n")[number - 1]
    rewritten(node, text, text.replace(b'"signed"', b'"Signed"'))
    found = looked(node, 1)
    assert found.told.outcome is Outcome.CHANGED
    assert "line" in found.told.problem
    assert found.told.problem == looked(node, 1).told.problem


def test_what_was_cut_off_before_the_place_is_found(node: Node) -> None:
    looked(node, 0)
    file = node.paths.signer_journal() / "000000000001.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:2]))
    assert "cut off: the journal had 3 lines" in looked(node, 1).told.problem


@pytest.mark.parametrize("lines", [0, 1])
def test_heads_that_were_cut_off_are_found(node: Node, lines: int) -> None:
    looked(node, 0)
    heads = node.paths.heads
    heads.write_bytes(b"".join(heads.read_bytes().splitlines(keepends=True)[:lines]))
    assert "the line it was verified to before is not there" in looked(node, 1).told.problem


@pytest.mark.parametrize("is_whole", [False, True])
@pytest.mark.parametrize("keeps", [None, 0, 1])
def test_heads_are_there_up_to_the_place_also_when_all_is_followed(
    node: Node, keeps: int | None, is_whole: bool
) -> None:
    """Who takes the file away, or makes it anew, has taken heads away that were good before."""
    first = looked(node, 0)
    if is_whole:
        write_verified(node.paths, replace(first, whole_at=first.whole_at - 7 * 86_400))
    heads = node.paths.heads
    lines = heads.read_bytes().splitlines(keepends=True)
    if keeps is None:
        heads.unlink()
    else:
        heads.write_bytes(b"".join(lines[:keeps]))
    found = looked(node, 1).told
    assert found.outcome is Outcome.CHANGED
    assert found.problem.startswith(str(heads))
    assert ("taken away" if keeps is None else "rewritten, or cut off") in found.problem
    heads.write_bytes(b"".join(lines))
    assert looked(node, 0).told.outcome is Outcome.HOLDS


def test_heads_that_were_never_there_are_not_looked_at(node: Node) -> None:
    node.paths.heads.unlink()
    assert looked(node, 2).told.outcome is Outcome.NOT_DONE


def in_its_place(path: Path, what: str) -> None:
    """By whoever may write there."""
    path.unlink(missing_ok=True)
    match what:
        case "pipe":
            os.mkfifo(path)
        case "link":
            path.symlink_to("/dev/zero")
        case "directory":
            path.mkdir()
        case "socket":
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(str(path))
        case _:  # a line of 1 TiB, which takes no room
            with path.open("wb") as file:
                file.truncate(1 << 40)


@pytest.mark.parametrize("what", ["pipe", "link", "directory", "socket", "long"])
@pytest.mark.parametrize("number", [1, 4])
def test_what_is_no_segment_holds_no_look_up_and_is_a_finding(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, number: int
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's name is short
    file = node.paths.signer_journal() / f"{number:012}.jsonl"
    in_its_place(file.relative_to(tmp_path), what)
    found = looked(node, 1).told
    assert found.outcome is Outcome.CHANGED
    assert found.problem.startswith(f"node: line 0: {file}: ")
    assert run_verify(node.paths, heads=None, key=None, as_json=False) == 1


@pytest.mark.parametrize("what", ["pipe", "link", "directory", "long"])
@pytest.mark.parametrize("is_first", [False, True])
def test_what_is_no_file_of_heads_holds_no_look_up_and_is_a_finding(
    node: Node, what: str, is_first: bool
) -> None:
    if not is_first:
        looked(node, 0)
    in_its_place(node.paths.heads, what)
    found = looked(node, 1).told
    assert found.outcome is Outcome.CHANGED
    assert found.problem.startswith(str(node.paths.heads))


def test_values_of_lines_before_the_place_belong_to_them(node: Node) -> None:
    for ago_s in (2500, 2400):
        node.write_private(ago_s, "+12025550101")
    node.sign(2300)
    looked(node, 0)
    node.write_private(1000, "+12025550102")
    node.sign(900)
    assert looked(node, 0).told.looked_at.startswith("node to line 6, ")
    for details in (node.paths.signer_state() / "details").iterdir():
        details.write_bytes(details.read_bytes().replace(b"+12025550102", b"+12025550109"))
    assert "its values were changed" in looked(node, 1).told.problem


def test_a_journal_that_is_new_is_followed_from_its_first_line(node: Node) -> None:
    looked(node, 0)
    node.paths.signer_state("resold").mkdir()
    node.journals["resold"] = Journal(node.paths.signer_journal("resold"))
    node.write(1000, "a call", of="resold")
    for _ in range(4):
        node.write(990, of="resold")
    node.sign(900)
    file = node.paths.signer_journal("resold") / "000000000001.jsonl"
    file.write_bytes(file.read_bytes().replace(b"a call", b"A call"))
    assert "resold: 000000000001.jsonl, line 1: changed" in looked(node, 1).told.problem


def test_segments_that_went_in_their_time_are_no_finding(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line it would begin with is gone, and a later one says so."""
    looked(node, 0)
    first = node.paths.signer_journal() / "000000000001.jsonl"
    last_hash = node.journal.head
    monkeypatch.setattr("trunkward.signer.segments.FULL_BYTES", 1)
    node.write(1000, kind="segment-deleted", segment=first.name, first=1, last=3, hash=last_hash, kept_days=0)
    node.sign(900)
    first.unlink()
    assert looked(node, 0).told.looked_at.startswith("node to line 5, ")


def test_calls_since_are_held_against_their_lines(node: Node, calls: Calls) -> None:
    calls.signed(2650)
    calls.signed(2640, line=False)
    node.sign(2500)
    # within the last day: asked about by the first look
    assert "1 call was signed that the journal has no line of" in looked(node, 1).told.problem
    node.paths.verified.unlink()
    calls.signed(90_000, line=False)
    with calls.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM calls WHERE at > ?", (time.time() - 80_000,))
    assert looked(node, 0).told.problem == ""
    calls.signed(1000)
    calls.signed(990, line=False)
    node.sign(900)
    assert "1 call was signed that the journal has no line of" in looked(node, 1).told.problem


@pytest.mark.parametrize("is_whole", [False, True])
def test_from_when_on_calls_were_held_against_lines_is_said(node: Node, calls: Calls, is_whole: bool) -> None:
    """Also by the weekly look: calls of before the command alone compares."""
    first = looked(node, 0)
    calls.signed(90_000, line=False)
    write_verified(node.paths, replace(first, whole_at=first.whole_at - is_whole * 7 * 86_400))
    where = "from the first line on" if is_whole else "from where the last look had come to"
    assert looked(node, 0).told.looked_at.endswith(f"; {where}; calls since {told(first.calls)}")
    assert run_verify(node.paths, heads=None, key=None, as_json=False) == 1


def test_what_came_of_it_is_an_event(node: Node, calls: Calls) -> None:
    looked(node, 0)
    node.write(1000)
    node.sign(900)
    rewritten(node, line(4), line(8))
    found = looked(node, 1)
    changed, hold = calls.store.events.find()
    assert (changed.event, changed.detail) == (Event.JOURNALS_CHANGED, found.told.problem)
    assert hold.event is Event.JOURNALS_HOLD
    assert hold.detail.startswith(
        "node to line 3, configuration to line 0; from the first line on; calls since "
    )


def test_what_cannot_be_looked_at_is_not_done_and_takes_no_finding_back(node: Node) -> None:
    key = PkiFiles(node.paths.pki).heads_public_key
    public = key.read_bytes()
    key.unlink()
    found = looked(node, 2)
    assert (found.told.outcome, found.place, found.told.good_at) == (Outcome.NOT_DONE, None, 0)
    assert "No such file" in found.told.problem
    key.write_bytes(public)
    rewritten(node, line(2), line(8))
    changed = looked(node, 1)
    key.unlink()
    again = looked(node, 2)
    assert (again.told.outcome, again.told.problem) == (Outcome.CHANGED, changed.told.problem)


def test_records_that_cannot_be_read_are_not_taken_for_none(node: Node, calls: Calls) -> None:
    calls.engine.dispose()
    node.paths.records_db.write_bytes(b"no database" * 1000)
    found = looked(node, 2)
    assert found.told.outcome is Outcome.NOT_DONE
    assert "cannot be read" in found.told.problem


def unreadable(calls: Calls, record_id: str) -> None:
    """By whoever has the database's password."""
    with calls.engine.begin() as connection:
        text = '{"serial":"x", oops'
        connection.exec_driver_sql("UPDATE calls SET decision = ? WHERE record_id = ?", (text, record_id))


def test_a_record_that_cannot_be_read_is_a_finding_and_hides_none(node: Node, calls: Calls) -> None:
    record_id = calls.signed(2550)
    calls.signed(2540, line=False)
    node.sign(2500)
    unreadable(calls, record_id)
    rewritten(node, b"a call", b"A call")
    problem = looked(node, 1).told.problem
    assert "node: 000000000001.jsonl, line" in problem
    assert (
        f"1 call's record cannot be read, and not be held against the journals: changed, or damaged: {record_id}"
        in problem
    )
    assert "1 call was signed that the journal has no line of" in problem
    assert run_verify(node.paths, heads=None, key=None, as_json=False) == 1
    for _ in range(6):
        unreadable(calls, calls.signed(2400))
    node.sign(2390)
    problem = looked(node, 1).told.problem
    assert "7 calls' records cannot be read" in problem
    assert "and 2 more" in problem


@pytest.mark.parametrize("is_changed", [False, True])
def test_whatever_ends_a_look_is_told_and_hides_no_finding(
    node: Node, calls: Calls, monkeypatch: pytest.MonkeyPatch, is_changed: bool
) -> None:
    looked(node, 0)

    def ends(*_: object, **__: object) -> None:
        raise ValueError("what nobody has thought of")

    monkeypatch.setattr(journals_examined, "signed_calls", ends)
    if is_changed:
        rewritten(node, line(3), line(8))
    found = looked(node, 1 if is_changed else 2).told
    assert found.outcome is (Outcome.CHANGED if is_changed else Outcome.NOT_DONE)
    assert ("ValueError: what nobody has thought of" in found.problem) is not is_changed
    monkeypatch.setattr(journals_examined, "signers_journals", ends)
    assert looked(node, 2).told.outcome is found.outcome


def test_heads_that_nobody_signs_are_no_change(node: Node, calls: Calls) -> None:
    """The worker stood still for an hour: what there is holds, what came since is not protected."""
    first = looked(node, 0)
    node.write(600)
    found = looked(node, 1)
    assert found.told.outcome is Outcome.SILENT
    assert found.told.problem.startswith("node: no head was signed of its lines since ")
    assert (found.place, found.told.good_at) == (first.place, first.told.good_at)
    assert [one.event for one in calls.store.events.find()] == [Event.JOURNALS_HOLD]
    rewritten(node, line(3), line(8))
    changed = looked(node, 1).told
    assert changed.outcome is Outcome.CHANGED
    assert "; node: no head was signed of its lines since " in changed.problem
    # what was found stays until a look that has found it no more
    rewritten(node, line(8), line(3))
    assert looked(node, 1).told.outcome is Outcome.CHANGED
    node.sign(500)
    assert looked(node, 0).told.outcome is Outcome.HOLDS


def test_a_state_nobody_can_read_begins_anew(node: Node) -> None:
    looked(node, 0)
    node.paths.verified.write_bytes(b"{")
    assert looked(node, 0).told.looked_at.endswith("; from the first line on")


def test_it_uses_a_fifth_of_a_core_and_comes_last() -> None:
    """Of CPU time, whatever it is spent on: a busy loop here."""
    text = (
        "import os, time; from trunkward.cli.verify_journals import leaving_room\n"
        "with leaving_room():\n"
        "    began, used = time.monotonic(), time.process_time()\n"
        "    while time.monotonic() - began < 2: sum(range(1000))\n"
        "    print((time.process_time() - used) / (time.monotonic() - began), os.nice(0))\n"
        "while time.process_time() - used < 1: sum(range(1000))"
    )
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=60
    )
    share, nice = done.stdout.split()
    assert float(share) < 0.3
    assert nice == "19"


@pytest.mark.parametrize("which", ["whole_at", "calls"])
def test_what_was_verified_by_a_clock_that_was_ahead_is_followed_from_the_first_line(
    node: Node, which: str
) -> None:
    first, ahead = looked(node, 0), time.time() + 300 * 86_400
    told_then = replace(first.told, at=ahead, good_at=ahead)
    write_verified(node.paths, replace(first, told=told_then, **{which: ahead}))
    node.write(1000)
    node.sign(900)
    found = looked(node, 0)
    assert "; from the first line on" in found.told.looked_at
    assert max(found.whole_at, found.calls, found.told.good_at) <= time.time()
    assert "; from where the last look had come to" in looked(node, 0).told.looked_at


def test_heads_of_the_future_are_no_sign_that_heads_are_signed(node: Node) -> None:
    node.sign(-300 * 86_400)
    assert "no head was signed since 2" in looked(node, 1).told.problem
