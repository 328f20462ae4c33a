"""Does a journal say today what it said when it was written? Line by line, against its heads and its values.

1. Each line follows the one before it: its number is one more, its `prev` that one's SHA-256. So do the
   segments of a journal; the first one that is left follows what a later line says was deleted.
2. A line that a signed head names has that head's hash, and the journal is as long as its last head says: a
   chain that was made anew from some line on, or cut off, does not.
3. What a line committed to is there and opens it, or a later line says that the day's values were deleted.
4. Lines that could not be written are declared, as the heads of that time told of them.

Every finding names the journal, its segment, the line and the minutes between whose heads it lies.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import accumulate
from typing import Annotated

import msgspec

from trunkward.journal.chain import GENESIS, UNREADABLE
from trunkward.journal.heads import NO_GAP, Head
from trunkward.journal.segments import DELETED, MOST_LINES, STARTED, Segment, first_of, name_of
from trunkward.journal.values import ValuesInOrder, ValuesOf
from trunkward.journal.witness import Told

#: Findings told one by one; of more their number.
MOST = 20
_DAY_S = 86_400.0


#: A moment in seconds since the epoch that a calendar has a name for, or a line's number.
type _Moment = Annotated[float, msgspec.Meta(ge=0, lt=2e11)]


class _Line(msgspec.Struct):
    seq: Annotated[int, msgspec.Meta(ge=1, lt=MOST_LINES)]
    prev: str
    at: _Moment = 0.0
    kind: str = ""
    commits: Mapping[str, str] = {}
    #: Of `details-deleted`.
    day: str = ""
    #: Of `gap` and `late`.
    count: int = 0
    #: Of those in seconds since the epoch; of `segment-deleted` numbers of lines.
    first: _Moment = 0.0
    last: _Moment = 0.0
    cause: str = ""
    #: Of `segment`: the file before.
    follows: str = ""
    #: Of `segment-deleted`.
    segment: str = ""
    hash: str = ""
    #: Of `started`: the process before had no end.
    unended: bool = False
    kept_days: Annotated[int, msgspec.Meta(ge=0, lt=1_000_000)] = 0
    #: Of `signed`.
    record_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it was written."""

    #: 0: the journal as a whole.
    line: int
    what: str
    #: Heads between which the line was written, in words.
    written: str
    #: The file it is about; "": the journal is in none.
    segment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadAt:
    """A head and when it was signed, in seconds since the epoch."""

    at: float
    head: Head


@dataclass(slots=True, kw_only=True)
class Report:
    """What came out of one journal."""

    journal: str
    lines: int = 0
    #: Lines after the last head: nothing but their chain speaks for them yet; when the first was written, in
    #: seconds since the epoch.
    since_head: int = 0
    since_head_at: float | None = None
    findings: list[Finding] = field(default_factory=list)
    #: Findings beyond `MOST`.
    more: int = 0
    #: What the journal itself declares: gaps, late lines, deleted values.
    declared: list[str] = field(default_factory=list)

    def add(self, line: int, what: str, written: str = "at any time", segment: str = "") -> None:
        """One more finding."""
        if len(self.findings) >= MOST:
            self.more += 1
        else:
            self.findings.append(Finding(line=line, what=what, written=written, segment=segment))


def examine(
    journal: str,
    segments: Iterable[Segment],
    heads: Sequence[HeadAt],
    values_of: ValuesOf,
    told_of_calls: Told | None = None,
    *,
    since: int = 0,
) -> Report:
    """Follows one journal from its first line. `heads` are its own, in the order of their signing.

    `told_of_calls` hears what it says of calls that were signed. `since`: the line to begin with instead,
    which the first of the heads has to name: what is before it is not looked at, but for its hash in there.
    """
    return _Examination(journal, heads, values_of, told_of_calls or Told(), since).run(segments)


def whole(lines: Iterable[bytes]) -> list[Segment]:
    """A journal that is in one piece, and in no file."""
    return [Segment(name="", lines=lambda: lines)]


class _Examination:
    """One journal, and how far it has been followed."""

    def __init__(
        self, journal: str, heads: Sequence[HeadAt], values_of: ValuesOf, told_of_calls: Told, since: int
    ) -> None:
        self.report = Report(journal=journal)
        self._told_of_calls = told_of_calls
        self._heads = heads
        #: How long the journal was known to be at each head.
        self._known = list(accumulate((each.head.seq for each in heads), max))
        self._by_seq = sorted(heads, key=lambda each: each.head.seq)
        #: Heads of `_by_seq` that were held against their line, and whether one did not fit.
        self._checked, self._rewritten = 0, False
        self._values = ValuesInOrder(values_of, since)
        #: By day, the first and last line whose values are not there, and how many.
        self._missing: dict[str, tuple[int, int, int]] = {}
        self._deleted: set[str] = set()
        self._gaps: set[float] = set()
        #: The last line that was followed, its hash where it was read, and the segment in hand.
        self._seq, self._segment = max(0, since - 1), ""
        self._prev: str | None = GENESIS if since <= 1 else None
        #: The first line there is, and the hash it was written behind.
        self._begins: tuple[int, str] = (1, GENESIS)
        #: Up to which line segments were deleted, and that line's hash.
        self._deleted_to: tuple[int, str] = (0, GENESIS)

    def run(self, segments: Iterable[Segment]) -> Report:
        for segment in self._in_order(segments):
            before, self._segment = self._segment, segment.name
            at_its_beginning = True
            for text in segment.lines():
                line = self._followed(text, before if at_its_beginning else "")
                if line is not None:
                    at_its_beginning = False
                    self._take(line, text)
        self.report.lines = self._seq
        self._first_lines_missing()
        longest = max(self._heads, key=lambda each: each.head.seq, default=None)
        if longest is not None and longest.head.seq > self._seq:
            had = longest.head.seq
            what = f"cut off: the journal had {had} lines at {told(longest.at)}, now {self._seq}"
            self._find(self._seq + 1, what)
        self._segment = ""
        self.report.since_head = max(0, self._seq - (self._known[-1] if self._known else 0))
        self._values_missing()
        self._gaps_undeclared()
        return self.report

    def _in_order(self, segments: Iterable[Segment]) -> list[Segment]:
        """By what is in them; one whose name says another line was put there in another's place."""
        found: list[tuple[int, Segment]] = []
        for segment in segments:
            named = first_of(segment.name)
            if named is None:
                found.append((0, segment))
                continue
            self._segment = segment.name
            begins = _first_number(segment)
            if begins is None:
                self._find(named, "is empty, or its first line cannot be read: changed")
            elif begins != named:
                what = (
                    f"begins with line {begins}, not {named}: another's lines, or its first ones are missing"
                )
                self._find(begins, what)
            found.append((named if begins is None else begins, segment))
        self._segment = ""
        return [segment for _, segment in sorted(found, key=lambda each: each[0])]

    def _take(self, line: _Line, text: bytes) -> None:
        if not self._seq and line.seq > 1:
            self._begins = (line.seq, line.prev)
            self._told_of_calls.begins(line.at)
        self._seq, self._prev = line.seq, sha256(text).hexdigest()
        # 2.
        while self._checked < len(self._by_seq) and self._by_seq[self._checked].head.seq <= self._seq:
            signed = self._by_seq[self._checked]
            self._checked += 1
            written = self._prev if signed.head.seq == self._seq else signed.head.hash
            if signed.head.seq == self._begins[0] - 1:
                written = self._begins[1]
            if signed.head.hash != written and not self._rewritten:
                self._rewritten = True  # all later ones are others, too
                self._find(signed.head.seq, f"not the line that was signed at {told(signed.at)}: rewritten")
        if self.report.since_head_at is None and self._seq > (self._known[-1] if self._known else 0):
            self.report.since_head_at = line.at
        # 3. and 4.
        self._says(line)

    def _followed(self, text: bytes, before: str) -> _Line | None:
        """1. The line after the last one; None: it is none, and the one after it is held against that again.

        `before`: of a segment's first line, the segment before; "": there is none, or it is another line.
        """
        seq = self._seq
        try:
            line = msgspec.json.decode(text, type=_Line)
        except UNREADABLE:
            self._find(seq + 1, "cannot be read: changed, or put in")
            return None
        if self._prev is None and line.seq <= seq:
            return None  # before the line to begin with
        if not seq and line.seq > 1 and first_of(self._segment) == line.seq:
            return line  # `_first_lines_missing` looks whether the ones before were deleted
        if line.seq <= seq:
            self._find(line.seq, f"stands behind line {seq}: put in, or out of its place")
            return None
        if line.seq > seq + 1:
            up_to = "" if line.seq == seq + 2 else f", and all up to {line.seq - 1}"
            self._missing_lines(line, up_to, before)
        elif self._prev not in (None, line.prev):
            self._find(max(seq, 1), f"changed: line {line.seq} was written behind another one")
        return line

    def _missing_lines(self, line: _Line, up_to: str, before: str) -> None:
        """Between this line and the last one; at a segment's beginning its first line says which is there."""
        missing = self._seq + 1
        if not before or first_of(self._segment) != line.seq:
            self._find(missing, f"missing{up_to}")
        elif line.follows in ("", before):
            self._find(missing, f"missing{up_to}: the segment was cut off", segment=before)
        else:
            which = "the whole segment" if line.follows == name_of(missing) else "this segment and others"
            self._find(missing, f"missing{up_to}: {which}", segment=line.follows)

    def _first_lines_missing(self) -> None:
        """The first line there is was written behind the last one of what was deleted."""
        first, prev = self._begins
        last, its_hash = self._deleted_to
        if last >= first or first == 1:
            return  # it was deleted after the line that says so was written, or nothing was
        missing = last + 1
        if missing < first:
            up_to = "" if missing == first - 1 else f", and all up to {first - 1}"
            what = f"missing{up_to}, and no line says that they were deleted"
            self._find(missing, what, segment=name_of(missing))
        elif prev != its_hash:
            self._find(last, f"changed: line {first} was written behind another one than was deleted")

    def _says(self, line: _Line) -> None:
        if line.commits:
            day = told(line.at)[:10]
            wrong = self._values.wrong(day, line.seq, line.commits)
            if wrong is None:
                first, _, count = self._missing.get(day, (line.seq, 0, 0))
                self._missing[day] = (first, line.seq, count + 1)
            elif wrong:
                self._find(line.seq, f"its values were changed: {', '.join(wrong)}")
        if line.kind == "signed":
            self._told_of_calls.signed(line.record_id, line.at)
        elif line.kind == "details-deleted":
            self._deleted.add(line.day)
            self._declares(line, f"the values of {line.day} were deleted, their time was over")
        elif line.kind == DELETED:
            self._segment_deleted(line)
        elif line.kind == STARTED and line.unended:
            what = "the signer was killed, or the power went"
            self._declares(line, f"{what}: signatures of that moment may be only in the calls' records")
        elif line.kind in ("gap", "late"):
            if line.kind == "gap":
                self._gaps.add(line.first)
                self._told_of_calls.gap(line.first, line.last, line.count)
            what = "are missing" if line.kind == "gap" else "were written after their answers had left"
            span = f"{told(line.first)} to {told(line.last)}"
            self._declares(line, f"{line.count} lines {what}, {span}: {line.cause}")

    def _segment_deleted(self, line: _Line) -> None:
        first, last = int(line.first), int(line.last)
        self._deleted_to = max(self._deleted_to, (last, line.hash))
        self._declares(
            line, f"{line.segment}, lines {first} to {last}, was deleted after {line.kept_days} days"
        )
        # its last line was written after the last head that did not have it yet
        without = bisect_left(self._known, last)
        if without and self._heads[without - 1].at > line.at - line.kept_days * _DAY_S:
            written = told(self._heads[without - 1].at)
            what = f"deleted before its time: its last line was written after {written}"
            self._find(last, what, segment=line.segment)

    def _declares(self, line: _Line, what: str) -> None:
        self.report.declared.append(f"line {line.seq}: {what}")

    def _values_missing(self) -> None:
        for day, (first, last, count) in self._missing.items():
            if day not in self._deleted:
                whose = "its values" if count == 1 else f"the values of {count} lines up to {last}"
                self._find(first, f"{whose} are not there, and no line says so")
        for seq in self._values.of_nobody():
            self._find(seq, "values that belong to no line")

    def _gaps_undeclared(self) -> None:
        """4. A gap is told by its beginning; that of the last head may still be going on."""
        last = self._heads[-1].head.gap if self._heads else NO_GAP
        if last.count and last.first not in self._gaps:
            self._told_of_calls.gap(last.first, last.last, last.count)
        known = {each.head.gap.first: each for each in self._heads if each.head.gap.count}
        for first, each in known.items():
            if first not in self._gaps and first != last.first:
                what = f"{each.head.gap.count} lines from {told(first)} on are missing and not declared"
                self._find(0, f"{what} (head of {told(each.at)})")

    def _find(self, line: int, what: str, *, segment: str | None = None) -> None:
        after = bisect_left(self._known, line)
        begun = f"after {told(self._heads[after - 1].at)}" if after else "before any head"
        ended = f"until {told(self._heads[after].at)}" if after < len(self._heads) else "after the last head"
        written = ended if not after else begun if after == len(self._heads) else f"{begun} {ended}"
        where = self._segment if segment is None else segment
        self.report.add(line, what, f"written {written}", where)


def _first_number(segment: Segment) -> int | None:
    first = next(iter(segment.lines()), None)
    try:
        return msgspec.json.decode(first, type=_Line).seq if first is not None else None
    except UNREADABLE:
        return None


def told(at: float) -> str:
    """A moment to the second, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
