"""What the snapshot alone says of an attempt: who, from which number, to which, over which media.

Reading, not judging: what cannot be read is kept as a value with its reason, and `checks` decides.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from trunkward.admission.identify import identify
from trunkward.admission.ports import PeerIdentity, SigningClaims
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.attempt import CallAttempt, Transport
from trunkward.media.offer import LegPolicy, Offer, read_offer
from trunkward.media.refusal import MediaRefused
from trunkward.media.suites import ALLOWED
from trunkward.numbering.e164 import E164, NotANumber
from trunkward.numbering.plan import Emergency, dial, normalise
from trunkward.routing.choose import Way, emergency_ways, trunk_of_number, ways_out
from trunkward.shaken.attest import Attestation
from trunkward.shaken.number import canonical_tn
from trunkward.sip.uri import MalformedUri, SipUri, parse_uri
from trunkward.trunks.model import Carrier, MediaPolicy, NodeSettings, Trunk


class Direction(StrEnum):
    """Of a call, as seen by the customer."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Something of the request that could not be read, and why."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One attempt with everything the policy knows about it."""

    attempt: CallAttempt
    peer: PeerIdentity | None
    node: NodeSettings
    #: Who sent it; None: a stranger, and nothing below was looked at.
    source: Trunk | Carrier | None
    #: From-URI, or why not.
    shown_from: SipUri | Unreadable = Unreadable(why="not read")
    #: A stranger's or an anonymous caller's number stays unreadable.
    calling: E164 | Unreadable = Unreadable(why="not read")
    called: E164 | Emergency | Unreadable = Unreadable(why="not read")
    #: The Request-URI is none of ours to read.
    malformed: str = ""
    #: Outbound: where it can go.
    ways: tuple[Way, ...] = ()
    #: Inbound: whose number was called.
    destination: Trunk | None = None
    #: The offer; None: not looked at (media not anchored, or an emergency call whose offer nobody can read).
    offer: Offer | MediaRefused | None = None
    #: What to ask the signer for; None: this call is not signed.
    signing_request: SigningClaims | None = None

    @property
    def direction(self) -> Direction:
        """Outbound from a trunk, inbound from a carrier."""
        return Direction.OUTBOUND if isinstance(self.source, Trunk) else Direction.INBOUND

    @property
    def emergency(self) -> bool:
        """An emergency number, called by an identified trunk."""
        return isinstance(self.called, Emergency) and isinstance(self.source, Trunk)


def screen(attempt: CallAttempt, peer: PeerIdentity | None, policy: Snapshot) -> Case:
    """Read one attempt against the policy.

    1. Who: network and certificate.
    2. Numbers, by the node's dial plan.
    3. Where it can go.
    4. What media it offers.
    5. What a signature would say.
    """
    # 1.
    case = Case(attempt=attempt, peer=peer, node=policy.node, source=identify(attempt, peer, policy))
    if case.source is None:
        return case
    # 2.
    try:
        request_uri = parse_uri(attempt.ruri)
    except MalformedUri as problem:
        return replace(case, malformed=f"Request-URI: {problem}")
    case = replace(case, shown_from=_from(attempt), called=_called(request_uri, case))
    case = replace(case, calling=_calling(case))
    # 3.
    if isinstance(case.source, Trunk):
        case = replace(case, ways=_ways(case, policy))
    elif isinstance(case.called, E164):
        case = replace(case, destination=trunk_of_number(case.called, policy))
    # 4.
    case = replace(case, offer=_offer(case))
    # 5.
    return replace(case, signing_request=_signing_request(case, policy))


def leg_policy(peer: Trunk | Carrier) -> LegPolicy:
    """What a peer must speak: customers SRTP, carriers what their configuration says."""
    suites = peer.srtp_suites or ALLOWED
    if isinstance(peer, Trunk):
        return LegPolicy(media=MediaPolicy.SRTP, suites=suites, confidential=True)
    return LegPolicy(media=peer.media, suites=suites, confidential=peer.transport is Transport.TLS)


def _from(attempt: CallAttempt) -> SipUri | Unreadable:
    try:
        return parse_uri(attempt.from_uri)
    except MalformedUri as problem:
        return Unreadable(why=str(problem))


def _called(request_uri: SipUri, case: Case) -> E164 | Emergency | Unreadable:
    try:
        if isinstance(case.source, Trunk):
            return dial(request_uri.user, case.node.country, case.node.emergency_numbers)
        return normalise(request_uri.user, case.node.country)
    except NotANumber as problem:
        return Unreadable(why=str(problem))


def _calling(case: Case) -> E164 | Unreadable:
    # the From-URI alone: what a customer asserts about itself in other headers is not looked at
    if isinstance(case.shown_from, Unreadable):
        return case.shown_from
    try:
        return normalise(case.shown_from.user, case.node.country)
    except NotANumber as problem:
        return Unreadable(why=str(problem))


def _ways(case: Case, policy: Snapshot) -> tuple[Way, ...]:
    match case.called:
        case E164():
            return ways_out(case.called, policy)
        case Emergency():
            return emergency_ways(policy.carriers)
        case _:
            return ()


def _offer(case: Case) -> Offer | MediaRefused | None:
    assert case.source is not None
    if case.node.unsafe_unanchored_media:
        return None
    # a trunk is recognised on TLS only
    policy = leg_policy(case.source)
    try:
        return read_offer(case.attempt.content_type, case.attempt.body, policy)
    except MediaRefused as refused:
        if not case.emergency:
            return refused
    # exempt from the refusal: any media is better than none, and none to read passes as it came
    try:
        return read_offer(
            case.attempt.content_type,
            case.attempt.body,
            replace(policy, media=MediaPolicy.RTP, confidential=True),
        )
    except MediaRefused:
        return None


def _signing_request(case: Case, policy: Snapshot) -> SigningClaims | None:
    if (
        not isinstance(case.source, Trunk)
        or not isinstance(case.calling, E164)
        or not isinstance(case.called, E164)
    ):
        return None
    owner = policy.number_owner(case.calling)
    own = owner is not None and owner.name == case.source.name
    evidence = policy.evidence(case.source.name, case.calling) if own else None
    return SigningClaims(
        trunk=case.source.name,
        tenant=case.source.tenant,
        orig=canonical_tn(case.calling),
        dest=canonical_tn(case.called),
        level=Attestation.A if evidence else Attestation.B,
        evidence=evidence,
    )
