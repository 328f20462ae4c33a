"""Whatever order the checks come in, whatever fact is missing and whatever is lost: nothing is admitted that the whole judgement, with everything alive, refuses."""

from collections.abc import Callable, Mapping
from copy import replace
from typing import Any

import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from properties.test_judge_properties import FACTS, PBX, POLICY, SDP
from trunkward.admission.checks import SCREEN_CHECKS, checked
from trunkward.admission.checks_of_room import drain
from trunkward.admission.findings import Finding
from trunkward.admission.judge import judge, judge_call
from trunkward.admission.ports import NO_FACTS, Facts, PeerIdentity, Unavailable, Unverified
from trunkward.admission.screen import Case, Direction, screen
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.verdict import Admit
from trunkward.sip.transport import Transport

NOW = 100.0
CUSTOMER = PeerIdentity(certificate_sha256=PBX)
NORTH = PeerIdentity(certificate_sha256="00" * 32, dns_names=("north.example.net",), chain_verified=True)

#: What each fact is when whoever should tell it does not answer.
LOST: Mapping[str, Any] = {
    "signature": Unavailable(what="signer", why="signer-timeout"),
    "clock_synchronised": Unavailable(what="clock", why="not-asked"),
    "live": Unavailable(what="redis", why="redis-timeout"),
    "verification": Unverified(why="fetcher-lost"),
}
#: Facts nobody else tells: the gate's own.
OWN = frozenset({"draining", "local"})


def mostly[T](good: T, *others: T) -> st.SearchStrategy[T]:
    return st.sampled_from([good] * max(1, 3 * len(others)) + [*others])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A call that would be admitted, with a few things about it that are otherwise."""
    inbound = draw(st.booleans())
    called = mostly("+12025550101") if inbound else mostly("+12025550199", "911")
    user = draw(
        called | st.sampled_from(["+13035550142", "+442079460123", "+2101234567", "bob", "9110", "1900"])
    )
    attempt = CallAttempt(
        id="a",
        at=draw(mostly(100.0, 2e9)),
        source_ip=draw(mostly("127.0.0.31" if inbound else "127.0.0.1", "127.0.0.41", "192.0.2.66", "")),
        source_port=draw(mostly(50000, 35060)),
        transport=draw(mostly(Transport.TLS, Transport.UDP, Transport.TCP)),
        local_ip="127.0.0.10",
        local_port=draw(mostly(5061, 5062)),
        method=draw(mostly("INVITE", "MESSAGE")),
        ruri=draw(mostly(f"sip:{user}@sbc.example.com", "tel:1", "")),
        from_uri=draw(mostly("sip:+12025550101@pbx", "sip:alice@pbx", "sip:anonymous@x", "nonsense")),
        to_uri="",
        call_id="c",
        from_tag="t",
        content_type=draw(mostly("application/sdp", "text/plain")),
        body=draw(mostly(SDP, SDP.replace("SAVP", "AVP"), "", "v=0")),
    )
    stranger = PeerIdentity(certificate_sha256="11" * 32)
    peer = draw(mostly(NORTH if inbound else CUSTOMER, None, stranger))
    return screen(attempt, peer, POLICY)


def admitted(case: Case, facts: Facts) -> bool:
    return isinstance(judge_call(case, facts, "r", NOW).verdict, Admit)


def admitted_in_order(case: Case, facts: Facts, order: list[Callable[[Case], Finding]]) -> bool:
    """All checks, none left out because of another one; what cannot look at such a case has not let it pass."""
    try:
        screened = [check(case) for check in order]
    except AssertionError:
        return False
    found = (*screened, drain(case, draining=facts.draining), *checked(case, facts, NOW))
    return isinstance(judge(case, found, facts, "r", NOW).verdict, Admit)


@given(cases(), FACTS, st.permutations(SCREEN_CHECKS))
def test_no_order_of_checks_admits_more(
    case: Case, facts: Facts, order: list[Callable[[Case], Finding]]
) -> None:
    assert admitted_in_order(case, facts, order) is admitted(case, facts)


def test_every_fact_is_known_to_these_properties() -> None:
    assert set(Facts.__struct_fields__) == LOST.keys() | OWN


@pytest.mark.parametrize("lost", [*LOST, "all"])
def test_nothing_that_is_lost_admits_more(lost: str) -> None:
    gone = LOST if lost == "all" else {lost: LOST[lost]}

    @given(cases(), FACTS)
    def holds(case: Case, facts: Facts) -> None:
        if "live" in gone and case.direction is Direction.INBOUND:
            return  # posture row "Redis": inbound goes by this gate's own counts
        if "live" in gone and case.may_use_escrow:
            facts = replace(
                facts, local=None
            )  # the same row: calls at home go by what the gate has in escrow
        assert not admitted(case, replace(facts, **gone)) or admitted(case, facts)

    holds()


@given(cases(), FACTS)
def test_who_was_not_asked_has_not_said_yes(case: Case, facts: Facts) -> None:
    assert not admitted(case, replace(NO_FACTS, draining=facts.draining)) or admitted(case, facts)


@pytest.mark.parametrize("outcome", [True, False])
def test_both_outcomes_are_looked_at(outcome: bool) -> None:
    find(st.tuples(cases(), FACTS), lambda found: admitted(*found) is outcome)
