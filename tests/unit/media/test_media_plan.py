"""One hop or two, and the flags rtpengine is given."""

from collections.abc import Callable
from copy import replace

import pytest

from trunkward.media.offer import LegPolicy, read_offer
from trunkward.media.plan import MediaPlan, plan_announcement, plan_any_offer, plan_media
from trunkward.media.sdp import BY_SIGNALLING
from trunkward.media.suites import ALLOWED
from trunkward.trunks.model import MediaPolicy

GCM, GCM128, CM256, CM = ALLOWED
CUSTOMER = LegPolicy(media=MediaPolicy.SRTP, suites=ALLOWED, confidential=True)
TLS_CARRIER = CUSTOMER
CM_ONLY_CARRIER = LegPolicy(media=MediaPolicy.SRTP, suites=(CM,), confidential=True)
PLAIN_CARRIER = LegPolicy(media=MediaPolicy.RTP, suites=ALLOWED, confidential=False)
FINGERPRINT = "a=fingerprint:sha-256 AB"


def plan(text: str, calling: LegPolicy, called: LegPolicy, *, inbound: bool = False) -> MediaPlan:
    return plan_media(read_offer("application/sdp", text, calling), called, inbound=inbound)


def only(flags: str) -> list[str]:
    return [flag.removeprefix("SDES-only-") for flag in flags.split() if flag.startswith("SDES-only-")]


def test_one_hop_with_disjoint_suites(make_sdp: Callable[..., str]) -> None:
    made = plan(make_sdp(suites=(CM,)), CUSTOMER, TLS_CARRIER)
    (hop,) = made.hops
    assert hop.suffix == ""
    assert made.called_suites == (GCM, GCM128, CM256)
    assert only(hop.offer_forward) == [GCM, GCM128, CM256]
    assert f"SDES-order:{GCM};{GCM128};{CM256}" in hop.offer_forward
    assert hop.offer_forward.endswith("direction=cust direction=carr")
    assert "RTP/SAVP SDES-pad DTLS=off" in hop.answer_forward
    assert hop.answer_forward.endswith("direction=carr direction=cust")
    assert only(hop.reoffer_forward) == ["{b}"]
    assert only(hop.reoffer_backward) == ["{a}"]
    assert hop.reoffer_backward.endswith("direction=carr direction=cust")
    assert hop.reanswer_backward.endswith("direction=cust direction=carr")


def test_two_hops_when_nothing_is_left(make_sdp: Callable[..., str]) -> None:
    made = plan(make_sdp(suites=(CM,)), CUSTOMER, CM_ONLY_CARRIER)
    first, second = made.hops
    assert (first.suffix, second.suffix) == ("-a", "-b")
    assert "RTP/AVP" in first.offer_forward.split()
    assert first.offer_forward.endswith("direction=cust direction=core")
    assert "RTP/SAVP" in first.answer_forward.split()
    assert second.offer_forward.endswith("direction=core direction=carr")
    assert only(second.offer_forward) == [CM]
    assert "RTP/AVP" in second.answer_forward.split()
    assert (only(first.reoffer_backward), only(first.reoffer_forward)) == (["{a}"], [])
    assert (only(second.reoffer_backward), only(second.reoffer_forward)) == ([], ["{b}"])


def test_plain_carrier_is_offered_plain(make_sdp: Callable[..., str]) -> None:
    made = plan(make_sdp(suites=(GCM,)), CUSTOMER, PLAIN_CARRIER)
    (hop,) = made.hops
    assert made.called_suites == ()
    assert "RTP/AVP" in hop.offer_forward.split()
    assert "SDES" not in hop.offer_forward
    assert "RTP/SAVP" in hop.answer_forward.split()


def test_inbound_from_a_plain_carrier(make_sdp: Callable[..., str]) -> None:
    (hop,) = plan(make_sdp("RTP/AVP"), PLAIN_CARRIER, CUSTOMER, inbound=True).hops
    assert hop.offer_forward.endswith("direction=carr direction=cust")
    assert only(hop.offer_forward) == list(ALLOWED)
    assert "RTP/AVP" in hop.answer_forward.split()


def test_dtls_customer_is_answered_in_kind(make_sdp: Callable[..., str]) -> None:
    (hop,) = plan(make_sdp("UDP/TLS/RTP/SAVPF", (), FINGERPRINT), CUSTOMER, TLS_CARRIER).hops
    assert "DTLS=off" not in hop.answer_forward
    assert "RTP/SAVP" not in hop.answer_forward
    assert "UDP/TLS/RTP/SAVPF" in hop.reoffer_backward.split()
    assert only(hop.offer_forward) == list(ALLOWED)
    assert "DTLS=off" in hop.offer_forward.split()


def test_feedback_profile_is_answered_as_offered(make_sdp: Callable[..., str]) -> None:
    (hop,) = plan(make_sdp("RTP/SAVPF", (CM,)), CUSTOMER, TLS_CARRIER).hops
    assert "RTP/SAVPF" in hop.answer_forward.split()
    assert "RTP/SAVP" in hop.offer_forward.split()


def families(flags: str) -> list[str]:
    return [flag.partition("=")[2] for flag in flags.split() if flag.startswith("address-family=")]


@pytest.mark.parametrize("version", ["IP4", "IP6"])
def test_each_leg_has_its_address_family(make_sdp: Callable[..., str], version: str) -> None:
    text = make_sdp(suites=(CM,))
    if version == "IP6":
        text = text.replace("IN IP4 192.0.2.10", "IN IP6 2001:db8::10")
    (hop,) = plan(text, CUSTOMER, TLS_CARRIER).hops
    for towards, flags in (
        ("{to}", (hop.offer_forward, hop.reoffer_forward, hop.reanswer_backward)),
        (version, (hop.answer_forward, hop.reanswer_forward, hop.reoffer_backward)),
    ):
        assert [families(flag) for flag in flags] == [[towards]] * 3
    first, second = plan(text, CUSTOMER, CM_ONLY_CARRIER).hops
    assert (families(first.offer_forward), families(first.answer_forward)) == (["IP4"], [version])
    assert (families(second.offer_forward), families(second.answer_forward)) == (["{to}"], ["IP4"])


def test_an_unread_leg_keeps_the_family_rtpengine_sees() -> None:
    first, second = plan_any_offer(TLS_CARRIER).hops
    assert (families(first.answer_forward), families(second.offer_forward)) == ([], ["{to}"])


@pytest.mark.parametrize("called", [TLS_CARRIER, CM_ONLY_CARRIER, PLAIN_CARRIER])
def test_an_unread_offer_never_shares_a_hop_with_srtp(called: LegPolicy) -> None:
    made = plan_any_offer(called)
    first, *rest = made.hops
    assert made.called_suites == (called.suites if called.media is MediaPolicy.SRTP else ())
    assert "{calling}" in first.reoffer_backward
    assert "RTP/AVP" in first.offer_forward.split()
    assert bool(rest) is (called.media is MediaPolicy.SRTP)
    assert "{a}" not in "".join(str(hop) for hop in [first, *rest])


#: Steps at which the calling side's SDP goes in, and the called side's.
OF_CALLING = ("offer_forward", "reoffer_forward", "reanswer_backward")
OF_CALLED = ("answer_forward", "reanswer_forward", "reoffer_backward")


def by_signalling(made: MediaPlan) -> set[str]:
    """Steps at which the SDP's address does not count, each with its hop's suffix."""
    found = set()
    for hop in made.hops:
        for step in (*OF_CALLING, *OF_CALLED):
            flags = getattr(hop, step).split()
            # what nobody asked for, a router may take for the beginning of something else
            assert (BY_SIGNALLING in flags) == ("NAT-wait" in flags)
            assert not [flag for flag in flags if "learning" in flag or "handover" in flag]
            assert "strict-source" in flags
            found |= {step + hop.suffix} if BY_SIGNALLING in flags else set()
    return found


def test_every_sdp_from_behind_nat_and_no_other(make_sdp: Callable[..., str]) -> None:
    natted, text = replace(CUSTOMER, behind_nat=True), make_sdp(suites=(CM,))
    assert by_signalling(plan(text, CUSTOMER, TLS_CARRIER)) == set()
    assert by_signalling(plan(text, natted, TLS_CARRIER)) == set(OF_CALLING)
    # of two hops that at its side
    assert by_signalling(plan(text, natted, CM_ONLY_CARRIER)) == {f"{step}-a" for step in OF_CALLING}
    assert by_signalling(plan(text, TLS_CARRIER, natted, inbound=True)) == set(OF_CALLED)
    only_cm = replace(CM_ONLY_CARRIER, behind_nat=True)
    assert by_signalling(plan(text, TLS_CARRIER, only_cm, inbound=True)) == {f"{s}-b" for s in OF_CALLED}


@pytest.mark.parametrize("called", [TLS_CARRIER, PLAIN_CARRIER])
def test_an_unread_offer_from_behind_nat(called: LegPolicy) -> None:
    assert by_signalling(plan_any_offer(called)) == set()
    made = plan_any_offer(called, behind_nat=True)
    assert by_signalling(made) == {step + made.hops[0].suffix for step in OF_CALLING}


def test_an_announcement_to_a_caller_behind_nat(make_sdp: Callable[..., str]) -> None:
    offer = read_offer("application/sdp", make_sdp(suites=(CM,)), replace(CUSTOMER, behind_nat=True))
    hop = plan_announcement(offer, inbound=False)
    assert BY_SIGNALLING in hop.offer_forward.split()
    assert BY_SIGNALLING not in hop.answer_forward.split()


def test_a_handshake_begins_behind_nat(make_sdp: Callable[..., str]) -> None:
    text = make_sdp("UDP/TLS/RTP/SAVPF", (), FINGERPRINT)
    for calling, waits in ((CUSTOMER, False), (replace(CUSTOMER, behind_nat=True), True)):
        (hop,) = plan(text, calling, TLS_CARRIER).hops
        for step in OF_CALLING:
            assert ("DTLS-reverse=passive" in getattr(hop, step).split()) is waits
        assert "DTLS-reverse" not in hop.answer_forward
    (hop,) = plan(make_sdp(suites=(CM,)), replace(CUSTOMER, behind_nat=True), TLS_CARRIER).hops
    assert "DTLS-reverse" not in hop.offer_forward
