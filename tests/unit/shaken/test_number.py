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
    # every country code of one to three digits is the same to us
    "+7-495-123-45-67": "74951234567",
    "+20.2.1234.5678": "20212345678",
    "+27(11)123-4567": "27111234567",
    "+33-1-23-45-67-89": "33123456789",
    "+4930-901820": "4930901820",
    "+52-1-55-1234-5678": "5215512345678",
    "+55(11)91234-5678": "5511912345678",
    "+81-3-1234-5678": "81312345678",
    "+8610-1234-5678": "861012345678",
    "+91-11-2345-6789": "911123456789",
    "+353-1-234-5678": "35312345678",
    "+358-9-123-456": "3589123456",
    "+852-1234-5678": "85212345678",
    "+883510001234567": "883510001234567",
    "+870773110100": "870773110100",
    "+1-800-555-0100": "18005550100",
    "+1-900-555-0100": "19005550100",
    "+1-242-555-0100": "12425550100",
    "+44-1632-960100": "441632960100",
    "+44-(0)20-7946-0100": "4402079460100",
    "1-202-555-0100": "12025550100",
    "1(202)555-0100": "12025550100",
    "1.202.555.0100": "12025550100",
    "(1)(202)(555)(0100)": "12025550100",
    "+1-2-0-2-5-5-5-0-1-0-0": "12025550100",
    "+1..202..5550100": "12025550100",
    "+(1)2025550100": "12025550100",
    "+-12025550100": "12025550100",
    "555-0100": "5550100",
    "00442079460100": "00442079460100",
    "0014155550100": "0014155550100",
    "1411": "1411",
    "211": "211",
    "311": "311",
    "411": "411",
    "611": "611",
    "711": "711",
    "811": "811",
    "988": "988",
    "999": "999",
    "000": "000",
    "110": "110",
    "118": "118",
    "933": "933",
    "12": "12",
    "9": "9",
    "1": "1",
    "*#06#": "*#06#",
    "*21*2025550100#": "*21*2025550100#",
    "**21*1#": "**21*1#",
    "##002#": "##002#",
    "*31#12025550100": "*31#12025550100",
    "*70": "*70",
    "*57": "*57",
    "#1": "#1",
    "*1*": "*1*",
    "+12025550100;": "12025550100",
    "+12025550100;;": "12025550100",
    "+12025550100;rn=+12025550199": "12025550100",
    "+12025550100;cic=+10288": "12025550100",
    "+12025550100;oli=62": "12025550100",
    "+12025550100;isub=1411;isub-encoding=nsap-ia5": "12025550100",
    "+12025550100;postd=pp22": "12025550100",
    "+12025550100;tgrp=a;trunk-context=example.com": "12025550100",
    "+12025550100;phone-contexts=x": "12025550100",
    "+12025550100;x=phone-context": "12025550100",
    "12025550100;user=phone": "12025550100",
    "*67;npdi": "*67",
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
    "911;phone-context=+1": "number-has-phone-context",
    "+12025550100;phone-context=x": "number-has-phone-context",
    "+8835100012345678": "number-too-long",
    "+1-202-555-0100-12345": "number-too-long",
    "*67123456789012345": "number-too-long",
    "+00442079460100": "number-country-code-zero",
    "+0-12025550100": "number-country-code-zero",
    "+(0)12025550100": "number-country-code-zero",
    "+1*2": "number-global-with-service-code",
    "+#31#12025550100": "number-global-with-service-code",
    "()": "number-without-digits",
    "**": "number-without-digits",
    "*#*#": "number-without-digits",
    ";rn=+12025550199": "number-without-digits",
    "restricted": "number-has-foreign-character",
    "+1202555010O": "number-has-foreign-character",
    "+1202555010l": "number-has-foreign-character",
    "0x1F": "number-has-foreign-character",
    "1e5": "number-has-foreign-character",
    "１": "number-has-foreign-character",
    "१२३": "number-has-foreign-character",
    "۱۲۳": "number-has-foreign-character",
    "一二三": "number-has-foreign-character",
    "①②③": "number-has-foreign-character",
    "¹²³": "number-has-foreign-character",
    "+1\u00a02025550100": "number-has-foreign-character",
    "+1\u20102025550100": "number-has-foreign-character",
    "+1\u22122025550100": "number-has-foreign-character",
    "＋12025550100": "number-has-foreign-character",
    "12025550100\u202e": "number-has-foreign-character",
    "\ufeff12025550100": "number-has-foreign-character",
    "12025550100\r\nX: y": "number-has-foreign-character",
    "12025550100,12025550101": "number-has-foreign-character",
    "12025550100&x": "number-has-foreign-character",
    "12025550100?x": "number-has-foreign-character",
    "12025550100%3Bnpdi": "number-has-foreign-character",
    "'12025550100'": "number-has-foreign-character",
    "[12025550100]": "number-has-foreign-character",
}


@pytest.mark.parametrize(("text", "canonical"), GOOD.items())
def test_number_is_canonicalised(text: str, canonical: str) -> None:
    """Property 2: each case of the table."""
    assert canonical_tn(text) == canonical


@pytest.mark.parametrize(("text", "reason"), BAD.items())
def test_what_is_no_number_is_refused_with_its_reason(text: str, reason: str) -> None:
    """Property 2: each case of the table of what is none."""
    with pytest.raises(NotANumber) as refused:
        canonical_tn(text)
    assert refused.value.reason == reason


def test_the_table_is_long_enough() -> None:
    """Property 2: at least 150 cases."""
    assert len(GOOD) + len(BAD) >= 150


@given(st.text(alphabet="0123456789+-.()*#;= aé", max_size=30))
def test_canonical_form_is_its_own_canonical_form(text: str) -> None:
    """Property 2: idempotent."""
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
