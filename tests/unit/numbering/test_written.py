"""A number as people write it is one number, or refused with what to write."""

import pytest

from trunkward.numbering.e164 import NotANumber
from trunkward.numbering.plan import DialPlan, default_plan
from trunkward.numbering.written import read_range, read_written

HOME, GERMANY, ITALY = DialPlan(), default_plan("49", "DE"), default_plan("39", "IT")


@pytest.mark.parametrize(
    ("text", "plan", "number"),
    [
        *(
            (text, HOME, "+12025550150")
            for text in (
                "+12025550150", "2025550150", "12025550150", "+1 (202) 555-0150", "202-555-0150",
                "(202) 555.0150", "1 202 555 0150", "011 1 202 555 0150", "+1\u00a0202\u00a0555\u00a00150",
            )
        ),
        ("011 44 20 7946 0123", HOME, "+442079460123"),
        ("030 5550123", GERMANY, "+49305550123"),
        ("00 1 202 555 0150", GERMANY, "+12025550150"),
        ("06 555 0123", ITALY, "+39065550123"),
        # who writes a + is understood anywhere
        ("+12025550150", None, "+12025550150"),
    ],
)  # fmt: skip
def test_what_it_means(text: str, plan: DialPlan | None, number: str) -> None:
    assert read_written(text, plan) == number


@pytest.mark.parametrize(
    ("text", "plan", "why"),
    [
        ("5550150", HOME, "not ten digits"),
        ("442079460123", HOME, "not ten digits"),
        ("49305550123", GERMANY, "not 0 and a national number"),
        ("3925550123", ITALY, "it could be +393925550123 or +3925550123"),
        ("2025550150", None, "no country is known"),
        ("abc", HOME, "something other than digits"),
        ("+1202", HOME, "7 to 15 digits"),
        ("2025550150;phone-context=x", HOME, "phone-context"),
        ("", HOME, "no digits"),
    ],
)
def test_what_could_be_two_or_none_is_refused_with_what_to_write(
    text: str, plan: DialPlan | None, why: str
) -> None:
    with pytest.raises(NotANumber) as refused:
        read_written(text, plan)
    assert why in str(refused.value)
    assert "write it with + and its country code" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("202-555-0150", "+12025550150"),
        ("+12025550150-+12025550159", "+12025550159"),
        ("202-555-0150-202-555-0159", "+12025550159"),
        ("(202) 555-0150 - (202) 555-0159", "+12025550159"),
    ],
)
def test_a_range_is_parted_where_numbers_end(text: str, last: str) -> None:
    assert read_range(text, HOME) == ("+12025550150", last)


def test_a_range_that_can_be_parted_in_two_ways_is_refused() -> None:
    with pytest.raises(NotANumber, match="no number, and not two"):
        read_range("+12025550150-59", HOME)
    with pytest.raises(NotANumber, match=r"could be \+49301234-\+49305678 or \+493012340305678-\+49301"):
        read_range("0301234-0305678", GERMANY)
