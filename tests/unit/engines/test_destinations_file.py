"""The operator's file over the shipped table: good, wrong, or not there."""

import os
from pathlib import Path

import pytest

from trunkward.engines import destinations_file
from trunkward.engines.destinations_file import (
    DestinationsUnreadable,
    destinations_text,
    destinations_with,
    wrong_destinations,
)
from trunkward.engines.number_plans import shipped_destinations
from trunkward.numbering.overrides import read_overrides

GOOD = "prefix,country,class,risk,rate\n+1202,,,high,1.25\n"


def test_its_lines_stand_above_the_table(tmp_path: Path) -> None:
    file = tmp_path / "destinations.csv"
    file.write_text(GOOD)
    assert wrong_destinations(str(file)) == []
    found = destinations_with(destinations_text(str(file)))
    assert (found["1202"].country, found["1202"].rate_micro) == ("US", 1_250_000)
    assert destinations_with("") is shipped_destinations().prefixes
    assert destinations_text("") == ""


def test_every_wrong_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "destinations.csv"
    file.write_text(f"{GOOD}1303,,,,1\n+44,UK,,,\n")
    wrong = wrong_destinations(str(file))
    assert [why.startswith(f"{file}: line {line}: ") for why, line in zip(wrong, (3, 4), strict=True)] == [
        True
    ] * 2
    with pytest.raises(DestinationsUnreadable, match="line 3"):
        destinations_text(str(file))


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    assert wrong_destinations(str(tmp_path / "none.csv")) == [f"{tmp_path}/none.csv: there is no such file"]
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe")
    (wrong,) = wrong_destinations(str(tmp_path / "b.csv"))
    assert "cannot be read" in wrong


def test_a_pipe_or_a_device_is_no_such_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for file in (str(pipe), "/dev/zero", str(tmp_path)):
        assert wrong_destinations(file) == [f"{file}: no regular file"]


def test_a_file_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destinations_file, "_MOST_BYTES", len(GOOD))
    file = tmp_path / "destinations.csv"
    file.write_text(GOOD)
    assert destinations_text(str(file)) == GOOD
    file.write_text(f"{GOOD}\n")
    assert "larger than" in wrong_destinations(str(file))[0]


def test_what_was_found_good_is_what_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Summary: somebody writes to the file right after it was looked at; the text used is the one looked at."""
    file = tmp_path / "destinations.csv"
    file.write_text(GOOD)

    def then_written(text: str) -> object:
        found = read_overrides(text)
        file.write_text("rubbish")
        return found

    monkeypatch.setattr(destinations_file, "read_overrides", then_written)
    assert destinations_text(str(file)) == GOOD
