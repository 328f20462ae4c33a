"""What was decided about a call, and why: the only thing the edge obeys."""

from enum import StrEnum

import msgspec

from trunkward.calls.attempt import Transport
from trunkward.calls.grant import Grant, Reach

#: Seconds a call may ring at one place.
RING_S = 120


class Blame(StrEnum):
    """Who has to act so that the next call of this kind succeeds."""

    NOBODY = "nobody"
    CUSTOMER = "customer"
    CALLER = "caller"
    CARRIER = "carrier"
    US = "us"


class Reason(StrEnum):
    """Stable codes of every verdict. Once published a code is never reused for something else."""

    ADMITTED = "admitted"
    ADMITTED_EMERGENCY = "admitted-emergency"
    UNKNOWN_SOURCE = "unknown-source"
    CERTIFICATE_REQUIRED = "certificate-required"
    TRUNK_DISABLED = "trunk-disabled"
    TLS12_REFUSED = "tls12-refused"
    MALFORMED_REQUEST = "malformed-request"
    # More Identity headers, or longer ones, than are looked at.
    IDENTITY_TOO_LARGE = "identity-too-large"
    CALLING_NUMBER_MALFORMED = "calling-number-malformed"
    CALLING_NUMBER_NOT_PERMITTED = "calling-number-not-permitted"
    CALLING_NUMBER_NOT_VALID = "calling-number-not-valid"
    DO_NOT_ORIGINATE = "do-not-originate"
    CALLED_NUMBER_NOT_VALID = "called-number-not-valid"
    CALLED_NUMBER_MALFORMED = "called-number-malformed"
    CALLED_NUMBER_UNKNOWN = "called-number-unknown"
    NO_ROUTE = "no-route"
    NO_EMERGENCY_ROUTE = "no-emergency-route"
    TAKES_NO_CALLS = "takes-no-calls"
    METHOD_REFUSED = "method-refused"
    NO_OFFER = "no-offer"
    SRTP_REQUIRED = "srtp-required"
    SRTP_SUITE_REFUSED = "srtp-suite-refused"
    SDES_WITHOUT_TLS = "sdes-without-tls"
    MEDIA_MALFORMED = "media-malformed"
    NODE_DRAINING = "node-draining"
    # Calls of a trunk, a tenant or a reseller are held: all of a kind, or those abroad.
    TRUNK_HELD = "trunk-held"
    INTERNATIONAL_HELD = "international-held"
    MEDIA_ADDRESS_FAMILY = "media-address-family"
    DESTINATION_UNKNOWN = "destination-unknown"
    DESTINATION_NOT_ALLOWED = "destination-not-allowed"
    CLASS_NOT_ALLOWED = "class-not-allowed"
    RATE_TOO_HIGH = "rate-too-high"
    OUTSIDE_HOURS = "outside-hours"
    LIMIT_CALLS = "limit-calls"
    LIMIT_RATE = "limit-rate"
    LIMITS_UNAVAILABLE = "limits-unavailable"
    # Money: no price is known, no carrier sells cheaply enough, a cap is reached, nobody knows what is spent.
    NO_PRICE = "no-price"
    NO_MARGIN = "no-margin"
    SPEND_CAP = "spend-cap"
    SPEND_FROZEN = "spend-frozen"
    SPEND_UNAVAILABLE = "spend-unavailable"
    # Digest credentials: asked for, asked for anew because of their nonce, and not right.
    CREDENTIALS_REQUIRED = "credentials-required"
    CREDENTIALS_STALE = "credentials-stale"
    CREDENTIALS_REPLAYED = "credentials-replayed"
    CREDENTIALS_REFUSED = "credentials-refused"
    NOT_A_REGISTERING_TRUNK = "not-a-registering-trunk"
    ADDRESS_OF_ANOTHER = "address-of-another"
    EXTENSION_UNKNOWN = "extension-unknown"
    REGISTRATION_TOO_BRIEF = "registration-too-brief"
    REGISTRATION_OVERTAKEN = "registration-overtaken"
    REGISTRATIONS_UNAVAILABLE = "registrations-unavailable"
    # Signatures of calls from carriers, by the answer of RFC 8224 section 6.2.2 (428, 403, 436, 437, 438).
    IDENTITY_MISSING = "identity-missing"
    IDENTITY_STALE = "identity-stale"
    IDENTITY_INFO_BAD = "identity-info-bad"
    IDENTITY_CREDENTIAL = "identity-credential"
    IDENTITY_INVALID = "identity-invalid"
    NO_FINDING = "no-finding"
    POLICY_NOT_LOADED = "policy-not-loaded"
    DEADLINE_EXCEEDED = "deadline-exceeded"
    RECORD_NOT_WRITTEN = "record-not-written"
    INTERNAL_ERROR = "internal-error"
    # What the edge says by itself.
    GATE_UNAVAILABLE = "gate-unavailable"
    MEDIA_UNAVAILABLE = "media-unavailable"
    NO_WORKER_FREE = "no-worker-free"
    NO_ROUTE_LEFT = "no-route-left"
    NOT_REGISTERED = "not-registered"
    MALFORMED_REPLY = "malformed-reply"


class MediaHop(msgspec.Struct, frozen=True, kw_only=True):
    """One pass of the SDP through rtpengine: its call name there and its flags per direction.

    A pair of legs that cannot be given disjoint SRTP suites takes two hops with plain RTP
    between them, inside the node (docs/media.md). `forward` is the direction of the initial
    INVITE, `backward` that of a re-INVITE from the called side. `{a}` and `{b}` stand for the
    suite negotiated on the calling and the called leg, `{calling}` for all that a calling leg whose
    offer nobody has read has negotiated; they are filled in for in-dialog offers. `{to}` stands for the
    address family (`IP4`, `IP6`) of the called leg, which is that of the address the call was sent to.
    """

    suffix: str
    offer_forward: str
    answer_forward: str
    reoffer_forward: str
    reanswer_forward: str
    reoffer_backward: str
    reanswer_backward: str


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One way out, in the order it is to be tried."""

    #: Name of the carrier, or of the trunk for an inbound call.
    peer: str
    #: The Request-URI to send.
    ruri: str
    #: Next hop as a SIP URI with transport: an IP address and port, or a name, for which the edge puts the
    #: addresses that have been found for it (`trunkward.edge.targets`).
    next_hop: str
    transport: Transport
    #: Profile of the outbound TLS (client certificate, authorities, expected names); empty for plain.
    tls_profile: str = ""
    #: SDP to offer, after pruning to what this route's plan allows; the input of the first hop.
    offer: str = ""
    media: list[MediaHop] = []
    #: SRTP suites the called side may answer with (`media.answer.check_answer`); empty for plain RTP.
    called_suites: list[str] = []
    #: Headers put on this route's request, in order.
    headers: list[tuple[str, str]] = []
    #: Names of received headers that stay on their side of this route, beside those of the call.
    remove_headers: list[str] = []
    #: To where `peer` is registered: the edge puts one binding after the other into Request-URI and next hop.
    registered: bool = False
    #: Seconds to wait for any final answer before the next route is tried.
    ring_timeout_s: int = RING_S
    #: Seconds of the session timer it is offered where the caller offers none (RFC 4028); 0: none.
    session_s: int = 0


class Admit(msgspec.Struct, frozen=True, kw_only=True, tag="admit", tag_field="verdict"):
    """Let it through, by these routes."""

    id: str
    record_id: str
    reason: Reason
    trunk: str
    #: The trunk or carrier it came from; its requests in the dialog must come from there, too.
    source: str
    direction: str
    routes: list[Route]
    #: From-URI to show the other side, when the received one would name the inside.
    from_uri: str = ""
    #: To-URI to show the other side, when the received one has the number as it was dialled.
    to_uri: str = ""
    #: The display name in From stays on its side, too (RFC 3323); the number shown stands in its place.
    hide_name: bool = False
    #: Names of received headers that stay on their side of this call.
    remove_headers: list[str] = []
    #: Keys of the places it holds in what all nodes count; the edge says when they are to be renewed or free.
    counters: list[str] = []
    #: For as long as it runs.
    reach: Reach
    #: Put on the first provisional answer the caller gets, or on the final one (RFC 9410).
    answer_headers: list[tuple[str, str]] = []
    #: By what it is charged while it runs (`trunkward.admission.money.Terms`); "": it costs nothing.
    money: str = ""
    #: From the answer on; None for a call that nobody but its parties ends (an emergency).
    grant: Grant | None = None


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """What a refused caller hears first, as early media (RFC 3261 section 13.2.2.1)."""

    #: Absolute path; where it is not there, the refusal goes at once.
    file: str
    #: The caller's offer, pruned.
    offer: str
    #: To a far end inside the node that is nobody.
    hop: MediaHop


class Reject(msgspec.Struct, frozen=True, kw_only=True, tag="reject", tag_field="verdict"):
    """Refuse it, and say why (RFC 3326 `Reason`)."""

    id: str
    record_id: str
    reason: Reason
    blame: Blame
    status: int
    phrase: str
    #: Put on the reply, in order.
    headers: list[tuple[str, str]] = []
    announcement: Announcement | None = None


class Challenge(msgspec.Struct, frozen=True, kw_only=True, tag="challenge", tag_field="verdict"):
    """Ask for digest credentials (RFC 3261 section 22): the same request may come again with them."""

    id: str
    record_id: str
    reason: Reason
    #: 407, and 401 for a REGISTER (section 22.1).
    status: int
    phrase: str
    #: The challenges themselves: put on the reply, in order. There is chance in them, so the gate adds them.
    headers: list[tuple[str, str]] = []


class Discard(msgspec.Struct, frozen=True, kw_only=True, tag="discard", tag_field="verdict"):
    """Say nothing at all: an unknown source over a datagram transport learns nothing from us."""

    id: str
    record_id: str
    reason: Reason


class Wait(msgspec.Struct, frozen=True, kw_only=True, tag="wait", tag_field="verdict"):
    """Ask again in a while: a certificate is on its way. Nothing is decided, and nothing is on record."""

    id: str
    for_ms: int


type Verdict = Admit | Challenge | Reject | Discard
