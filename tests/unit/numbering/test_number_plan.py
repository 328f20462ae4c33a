"""What people and PBXs dial, and what it means."""

from dataclasses import replace

import pytest

from trunkward.numbering.e164 import E164, NotANumber, is_prefix
from trunkward.numbering.plan import DialPlan, Emergency, default_plan

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
    assert default_plan(country).normalise(user) == number


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
        default_plan(country).normalise(user)


@pytest.mark.parametrize(
    ("user", "meant"),
    [
        ("911", Emergency(number="911")),
        ("9-1-1", Emergency(number="911")),
        ("911;user=phone", Emergency(number="911")),
        # RFC 3966 section 5.1.5: a local number must have a context
        ("911;phone-context=+1", Emergency(number="911")),
        ("911;phone-context=pbx.example.com", Emergency(number="911")),
        # some PBXs write it before everything
        ("+911", Emergency(number="911")),
        ("+933", Emergency(number="933")),
        # another country's
        ("+911123456789", E164("+911123456789")),
        ("933", Emergency(number="933")),
        ("2025550911", E164("+12025550911")),
        ("9112025550", E164("+19112025550")),
    ],
)
def test_emergency_numbers_match_exactly(user: str, meant: E164 | Emergency) -> None:
    assert DialPlan().dial(user, NANP_911) == meant


@pytest.mark.parametrize(
    "user", ["9110", "91", "+9110", "++911", "9+11", "1911", "112", "9110;phone-context=+1"]
)
def test_what_only_looks_like_an_emergency(user: str) -> None:
    with pytest.raises(NotANumber):
        DialPlan().dial(user, NANP_911)


ITALY = default_plan("39")
BEHIND_NINE = DialPlan(tech_prefix="9")


@pytest.mark.parametrize(
    ("plan", "user", "number"),
    [
        # nothing is dropped: the zero is part of the number
        (ITALY, "0669812345", "+390669812345"),
        (ITALY, "+390669812345", "+390669812345"),
        (ITALY, "3331234567", "+393331234567"),
        (ITALY, "0012025550101", "+12025550101"),
        (default_plan("34"), "912345678", "+34912345678"),
        (default_plan("36"), "0612345678", "+3612345678"),
        (default_plan("7"), "84951234567", "+74951234567"),
        (default_plan("7"), "81012025550101", "+12025550101"),
        (default_plan("81"), "01012025550101", "+12025550101"),
        (default_plan("61"), "001112025550101", "+12025550101"),
        (BEHIND_NINE, "92025550101", "+12025550101"),
        (BEHIND_NINE, "912025550101", "+12025550101"),
        (BEHIND_NINE, "9011442079460123", "+442079460123"),
        (BEHIND_NINE, "2025550101", "+12025550101"),
        # only begins like it
        (BEHIND_NINE, "9195550101", "+19195550101"),
        (BEHIND_NINE, "+12025550101", "+12025550101"),
        # whatever is a number may stand behind it
        (BEHIND_NINE, "9+12025550101", "+12025550101"),
        (BEHIND_NINE, "9+442079460123", "+442079460123"),
        (DialPlan(country="44", national_prefix="0", international_prefix="00", tech_prefix="77"),
         "7702079460123", "+442079460123"),
    ],
)  # fmt: skip
def test_plans_of_trunks(plan: DialPlan, user: str, number: str) -> None:
    assert plan.normalise(user) == number


SPAIN = replace(default_plan("34"), tech_prefix="9")


@pytest.mark.parametrize(
    ("plan", "user", "number"),
    [
        # a number of Madrid, which begins like the tech prefix
        (SPAIN, "912345678", "+34912345678"),
        (SPAIN, "+34912345678", "+34912345678"),
        (BEHIND_NINE, "2025550101", "+12025550101"),
        # of a PBX that puts it before everything
        (BEHIND_NINE, "92025550101", "+12025550101"),
        (BEHIND_NINE, "9+12025550101", "+12025550101"),
    ],
)
def test_who_is_named_was_not_dialled(plan: DialPlan, user: str, number: str) -> None:
    assert plan.read(user) == number


@pytest.mark.parametrize(
    ("user", "meant"),
    [
        ("911", Emergency(number="911")),
        ("9911", Emergency(number="911")),
        ("9-9-1-1", Emergency(number="911")),
        ("9933", Emergency(number="933")),
        ("9+911", Emergency(number="911")),
        ("+911", Emergency(number="911")),
        ("92025550911", E164("+12025550911")),
    ],
)
def test_emergency_numbers_behind_a_tech_prefix(user: str, meant: E164 | Emergency) -> None:
    assert BEHIND_NINE.dial(user, NANP_911) == meant


@pytest.mark.parametrize("user", ["99911", "+9911", "9+9911", "+9+911", "99110", "911911"])
def test_what_only_looks_like_one_behind_a_tech_prefix(user: str) -> None:
    with pytest.raises(NotANumber):
        BEHIND_NINE.dial(user, NANP_911)


def test_every_form_of_an_emergency_number_is_listed() -> None:
    forms = BEHIND_NINE.emergency_forms(NANP_911)
    assert {form for form, number in forms.items() if number == "911"} == {"911", "+911", "9911", "9+911"}
    assert {form for form, number in forms.items() if number == "933"} == {"933", "+933", "9933", "9+933"}
    assert all(BEHIND_NINE.dial(form, NANP_911) == Emergency(number=n) for form, n in forms.items())
    # what is a number as it stands is that one, also when it ends with another behind the prefix
    plan = DialPlan(tech_prefix="9")
    assert plan.emergency_forms(("911", "11"))["911"] == "911"
    assert plan.dial("911", ("911", "11")) == Emergency(number="911")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("+1", True), ("+1202", True), ("1202", False), ("+", False), ("+0", False), ("+12x", False)],
)
def test_prefixes(text: str, *, is_one: bool) -> None:
    assert is_prefix(text) is is_one
