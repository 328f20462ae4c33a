"""Each way to spoil a journal in segments is found, and names the segment."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkward.journal.chain import GENESIS
from trunkward.journal.examine import HeadAt, Report, examine, told
from trunkward.journal.heads import Head
from trunkward.journal.segments import DELETED, OPENED, Segment, first_of, name_of

DAY_S = 86_400.0
START = 1_795_435_200.0
#: Lines of each segment, its opening line among them: they begin with 1, 5, 9 and 13.
LINES = 4
FIRST, SECOND, THIRD, LAST = (name_of(first) for first in (1, 5, 9, 13))


@dataclass
class Files:
    """Segments of a day each by their name, and the heads that were signed at the end of each day."""

    files: dict[str, list[bytes]] = field(default_factory=dict)
    heads: list[HeadAt] = field(default_factory=list)
    seq: int = 0
    prev: str = GENESIS

    def add(self, at: float, kind: str = "signed", **facts: object) -> None:
        self.seq += 1
        entry = {"seq": self.seq, "prev": self.prev, "kind": kind, "at": at, **facts}
        text = json.dumps(entry).encode()
        self.prev = sha256(text).hexdigest()
        self.files[max(self.files)].append(text)

    def begin(self, at: float) -> None:
        follows = max(self.files, default="")
        self.files[name_of(self.seq + 1)] = []
        if follows:
            self.add(at, OPENED, follows=follows)

    def delete(self, at: float, days: int, name: str = FIRST) -> None:
        """The line that says so; the file stays."""
        lines = self.files[name]
        first, last = (json.loads(text)["seq"] for text in (lines[0], lines[-1]))
        its_hash = sha256(lines[-1]).hexdigest()
        self.add(at, DELETED, segment=name, first=first, last=last, hash=its_hash, kept_days=days)

    def sign(self, at: float) -> None:
        self.heads.append(HeadAt(at=at, head=Head(journal="node", seq=self.seq, hash=self.prev)))

    def report(self) -> Report:
        segments = [
            Segment(name=name, lines=lambda name=name: self.files[name])  # type: ignore[misc]
            for name in sorted(self.files)
        ]
        return examine("node", segments, self.heads, lambda _: None)

    def found(self) -> list[tuple[str, int, str]]:
        return [(one.segment, one.line, one.what) for one in self.report().findings]


def written(segments: int = 4, lines: int = LINES) -> Files:
    made = Files()
    for day in range(segments):
        made.begin(START + day * DAY_S)
        while made.seq < (day + 1) * lines:
            made.add(START + day * DAY_S)
        made.sign(START + day * DAY_S + 60)
    return made


@pytest.fixture
def files() -> Files:
    return written()


def test_names() -> None:
    assert name_of(7) == "000000000007.jsonl"
    assert first_of(name_of(123_456)) == 123_456
    for other in ("7.jsonl", "000000000007.jsonl.torn-1", "000000000007", "x00000000007.jsonl"):
        assert first_of(other) is None


def test_segments_as_they_were_written(files: Files) -> None:
    report = files.report()
    assert (report.lines, report.findings, report.declared) == (16, [], [])


def swapped(files: Files) -> None:
    files.files[SECOND], files.files[THIRD] = files.files[THIRD], files.files[SECOND]


def changed(files: Files, name: str, number: int) -> None:
    files.files[name][number] = files.files[name][number].replace(b"signed", b"Signed")


@pytest.mark.parametrize(
    ("spoil", "segment", "line", "what"),
    [
        (lambda f: f.files.pop(SECOND), SECOND, 5, "missing, and all up to 8: the whole segment"),
        (lambda f: [f.files.pop(SECOND), f.files.pop(THIRD)], THIRD, 5, "all up to 12: this segment and others"),
        (lambda f: f.files.pop(FIRST), FIRST, 1, "missing, and all up to 4, and no line says that they were"),
        (lambda f: f.files.pop(LAST), "", 13, "cut off: the journal had 16 lines"),
        (lambda f: f.files[SECOND].pop(), SECOND, 8, "missing: the segment was cut off"),
        (lambda f: f.files[SECOND].__delitem__(slice(1, None)), SECOND, 6, "all up to 8: the segment was cut off"),
        (lambda f: f.files[SECOND].clear(), SECOND, 5, "is empty, or its first line cannot be read"),
        (lambda f: f.files[LAST].pop(), LAST, 16, "cut off: the journal had 16 lines"),
        (lambda f: f.files[SECOND].pop(0), SECOND, 6, "begins with line 6, not 5"),
        (lambda f: f.files[SECOND].pop(0), SECOND, 5, "missing"),
        (swapped, SECOND, 9, "begins with line 9, not 5"),
        (swapped, THIRD, 5, "begins with line 5, not 9"),
        (lambda f: f.files.__setitem__(name_of(99), f.files.pop(SECOND)), name_of(99), 5, "begins with line 5"),
        (lambda f: f.files.__setitem__(name_of(2), f.files[SECOND]), name_of(2), 5, "begins with line 5, not 2"),
        (lambda f: changed(f, SECOND, 1), SECOND, 6, "changed: line 7 was written behind another one"),
        (lambda f: changed(f, SECOND, 3), THIRD, 8, "changed: line 9 was written behind another one"),
        (lambda f: f.files[THIRD].__setitem__(2, b"{"), THIRD, 11, "cannot be read"),
        (lambda f: f.files[THIRD].__setitem__(2, b"\xff"), THIRD, 11, "cannot be read"),
        (lambda f: f.files[THIRD].__setitem__(2, b'{"x":' + b"[" * 60_000), THIRD, 11, "cannot be read"),
        (lambda f: f.files[SECOND].append(b'{"seq"'), SECOND, 9, "cannot be read"),
    ],
)  # fmt: skip
def test_property_5_a_segment_missing_exchanged_cut_off_or_changed(
    files: Files, spoil: Callable[[Files], object], segment: str, line: int, what: str
) -> None:
    """Property 5: tampering is detected, and says where: across segments."""
    spoil(files)
    found = files.found()
    # of what is missing at the very end no name is known, only that it came after the last one there is
    named = segment or max(files.files)
    assert any((where, at) == (named, line) and what in said for where, at, said in found), found


def test_exchanged_segments_are_two_findings_and_no_more(files: Files) -> None:
    swapped(files)
    assert len(files.found()) == 2


def test_property_34_a_segment_deleted_by_retention_is_declared_and_no_fault(files: Files) -> None:
    """Property 34: the deletion is a line of the journal itself, and the rest is proved as before."""
    files.delete(START + 400 * DAY_S, 365)
    assert files.report().findings == []  # the line first, the file after it
    del files.files[FIRST]
    report = files.report()
    assert report.findings == []
    assert report.declared == [f"line 17: {FIRST}, lines 1 to 4, was deleted after 365 days"]
    files.delete(START + 500 * DAY_S, 365, SECOND)
    del files.files[SECOND]
    files.sign(START + 501 * DAY_S)
    assert (files.report().findings, len(files.report().declared)) == ([], 2)
    # what is left is held against its heads as before
    changed(files, THIRD, 3)
    assert any(line == 12 and "rewritten" in what for _, line, what in files.found())


def test_more_deleted_than_was_said(files: Files) -> None:
    files.delete(START + 400 * DAY_S, 365)
    del files.files[FIRST], files.files[SECOND]
    said = "missing, and all up to 8, and no line says that they were deleted"
    assert (SECOND, 5, said) in files.found()


def test_a_segment_deleted_before_its_time(files: Files) -> None:
    files.delete(START + 300 * DAY_S, 365)
    del files.files[FIRST]
    assert files.found() == []  # written before the first head: nobody can say when
    files.delete(START + 300 * DAY_S, 365, SECOND)
    del files.files[SECOND]
    what = f"deleted before its time: its last line was written after {told(START + 60)}"
    assert files.found() == [(SECOND, 8, what)]


def test_what_is_left_has_to_follow_what_was_deleted(files: Files) -> None:
    changed(files, FIRST, 3)
    files.heads.clear()
    files.delete(START + 400 * DAY_S, 365)
    del files.files[FIRST]
    ((_, line, what),) = files.found()
    assert (line, what) == (4, "changed: line 5 was written behind another one than was deleted")


def test_the_last_line_that_was_deleted_is_held_against_its_head(files: Files) -> None:
    head = files.heads[0].head
    files.heads[0] = HeadAt(at=START, head=Head(journal="node", seq=head.seq, hash="0" * 64))
    files.delete(START + 400 * DAY_S, 365)
    del files.files[FIRST]
    assert any(line == 4 and "rewritten" in what for _, line, what in files.found())


_SPOILS = ("drop", "cut", "swap", "byte", "line", "put in")


@settings(max_examples=300, deadline=None)
@given(st.integers(2, 5), st.integers(2, 6), st.sampled_from(_SPOILS), st.data())
def test_any_spoiled_journal_is_found(segments: int, lines: int, spoil: str, data: st.DataObject) -> None:
    """Whatever was done to its files, one that is not as it was written is never taken for one that is."""
    files = written(segments, lines)
    before = {name: list(texts) for name, texts in files.files.items()}
    names = sorted(files.files)
    name = data.draw(st.sampled_from(names))
    texts = files.files[name]
    at = data.draw(st.integers(0, len(texts) - 1))
    match spoil:
        case "drop":
            del files.files[name]
        case "cut":
            del texts[at:]
        case "swap":
            other = data.draw(st.sampled_from(names))
            files.files[name], files.files[other] = files.files[other], texts
        case "byte":
            place = data.draw(st.integers(0, len(texts[at]) - 1))
            spoiled = bytearray(texts[at])
            spoiled[place] ^= data.draw(st.integers(1, 255))
            texts[at] = bytes(spoiled)
        case "line":
            del texts[at]
        case _:
            texts.insert(at, data.draw(st.sampled_from([text for one in before.values() for text in one])))
    assert bool(files.found()) is (files.files != before)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([FIRST, SECOND, "", "x"]),
            st.lists(st.binary(max_size=80) | st.just(b'{"seq":1,"x":' + b"[" * 60_000), max_size=5),
        )
    )
)
def test_any_bytes_are_examined(segments: list[tuple[str, list[bytes]]]) -> None:
    """Nothing that stands in a file ends the examination itself."""
    report = examine(
        "node",
        [Segment(name=name, lines=lambda texts=texts: texts) for name, texts in segments],  # type: ignore[misc]
        [],
        lambda _: None,
    )
    assert report.lines >= 0
