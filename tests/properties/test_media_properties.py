"""For any offer and any two policies: no shared suite in a hop, nothing weak, no key where it must not be."""

import base64
import re

from hypothesis import given
from hypothesis import strategies as st

from trunkward.calls.verdict import MediaHop
from trunkward.media.offer import Keying, LegPolicy, Offer, read_offer
from trunkward.media.plan import plan_any_offer, plan_media
from trunkward.media.refusal import MediaRefused
from trunkward.media.sdp import MalformedSdp, keep_suite, parse_sdp
from trunkward.media.suites import ALLOWED, KEY_BYTES
from trunkward.trunks.model import MediaPolicy

WEAK = (
    "AES_CM_128_HMAC_SHA1_32",
    "AES_256_CM_HMAC_SHA1_32",
    "AES_192_CM_HMAC_SHA1_80",
    "F8_128_HMAC_SHA1_80",
    "NULL_HMAC_SHA1_80",
    "NULL_HMAC_SHA1_32",
)
PROTOCOLS = st.sampled_from(
    ["RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"]
)
SUITES = st.lists(st.sampled_from(ALLOWED + WEAK), max_size=6, unique=True)
PARAMETERS = st.sampled_from(["", "", "", " UNENCRYPTED_SRTP", " UNAUTHENTICATED_SRTP"])


@st.composite
def policies(draw: st.DrawFn) -> LegPolicy:
    media = draw(st.sampled_from(MediaPolicy))
    suites = draw(st.lists(st.sampled_from(ALLOWED), min_size=1, unique=True))
    return LegPolicy(
        media=media, suites=tuple(suites), confidential=media is MediaPolicy.SRTP or draw(st.booleans())
    )


@st.composite
def offers(draw: st.DrawFn) -> str:
    end = draw(st.sampled_from(["\r\n", "\n"]))
    lines = ["v=0", "o=- 1 1 IN IP4 192.0.2.10", "s=-", "c=IN IP4 192.0.2.10", "t=0 0"]
    protocol = draw(PROTOCOLS)
    for _ in range(draw(st.integers(1, 2))):
        lines.append(f"m=audio {draw(st.integers(0, 3) | st.just(40000))} {protocol} 8")
        for tag, suite in enumerate(draw(SUITES), 1):
            key = draw(st.binary(min_size=KEY_BYTES.get(suite, 30), max_size=KEY_BYTES.get(suite, 30)))
            lines.append(f"a=crypto:{tag} {suite} inline:{base64.b64encode(key).decode()}{draw(PARAMETERS)}")
        lines += draw(
            st.lists(st.sampled_from(["a=sendrecv", "a=fingerprint:sha-256 AB", "a=ptime:20"]), max_size=3)
        )
    return end.join(lines) + end


def only(flags: str) -> set[str]:
    return set(re.findall(r"SDES-only-(\S+)", flags))


def read(text: str, calling: LegPolicy) -> tuple[Offer | None, str]:
    try:
        return read_offer("application/sdp", text, calling), ""
    except MediaRefused as refused:
        return None, refused.detail


def flags_of(hop: MediaHop) -> list[str]:
    return [getattr(hop, name) for name in hop.__struct_fields__ if name != "suffix"]


@given(offers(), policies(), policies(), st.booleans())
def test_plans(text: str, calling: LegPolicy, called: LegPolicy, inbound: bool) -> None:
    offer, said = read(text, calling)
    if offer is None:
        assert not any(key in said for key in re.findall(r"inline:(\S{16,})", text))
        return
    # what a side must encrypt is encrypted, and SDES came over TLS
    assert offer.keying is not Keying.NONE or calling.media is MediaPolicy.RTP
    assert offer.keying is not Keying.SDES or (calling.confidential and offer.suite in calling.suites)
    # one suite is left, and only lines with keys were taken out
    left = {c.suite for media in parse_sdp(offer.sdp).media for c in media.crypto}
    assert left == ({offer.suite} if offer.suite else set())
    everything_else = [line for line in text.splitlines(keepends=True) if not line.startswith("a=crypto")]
    assert [
        line for line in offer.sdp.splitlines(keepends=True) if not line.startswith("a=crypto")
    ] == everything_else

    plan = plan_media(offer, called, inbound=inbound)
    keys = re.findall(r"inline:(\S+)", text)
    for hop in plan.hops:
        # the suites of the two legs of one hop are disjoint
        calling_side = {offer.suite} if offer.suite and hop.suffix in ("", "-a") else set()
        called_side = only(hop.offer_forward)
        assert not calling_side & called_side
        for flags in flags_of(hop):
            assert not any(key in flags for key in keys)
            assert not any(weak in flags for weak in WEAK)
            assert "offerer_pref" not in flags
            assert not re.search(r"[^\x20-\x7e]", flags)
            assert flags.count("direction=") == 2
        # leaving a leg with SRTP always names its suites, on the first offer and on every later one
        for flags, pin in (
            (hop.offer_forward, None),
            (hop.reoffer_forward, {"{b}"}),
            (hop.reoffer_backward, {"{a}"}),
        ):
            if "RTP/SAVP" in flags.split() or "RTP/SAVPF" in flags.split():
                assert only(flags)
                assert pin is None or only(flags) == pin
    # the called side is offered only what it can do, and plain only where that is its policy
    last = plan.hops[-1]
    assert set(plan.called_suites) <= set(called.suites)
    assert bool(plan.called_suites) is (called.media is MediaPolicy.SRTP)
    assert only(last.offer_forward) == set(plan.called_suites)
    assert ("RTP/AVP" in last.offer_forward.split()) is (called.media is MediaPolicy.RTP)
    assert [hop.suffix for hop in plan.hops] in ([""], ["-a", "-b"])


@given(policies())
def test_plans_for_unread_offers(called: LegPolicy) -> None:
    for hop in plan_any_offer(called).hops:
        assert not any(weak in flags for flags in flags_of(hop) for weak in WEAK)
        assert "RTP/AVP" in hop.offer_forward.split() or hop.suffix == "-b"


@given(st.text(max_size=300) | offers())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        sdp = parse_sdp(text)
    except MalformedSdp:
        return
    assert sdp.without_lines(set()) == text


@given(offers(), st.sampled_from(ALLOWED))
def test_a_reoffer_has_one_suite_afterwards(text: str, suite: str) -> None:
    try:
        kept = parse_sdp(keep_suite(text, suite))
    except MalformedSdp:
        return
    assert {c.suite for media in kept.media for c in media.crypto} <= {suite}
    assert all(len(media.crypto) == 1 for media in kept.media if not media.rejected)
