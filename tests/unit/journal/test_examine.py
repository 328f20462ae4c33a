"""Each way to change a journal is found, with its line and the minutes it was written between."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from trunkward.journal.chain import GENESIS
from trunkward.journal.commitment import commitment
from trunkward.journal.examine import Finding, HeadAt, Report, examine, told, whole
from trunkward.journal.heads import Gap, Head
from trunkward.journal.values import Values

DAY_S = 86_400.0
#: A Monday, noon, and a minute later: lines 1 to 5 were written before, 6 to 9 between, 10 after.
START = 1_795_435_200.0
FIRST, SECOND = START + 60, START + 120


@dataclass
class Journal:
    """Lines, what they commit to by day, and the heads that were signed."""

    lines: list[bytes] = field(default_factory=list)
    values: dict[str, list[Values]] = field(default_factory=dict)
    heads: list[HeadAt] = field(default_factory=list)

    def add(self, at: float, **facts: Any) -> None:
        seq = len(self.lines) + 1
        prev = sha256(self.lines[-1]).hexdigest() if self.lines else GENESIS
        entry: dict[str, Any] = {"seq": seq, "prev": prev, "kind": "signed", "at": at, **facts}
        if entry["kind"] == "signed":
            salt = bytes([seq] * 16)
            entry["commits"] = {"orig": commitment(salt, "orig", f"1202555{seq:04d}")}
            beside = Values(seq, {"orig": (salt.hex(), f"1202555{seq:04d}")})
            self.values.setdefault(told(at)[:10], []).append(beside)
        self.lines.append(json.dumps(entry).encode())

    def sign(self, at: float, gap: Gap | None = None) -> None:
        head = Head(journal="node", seq=len(self.lines), hash=sha256(self.lines[-1]).hexdigest())
        self.heads.append(HeadAt(at=at, head=msgspec.structs.replace(head, gap=gap) if gap else head))

    def chain_anew(self, first: int = 1) -> None:
        """What somebody does who may write the file: all hashes fit again."""
        prev = sha256(self.lines[first - 2]).hexdigest() if first > 1 else GENESIS
        for at, line in enumerate(self.lines[first - 1 :], first - 1):
            entry = json.loads(line) | {"seq": at + 1, "prev": prev}
            self.lines[at] = json.dumps(entry).encode()
            prev = sha256(self.lines[at]).hexdigest()

    def report(self) -> Report:
        return examine("node", whole(self.lines), self.heads, self.values.get)


@pytest.fixture
def journal() -> Journal:
    made = Journal()
    for number in range(10):
        if number == 5:
            made.sign(FIRST)
        if number == 9:
            made.sign(SECOND)
        made.add(START + number * 15 - 15)
    return made


BEFORE = f"written until {told(FIRST)}"
BETWEEN = f"written after {told(FIRST)} until {told(SECOND)}"
AFTER = f"written after {told(SECOND)}"


def test_a_journal_as_it_was_written(journal: Journal) -> None:
    report = journal.report()
    assert (report.lines, report.since_head, report.findings) == (10, 1, [])
    # the first line that no head speaks for
    assert report.since_head_at == START + 9 * 15 - 15
    journal.add(START + 500)
    assert (journal.report().since_head, journal.report().since_head_at) == (2, report.since_head_at)
    journal.sign(START + 600)
    assert (journal.report().since_head, journal.report().since_head_at) == (0, None)


def edited(journal: Journal, seq: int, **changed: Any) -> None:
    journal.lines[seq - 1] = json.dumps(json.loads(journal.lines[seq - 1]) | changed).encode()


type Change = Callable[[Journal], object]


@pytest.mark.parametrize(
    ("change", "line", "written", "what"),
    [
        (lambda j: edited(j, 3, level="A"), 3, BEFORE, "changed"),
        (lambda j: edited(j, 7, level="A"), 7, BETWEEN, "changed"),
        (lambda j: edited(j, 1, level="A"), 1, BEFORE, "changed"),
        (lambda j: j.lines.__setitem__(6, b"nonsense"), 7, BETWEEN, "cannot be read"),
        (lambda j: j.lines.pop(2), 3, BEFORE, "missing"),
        (lambda j: j.lines.pop(0), 1, BEFORE, "missing"),
        (lambda j: [j.lines.pop(2), j.lines.pop(2)], 3, BEFORE, "missing, and all up to 4"),
        (lambda j: j.lines.insert(6, j.lines[6]), 7, BETWEEN, "stands behind line 7"),
        (lambda j: j.lines.insert(6, j.lines[1]), 2, BEFORE, "stands behind line 6"),
        (lambda j: j.lines.insert(7, j.lines.pop(6)), 7, BETWEEN, "missing"),
    ],
)
def test_property_5_a_line_changed_removed_put_in_or_moved(
    journal: Journal, change: Change, line: int, written: str, what: str
) -> None:
    """Property 5: tampering is detected, and says where, and when the line was written."""
    change(journal)
    found = journal.report().findings
    assert any(one.line == line and what in one.what and one.written == written for one in found), found


@pytest.mark.parametrize(
    ("change", "found_at", "when"),
    [
        # the first head that no longer fits names it
        (lambda j: edited(j, 3, level="A"), 5, FIRST),
        (lambda j: j.lines.pop(2), 5, FIRST),
        (lambda j: j.lines.insert(2, j.lines[2]), 5, FIRST),
        (lambda j: j.lines.insert(3, j.lines.pop(2)), 5, FIRST),
        (lambda j: edited(j, 8, level="A"), 9, SECOND),
        (lambda j: j.lines.pop(7), 9, SECOND),
    ],
)
def test_property_5_a_chain_that_was_made_anew(
    journal: Journal, change: Change, found_at: int, when: float
) -> None:
    """Property 5: whoever may write the journal cannot make its signed heads fit."""
    change(journal)
    journal.chain_anew()
    journal.values.clear()
    journal.add(START + 200, kind="details-deleted", day=told(START)[:10])
    found = [one for one in journal.report().findings if "rewritten" in one.what]
    assert found == [
        Finding(
            line=found_at,
            what=f"not the line that was signed at {told(when)}: rewritten",
            written=BEFORE if when == FIRST else BETWEEN,
        )
    ]


@pytest.mark.parametrize(
    ("kept", "had", "when"), [(8, 9, SECOND), (5, 9, SECOND), (4, 9, SECOND), (0, 9, SECOND)]
)
def test_lines_cut_off(journal: Journal, kept: int, had: int, when: float) -> None:
    del journal.lines[kept:]
    found = journal.report().findings
    what = f"cut off: the journal had {had} lines at {told(when)}, now {kept}"
    assert what in [one.what for one in found]


def test_what_came_after_the_last_head_is_told_as_not_protected(journal: Journal) -> None:
    del journal.lines[9:]
    del journal.values[told(START)[:10]][9:]
    assert (journal.report().findings, journal.report().since_head) == ([], 0)


def test_a_journal_that_began_anew(journal: Journal) -> None:
    anew = Journal(heads=journal.heads)
    for number in range(20):
        anew.add(START + 300 + number)
    anew.sign(START + 400)
    assert [(one.line, one.what) for one in anew.report().findings] == [
        (5, f"not the line that was signed at {told(FIRST)}: rewritten")
    ]


@pytest.mark.parametrize(
    ("change", "line", "what"),
    [
        (lambda v: v.pop(2), 3, "its values are not there"),
        (lambda v: v.clear(), 1, "the values of 10 lines up to 10 are not there"),
        (
            lambda v: v.__setitem__(2, Values(3, {"orig": (bytes([3] * 16).hex(), "12025559999")})),
            3,
            "changed: orig",
        ),
        (lambda v: v.__setitem__(2, Values(3, {"orig": ("00" * 16, "12025550003")})), 3, "changed: orig"),
        (lambda v: v.__setitem__(2, Values(3, {})), 3, "changed: orig"),
        (lambda v: v.append(Values(11, {})), 11, "belong to no line"),
        (lambda v: v.insert(2, v[1]), 2, "belong to no line"),
    ],
)
def test_values_changed_removed_or_put_in(
    journal: Journal, change: Callable[[list[Values]], object], line: int, what: str
) -> None:
    change(journal.values[told(START)[:10]])
    found = journal.report().findings
    assert any(one.line == line and what in one.what for one in found), found


def test_a_day_that_is_gone(journal: Journal) -> None:
    journal.values.clear()
    (finding,) = journal.report().findings
    assert finding.what == "the values of 10 lines up to 10 are not there, and no line says so"


def test_property_34_values_deleted_by_retention_are_declared_and_no_fault(journal: Journal) -> None:
    """Property 34: the deletion is a line of the journal itself."""
    journal.add(START + 730 * DAY_S, kind="details-deleted", day=told(START)[:10])
    journal.values.clear()
    report = journal.report()
    assert report.findings == []
    assert report.declared == [f"line 11: the values of {told(START)[:10]} were deleted, their time was over"]
    # of that day, and of no other
    journal.add(START + DAY_S)
    journal.values.clear()
    (finding,) = journal.report().findings
    assert (finding.line, finding.what) == (12, "its values are not there, and no line says so")


def test_a_declared_gap_is_told(journal: Journal) -> None:
    journal.sign(START + 200, Gap(count=3, first=START + 150, last=START + 190, cause="no space"))
    journal.add(START + 210, kind="gap", count=4, first=START + 150, last=START + 205, cause="no space")
    journal.sign(START + 260)
    report = journal.report()
    assert report.findings == []
    assert report.declared == [
        f"line 11: 4 lines are missing, {told(START + 150)} to {told(START + 205)}: no space"
    ]


def test_a_start_after_no_orderly_end_is_told(journal: Journal) -> None:
    """A power cut takes the count of what a slow disk had not taken with it: where to look is all that is left."""
    journal.add(START + 210, kind="started")
    assert journal.report().declared == []
    journal.add(START + 220, kind="started", unended=True)
    report = journal.report()
    assert report.findings == []
    (told_of,) = report.declared
    assert told_of.startswith("line 12: the signer was killed, or the power went")


def test_a_gap_that_is_still_going_on_is_no_fault_yet(journal: Journal) -> None:
    gap = Gap(count=3, first=START + 150, last=START + 190, cause="no space")
    journal.sign(START + 200, gap)
    journal.sign(START + 260, msgspec.structs.replace(gap, count=9))
    assert journal.report().findings == []


def test_a_gap_that_nobody_declared(journal: Journal) -> None:
    """The signer was ended before its disk was back, and what it had counted was taken away."""
    gap = Gap(count=3, first=START + 150, last=START + 190, cause="no space")
    journal.sign(START + 200, gap)
    journal.add(START + 210)
    journal.sign(START + 260)
    (finding,) = journal.report().findings
    assert finding.what == (
        f"3 lines from {told(START + 150)} on are missing and not declared (head of {told(START + 200)})"
    )


def test_of_many_findings_the_first_are_told_and_the_others_counted(journal: Journal) -> None:
    while len(journal.lines) < 100:
        journal.add(START + 130 + len(journal.lines))
    del journal.lines[20:80:2]
    report = journal.report()
    assert (len(report.findings), report.more > 0) == (20, True)


def test_lines_are_read_once_and_not_kept() -> None:
    def endless() -> Iterator[bytes]:
        prev = GENESIS
        for seq in range(1, 20_001):
            line = json.dumps({"seq": seq, "prev": prev}).encode()
            prev = sha256(line).hexdigest()
            yield line

    assert examine("node", whole(endless()), [], lambda _: None).lines == 20_000
