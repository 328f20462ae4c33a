"""Comma-separated values: a stable header, nothing a spreadsheet runs, pseudonyms that can be counted."""

import csv
import io
from typing import Any

import pytest

from trunkward.records.export import COLUMNS, row
from trunkward.records.pseudonym import Pseudonyms
from trunkward.records.view import call_view
from unit.records.samples import DECISION, OUTCOME

FACTS = {
    "calling_number": "+12025550101",
    "called_number": "+12125550142",
    "source": "192.0.2.1:5061",
    "blame": "nobody",
}


def _row(pseudonyms: Pseudonyms | None = None, **changed: Any) -> dict[str, str]:
    cells = row(call_view(DECISION | FACTS | changed, OUTCOME), pseudonyms)
    return dict(zip(COLUMNS, cells, strict=True))


def test_each_column_stands_once() -> None:
    assert len(set(COLUMNS)) == len(COLUMNS)


def test_a_call() -> None:
    cells = _row()
    assert cells["started_at"] == "1970-01-01T00:01:40.000Z"
    assert (cells["calling_number"], cells["called_number"]) == ("+12025550101", "+12125550142")
    assert (cells["ring_s"], cells["duration_s"], cells["tried"]) == ("2.5", "6.5", "south:503")
    assert (cells["caller_transport"], cells["callee_peer"], cells["callee_mos"]) == ("tls", "north", "")


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\uff1d1", '=HYPERLINK("http://x")']
)
def test_no_cell_is_a_formula(text: str) -> None:
    cells = _row(call_id=text, calling_number=text)
    assert cells["call_id"] == f"'{text}"
    if text != "+1":  # a number and nothing else
        assert cells["calling_number"] == f"'{text}"


@pytest.mark.parametrize("name", ["shown_number", "claimed_number"])
def test_a_number_that_was_shown_or_claimed_is_one_like_others(name: str) -> None:
    assert _row()[name] == ""
    assert _row(None, **{name: "+12025550102"})[name] == "+12025550102"
    secret = Pseudonyms(b"1" * 32)
    assert _row(secret, **{name: "+12025550102"})[name] == secret.of("+12025550102")


def test_any_reader_reads_it_back() -> None:
    out = io.StringIO()
    csv.writer(out).writerow(row(call_view(DECISION | {"call_id": 'a"b,c\r\nd'}, None)))
    assert out.getvalue().endswith("\r\n")
    (read,) = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert read[COLUMNS.index("call_id")] == 'a"b,c\r\nd'


def test_pseudonyms_are_the_same_for_the_same_number_and_secret() -> None:
    one, other = Pseudonyms(b"1" * 32), Pseudonyms(b"2" * 32)
    assert one.of("+12025550101") == Pseudonyms(b"1" * 32).of("+12025550101")
    assert len({one.of("+12025550101"), one.of("+12025550102"), other.of("+12025550101")}) == 3
    assert "2025550101" not in one.of("+12025550101")
    assert one.of("911") == "911"
    assert one.of("") == ""


def test_what_is_kept_of_a_number() -> None:
    kept = Pseudonyms(b"1" * 32, keep_digits=4).of("+12025550101")
    assert kept.startswith("+1202~")
    assert kept.endswith(Pseudonyms(b"1" * 32).of("+12025550101"))


def test_an_export_with_pseudonyms_has_no_number_and_no_address() -> None:
    cells = _row(Pseudonyms(b"1" * 32), call_id="c@192.0.2.9")
    text = ",".join(cells.values())
    assert "555" not in text
    assert "192.0.2" not in text
    assert (cells["source"], cells["call_id"]) == ("", "")
    assert cells["record_id"] == "ab"
