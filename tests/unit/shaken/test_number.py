"""RFC 8224 section 8.3 as a table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkward.shaken.number import NotANumber, canonical_tn

GOOD = {
    "+12025550100": "12025550100",
    "12025550100": "12025550100",
    "+1-202-555-0100": "12025550100",
    "+1.202.555.0100": "12025550100",
    "+1(202)5550100": "12025550100",
    "(202)555-0100": "2025550100",
    "202-555-0100": "2025550100",
    "5550100": "5550100",
    "+442079460100": "442079460100",
    "+44-20-7946-0100": "442079460100",
    "+61491570156": "61491570156",
    "0000": "0000",
    "011442079460100": "011442079460100",
    "02079460100": "02079460100",
    "911": "911",
    "112": "112",
    "0": "0",
    "*67": "*67",
    "*69": "*69",
    "#31#": "#31#",
    "*67-2025550100": "*672025550100",
    "*82(202)5550100": "*822025550100",
    "+123456789012345": "123456789012345",
    "123456789012345": "123456789012345",
    "+12025550100;npdi": "12025550100",
    "+12025550100;npdi;rn=+12025550199": "12025550100",
    "+12025550100;rn=+12025550199;npdi": "12025550100",
    "+12025550100;cpc=ordinary": "12025550100",
    "+12025550100;isub=1411": "12025550100",
    "+12025550100;ext=22": "12025550100",
    "+12025550100;verstat=TN-Validation-Passed": "12025550100",
    "2025550100;tgrp=1": "2025550100",
    "-202-": "202",
}

BAD = {
    "": "number-without-digits",
    "+": "number-without-digits",
    "-.()": "number-without-digits",
    ";npdi": "number-without-digits",
    "*": "number-without-digits",
    "#": "number-without-digits",
    "alice": "number-has-foreign-character",
    "anonymous": "number-has-foreign-character",
    "unavailable": "number-has-foreign-character",
    "1-800-EXAMPLE": "number-has-foreign-character",
    "+1 202 555 0100": "number-has-foreign-character",
    " 12025550100": "number-has-foreign-character",
    "12025550100\n": "number-has-foreign-character",
    "12025550100\x00": "number-has-foreign-character",
    "++12025550100": "number-has-foreign-character",
    "1+2025550100": "number-has-foreign-character",
    "12025550100+": "number-has-foreign-character",
    "%2B12025550100": "number-has-foreign-character",
    "12025550100@example.com": "number-has-foreign-character",
    "sip:12025550100": "number-has-foreign-character",
    "tel:+12025550100": "number-has-foreign-character",
    "1/2025550100": "number-has-foreign-character",
    "1_2025550100": "number-has-foreign-character",
    "1,2025550100": "number-has-foreign-character",
    "1:2025550100": "number-has-foreign-character",
    "12025550100w2": "number-has-foreign-character",
    "12025550100p2": "number-has-foreign-character",
    "١٢٠٢٥٥٥٠١٠٠": "number-has-foreign-character",
    "１２０２５５５０１００": "number-has-foreign-character",
    "1202555010²": "number-has-foreign-character",
    "１2025550100": "number-has-foreign-character",
    "1–2025550100": "number-has-foreign-character",
    "\u200b12025550100": "number-has-foreign-character",
    "+1234567890123456": "number-too-long",
    "1234567890123456": "number-too-long",
    "1" * 300: "number-too-long",
    "1;" + "a" * 300: "number-too-long",
    "+012025550100": "number-country-code-zero",
    "+0": "number-country-code-zero",
    "+*67": "number-global-with-service-code",
    "+1#": "number-global-with-service-code",
    "5550100;phone-context=+1202": "number-has-phone-context",
    "5550100;PHONE-CONTEXT=example.com": "number-has-phone-context",
    "5550100; phone-context =x": "number-has-phone-context",
}


@pytest.mark.parametrize(("text", "canonical"), GOOD.items())
def test_number_is_canonicalised(text: str, canonical: str) -> None:
    assert canonical_tn(text) == canonical


@pytest.mark.parametrize(("text", "reason"), BAD.items())
def test_what_is_no_number_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(NotANumber) as refused:
        canonical_tn(text)
    assert refused.value.reason == reason


@given(st.text(alphabet="0123456789+-.()*#;= aé", max_size=30))
def test_canonical_form_is_its_own_canonical_form(text: str) -> None:
    try:
        once = canonical_tn(text)
    except NotANumber:
        return
    assert canonical_tn(once) == once
    assert set(once) <= set("0123456789*#")


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True), st.data())
def test_every_spelling_of_a_number_is_one_number(digits: str, data: st.DataObject) -> None:
    separators = data.draw(
        st.lists(st.sampled_from(["", "-", ".", "(", ")"]), min_size=len(digits), max_size=len(digits))
    )
    spelled = "".join(digit + separator for digit, separator in zip(digits, separators, strict=True))
    assert (
        canonical_tn(spelled) == canonical_tn("+" + spelled) == canonical_tn(spelled + ";npdi;rn=1") == digits
    )
