"""What people and PBXs dial, and what it means."""

import pytest

from trunkward.numbering.e164 import E164, NotANumber, is_prefix
from trunkward.numbering.plan import Emergency, dial, normalise

NANP_911 = ("911", "933")


@pytest.mark.parametrize(
    ("user", "country", "number"),
    [
        ("+12025550101", "1", "+12025550101"),
        ("+1-202-555-0101", "1", "+12025550101"),
        ("+1.202.555.0101", "1", "+12025550101"),
        ("(202)555-0101", "1", "+12025550101"),
        ("2025550101", "1", "+12025550101"),
        ("12025550101", "1", "+12025550101"),
        ("011442079460123", "1", "+442079460123"),
        ("+442079460123", "1", "+442079460123"),
        ("+12025550101;npdi;rn=+12025550199", "1", "+12025550101"),
        ("+12025550101;verstat=TN-Validation-Passed", "1", "+12025550101"),
        ("02079460123", "44", "+442079460123"),
        ("0012025550101", "44", "+12025550101"),
        ("+442079460123", "44", "+442079460123"),
    ],
)
def test_normalise(user: str, country: str, number: str) -> None:
    assert normalise(user, country) == number


@pytest.mark.parametrize(
    ("user", "country"),
    [
        ("", "1"),
        ("+", "1"),
        ("alice", "1"),
        ("anonymous", "1"),
        ("+1202555010x", "1"),
        ("+1 202 555 0101", "1"),
        ("202555010", "1"),
        ("20255501011", "1"),
        ("+1202555010", "1"),
        ("+120255501011", "1"),
        ("+11025550101", "1"),
        ("+12021550101", "1"),
        ("+123456", "1"),
        ("+4420794601231234", "1"),
        ("+02025550101", "1"),
        ("++12025550101", "1"),
        ("*67", "1"),
        ("#31#2025550101", "1"),
        ("911", "1"),
        ("011", "1"),
        ("0110442079460123", "1"),
        ("\u0661\u0662\u0660\u0662\u0665\u0665\u0665\u0660\u0661\u0660\u0661", "1"),
        ("+1\uff1202555010", "1"),
        ("2025550101;phone-context=+1", "1"),
        ("2079460123", "44"),
        ("+12025550101" + "0" * 200, "1"),
    ],
)
def test_what_is_no_number(user: str, country: str) -> None:
    with pytest.raises(NotANumber):
        normalise(user, country)


@pytest.mark.parametrize(
    ("user", "meant"),
    [
        ("911", Emergency(number="911")),
        ("9-1-1", Emergency(number="911")),
        ("911;user=phone", Emergency(number="911")),
        ("933", Emergency(number="933")),
        ("2025550911", E164("+12025550911")),
        ("9112025550", E164("+19112025550")),
    ],
)
def test_emergency_numbers_match_exactly(user: str, meant: E164 | Emergency) -> None:
    assert dial(user, "1", NANP_911) == meant


@pytest.mark.parametrize("user", ["9110", "91", "+911", "1911", "112"])
def test_what_only_looks_like_an_emergency(user: str) -> None:
    with pytest.raises(NotANumber):
        dial(user, "1", NANP_911)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("+1", True), ("+1202", True), ("1202", False), ("+", False), ("+0", False), ("+12x", False)],
)
def test_prefixes(text: str, *, is_one: bool) -> None:
    assert is_prefix(text) is is_one
