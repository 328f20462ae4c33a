"""Checks 10 to 13: where the call may go, what that costs, and with which media (`admission.checks`)."""

from collections.abc import Mapping

from trunkward.admission.findings import Finding, named, number_of, refuse, to_blame
from trunkward.admission.permitted import why_not
from trunkward.admission.screen import Case, Direction
from trunkward.calls.verdict import Blame, Reason
from trunkward.media.refusal import MediaRefused
from trunkward.media.suites import ALLOWED
from trunkward.numbering.e164 import E164
from trunkward.spend.money import shown_nano
from trunkward.trunks.destinations import kind_of
from trunkward.trunks.model import Trunk

#: What an offer must be, by the reason it was refused for; the sender has to do it.
MEDIA_REMEDIES: Mapping[Reason, str] = {
    Reason.NO_OFFER: "send its SDP in the INVITE, as the only body (application/sdp)",
    Reason.SRTP_REQUIRED: "offer SRTP for every stream; plain RTP is for carriers with media: rtp",
    Reason.SRTP_SUITE_REFUSED: f"offer one of {', '.join(ALLOWED)}, and SHA-256 fingerprints with DTLS",
    Reason.SDES_WITHOUT_TLS: "use transport: tls, or offer plain RTP where media: rtp is meant",
    Reason.MEDIA_MALFORMED: "send an SDP with an audio stream and one kind of protection (RFC 4568)",
    Reason.MEDIA_ADDRESS_FAMILY: "offer an IP version of this node's, or give node.address and"
    " node.media.address the other one, too",
}


def permitted(case: Case) -> Finding:
    """10. By the time on our clock; an emergency call is no destination that costs anybody anything.

    Before any route is asked for: whose trunk is not opened there is to hear that, and not what we can reach.
    """
    caller = case.source
    if not isinstance(caller, Trunk) or not isinstance(case.called, E164):
        return Finding(check="permitted")
    place = case.place
    refused = why_not(caller, case.called, case.place_prefix, place, case.node, case.attempt.at)
    if refused is None:
        return Finding(check="permitted", detail=kind_of(place) if place.country else place.kind.value)
    return refuse(*("permitted", refused.reason, Blame.CUSTOMER, 403, refused.detail), remedy=refused.remedy)


def destination(case: Case) -> Finding:
    """11. A carrier with a prefix of the number, or the trunk whose number it is."""
    if case.direction is Direction.OUTBOUND:
        if case.ways or case.prices.left_out:  # what is left out has its own check
            return Finding(
                check="destination", detail=", ".join(dict.fromkeys([w.carrier.name for w in case.ways]))
            )
        if case.emergency:
            said, remedy = "no carrier takes emergency calls", "set emergency: true for a carrier"
            return refuse("destination", Reason.NO_EMERGENCY_ROUTE, Blame.US, 404, said, remedy=remedy)
        number = number_of(case.called)
        return refuse(
            *("destination", Reason.NO_ROUTE, Blame.US, 404, "no carrier takes this number"),
            remedy=f'add a beginning of {number} to prefixes of a carrier, or "+", which takes every number',
        )
    if case.destination is None:
        return refuse(
            *("destination", Reason.CALLED_NUMBER_UNKNOWN, Blame.CARRIER, 404, "in no trunk's inventory"),
            remedy=f"add {number_of(case.called)} to numbers of the trunk it belongs to",
        )
    if not case.targets:
        return refuse(
            *("destination", Reason.TAKES_NO_CALLS, Blame.US, 404, "this trunk only calls out"),
            remedy=f"give trunk {case.destination.name} a host, or a failover",
        )
    # where one that registers is, its connections tell, and only the edge knows which stand at this moment
    told = [f"{t.name}, where it is registered" if t.registers else t.name for t in case.targets]
    return Finding(check="destination", detail="; ".join(told))


def price(case: Case) -> Finding:
    """12. Inbound calls and emergencies ask for no money."""
    prices, currency = case.prices, case.node.currency
    if not isinstance(case.source, Trunk) or not isinstance(case.called, E164):
        return Finding(check="price", detail="exempt" if case.emergency else "")
    if prices.missing:
        return refuse(
            *("price", Reason.NO_PRICE, Blame.US, 403, prices.missing),
            remedy=f"import a deck with a rate for {case.called} (./trunkward deck import), and name it as"
            f" deck of tenant"
            f" {case.source.tenant}; or name its rate in the file of node.destinations",
        )
    if prices.left_out and not case.ways:
        said = "; ".join(f"{name}: {why}" for name, why in prices.left_out.items())
        return refuse(
            *("price", Reason.NO_MARGIN, Blame.US, 404, said),
            remedy="compare what it is sold for with what they ask (./trunkward deck show), import a rate"
            " where they have none, or lower node.margin",
        )
    if prices.sale is None:
        return Finding(check="price", detail="not known, and not counted")
    tariff = prices.sale.tariff
    said = f"{shown_nano(tariff.rate_nano)} {currency} a minute, {tariff.first_s}/{tariff.next_s}"
    said += f", and {shown_nano(tariff.connect_nano)} for an answer" if tariff.connect_nano else ""
    by = f"deck {prices.sale.deck}, {prices.sale.prefix}"
    if prices.sale.indicative:
        by = f"indicative, but what {prices.sale.asked_by} asks" if prices.sale.asked_by else "indicative"
    without = f"; without {', '.join(prices.left_out)}" if prices.left_out else ""
    return Finding(check="price", detail=f"{said} ({by}){without}")


def media(case: Case) -> Finding:
    """13. Emergency calls and the bench's unanchored media are not refused."""
    if isinstance(case.offer, MediaRefused):
        return refuse(
            *("media", case.offer.reason, to_blame(case), 488, case.offer.detail),
            remedy=f"have {named(case)} {MEDIA_REMEDIES[case.offer.reason]}",
        )
    if case.offer is None:
        return Finding(check="media", detail="not anchored")
    return Finding(check="media", detail=f"{case.offer.protocol} {case.offer.suite}".strip())
