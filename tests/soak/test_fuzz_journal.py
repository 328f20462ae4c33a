"""A million inputs for who reads a journal: the examination ends with a report, the start with a journal or a refusal.

The short form runs with every test; the long one is `./trunkward soak tests/soak/test_fuzz_journal.py`.
"""

import os
import shutil
from functools import partial
from pathlib import Path

import pytest

from stirkit.fuzz import HEAD, MOST_S, Parser, fuzz
from trunkward.engines.journals import segments_of
from trunkward.journal.examine import HeadAt, examine
from trunkward.journal.heads import Head
from trunkward.journal.segments import Segment, name_of
from trunkward.signer.journal import Journal, Line
from trunkward.signer.segments import JournalError

#: Inputs of the long form, for each reader; a shorter try-out says so here.
INPUTS = int(os.environ.get("TRUNKWARD_FUZZ_INPUTS", "1000000"))
DAY_S = 86_400.0
NOW_S = 1_795_435_200.0
#: What stands between segments in an input.
_BETWEEN = b"\n---\n"


def _most_s(data: bytes) -> float:
    """A line is what is one input here: a journal of millions is read in seconds, and must be."""
    return max(MOST_S, 10e-6 * data.count(b"\n"))


@pytest.fixture
def seed(tmp_path: Path) -> bytes:
    """Three segments, with all that means something to a reader."""
    (tmp_path / "seed").mkdir()
    journal = Journal(tmp_path / "seed" / "journal")
    for day in range(3):
        for kind in ("signed", "gap", "details-deleted", "segment-deleted"):
            facts = {
                "kind": kind,
                "at": NOW_S + day * DAY_S,
                "first": 1,
                "last": 2,
                "count": 1,
                "day": "2026-11-23",
            }
            journal.commit([Line(facts=facts, private={"orig": "12025550100"} if kind == "signed" else {})])
    journal.close()
    found = segments_of(tmp_path / "seed" / "journal")
    assert len(found) == 3
    return _BETWEEN.join(b"\n".join(segment.lines()) for segment in found)


WORDS = (
    b"\n",
    _BETWEEN,
    b'{"seq":',
    b"1",
    b"1e999",
    b'"prev":',
    b"\xff",
    b"[",
    b'"at":',
    b"-",
    b"null",
    b'"first":',
)


@pytest.fixture
def readers(tmp_path: Path, seed: bytes, monkeypatch: pytest.MonkeyPatch) -> dict[str, Parser]:
    for name in ("fsync", "fdatasync"):  # it is no disk that is tried here
        monkeypatch.setattr(os, name, lambda _: None)

    def look(data: bytes) -> None:
        segments = [
            Segment(name=name_of(number * 4 + 1), lines=partial(part.split, b"\n"))
            for number, part in enumerate(data.split(_BETWEEN, 3))
        ]
        heads = [
            HeadAt(at=NOW_S, head=Head(journal="node", seq=3)),
            HeadAt(at=NOW_S, head=Head(journal="node", seq=9)),
        ]
        examine("node", segments, heads, lambda _: None)

    def start(data: bytes) -> None:
        place = tmp_path / "started"
        (place / "journal").mkdir(parents=True)
        try:
            for number, part in enumerate(data.split(_BETWEEN, 3)):
                (place / "journal" / name_of(number * 4 + 1)).write_bytes(part)
            journal = Journal(place / "journal")
            journal.commit([Line(facts={"kind": "signed", "at": NOW_S})])
            journal.close()
        finally:
            shutil.rmtree(place)

    return {
        "examination": Parser(act=look, seeds=lambda: [seed], refusals=(), words=WORDS, most_s=_most_s),
        "start": Parser(
            act=start, seeds=lambda: [seed], refusals=(JournalError,), words=WORDS, most_s=_most_s
        ),
    }


READERS = ("examination", "start")


@pytest.mark.parametrize("name", READERS)
def test_thousands_of_inputs(readers: dict[str, Parser], name: str) -> None:
    found = fuzz(readers[name], 2_000)
    assert not found.slow, f"over 10 ms of CPU, and 10 us a line, three times: {found.slow[:3]}"
    assert found.taken, "no input at all was good enough to get through"


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", READERS)
def test_a_million_inputs(readers: dict[str, Parser], name: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = fuzz(readers[name], INPUTS, seed=2)
    with capsys.disabled():
        print(f"\n{HEAD}\n{found.line(name)}")
    assert not found.slow, f"over 10 ms of CPU, and 10 us a line, three times: {found.slow[:3]}"
