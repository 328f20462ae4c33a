"""The one From that may pass as it came, of a call for help: nobody's word on who was verified is in it (property 24)."""

import pytest

from trunkward.edge.verstat import without

OWN = "sip:+12025550101@inner.acme"


@pytest.mark.parametrize(
    ("uri", "left"),
    [
        (OWN, OWN),
        ("sip:+12025550101;cpc=ordinary@inner.acme:5070;user=phone", None),
        ("sip:+12025550101;verstat=TN-Validation-Passed@inner.acme", OWN),
        ("sip:+12025550101;VerStat=TN-Validation-Passed;cpc=x@inner.acme;user=phone", OWN),
        ("sip:+12025550101@inner.acme;verstat=TN-Validation-Passed", OWN),
        ("sip:+12025550101%3Bverstat=x@inner.acme", "sip:+12025550101%3Bverstat=x@inner.acme"),
        ("sip:+12025550101;ver%73tat=TN-Validation-Passed@inner.acme", OWN),
        ("tel:+12025550101;verstat=TN-Validation-Passed", "tel:+12025550101"),
        ("sip:help@inner.acme;VERSTAT", "sip:help@inner.acme"),
    ],
)
def test_it_is_gone_in_whichever_spelling(uri: str, left: str | None) -> None:
    assert without(uri) == (uri if left is None else left)
