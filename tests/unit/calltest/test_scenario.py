"""Who calls whom in one run, and what each user agent is told."""

from dataclasses import replace
from pathlib import Path

import pytest

from trunkward.calltest.baresip_config import PartyRole, account_line
from trunkward.calltest.evidence import AS_RECORDED
from trunkward.calltest.parties import LabShaken, Media, NotALabError
from trunkward.calltest.scenario import dial_uri, is_over, plan_calls, plan_one
from unit.calltest.recorded import CALLER, lab


def test_six_calls_cover_both_ways_and_every_kind_of_leg(shaken: LabShaken) -> None:
    plans = plan_calls(lab(shaken))
    assert [
        (p.key, p.caller.name, p.callee.name, p.customer_media, p.carrier.media, p.hold, p.attest)
        for p in plans
    ] == [
        ("out-tls", "acme-hq", "north", Media.SDES, Media.SDES, True, "A"),
        ("out-udp", "acme-hq", "south", Media.SDES, Media.PLAIN, True, "A"),
        ("in-tls", "north", "acme-hq", Media.SDES, Media.SDES, True, None),
        ("in-udp", "south", "acme-hq", Media.SDES, Media.PLAIN, True, None),
        ("out-dtls", "acme-hq", "north", Media.DTLS_SRTP, Media.SDES, False, "A"),
        ("out-foreign", "acme-hq", "north", Media.SDES, Media.SDES, False, "A"),
    ]
    assert [p.caller_number == CALLER for p in plans if p.caller.name == "acme-hq"] == [
        True,
        True,
        True,
        False,
    ]
    assert plans[-1].shown_as == CALLER
    assert [p.key for p in plan_calls(replace(lab(shaken), replaced_by=""))] == [p.key for p in plans[:-1]]


def test_one_call_is_of_the_customers_from_any_number(shaken: LabShaken) -> None:
    (own,), (other,) = plan_one(lab(shaken), ""), plan_one(lab(shaken), "+12025550150")
    assert (own.caller_number, other.caller_number) == (CALLER, "+12025550150")
    assert (own.caller.name, own.callee.name, own.attest) == ("acme-hq", "north", AS_RECORDED)


def test_one_call_is_from_no_number_that_may_be_somebodys(shaken: LabShaken) -> None:
    made = lab(shaken)
    with pytest.raises(NotALabError, match=r"may be somebody's: .* --from"):
        plan_one(made, "+12024561111")
    mine = replace(made, customer=replace(made.customer, numbers=("+12024561111",)))
    with pytest.raises(NotALabError, match="may be somebody's"):
        plan_one(mine, "")


def test_of_a_refused_call_no_end_is_waited_for() -> None:
    running = {"verdict": "admit", "ended_at": None}
    assert [is_over(one) for one in (running, running | {"ended_at": 1.0})] == [False, True]
    assert [is_over({"verdict": verdict, "ended_at": None}) for verdict in ("", "reject")] == [False, True]


def test_the_port_is_dialled_only_if_it_is_not_the_transports_own(shaken: LabShaken) -> None:
    customer = lab(shaken).customer
    assert dial_uri(customer, "911") == "sip:911@127.0.0.10"
    assert dial_uri(replace(customer, sbc_port=15061), "911") == "sip:911@127.0.0.10:15061"
    assert dial_uri(lab(shaken).udp_carrier, "911") == "sip:911@127.0.0.10"


def test_an_account_shows_the_partys_own_host_and_requires_srtp(shaken: LabShaken) -> None:
    role = PartyRole(number=CALLER, answers=False, media=Media.SDES, tone=Path("tone.wav"))
    line = account_line(lab(shaken).customer, role)
    assert line.startswith(f"<sip:{CALLER}@127.0.0.21;transport=tls>;")
    assert 'outbound="sip:127.0.0.10:5061;transport=tls"' in line
    assert line.endswith(";mediaenc=srtp-mand")
    plain = account_line(lab(shaken).udp_carrier, replace(role, media=Media.PLAIN, answers=True))
    assert "mediaenc" not in plain
    assert "answermode=auto" in plain
