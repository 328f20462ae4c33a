"""From an admitted case to what the edge sends: routes, From, and headers."""

import re
from collections.abc import Collection

from trunkward.admission.caller import Right
from trunkward.admission.diverted import diversion_headers
from trunkward.admission.identity_headers import ANONYMOUS, KEEP_PRIVATE, asserted, shown_uri
from trunkward.admission.ports import NO_FACTS, Facts, Signature
from trunkward.admission.screen import Case, Direction, leg_policy
from trunkward.admission.verified import mark_in_transit, verstat_of
from trunkward.calls.attempt import Transport
from trunkward.calls.verdict import RING_S, Route
from trunkward.media.offer import Offer
from trunkward.media.plan import MediaPlan, plan_media
from trunkward.numbering.plan import Emergency
from trunkward.routing.choose import Way
from trunkward.sip.uri import SipUri
from trunkward.trunks.model import Carrier, Host, Trunk

#: What a customer says about its own identity; we say it instead (RFC 3325 section 5).
FROM_CUSTOMERS = ["P-Asserted-Identity", "P-Preferred-Identity", "Privacy"]
#: What a call came signed with, and when: it goes on whole, or not at all. (To Kamailio `y`, the compact form
#: of RFC 8224 section 4, is the same header, and goes with it.)
SIGNED = ["Identity", "Date"]
#: What else names an anonymous caller: whoever may ask a location server (RFC 6442) learns where it is.
NAMING = ["Geolocation", "Geolocation-Routing"]
#: Stands where a host does in a route to a trunk that registers: the edge puts a binding there.
REGISTERED = Host(host="registered.invalid")
#: A user part that is no number of ours to read may still be shown, if it is this plain.
_PLAIN_USER = re.compile(r"[A-Za-z0-9+._-]{1,64}", re.ASCII)


def routes_of(
    case: Case, signature: Signature | None, cut: Collection[str] = (), facts: Facts = NO_FACTS
) -> list[Route]:
    """The routes of an admitted call, in their order; `cut`: accounts of carriers it may not go by."""
    if case.direction is Direction.INBOUND:
        headers = {t.verstat: _inbound_headers(case, facts, verstat=t.verstat) for t in case.targets}
        return [_inbound(case, trunk, headers[trunk.verstat]) for trunk in case.targets]
    ways = [way for way in case.ways if f"money:carrier:{way.carrier.name}" not in cut]
    kinds = {way.carrier.trusted for way in ways}
    told = {trusted: _outbound_headers(case, signature, facts, trusted=trusted) for trusted in kinds}
    stays = {trusted: _signed_before(case, signature, trusted=trusted) for trusted in kinds}
    return [
        _route(case, way.carrier, way.host, told[way.carrier.trusted], stays[way.carrier.trusted])
        for way in ways
    ]


def taken_off(case: Case) -> list[str]:
    """Headers of the request that no route has. A signature names an anonymous caller."""
    anonymous = NAMING if case.caller.anonymous else []
    if case.direction is Direction.INBOUND:
        return ["Identity", *anonymous] if anonymous else []
    return FROM_CUSTOMERS + ([] if case.signing.passes_on else SIGNED) + anonymous


def from_uri_of(case: Case, facts: Facts = NO_FACTS) -> str:
    """The From-URI to show the other side; "" when the received one is it already."""
    wanted = _wanted_from(case, facts)
    return "" if wanted == case.attempt.from_uri else wanted


def to_uri_of(case: Case) -> str:
    """The To-URI to show the other side; "" when it stays as it came.

    Who verifies a signature compares it with To (RFC 8224 section 6.2), and knows nothing of how a customer
    dials. What came signed by others was signed for the To it came with.
    """
    if case.signing.claims is None or case.signing.passes_on:
        return ""
    wanted = f"sip:{case.called}@{case.node.name}"
    return "" if wanted == case.attempt.to_uri else wanted


def emergency_route(way: Way, user: str) -> Route:
    """A route to a carrier for a Request-URI user, without media: the emergency table fills that in."""
    return _to(way.carrier, way.host, user)


def _wanted_from(case: Case, facts: Facts) -> str:
    caller = case.caller
    if caller.anonymous:
        return ANONYMOUS
    if caller.shown is not None:
        # all that may take the call see one From: each of them must be able to read it
        told = not _asserts(case) and all(trunk.verstat for trunk in case.targets)
        return shown_uri(
            caller.shown, case.node.name, verstat_of(caller.shown, case, facts) if told else None
        )
    user = case.shown_from.user.partition(";")[0] if isinstance(case.shown_from, SipUri) else ""
    if user.lower() != "anonymous" and _PLAIN_USER.fullmatch(user):
        return f"sip:{user}@{case.node.name}"
    # the callback number of an emergency call stays as it came, whatever it looks like
    return case.attempt.from_uri if case.emergency else ANONYMOUS


def _outbound_headers(
    case: Case, signature: Signature | None, facts: Facts, *, trusted: bool
) -> list[tuple[str, str]]:
    """For a carrier. RFC 3325 section 7: who is not to be named is named inside the trust domain alone."""
    caller, headers = case.caller, list[tuple[str, str]]()
    hidden = caller.anonymous and not trusted
    # a diverted call's number is nobody's we could assert it of; in transit it is asserted by others, or not
    is_ours = caller.right is not Right.FORWARDED and (caller.right is not Right.TRANSIT or caller.asserted)
    if caller.number is not None and is_ours and not hidden:
        mark = mark_in_transit(case, facts) if trusted else None
        headers.append(asserted(caller.number, case.node.name, mark))
    if caller.anonymous and trusted:
        headers.append(KEEP_PRIVATE)
    if signature is not None and not hidden:
        headers += [] if case.signing.keeps_date else [("Date", signature.date)]
        headers += [("Identity", identity) for identity in signature.identities]
    return headers + diversion_headers(caller.diversions, case.node.name, trusted=trusted)


def _signed_before(case: Case, signature: Signature | None, *, trusted: bool) -> list[str]:
    """What a carrier does not get of the signatures a call came with; to others they go byte for byte."""
    signing = case.signing
    if signing.passes_on and case.caller.anonymous and not trusted:
        return [*SIGNED]
    return ["Date"] if signing.passes_on and signature is not None and not signing.keeps_date else []


def _asserts(case: Case) -> bool:
    """Whether a customer is told an asserted number; there `verstat` stands then, and else in From."""
    caller = case.caller
    return caller.asserted and caller.number is not None and not caller.anonymous


def _inbound_headers(case: Case, facts: Facts, *, verstat: bool) -> list[tuple[str, str]]:
    """For a customer, who is outside the trust domain."""
    caller, headers = case.caller, list[tuple[str, str]]()
    if _asserts(case) and caller.number is not None:
        told = verstat_of(caller.number, case, facts) if verstat else None
        headers.append(asserted(caller.number, case.node.name, told))
    return headers + diversion_headers(caller.diversions, case.node.name, trusted=False)


def _inbound(case: Case, target: Trunk, headers: list[tuple[str, str]]) -> Route:
    if not target.registers:
        assert target.host is not None
        return _route(case, target, target.host, headers)
    # RFC 7315 section 4.2: a PBX may have registered a contact that tells nothing of the number
    called = ("P-Called-Party-ID", f"<sip:{case.called}@{case.node.name}>")
    return _route(case, target, REGISTERED, [called, *headers], registered=True)


def _route(
    case: Case,
    target: Trunk | Carrier,
    host: Host,
    headers: list[tuple[str, str]],
    remove_headers: list[str] | None = None,
    *,
    registered: bool = False,
) -> Route:
    user = case.called.number if isinstance(case.called, Emergency) else str(case.called)
    plan = _plan(case, target)
    return _to(
        target,
        host,
        user,
        offer=plan.offer if plan else case.attempt.body,
        plan=plan,
        headers=headers,
        remove_headers=remove_headers,
        registered=registered,
        ring_timeout_s=case.node.spend_ring_s if case.charge is not None else RING_S,
    )


def _plan(case: Case, target: Trunk | Carrier) -> MediaPlan | None:
    if not isinstance(case.offer, Offer):
        return None
    return plan_media(case.offer, leg_policy(target, case.node), inbound=case.direction is Direction.INBOUND)


def _to(
    target: Trunk | Carrier,
    host: Host,
    user: str,
    *,
    offer: str = "",
    plan: MediaPlan | None = None,
    headers: list[tuple[str, str]] | None = None,
    remove_headers: list[str] | None = None,
    registered: bool = False,
    ring_timeout_s: int = RING_S,
) -> Route:
    transport = Transport.TLS if isinstance(target, Trunk) else target.transport
    # a domain stays in the Request-URI, whatever server it is sent to (RFC 3263 section 4)
    authority = f"{host};transport={transport}"
    return Route(
        peer=target.name,
        ruri=f"sip:{user}@{authority}",
        next_hop=f"sip:{authority}",
        transport=transport,
        tls_profile=target.tls_names[0] if transport is Transport.TLS and target.tls_names else "",
        offer=offer,
        media=list(plan.hops) if plan else [],
        called_suites=list(plan.called_suites) if plan else [],
        headers=headers or [],
        remove_headers=remove_headers or [],
        registered=registered,
        ring_timeout_s=ring_timeout_s,
        session_s=target.session_timer_s if isinstance(target, Carrier) else 0,
    )
