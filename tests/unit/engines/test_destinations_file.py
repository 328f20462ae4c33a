"""The operator's file over the shipped table: good, wrong, or not there."""

from pathlib import Path

import pytest

from trunkward.engines.destinations_file import (
    DestinationsUnreadable,
    destinations_text,
    destinations_with,
    wrong_destinations,
)
from trunkward.engines.number_plans import shipped_destinations

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
