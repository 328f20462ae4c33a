"""What the build command writes is what is shipped, and its parts do what they say."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.numbering.automaton import DIGITS, Automaton
from tools.numbering.build import area_codes_text, destinations, main, rates_by_class, risks_by_country
from tools.numbering.plans import Plan
from tools.numbering.prefixes import Rows

from trunkward.numbering.destinations import Kind


def test_the_shipped_files_are_what_the_command_writes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "--date", "2000-01-01"]) == 0, capsys.readouterr().out


def test_a_changed_file_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    changed = tmp_path / "area_codes.py"
    text = area_codes_text("2026-11-26")
    changed.write_text(text.replace("202 203", "203"), encoding="utf-8")
    monkeypatch.setattr("tools.numbering.build.built", lambda _: {changed: text})
    assert main(["--check"]) == 1
    assert "202 203" not in changed.read_text(encoding="utf-8")
    assert main(["--date", "2027-01-02"]) == 0
    assert "202 203" in changed.read_text(encoding="utf-8")


def test_the_date_stays_when_nothing_else_changes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "destinations.txt"
    file.write_text("# date: 2026-11-26\nGB mobile low - 447\n", encoding="utf-8")
    monkeypatch.setattr(
        "tools.numbering.build.built", lambda date: {file: f"# date: {date}\nGB mobile low - 447\n"}
    )
    assert main(["--date", "2030-01-01"]) == 0
    assert "2026-11-26" in file.read_text(encoding="utf-8")


PATTERNS = (
    "1(?:0[0-28]|12|298)|2611",
    "3[2-8]\\d{9,10}",
    "(?:0549|[5-7]\\d)\\d{2}",
    "9[0-35-9](?:[07]|22){1,2}",
)


@given(st.text(DIGITS, max_size=13), st.sampled_from(PATTERNS))
def test_the_automaton_agrees_with_re(number: str, pattern: str) -> None:
    automaton = Automaton()
    automaton.add("whole", pattern)
    automaton.add("beginning", pattern, whole=False)
    state = automaton.start
    for digit in number:
        state = automaton.step(state, digit)
    wanted = {name for name, found in _found(pattern, number) if found}
    assert automaton.tags(state) == wanted


def _found(pattern: str, number: str) -> Iterator[tuple[str, bool]]:
    yield "whole", re.fullmatch(pattern, number) is not None
    yield "beginning", any(re.fullmatch(pattern, number[:end]) for end in range(len(number) + 1))


@pytest.mark.parametrize("pattern", ["a", "1+", "1.", "[1-3a]", "(?=1)1", "^1"])
def test_a_pattern_it_does_not_know_is_an_error(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"in a|without end"):
        Automaton().add("what", pattern)


@pytest.mark.parametrize("code", [39, 44, 252, 676, 883])
def test_no_row_says_what_the_row_above_it_says(code: int) -> None:
    rows = Rows(code).rows
    for prefix, label in rows.items():
        above = next(
            (rows[prefix[:end]] for end in range(len(prefix) - 1, 0, -1) if prefix[:end] in rows), None
        )
        assert label != above, prefix
        assert len(prefix) <= len(str(code)) + 7


@pytest.mark.parametrize("code", [44, 49, 252, 371])
def test_what_nobody_has_is_unknown(code: int) -> None:
    """Every beginning of one to three national digits that no number has."""
    plan, rows = Plan(code), Rows(code).rows
    step, start = plan.automaton.step, plan.automaton.start
    seen = 0
    for digits in (f"{n:0{length}d}" for length in (1, 2, 3) for n in range(10**length)):
        state = start
        for digit in digits:
            state = step(state, digit)
        if state:
            continue
        seen += 1
        number = f"{code}{digits}"
        row = next((rows[number[:end]] for end in range(len(number), 0, -1) if number[:end] in rows), None)
        assert row is None, number
    assert seen > 10


def test_the_tables_beside_the_command_name_only_what_there_is() -> None:
    countries = {destination.country for destination in destinations().values()}
    rates = rates_by_class()
    assert {country for country, _ in rates} | set(risks_by_country()) <= countries
    assert {kind for _, kind in rates} <= {kind.value for kind in Kind}
