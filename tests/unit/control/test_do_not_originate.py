"""A do-not-originate list: good as a whole, or refused as a whole with every line that is wrong."""

import pytest

from trunkward.control.do_not_originate import ListRefused, read_never_calls
from trunkward.trunks.callers import NeverCalls


def test_numbers_prefixes_reasons_and_dates() -> None:
    text = (
        "number,reason,date\n# ours\n\n+12025550100\n"
        '+1404555*,"not assigned, yet",2026-01-31\n +442079460000 , "bank" ,\n'
    )
    assert read_never_calls(text.replace('"bank"', "bank")) == (
        NeverCalls(number="+12025550100"),
        NeverCalls(number="+1404555*", reason="not assigned, yet", date="2026-01-31"),
        NeverCalls(number="+442079460000", reason="bank"),
    )
    assert read_never_calls("") == ()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2025550100", "write it as +12025550100"),
        ("+1202555010", "write it as"),
        ("1202*", "a prefix is"),
        ("*", "a prefix is"),
        ("+12025550100,a,2026-02-30", "a date is written"),
        ("+12025550100,a,31.1.2026", "a date is written"),
        ("+12025550100,a,2026-01-01,b", "more than number, reason and date"),
        (f"+12025550100,{'x' * 81}", "a reason is one line"),
        ('+12025550100,"a', "unexpected end"),
        ("+12025550199", "stands here already"),
    ],
)
def test_wrong_lines_are_named(line: str, said: str) -> None:
    with pytest.raises(ListRefused) as refused:
        read_never_calls(f"+12025550199\n{line}\n")
    assert str(refused.value).startswith("line 2: ")
    assert said in str(refused.value)


def test_all_of_them_are_named() -> None:
    with pytest.raises(ListRefused) as refused:
        read_never_calls("x\n+12025550100\ny\n")
    assert [wrong.partition(":")[0] for wrong in refused.value.wrong] == ["line 1", "line 3"]
