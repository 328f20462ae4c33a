"""One line of a journal is proved by the first signed head after it, whatever else the journal holds."""

import json
import os
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trunkward.engines.journal_proof import ProvenLine, proven_line, values_of
from trunkward.engines.journals import files_of
from trunkward.engines.whole_file import NoPlainFile
from trunkward.journal.chain import Entry
from trunkward.journal.commitment import opens
from trunkward.journal.heads import Head, only, signed_minute
from trunkward.journal.segments import name_of
from trunkward.signer.journal import Journal, Line

KEY = Ed25519PrivateKey.generate()
LINES = 200


class Kept:
    """A journal of `LINES` lines in three segments, three a minute, and a head for each minute."""

    def __init__(self, home: Path) -> None:
        self.path, self.heads = home / "journal", home / "heads.log"
        journal, last = Journal(self.path), None
        signed: list[str] = []
        for number in range(1, LINES + 1):
            # lines of many lengths, so that no half is a line's beginning
            facts = {"kind": "signed", "at": self.at(number), "record_id": "r" * (number % 37), "n": number}
            journal.commit([Line(facts=facts)])
            if number % 3 == 0:
                last = self._sign(journal, last, number, signed)
        journal.close()
        self.heads.write_text("".join(f"{line}\n" for line in signed))
        self.write(self.lines())

    def lines(self) -> list[bytes]:
        return [line for path in files_of(self.path) for line in path.read_bytes().splitlines(keepends=True)]

    def write(self, lines: list[bytes]) -> None:
        begins = (0, 70, 131, LINES)
        for first, end in pairwise(begins):
            (self.path / name_of(first + 1)).write_bytes(b"".join(lines[first:end]))

    @staticmethod
    def at(number: int) -> float:
        return 1_800_000_000.0 + number * 20

    def _sign(self, journal: Journal, last: Entry | None, number: int, signed: list[str]) -> Entry:
        others = Head(journal="reseller-b", seq=4_711_000 + number, hash="5a" * 32)
        heads = [Head(journal="node", seq=journal.seq, hash=journal.head), others]
        entry, line = signed_minute(last, heads, self.at(number) + 1, KEY, lambda: b"s" * 16)
        signed.append(line)
        return entry

    def prove(self, number: int, identity: str = "node") -> ProvenLine:
        return proven_line(self.path, identity, number, self.at(number), self.heads, KEY.public_key())

    def change(self, number: int, old: bytes, new: bytes) -> None:
        lines = self.lines()
        lines[number - 1] = lines[number - 1].replace(old, new)
        self.write(lines)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_every_line_is_found_and_proved(kept: Kept) -> None:
    for number in range(1, LINES - 1):
        found = kept.prove(number)
        assert (found.facts["n"], found.broken) == (number, "")
        assert found.signed_at == kept.at(-(-number // 3) * 3) + 1
        # word for word, for whoever has neither file
        assert found.text == kept.lines()[number - 1].decode().rstrip()
        assert found.head == only(kept.heads.read_text().splitlines()[-(-number // 3) - 1], "node")
        assert not [other for other in ("reseller-b", '"seq":4711', "5a" * 32) if other in found.head]


def test_a_line_after_the_last_head_is_not_proved_yet(kept: Kept) -> None:
    found = kept.prove(LINES)
    assert found == ProvenLine(facts=found.facts, text=found.text)
    assert kept.prove(10, "another").signed_at is None
    kept.heads.unlink()
    assert kept.prove(10).signed_at is None


def test_a_line_of_a_segment_that_was_deleted_is_not_there(kept: Kept) -> None:
    (kept.path / name_of(1)).unlink()
    assert "is not there" in kept.prove(70).broken
    assert kept.prove(71).broken == ""


def test_a_proof_that_leads_through_a_missing_segment_does_not_hold(kept: Kept) -> None:
    (kept.path / name_of(71)).unlink()
    assert kept.prove(70).broken == "line 71 does not follow the one before it"


@pytest.mark.parametrize("number", [0, LINES + 1])
def test_a_line_that_is_not_there(kept: Kept, number: int) -> None:
    found = proven_line(kept.path, "node", number, 0.0, kept.heads, KEY.public_key())
    assert found.facts == {}
    assert "is not there" in found.broken


def test_a_changed_line_shows(kept: Kept) -> None:
    kept.change(100, b'"kind":"signed"', b'"kind":"signeD"')
    assert kept.prove(100).broken == "line 101 does not follow the one before it"
    # no other line is in doubt, not even of the minute before it
    assert kept.prove(103).broken == ""
    assert kept.prove(97).broken == ""


def test_a_journal_that_was_made_anew_from_a_line_on_shows(kept: Kept) -> None:
    lines = kept.lines()
    for path in files_of(kept.path):
        path.unlink()
    (kept.path / name_of(1)).write_bytes(b"".join(lines[:99]))
    journal = Journal(kept.path)
    for number in range(100, 110):
        journal.commit([Line(facts={"kind": "signed", "at": kept.at(number), "n": number})])
    journal.close()
    assert kept.prove(100).broken == "line 102 is not the one whose head was signed: rewritten"


def test_a_head_that_somebody_else_signed_shows(kept: Kept) -> None:
    other = Ed25519PrivateKey.generate().public_key()
    found = proven_line(kept.path, "node", 10, kept.at(10), kept.heads, other)
    assert "is not signed with this key" in found.broken


def test_a_head_that_was_changed_shows(kept: Kept) -> None:
    written = kept.heads.read_text()
    _, text, opened = written.splitlines()[3].split(" ")
    kept.heads.write_text(written.replace(json.loads(opened)[0][1]["hash"], "0" * 64))
    assert "the one of node was changed" in kept.prove(10).broken
    kept.heads.write_text(written.replace(json.loads(text)["commits"][0], "0" * 64))
    assert "is not signed with this key" in kept.prove(10).broken


def test_what_is_written_in_this_moment_is_no_line_yet(kept: Kept) -> None:
    with kept.heads.open("ab") as file:
        file.write(msgspec.json.encode({"half": 1}))
    assert kept.prove(LINES).signed_at is None


@pytest.mark.parametrize("number", [10, 100, 199])
def test_a_line_that_would_fill_memory_is_refused(kept: Kept, number: int) -> None:
    """Summary: a signer that somebody has taken over, or a heads.log: no line of it is read beyond a MiB."""
    for path in (kept.heads, files_of(kept.path)[-1]):
        size = path.stat().st_size
        os.truncate(path, size + (256 << 20))  # no line ends in it, and no disk is filled
        if path == kept.heads or number > 131:
            with pytest.raises(NoPlainFile, match=f"{path}: a line of more than 1048576 bytes"):
                kept.prove(number)
        else:
            assert kept.prove(number).broken == ""  # in another segment
        os.truncate(path, size)
    details = kept.path.with_name("details") / "2027-01-15.jsonl"
    details.parent.mkdir(exist_ok=True)
    details.touch()
    os.truncate(details, 256 << 20)
    with pytest.raises(NoPlainFile, match="a line of more than"):
        values_of(kept.path, "2027-01-15", number)


def test_what_opens_one_lines_commitments(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    for number in range(1, 60):
        line = Line(facts={"kind": "signed", "at": 1_800_000_000.0}, private={"orig": "1" * number})
        journal.commit([Line(facts={"kind": "refused", "at": 1_800_000_000.0}), line])
    journal.close()
    for number in range(1, 60):
        found = values_of(journal.path, "2027-01-15", 2 * number)
        assert found is not None
        salt, value = found.values["orig"]
        text = json.loads(files_of(journal.path)[0].read_bytes().splitlines()[2 * number - 1])
        assert value == "1" * number
        assert opens(text["commits"]["orig"], salt, "orig", value)
        assert values_of(journal.path, "2027-01-15", 2 * number - 1) is None
    assert values_of(journal.path, "2027-01-15", 200) is None
    # deleted, its time was over
    assert values_of(journal.path, "2027-01-14", 2) is None
