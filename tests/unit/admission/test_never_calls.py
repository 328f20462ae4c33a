"""The compiled do-not-originate list: whole numbers, and the longest beginning."""

import pytest

from trunkward.admission.never_calls import NeverCallsTable, never_calls_table
from trunkward.trunks.callers import NeverCalls

LIST = (
    NeverCalls(number="+12025550100", reason="bank", date="2026-01-01"),
    NeverCalls(number="+1404555*", reason="none assigned"),
    NeverCalls(number="+14045551*"),
    NeverCalls(number="+4420*"),
)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("+12025550100", "on the do-not-originate list: bank 2026-01-01"),
        ("+12025550101", ""),
        ("+14045550100", "on the do-not-originate list: none assigned"),
        ("+14045551100", "on the do-not-originate list"),
        ("+14045500100", ""),
        ("+442079460123", "on the do-not-originate list"),
        ("+44212345", ""),
    ],
)
def test_lookups(number: str, said: str) -> None:
    assert NeverCallsTable(memoryview(never_calls_table(LIST))).why(number) == said


def test_an_empty_list() -> None:
    assert NeverCallsTable(memoryview(never_calls_table(()))).why("+12025550100") == ""


def test_equal_lists_give_equal_bytes() -> None:
    assert never_calls_table(LIST) == never_calls_table(tuple(reversed(LIST)))
