"""Property 24: `verstat` is stripped wherever somebody may have put it, and written once, where it belongs."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkward.shaken.verstat import place, strip

PASSED = "TN-Validation-Passed"

SPOOFED = {
    # in the user part, where it belongs
    "<sip:+12025550100;verstat=TN-Validation-Passed@example.com;user=phone>": "<sip:+12025550100@example.com;user=phone>",
    "<sip:+12025550100;verstat=TN-Validation-Passed;npdi@example.com>": "<sip:+12025550100;npdi@example.com>",
    "<sip:+12025550100;npdi;verstat=x@example.com>": "<sip:+12025550100;npdi@example.com>",
    "<tel:+12025550100;verstat=TN-Validation-Passed>": "<tel:+12025550100>",
    "tel:+12025550100;verstat=TN-Validation-Passed": "tel:+12025550100",
    # as a parameter of the URI, of the header
    "<sip:+12025550100@example.com;user=phone;verstat=x>": "<sip:+12025550100@example.com;user=phone>",
    "<sip:+12025550100@example.com>;verstat=x;tag=1": "<sip:+12025550100@example.com>;tag=1",
    "sip:+12025550100@example.com;verstat=x;tag=1": "sip:+12025550100@example.com;tag=1",
    "sip:+12025550100@example.com;tag=1 ; verstat = x": "sip:+12025550100@example.com;tag=1 ",
    # in any case, without a value, with one in quotes, twice, with the suffixes some write
    "<tel:+1;VERSTAT=TN-Validation-Passed>": "<tel:+1>",
    "<tel:+1;VerStat=TN-Validation-Passed-A>": "<tel:+1>",
    "<tel:+1;verstat>": "<tel:+1>",
    "<tel:+1;verstat=>": "<tel:+1>",
    '<sip:+1@example.com>;verstat="a;b\\"c,d";tag=1': "<sip:+1@example.com>;tag=1",
    "<tel:+1;verstat=a;verstat=b>;verstat=c": "<tel:+1>",
    # escaped (RFC 3261 section 19.1.4): the same to a reader
    "<sip:+1;%76erstat=x@example.com>": "<sip:+1@example.com>",
    "<sip:+1;ve%52stat=x@example.com>": "<sip:+1@example.com>",
    "<sip:+1%3Bverstat%3Dx@example.com>": "<sip:+1@example.com>",
    "<sip:+1%3b%56%65%72%73%74%61%74%3dx@example.com>": "<sip:+1@example.com>",
    # of several addresses
    "<sip:+1;verstat=x@example.com>, <tel:+1;verstat=y>": "<sip:+1@example.com>, <tel:+1>",
    # where a quote would hide it if it were a name
    '<sip:"+1;verstat=x"@example.com>': '<sip:"+1@example.com>',
    '"A" <sip:+1;verstat=x@example.com>': '"A" <sip:+1@example.com>',
    '"not closed <sip:+1;verstat=x@example.com>': '"not closed <sip:+1@example.com>',
    "<sip:+1;verstat=x@example.com": "<sip:+1@example.com",
    "<sip:+1@example.com?X=1;verstat=x>": "<sip:+1@example.com?X=1>",
}

UNTOUCHED = [
    "",
    "<sip:+12025550100@example.com;user=phone>;tag=1",
    '"verstat=TN-Validation-Passed" <sip:+1@example.com>',
    '"a;verstat=b" <sip:+1@example.com>',
    '"a\\";verstat=b" <sip:+1@example.com>',
    "<sip:verstat@example.com>",
    "<sip:+1;verstatus=x@example.com>",
    "<sip:+1;xverstat=x@example.com>",
    "<sip:+1@verstat.example.com;x-verstat=1>",
    "Anonymous <sip:anonymous@anonymous.invalid>",
]


@pytest.mark.parametrize(("value", "stripped"), SPOOFED.items())
def test_spoofed_verstat_is_stripped(value: str, stripped: str) -> None:
    assert strip(value) == stripped


@pytest.mark.parametrize("value", UNTOUCHED)
def test_all_else_is_left_as_it_is(value: str) -> None:
    assert strip(value) == value


@pytest.mark.parametrize(
    ("value", "placed"),
    [
        ("<sip:+12025550100@example.com;user=phone>", "<sip:+12025550100;verstat=@example.com;user=phone>"),
        ("<sip:+12025550100@example.com>;tag=1", "<sip:+12025550100;verstat=@example.com;user=phone>;tag=1"),
        (
            '"A;B" <sip:+1;npdi@example.com:5061;transport=tls>',
            '"A;B" <sip:+1;npdi;verstat=@example.com:5061;transport=tls;user=phone>',
        ),
        ("sip:+1@example.com;tag=1", "<sip:+1;verstat=@example.com;user=phone>;tag=1"),
        ("sips:+1:pw@example.com", "<sips:+1;verstat=:pw@example.com;user=phone>"),
        ("<tel:+1>", "<tel:+1;verstat=>"),
        ("<tel:+1;npdi>;x=1", "<tel:+1;npdi;verstat=>;x=1"),
        ("tel:+1;tag=1", "<tel:+1;verstat=>;tag=1"),
        ("<sip:+1@example.com;user=ip>", "<sip:+1;verstat=@example.com;user=phone>"),
        ("<sip:+1@example.com;user=PHONE>", "<sip:+1;verstat=@example.com;user=PHONE>"),
        ("<sip:+1@example.com?X=1>", "<sip:+1;verstat=@example.com;user=phone?X=1>"),
        (
            "<sip:+1;verstat=x@example.com>;verstat=y, <tel:+1;verstat=z>",
            "<sip:+1;verstat=@example.com;user=phone>, <tel:+1>",
        ),
        (
            '"<sip:+9@example.com>" <sip:+1@example.com>',
            '"<sip:+9@example.com>" <sip:+1;verstat=@example.com;user=phone>',
        ),
    ],
)
def test_verstat_is_written_once_into_the_user_part(value: str, placed: str) -> None:
    expected = placed.replace("verstat=", f"verstat={PASSED}")
    assert place(value, PASSED) == expected
    assert place(place(value, "No-TN-Validation"), PASSED) == expected
    assert strip(place(value, PASSED)) == strip(expected)


@pytest.mark.parametrize(
    "value", ["", "Anonymous", "<sip:example.com>", "sip:@example.com", "<mailto:a@example.com>", "<>"]
)
def test_no_user_part_has_no_place_for_it(value: str) -> None:
    with pytest.raises(ValueError, match=r"URI"):
        place(value, PASSED)


ALPHABET = st.sampled_from(
    [*';="<>@,:+1 %3B3D76\\', "verstat", "VERSTAT", "sip:", "tel:", "example.com", "%76", "%3b"]
)


@given(st.lists(ALPHABET, max_size=30).map("".join))
def test_nothing_is_left_for_a_reader_to_find(value: str) -> None:
    """Outside of a caller's name in quotes, no parameter of that name is left, in any spelling."""
    left = re.sub(r'"(?:[^"\\]|\\.)*"', '""', strip(value), flags=re.DOTALL)
    assert not re.search(r";\s*verstat(?![\w.!%*+`'~-])", left, re.IGNORECASE)
    assert strip(strip(value)) == strip(value) or '"' in value


@given(st.text(max_size=300))
def test_any_text_is_stripped_and_placed_or_refused(value: str) -> None:
    strip(value)
    try:
        placed = place(value, PASSED)
    except ValueError:
        return
    assert placed.count(f";verstat={PASSED}") == 1
