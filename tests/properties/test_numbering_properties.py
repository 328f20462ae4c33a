"""Whatever is dialled, the result is E.164 or a refusal, and doing it twice changes nothing."""

from hypothesis import given
from hypothesis import strategies as st

from trunkward.numbering.e164 import E164, NotANumber
from trunkward.numbering.plan import DialPlan, Emergency, default_plan

COUNTRIES = st.sampled_from(["1", "44", "49", "380"])
DIALLED = st.text(alphabet="0123456789+-.()*#;a \u0661", max_size=24) | st.text(max_size=40)
NANP = st.from_regex(r"[2-9][0-9]{2}[2-9][0-9]{6}", fullmatch=True)


@given(DIALLED, COUNTRIES)
def test_e164_or_refused(user: str, country: str) -> None:
    try:
        number = default_plan(country).normalise(user)
    except NotANumber:
        return
    assert number.isascii()
    assert number[0] == "+"
    assert number[1:].isdigit()
    assert 7 <= len(number) - 1 <= 15
    assert default_plan(country).normalise(number) == number
    assert default_plan("1").normalise(number) == E164(number)


@given(NANP, st.integers(0, 10), st.sampled_from("-.()"))
def test_forms_of_one_number_are_one(national: str, at: int, separator: str) -> None:
    split = national[:at] + separator + national[at:]
    forms = {default_plan("1").normalise(form) for form in (split, "1" + split, "+1" + split, "0111" + split)}
    assert forms == {"+1" + national}


@given(DIALLED, COUNTRIES)
def test_an_emergency_is_exactly_its_number(user: str, country: str) -> None:
    try:
        meant = default_plan(country).dial(user, ("911", "112"))
    except NotANumber:
        return
    if isinstance(meant, Emergency):
        digits = "".join(c for c in user.partition(";")[0] if c not in "-.()")
        assert digits in ("911", "112")
    else:
        assert len(meant) > 6


PLANS = st.builds(
    DialPlan,
    country=st.sampled_from(["1", "39", "44", "7", "33"]),
    region=st.just(""),
    national_prefix=st.sampled_from(["", "0", "1", "8", "06"]),
    international_prefix=st.sampled_from(["00", "011", "810", "010"]),
    tech_prefix=st.sampled_from(["", "9", "77", "555", "1234"]),
)


@given(DIALLED | NANP | st.from_regex(r"\+?[0-9]{7,16}", fullmatch=True), PLANS)
def test_normalising_again_changes_nothing(user: str, plan: DialPlan) -> None:
    try:
        number = plan.normalise(user)
    except NotANumber:
        return
    assert plan.normalise(number) == number
    # and as dialled for abroad, behind the tech prefix or not, it is the same one
    assert plan.normalise(plan.international_prefix + number.digits) == number
    assert plan.normalise(plan.tech_prefix + plan.international_prefix + number.digits) == number


@given(DIALLED, PLANS, st.sampled_from([("911", "933"), ("112",), ("112", "17", "18")]))
def test_an_emergency_is_one_of_the_listed_forms(
    user: str, plan: DialPlan, emergency: tuple[str, ...]
) -> None:
    digits = "".join(c for c in user.partition(";")[0] if c not in "-.()")
    try:
        meant = plan.dial(user, emergency)
    except NotANumber:
        return
    listed = plan.emergency_forms(emergency).get(digits)
    assert listed == (meant.number if isinstance(meant, Emergency) else None)
