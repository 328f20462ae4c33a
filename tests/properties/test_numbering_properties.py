"""Whatever is dialled, the result is E.164 or a refusal, and doing it twice changes nothing."""

from hypothesis import given
from hypothesis import strategies as st

from trunkward.numbering.e164 import E164, NotANumber
from trunkward.numbering.plan import Emergency, dial, normalise

COUNTRIES = st.sampled_from(["1", "44", "49", "380"])
DIALLED = st.text(alphabet="0123456789+-.()*#;a \u0661", max_size=24) | st.text(max_size=40)
NANP = st.from_regex(r"[2-9][0-9]{2}[2-9][0-9]{6}", fullmatch=True)


@given(DIALLED, COUNTRIES)
def test_e164_or_refused(user: str, country: str) -> None:
    try:
        number = normalise(user, country)
    except NotANumber:
        return
    assert number.isascii()
    assert number[0] == "+"
    assert number[1:].isdigit()
    assert 7 <= len(number) - 1 <= 15
    assert normalise(number, country) == number
    assert normalise(number, "1") == E164(number)


@given(NANP, st.integers(0, 10), st.sampled_from("-.()"))
def test_forms_of_one_number_are_one(national: str, at: int, separator: str) -> None:
    split = national[:at] + separator + national[at:]
    forms = {normalise(form, "1") for form in (split, "1" + split, "+1" + split, "0111" + split)}
    assert forms == {"+1" + national}


@given(DIALLED, COUNTRIES)
def test_an_emergency_is_exactly_its_number(user: str, country: str) -> None:
    try:
        meant = dial(user, country, ("911", "112"))
    except NotANumber:
        return
    if isinstance(meant, Emergency):
        digits = "".join(c for c in user.partition(";")[0] if c not in "-.()")
        assert digits in ("911", "112")
    else:
        assert len(meant) > 6
