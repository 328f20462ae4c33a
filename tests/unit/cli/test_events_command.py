"""Events, a line each."""

import pytest
import typer

from trunkward.cli.events import sentence, wanted
from trunkward.records.model import Event, EventRecord


def test_a_flood_in_a_line() -> None:
    flood = EventRecord(
        event_id="a",
        at=1_800_000_030.0,
        since=1_800_000_000.0,
        event=Event.STRANGERS_REFUSED,
        count=5000,
        recorded=20,
        reason="credentials-refused",
        source="192.0.2.9",
        network="192.0.2.0/24",
        claimed={"acme-hq": 3},
    )
    said = sentence(flood)
    assert "  192.0.2.0/24: 5000 refused since " in said
    assert said.endswith(", credentials-refused; said to be acme-hq (3)")


def test_a_refused_register_and_what_would_let_it_pass() -> None:
    refused = EventRecord(
        event_id="c",
        at=1_800_000_030.0,
        since=1_800_000_030.0,
        event=Event.REGISTRATION_REFUSED,
        tenant="acme",
        trunk="acme-hq",
        reason="address-of-another",
        source="192.0.2.9",
        network="192.0.2.0/24",
        detail="To: sip:bob@example.com is none",
        remedy="register as sip:acme@sbc.example.com",
    )
    first, second = sentence(refused).splitlines()
    assert "  192.0.2.9: 1 REGISTER of acme-hq refused since " in first
    assert first.endswith(", address-of-another: To: sip:bob@example.com is none")
    assert second.strip() == "to let it pass: register as sip:acme@sbc.example.com"


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (Event.JOURNALS_HOLD, "the journals are as they were written: node to line 7"),
        (Event.JOURNALS_CHANGED, "the journals are NOT as they were written: node to line 7"),
    ],
)
def test_what_came_of_verifying_the_journals(event: Event, said: str) -> None:
    its = EventRecord(
        event_id="j", at=1_800_000_030.0, since=1_800_000_000.0, event=event, detail="node to line 7"
    )
    assert sentence(its).endswith(f"  {said}")


def test_another_place_in_a_line() -> None:
    moved = EventRecord(
        event_id="b",
        at=1_800_000_030.0,
        since=1_800_000_030.0,
        event=Event.REGISTERED_ELSEWHERE,
        trunk="acme-hq",
        source="198.51.100.7",
        user_agent="PBX/1",
    )
    assert sentence(moved).endswith("acme-hq registered from 198.51.100.7 (PBX/1), where it was not before")


def test_what_can_be_asked_for() -> None:
    assert wanted("registered-elsewhere", "acme-hq", None, 0) == {
        "event": "registered-elsewhere",
        "trunk": "acme-hq",
        "since": None,
        "limit": None,
    }
    for event, since in (("calls", None), (None, "yesterday")):
        with pytest.raises(typer.BadParameter):
            wanted(event, None, since, 20)
