"""A call for help goes in every state a trunk, a caller or a node can be in: a table that new states are added to."""

from collections.abc import Callable
from copy import replace
from dataclasses import dataclass, field
from typing import Any

import pytest

from sipkit.places import TABLE
from trunkward.admission.judge import judge_call
from trunkward.admission.ports import NO_FACTS, NOTHING_ASKED, Over, PeerIdentity, Unavailable
from trunkward.admission.screen import screen
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.verdict import Admit, Reason, Reject
from trunkward.numbering.plan import DialPlan
from trunkward.trunks.callers import CallerRule, NeverCalls, NumberRule, VerifiedNumber
from trunkward.trunks.destinations import DestinationPolicy, Level, allowed
from trunkward.trunks.model import Declared

NOW = 1_800_000_000.0
OWN, SECOND = "+12025550101", "+12025550102"
FOREIGN = "+12125550150"
#: There is a place for every call.
ROOM = replace(NO_FACTS, live=replace(NOTHING_ASKED, reserved=True))

type Attempt = Callable[..., CallAttempt]


@dataclass(frozen=True, kw_only=True)
class State:
    """What is otherwise than usual; a call to another number is refused in it, with this reason."""

    refuses: Reason | None
    #: Of the trunk.
    trunk: dict[str, Any] = field(default_factory=dict)
    #: Of the attempt.
    attempt: dict[str, Any] = field(default_factory=dict)
    #: Of the facts.
    facts: dict[str, Any] = field(default_factory=dict)
    #: Of the compiled policy.
    policy: dict[str, Any] = field(default_factory=dict)


STATES = {
    "usual": State(refuses=None),
    "disabled": State(refuses=Reason.TRUNK_DISABLED, trunk={"enabled": False}),
    "draining": State(refuses=Reason.NODE_DRAINING, facts={"draining": True}),
    "Valkey lost": State(
        refuses=Reason.LIMITS_UNAVAILABLE, facts={"live": Unavailable(what="redis", why="timeout")}
    ),
    "every place taken": State(
        refuses=Reason.LIMIT_CALLS,
        facts={"live": Over(key="calls:trunk:acme-hq", most=1, retry_after_s=1)},
    ),
    "nothing opened": State(
        refuses=Reason.DESTINATION_NOT_ALLOWED,
        trunk={"destinations": ((Level.TRUNK, DestinationPolicy(allow=allowed(("FR",)))),)},
    ),
    "foreign number": State(refuses=Reason.CALLING_NUMBER_NOT_PERMITTED, attempt={"calling": "+12125550150"}),
    "nobody's number": State(refuses=Reason.CALLING_NUMBER_NOT_VALID, attempt={"calling": "+19112345678"}),
    "no number": State(refuses=Reason.CALLING_NUMBER_MALFORMED, attempt={"calling": "alice"}),
    "anonymous": State(refuses=Reason.CALLING_NUMBER_MALFORMED, attempt={"calling": "anonymous"}),
    "From that cannot be read": State(refuses=Reason.MALFORMED_REQUEST, attempt={"from_uri": "sip:<x>"}),
    "a number that never calls": State(
        refuses=Reason.DO_NOT_ORIGINATE, trunk={"number_rules": ((OWN, NumberRule(calls_out=False)),)}
    ),
    "on the do-not-originate list": State(
        refuses=Reason.DO_NOT_ORIGINATE, policy={"never": (NeverCalls(number=OWN),)}
    ),
    "no offer": State(refuses=Reason.NO_OFFER, attempt={"body": ""}),
    "offer that cannot be read": State(refuses=Reason.MEDIA_MALFORMED, attempt={"body": "v=0\r\nx"}),
    "port for TLS 1.2": State(refuses=Reason.TLS12_REFUSED, attempt={"local_port": 5062}),
    "privacy": State(refuses=None, attempt={"headers": {"privacy": ["id"]}}),
    "another dial plan": State(refuses=None, trunk={"dial_plan": DialPlan(tech_prefix="9")}),
}


@pytest.mark.parametrize("name", STATES)
def test_a_call_for_help_goes(outbound: Attempt, pbx: PeerIdentity, declared: Declared, name: str) -> None:
    state = STATES[name]
    trunk = replace(declared.trunks[0], caller=CallerRule(), **state.trunk)
    policy = Snapshot(compile_snapshot(replace(declared, trunks=(trunk,)), {}, 1, TABLE, **state.policy))
    facts = replace(ROOM, **state.facts)
    help_, other = outbound("911", **state.attempt), outbound(**state.attempt)
    found = judge_call(screen(help_, pbx, policy), facts, "r", NOW).verdict
    assert isinstance(found, Admit), found
    assert found.reason is Reason.ADMITTED_EMERGENCY
    assert [route.peer for route in found.routes] == ["north"]
    # nobody but its parties ends it, and it is not a call as any other is
    assert found.grant is None
    # where it is goes with it
    assert "Geolocation" not in found.remove_headers
    refused = judge_call(screen(other, pbx, policy), facts, "r", NOW).verdict
    reason = refused.reason if isinstance(refused, Reject) else None
    assert reason is state.refuses


@pytest.mark.parametrize(
    ("changed", "callback", "shown"),
    [
        ({}, OWN, f"sip:{OWN}@sbc.example.com"),
        ({"headers": {"privacy": ["id"]}}, OWN, f"sip:{OWN}@sbc.example.com"),
        ({"calling": SECOND}, SECOND, f"sip:{SECOND}@sbc.example.com"),
        # nobody has found that it may show these: the trunk's own is asserted, and they are shown
        ({"calling": "+12125550150"}, OWN, "sip:+12125550150@sbc.example.com"),
        ({"calling": "101"}, OWN, "sip:101@sbc.example.com"),
        (
            {"calling": "101", "headers": {"p-asserted-identity": ["<sip:+12125550150@x>"]}},
            OWN,
            "sip:101@sbc.example.com",
        ),
        # of two it names, the one that is its own
        (
            {"calling": "+12125550150", "headers": {"p-asserted-identity": [f"<sip:{SECOND}@x>"]}},
            SECOND,
            "sip:+12125550150@sbc.example.com",
        ),
        (
            {"calling": "anonymous", "headers": {"p-preferred-identity": [f"<sip:{OWN}@x>"]}},
            OWN,
            "",
        ),
    ],
)
def test_it_keeps_the_number_to_call_back(
    outbound: Attempt, pbx: PeerIdentity, policy: Snapshot, changed: dict[str, Any], callback: str, shown: str
) -> None:
    verdict = judge_call(screen(outbound("911", **changed), pbx, policy), ROOM, "r", NOW).verdict
    assert isinstance(verdict, Admit)
    assert verdict.from_uri == shown
    assert not verdict.hide_name
    asserted = [("P-Asserted-Identity", f"<sip:{callback}@sbc.example.com>")] if callback else []
    assert verdict.routes[0].headers == asserted


@pytest.mark.parametrize(
    ("trunk", "policy", "asserted", "said"),
    [
        ({}, {}, OWN, f"emergency, {FOREIGN} is shown and not verified: asserted is {OWN}"),
        (
            {"emergency_callback": SECOND},
            {},
            SECOND,
            f"emergency, {FOREIGN} is shown and not verified: asserted is {SECOND}",
        ),
        (
            {"caller": CallerRule(number=SECOND)},
            {},
            SECOND,
            f"emergency, {FOREIGN} is shown and not verified: asserted is {SECOND}",
        ),
        # nobody calls from the first one
        (
            {"number_rules": ((OWN, NumberRule(calls_out=False)),)},
            {},
            SECOND,
            f"emergency, {FOREIGN} is shown and not verified: asserted is {SECOND}",
        ),
        ({"numbers": ()}, {}, "", f"emergency, {FOREIGN} is shown and not verified: none is asserted"),
        (
            {},
            {"verified": (VerifiedNumber(number=FOREIGN, trunk="acme-hq", until=NOW + 1),)},
            FOREIGN,
            "emergency, verified",
        ),
        (
            {},
            {"verified": (VerifiedNumber(number=FOREIGN, trunk="acme-hq", until=NOW),)},
            OWN,
            f"emergency, {FOREIGN} is shown and not verified: asserted is {OWN}",
        ),
    ],
)
def test_nobody_sends_help_to_where_a_foreign_number_is(
    outbound: Attempt,
    pbx: PeerIdentity,
    declared: Declared,
    trunk: dict[str, Any],
    policy: dict[str, Any],
    asserted: str,
    said: str,
) -> None:
    """It goes, shows what it shows, and asserts the trunk's own; the record says so."""
    trunks = (replace(declared.trunks[0], **trunk),)
    world = Snapshot(compile_snapshot(replace(declared, trunks=trunks), {}, 1, TABLE, **policy))
    found = judge_call(screen(outbound("911", FOREIGN), pbx, world), ROOM, "r", NOW)
    assert isinstance(found.verdict, Admit)
    assert found.verdict.from_uri == f"sip:{FOREIGN}@sbc.example.com"
    told = [value for name, value in found.verdict.routes[0].headers if name == "P-Asserted-Identity"]
    assert told == ([f"<sip:{asserted}@sbc.example.com>"] if asserted else [])
    assert next(one.detail for one in found.findings if one.check == "caller") == said
