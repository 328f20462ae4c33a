"""Property 2: one party is one text, wherever and however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkward.shaken.party import canonical_party
from trunkward.sip.uri import MalformedUri

SAME = {
    "12025550100": [
        "sip:+12025550100@example.com",
        "sips:+12025550100@example.com;user=phone",
        "sip:+1-202-555-0100@example.com",
        "sip:+1.202.555.0100@10.0.0.1:5061;transport=tls",
        "sip:12025550100@example.com",
        "sip:+12025550100;npdi;rn=+12025550199@example.com;user=phone",
        "sip:+12025550100;cpc=ordinary:pw@example.com",
        "sip:%2B12025550100@example.com",
        "SIP:+12025550100@EXAMPLE.com",
        "tel:+12025550100",
        "tel:+1-202-555-0100",
        "tel:+1(202)555-0100;isub=1411",
        "TEL:+12025550100;verstat=TN-Validation-Passed",
    ],
    "911": ["sip:911@example.com", "tel:911"],
    "*67": ["sip:*67@example.com"],
    "sip:alice@example.com": [
        "sip:alice@example.com",
        "sips:alice@EXAMPLE.COM",
        "sip:alice;x=1@example.com;transport=tls",
        "sip:alice:pw@example.com?Subject=x",
    ],
    "sip:alice@example.com:5061": ["sip:alice@example.com:5061"],
    "sip:Alice@[2001:db8::1]": ["sip:Alice@[2001:db8:0:0::1]"],
    "sip:example.com": ["sip:example.com"],
}


@pytest.mark.parametrize(("party", "uri"), [(party, uri) for party, uris in SAME.items() for uri in uris])
def test_every_form_is_one_party(party: str, uri: str) -> None:
    assert canonical_party(uri) == party


@pytest.mark.parametrize(
    "uri", ["", "alice", "mailto:a@example.com", "tel:alice", "tel:", "sip:", "sip:a b@example.com"]
)
def test_what_names_nobody(uri: str) -> None:
    with pytest.raises(MalformedUri):
        canonical_party(uri)


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True))
def test_from_pai_and_tel_are_equal(number: str) -> None:
    """Property 2."""
    forms = (
        f"sip:+{number}@a.example",
        f"sips:{number}@b.example;user=phone",
        f"tel:+{number}",
        f"tel:{number};npdi",
    )
    assert {canonical_party(form) for form in forms} == {number}


@given(st.from_regex(r"sip:[a-z0-9.]{1,10}@[a-z]{1,5}\.example", fullmatch=True))
def test_canonical_form_is_its_own(uri: str) -> None:
    once = canonical_party(uri)
    assert ":" not in once or canonical_party(once) == once
