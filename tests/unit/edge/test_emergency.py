"""What the edge takes for an emergency call when no gate answers: the same forms as a gate."""

from typing import Any

import pytest

from trunkward.edge.emergency import admit, is_somebody
from trunkward.numbering.plan import DialPlan

FORMS = DialPlan(tech_prefix="9").emergency_forms(("911", "933"))
TABLE: list[dict[str, Any]] = [
    {
        "trunk": "acme-hq",
        "tenant": "acme",
        "networks": ["192.0.2.0/24"],
        "certificate_sha256": "",
        "numbers": FORMS,
        "callback": "+12025550101",
        "remove_headers": ["P-Asserted-Identity", "P-Preferred-Identity", "Identity"],
        "routes": [{"peer": "north", "ruri": "sip:{number}@203.0.113.7:5061"}],
    }
]


def judged(ruri: str) -> dict[str, Any] | None:
    facts = {"id": "a", "ruri": ruri, "source_ip": "192.0.2.9", "transport": "tls", "body": ""}
    return admit(facts, TABLE, lambda _connection, _peer: False)


@pytest.mark.parametrize(
    ("ruri", "number"),
    [
        ("sip:911@sbc.example.com", "911"),
        ("sip:9911@sbc.example.com;user=phone", "911"),
        ("sip:+911@sbc.example.com", "911"),
        ("sip:9+933@sbc.example.com", "933"),
        ("sip:9-1-1;phone-context=+1@sbc.example.com", "911"),
        ("tel:911;phone-context=+1", "911"),
        ("sip:%39%31%31@sbc.example.com", "911"),
        ("sip:911:secret@sbc.example.com", "911"),
        # begins or ends like one
        ("sip:9110@sbc.example.com", None),
        ("sip:+911123456789@sbc.example.com", None),
        ("sip:99110@sbc.example.com", None),
        ("sip:+12025550911@sbc.example.com", None),
        ("sip:sbc.example.com", None),
    ],
)
def test_the_number_is_compared_whole(ruri: str, number: str | None) -> None:
    verdict = judged(ruri)
    assert (verdict["called"] if verdict else None) == number


def test_a_signature_of_the_customers_own_goes_nowhere() -> None:
    verdict = judged("sip:911@sbc.example.com")
    assert verdict is not None
    assert "Identity" in verdict["remove_headers"]


def test_a_number_it_asserts_of_itself_goes_nowhere() -> None:
    verdict = judged("sip:911@sbc.example.com")
    assert verdict is not None
    assert "P-Asserted-Identity" in verdict["remove_headers"]
    assert verdict["callback"] == "+12025550101"


@pytest.mark.parametrize(("source_ip", "somebody"), [("192.0.2.9", True), ("198.51.100.9", False)])
def test_who_is_somebody(source_ip: str, somebody: bool) -> None:
    facts = {"source_ip": source_ip, "transport": "tls"}
    assert is_somebody(facts, TABLE, lambda _connection, _peer: False) is somebody
