"""What the snapshot alone says of an attempt: who, from which number, to which, over which media.

Reading, not judging: what cannot be read is kept as a value with its reason, and `checks` decides.
"""

from copy import replace
from enum import StrEnum

import msgspec

from trunkward.admission.attesting import Attested
from trunkward.admission.caller import (
    NOBODY,
    Caller,
    ReadFrom,
    emergency_caller,
    inbound_caller,
    outbound_caller,
    transit_caller,
)
from trunkward.admission.identify import Stranger, identify
from trunkward.admission.identity_headers import is_anonymous
from trunkward.admission.money import charge_of
from trunkward.admission.ports import (
    Charge,
    Credentials,
    PeerIdentity,
    Proven,
    SigningClaims,
    VerificationFact,
)
from trunkward.admission.prices import NO_PRICES, Prices, prices_of
from trunkward.admission.received import too_much
from trunkward.admission.signing import NOT_ASKED, Signing, signing_of
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.attempt import CallAttempt, Transport
from trunkward.calls.grant import Reach
from trunkward.digest.algorithm import Algorithm
from trunkward.media.offer import LegPolicy, Offer, read_offer
from trunkward.media.refusal import MediaRefused
from trunkward.media.suites import ALLOWED
from trunkward.numbering.destinations import UNKNOWN, Destination
from trunkward.numbering.e164 import E164, NotANumber
from trunkward.numbering.nanp import why_invalid
from trunkward.numbering.plan import DialPlan, Emergency
from trunkward.routing.choose import Way, emergency_ways, ways_out
from trunkward.sip.uri import MalformedUri, SipUri, parse_uri
from trunkward.trunks.destinations import is_home
from trunkward.trunks.model import Carrier, IdentifiedBy, MediaPolicy, NodeSettings, Trunk
from trunkward.trunks.spending import Hold


class Direction(StrEnum):
    """Of a call, as seen by the customer."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """Something of the request that could not be read, and why."""

    why: str


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt with everything the policy knows about it."""

    attempt: CallAttempt
    peer: PeerIdentity | None
    node: NodeSettings
    #: Who sent it; None: a stranger, and nothing below was looked at.
    source: Trunk | Carrier | None
    #: Outbound from a trunk, inbound from a carrier (and from a stranger).
    direction: Direction = Direction.INBOUND
    #: An emergency number, called by an identified trunk.
    emergency: bool = False
    #: Why it is one, and what it is told.
    stranger: Stranger | None = None
    #: The nonce its credentials have used; None: it is recognised without, or calls an emergency.
    nonce: Proven | None = None
    #: From-URI, or why not.
    shown_from: SipUri | Unreadable = Unreadable(why="not read")
    #: The number that counts; a stranger's, or an anonymous caller's that nobody asserts, stays unreadable.
    calling: E164 | Unreadable = Unreadable(why="not read")
    #: The same with what is shown, and by what right.
    caller: Caller = NOBODY
    #: Why nobody calls from it, "" for a number that may call: do-not-originate, or not assigned to anybody.
    never_calls: str = ""
    not_valid: str = ""
    #: Why nobody can be called at the number called; "".
    called_not_valid: str = ""
    called: E164 | Emergency | Unreadable = Unreadable(why="not read")
    #: The Request-URI is none of ours to read.
    malformed: str = ""
    #: Outbound: where it can go.
    ways: tuple[Way, ...] = ()
    #: Outbound, to an E.164 number: what it costs, and what is to be reserved of it; None: nothing.
    prices: Prices = NO_PRICES
    charge: Charge | None = None
    #: Outbound, to an E.164 number: what the table of destinations says of it, and by which prefix.
    place: Destination = UNKNOWN
    place_prefix: str = ""
    #: Inbound: whose number was called, and the trunks that can take its calls, in order.
    destination: Trunk | None = None
    targets: tuple[Trunk, ...] = ()
    #: What holds calls of the customer's trunk (`trunkward.trunks.spending`).
    holds: tuple[Hold, ...] = ()
    #: The offer; None: not looked at (media not anchored, or an emergency call whose offer nobody can read).
    offer: Offer | MediaRefused | None = None
    #: What is too much of the Identity headers it came with; "".
    identities_too_much: str = ""
    #: What it is signed with, and what goes on of what it was signed with.
    signing: Signing = NOT_ASKED

    @property
    def signing_request(self) -> SigningClaims | None:
        """What to ask a signer for; None: nothing."""
        return self.signing.claims

    @property
    def attested(self) -> Attested | None:
        """By which rule it is signed, or not; None: no trunk of ours shows a number."""
        return self.signing.attested

    @property
    def in_transit(self) -> bool:
        """Whether another provider's caller calls out by a trunk."""
        return isinstance(self.source, Trunk) and self.source.in_transit

    @property
    def abroad(self) -> bool:
        """Whether it is an outbound call that leaves the country; what no row of the table fits does."""
        region = self.node.region
        called_number = self.direction is Direction.OUTBOUND and isinstance(self.called, E164)
        return called_number and self.place.country != region and not is_home(self.place, region)

    @property
    def reach(self) -> Reach:
        """Where it goes, for as long as it runs."""
        if self.direction is Direction.INBOUND:
            return Reach.IN
        return Reach.ABROAD if self.abroad else Reach.HOME

    @property
    def may_use_escrow(self) -> bool:
        """Whether it is a call at home, and nobody has to tell whether its credentials were used before."""
        return self.charge is not None and not self.abroad and self.nonce is None

    @property
    def offers_md5(self) -> bool:
        """Whether a challenge may offer MD5 after SHA-256."""
        if self.nonce is not None:
            return self.nonce.algorithm is Algorithm.MD5
        return self.stranger is not None and self.stranger.offers_md5


def screen(
    attempt: CallAttempt, peer: PeerIdentity | None, policy: Snapshot, credentials: Credentials = None
) -> Case:
    """Read one attempt against the policy: who it is (`identify`), and the rest (`read`).

    `credentials`: what those of its header are worth.
    """
    source = identify(attempt, peer, policy, credentials)
    if isinstance(source, Stranger):
        exempt = _calls_emergency((*_registered(attempt, policy), *source.but_for_digest), attempt, policy)
        if exempt is None:
            return Case(attempt=attempt, peer=peer, node=policy.node, source=None, stranger=source)
        return read(attempt, peer, exempt, policy)
    case = read(attempt, peer, source, policy)
    if case.emergency or not isinstance(source, Trunk) or not source.demands(IdentifiedBy.DIGEST):
        return case
    # whether they were used before is not known yet
    return replace(case, nonce=credentials) if isinstance(credentials, Proven) else case


def read(attempt: CallAttempt, peer: PeerIdentity | None, source: Trunk | Carrier, policy: Snapshot) -> Case:
    """Read an attempt whose sender is known.

    1. Numbers, by the trunk's dial plan, or a carrier's, which is the node's; and who calls.
    2. Where it can go, and what lies there.
    3. What media it offers.
    4. What it came signed with, and what it is signed with.
    """
    node = policy.node
    outbound = isinstance(source, Trunk)
    direction = Direction.OUTBOUND if outbound else Direction.INBOUND
    # 1.
    try:
        request_uri = parse_uri(attempt.ruri)
    except MalformedUri as problem:
        said = f"Request-URI: {problem}"
        return Case(attempt=attempt, peer=peer, node=node, source=source, direction=direction, malformed=said)
    plan = node.plan_of(source)
    shown_from = _from(attempt)
    called = _called(request_uri, source, plan, node)
    read, why = _read_from(shown_from, plan)
    emergency = outbound and isinstance(called, Emergency)
    if not isinstance(source, Trunk):
        caller = inbound_caller(attempt, read, source, plan)
    elif emergency:
        caller = emergency_caller(attempt, read, source, plan, policy)
    elif source.in_transit:
        caller = transit_caller(attempt, read, source, plan)
    else:
        caller = outbound_caller(attempt, read, called, source, plan, policy)
    calling = caller.number or Unreadable(why=why)
    # 2.
    answering = policy.inbound_trunks(called) if not outbound and isinstance(called, E164) else ()
    ways = _ways(called, policy) if outbound else ()
    place_prefix, place = policy.place(called) if outbound and isinstance(called, E164) else ("", UNKNOWN)
    prices, charge = NO_PRICES, None
    if isinstance(source, Trunk) and isinstance(called, E164):
        prices, ways = prices_of(called, source, ways, (place_prefix, place), policy, attempt.at)
        charge = charge_of(source, prices, ways, policy, attempt.at)
    fictional = node.unsafe_fictional_numbers
    too_many = too_much(attempt.headers.get("identity", ()))
    signing = NOT_ASKED
    if isinstance(source, Trunk) and not too_many:
        signing = signing_of(attempt, source, caller, called, ways, policy)
    return Case(
        attempt=attempt,
        peer=peer,
        node=node,
        source=source,
        direction=direction,
        emergency=emergency,
        shown_from=shown_from,
        calling=calling,
        caller=caller,
        never_calls="" if emergency else _never_calls(caller, policy),
        not_valid="" if emergency else _not_valid(caller, fictional=fictional),
        called=called,
        called_not_valid=why_invalid(called, fictional=fictional) if isinstance(called, E164) else "",
        ways=ways,
        prices=prices,
        charge=charge,
        place=place,
        place_prefix=place_prefix,
        destination=answering[0] if answering else None,
        targets=tuple([t for t in answering if takes_calls(t, policy)]),
        holds=_holds(source if isinstance(source, Trunk) else next(iter(answering), None), policy),
        # 3.
        offer=_offer(attempt, source, node, emergency=emergency),
        # 4.
        identities_too_much=too_many,
        signing=signing,
    )


def with_verification(
    case: Case, found: VerificationFact, policy: Snapshot, *, replayed: bool = False
) -> Case:
    """The case once it is known what its signatures are worth, where that decides how it is signed.

    In transit the rules ask for that; and what a customer's diverted call came with goes on if it is good,
    and was diverted in no other call before (`replayed`).
    """
    source, brought = case.source, case.signing.brought is not None
    if not isinstance(source, Trunk) or found is None or not (brought or source.in_transit):
        return case
    if replayed and brought:
        found = None
    signing = signing_of(case.attempt, source, case.caller, case.called, case.ways, policy, found)
    return replace(case, signing=signing)


def takes_calls(trunk: Trunk, policy: Snapshot) -> bool:
    """Whether calls can be sent to a trunk."""
    held = any(hold.covers(outbound=False, abroad=False) for hold in policy.holds(trunk))
    return trunk.enabled and (trunk.host is not None or trunk.registers) and not held


def _holds(trunk: Trunk | None, policy: Snapshot) -> tuple[Hold, ...]:
    return policy.holds(trunk) if trunk is not None else ()


def _registered(attempt: CallAttempt, policy: Snapshot) -> tuple[Trunk, ...]:
    """The trunk that has shown its credentials when it registered over this connection, if one has."""
    trunk = policy.trunk(attempt.registered) if attempt.registered else None
    return (trunk,) if trunk is not None else ()


def _calls_emergency(trunks: tuple[Trunk, ...], attempt: CallAttempt, policy: Snapshot) -> Trunk | None:
    """The trunk an emergency call without credentials is of: everything else that trunk demands holds.

    An emergency number is exempt from digest challenges. Of several trunks behind one address it is the one
    whose number calls, or else the first of the file; it goes in any case.
    """
    try:
        request_uri = parse_uri(attempt.ruri)
    except MalformedUri:
        return None
    node = policy.node
    may = [t for t in trunks if isinstance(_called(request_uri, t, node.plan_of(t), node), Emergency)]
    if len(may) > 1:
        calling = _read_from(_from(attempt), node.plan_of(may[0]))[0].number
        owner = policy.number_owner(calling) if calling is not None else None
        may.sort(key=lambda trunk: owner is None or trunk.name != owner.name)
    return may[0] if may else None


def leg_policy(peer: Trunk | Carrier, node: NodeSettings) -> LegPolicy:
    """What a peer must speak: customers SRTP, carriers what their configuration says."""
    suites = peer.srtp_suites or ALLOWED
    families = frozenset([f"IP{version}" for version in node.versions])
    if isinstance(peer, Trunk):
        return LegPolicy(
            media=MediaPolicy.SRTP,
            suites=suites,
            confidential=True,
            families=families,
            behind_nat=peer.behind_nat,
        )
    confidential = peer.transport is Transport.TLS
    return LegPolicy(media=peer.media, suites=suites, confidential=confidential, families=families)


def _from(attempt: CallAttempt) -> SipUri | Unreadable:
    try:
        return parse_uri(attempt.from_uri)
    except MalformedUri as problem:
        return Unreadable(why=str(problem))


def _called(
    request_uri: SipUri, source: Trunk | Carrier, plan: DialPlan, node: NodeSettings
) -> E164 | Emergency | Unreadable:
    try:
        if isinstance(source, Trunk):
            return plan.dial(request_uri.user, source.emergency_numbers or node.emergency_numbers)
        return plan.normalise(request_uri.user)
    except NotANumber as problem:
        return Unreadable(why=str(problem))


def _read_from(shown_from: SipUri | Unreadable, plan: DialPlan) -> tuple[ReadFrom, str]:
    """What From says, and why no number can be read in it."""
    if isinstance(shown_from, Unreadable):
        return ReadFrom(), shown_from.why
    anonymous = is_anonymous(shown_from)
    try:
        return ReadFrom(number=plan.read(shown_from.user), anonymous=anonymous), ""
    except NotANumber as problem:
        return ReadFrom(anonymous=anonymous), str(problem)


def _never_calls(caller: Caller, policy: Snapshot) -> str:
    why = policy.never_calls(caller.number) if caller.number is not None else ""
    if not why and caller.shown not in (None, caller.number):
        why = policy.never_calls(str(caller.shown))
    return why


def _not_valid(caller: Caller, *, fictional: bool) -> str:
    why = why_invalid(caller.number, fictional=fictional) if caller.number is not None else ""
    if not why and caller.shown not in (None, caller.number):
        why = why_invalid(str(caller.shown), fictional=fictional)
    return why


def _ways(called: E164 | Emergency | Unreadable, policy: Snapshot) -> tuple[Way, ...]:
    match called:
        case E164():
            return ways_out(called, policy)
        case Emergency():
            return emergency_ways(policy.carriers)
        case _:
            return ()


def _offer(
    attempt: CallAttempt, source: Trunk | Carrier, node: NodeSettings, *, emergency: bool
) -> Offer | MediaRefused | None:
    if node.unsafe_unanchored_media:
        return None
    # a trunk is recognised on TLS only
    policy = leg_policy(source, node)
    try:
        return read_offer(attempt.content_type, attempt.body, policy)
    except MediaRefused as refused:
        if not emergency:
            return refused
    # exempt from the refusal: any media is better than none, and none to read passes as it came
    try:
        return read_offer(
            attempt.content_type, attempt.body, replace(policy, media=MediaPolicy.RTP, confidential=True)
        )
    except MediaRefused:
        return None
