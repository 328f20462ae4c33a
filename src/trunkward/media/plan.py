"""How the media of one call goes through rtpengine: one hop or two, and the flags of each.

rtpengine 12.5 copies the offerer's SRTP keys of every suite it may offer on into the other side's
SDP, and relays packets between legs with equal keys without checking them. So the two legs of one
hop never share a suite: the called side is offered what the calling side did not choose. Where that
leaves nothing, two hops with plain RTP between them, inside the node, keep the keys apart.

Flags are written as Kamailio's rtpengine module writes them; rtpengine parses the same text itself
(`rtpp-flags` in docs/ng_control_protocol.md of 12.5).
"""

from collections.abc import Iterable
from functools import lru_cache

import msgspec

from trunkward.calls.verdict import MediaHop
from trunkward.media.offer import Keying, LegPolicy, Offer
from trunkward.media.sdp import BY_SIGNALLING
from trunkward.media.suites import ALLOWED
from trunkward.trunks.model import MediaPolicy

#: Names of rtpengine's interfaces: customers', carriers', and the one between two hops.
CUSTOMER_SIDE = "cust"
CARRIER_SIDE = "carr"
CORE = "core"
#: What stands behind a call's name in rtpengine: of a single hop, and of the first and the second of two.
SUFFIXES = ("", "-a", "-b")

#: For every SDP that leaves: our addresses instead of the other side's, no ICE, RTCP on its own port
#: or demultiplexed, only packets from the address in the SDP. Which lines leave at all: `crossing`.
_ALWAYS = "replace-origin replace-zero-address strict-source rtcp-mux-demux ICE=remove no-rtcp-attribute"
#: Between two hops, inside the node.
_CORE_FAMILY = "IP4"
#: Unpadded keys are legal (RFC 4568 section 6.1) and not understood by everyone.
_SRTP = "SDES-pad DTLS=off"


class MediaPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The hops of one route, in the direction of the INVITE."""

    #: SDP for the first hop.
    offer: str
    hops: tuple[MediaHop, ...]
    #: What the called side may choose from; empty for plain RTP.
    called_suites: tuple[str, ...]


class _Leg(msgspec.Struct, frozen=True, kw_only=True):
    """What rtpengine sends to one side, as flags."""

    #: `IP4`, `IP6`, `{to}` for what the call is sent to; "": rtpengine's to see.
    family: str
    #: Of an initial offer to it; the calling leg gets none.
    offer: str
    #: Of an answer to it.
    answer: str
    #: Of an offer to it in a running call: pinned to what it negotiated.
    reoffer: str
    #: Of every SDP that comes from it.
    source: str = ""


def plan_media(offer: Offer, called: LegPolicy, *, inbound: bool) -> MediaPlan:
    """The plan of a call from `offer`'s side to `called`; `inbound`: from a carrier to a customer."""
    hops, suites = _between(_calling_leg(offer), offer.suite, called, inbound)
    return MediaPlan(offer=offer.sdp, hops=hops, called_suites=suites)


@lru_cache(maxsize=1024)  # ways between two sides are few, and calls many
def _between(
    calling: _Leg, chosen: str, called: LegPolicy, inbound: bool
) -> tuple[tuple[MediaHop, ...], tuple[str, ...]]:
    """The hops, and what the called side may choose from; `chosen` is the calling leg's suite."""
    sides = (CARRIER_SIDE, CUSTOMER_SIDE) if inbound else (CUSTOMER_SIDE, CARRIER_SIDE)
    if called.media is MediaPolicy.RTP:
        return (_hop(SUFFIXES[0], sides, calling, _plain_leg("{to}")),), ()
    wanted = tuple(suite for suite in called.suites if suite in ALLOWED)
    apart = tuple(suite for suite in wanted if suite != chosen)
    if apart:
        return (_hop(SUFFIXES[0], sides, calling, _called_leg(apart, called.behind_nat)),), apart
    hops = (
        _hop(SUFFIXES[1], (sides[0], CORE), calling, _plain_leg(_CORE_FAMILY)),
        _hop(SUFFIXES[2], (CORE, sides[1]), _plain_leg(_CORE_FAMILY), _called_leg(wanted, called.behind_nat)),
    )
    return hops, wanted


def plan_any_offer(called: LegPolicy, *, behind_nat: bool = False) -> MediaPlan:
    """The plan from a customer to a carrier for an offer nobody has read: emergency calls without gates.

    Plain RTP between two hops keeps keys apart whatever was offered; the calling side is answered in
    the protocol it offered, and offered that protocol and suite again later (`{calling}`). The offer
    itself is not in the plan. `behind_nat`: the calling side is.
    """
    sides = (CUSTOMER_SIDE, CARRIER_SIDE)
    unread = _Leg(
        family="", offer="", answer="SDES-pad", reoffer="{calling}", source=_source(behind_nat=behind_nat)
    )
    if called.media is MediaPolicy.RTP:
        one = _hop(SUFFIXES[0], sides, unread, _plain_leg("{to}"))
        return MediaPlan(offer="", hops=(one,), called_suites=())
    wanted = tuple(suite for suite in called.suites if suite in ALLOWED)
    hops = (
        _hop(SUFFIXES[1], (sides[0], CORE), unread, _plain_leg(_CORE_FAMILY)),
        _hop(SUFFIXES[2], (CORE, sides[1]), _plain_leg(_CORE_FAMILY), _called_leg(wanted, called.behind_nat)),
    )
    return MediaPlan(offer="", hops=hops, called_suites=wanted)


def plan_announcement(offer: Offer, *, inbound: bool) -> MediaHop:
    """One hop from `offer`'s side to a far end inside the node, in plain RTP."""
    sides = (CARRIER_SIDE if inbound else CUSTOMER_SIDE, CORE)
    return _hop(SUFFIXES[0], sides, _calling_leg(offer), _plain_leg(_CORE_FAMILY))


def _calling_leg(offer: Offer) -> _Leg:
    answer, reoffer = _of_calling(offer)
    source = _source(behind_nat=offer.behind_nat)
    if offer.behind_nat and offer.keying is Keying.DTLS:
        # it begins the handshake too, and not rtpengine as soon as there is an address
        source += " DTLS-reverse=passive"
    return _Leg(family=offer.family, offer="", answer=answer, reoffer=reoffer, source=source)


def _of_calling(offer: Offer) -> tuple[str, str]:
    match offer.keying:
        case Keying.NONE:
            return offer.protocol, offer.protocol
        case Keying.DTLS:
            # rtpengine answers DTLS in kind when it is not told a transport
            return "SDES-off", f"{offer.protocol} SDES-off"
        case Keying.SDES:
            answer = f"{offer.protocol} {_SRTP}"
            return answer, f"{answer} SDES-only-{{a}}"


def _called_leg(suites: tuple[str, ...], behind_nat: bool) -> _Leg:
    srtp = f"RTP/SAVP {_SRTP}"
    # never SDES-offerer_pref: rtpengine 12.5 does not survive every list in it
    return _Leg(
        family="{to}",
        offer=f"{srtp} {_only(suites)} SDES-order:{';'.join(suites)}",
        answer=srtp,
        reoffer=f"{srtp} SDES-only-{{b}}",
        source=_source(behind_nat=behind_nat),
    )


def _plain_leg(family: str) -> _Leg:
    return _Leg(family=family, offer="RTP/AVP", answer="RTP/AVP", reoffer="RTP/AVP")


def _source(*, behind_nat: bool) -> str:
    return f"{BY_SIGNALLING} NAT-wait" if behind_nat else ""


def _only(suites: Iterable[str]) -> str:
    return " ".join(f"SDES-only-{suite}" for suite in suites)


def _hop(suffix: str, sides: tuple[str, str], calling: _Leg, called: _Leg) -> MediaHop:
    forward = f"direction={sides[0]} direction={sides[1]}"
    backward = f"direction={sides[1]} direction={sides[0]}"
    return MediaHop(
        suffix=suffix,
        offer_forward=_flags(calling, called, called.offer, forward),
        answer_forward=_flags(called, calling, calling.answer, backward),
        reoffer_forward=_flags(calling, called, called.reoffer, forward),
        reanswer_forward=_flags(called, calling, calling.answer, backward),
        reoffer_backward=_flags(called, calling, calling.reoffer, backward),
        reanswer_backward=_flags(calling, called, called.answer, forward),
    )


def _flags(received: _Leg, sent: _Leg, how: str, direction: str) -> str:
    family = f"address-family={sent.family}" if sent.family else ""
    return " ".join(part for part in (_ALWAYS, received.source, how, family, direction) if part)
