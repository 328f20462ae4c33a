"""What stands in segments: decisions, outcomes of admitted calls, messages; and events that are no call."""

from enum import StrEnum

import msgspec

from trunkward.calls.outcome import Outcome


class CheckRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one check found; in the order in which calls pass them, up to the one that refused."""

    check: str
    detail: str = ""
    refused: bool = False
    #: Of the one that refused: what would have let the call pass.
    remedy: str = ""
    #: Of the one that refused for money: the cap that is reached, as `trunk:acme-hq day`.
    cap: str = ""


class RatedBy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a price of a call is made of: enough to count it, and to count it again when it was wrong."""

    #: `rate:connect:first:next`, in nano-units and seconds (`spend.tariff.Tariff.compact`).
    tariff: str
    #: Digits of the prefix it was found by.
    prefix: str
    #: Name of the deck and SHA-256 of its text; absent: the indicative price of the destination.
    deck: str = ""
    deck_sha256: str = ""


class MoneyRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """By what a call that goes out is charged, whatever it comes to."""

    #: ISO 4217.
    currency: str
    #: The tenant's; absent: it has none.
    reseller: str = ""
    #: What it is sold for; absent where that is not known, and not counted.
    sale: RatedBy | None = None
    #: Whose caps it counts under: `trunk:acme-hq`, `tenant:acme`, `carrier:north`.
    owners: list[str] = []
    #: By carrier that may take it, what that asks; absent where it is not known.
    costs: dict[str, RatedBy] = {}


class AttestationRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """By which rule a call was signed, or not, and what that rested on (`trunkward why`)."""

    #: Id of the rule (`shaken.attest.Rule`), and what the call lacked for a higher level.
    rule: str
    lack: str = ""
    #: The evidence for the number, of a supplied level the contract, and which state of it; of level B, and
    #: of what went unsigned without a contract, that which would have done, but for `lack`.
    evidence: str = ""
    evidence_version: int = 0
    #: Whose certificate it was signed with: `node`, or a reseller's name.
    identity: str = ""
    #: Of the signature: serial number of the certificate, and number of its line in the signer's journal.
    serial: str = ""
    journal: int | None = None


class StirErrorRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What was wrong with one of a call's signatures."""

    #: Of RFC 8224 section 6.2.2, and the finer cause (`shaken.causes`).
    code: int
    cause: str


class VerificationRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the signatures were worth that a call came with: a carrier's, or one in transit."""

    #: `TN-Validation-Passed`, `TN-Validation-Failed`, `No-TN-Validation` (3GPP TS 24.229 section 7.2A.20).
    verstat: str
    #: Kebab-case: why nobody has verified it.
    why: str = ""
    #: Of the one that passed: its level, who signed (service provider code), for whom, and with which
    #: certificate.
    attest: str = ""
    spc: str = ""
    origid: str = ""
    x5u: str = ""
    errors: list[StirErrorRecord] = []


class DecisionRecord(msgspec.Struct, frozen=True, kw_only=True, tag="decision", tag_field="kind"):
    """What was asked, what was decided, and why. No media key and no body ever stands in it."""

    record_id: str
    #: Seconds since the epoch, from the clock of who decided.
    at: float
    attempt_id: str
    #: The start of Kamailio that asked, and its node's name in the ledger; empty where no gate has judged.
    edge: str = ""
    node: str = ""
    call_id: str
    #: `admit`, `reject` or `discard`, with the stable reason code and who has to act.
    verdict: str
    reason: str
    blame: str = "nobody"
    status: int = 0
    #: The customer's, whose trunk it is; empty for a stranger's call, and where no gate has judged.
    tenant: str = ""
    trunk: str = ""
    #: Trunk or carrier the call came from; empty for a stranger.
    source_name: str = ""
    #: How a trunk had to prove who it is, and did, also where its call was refused; None: it is no trunk's.
    authenticated_by: list[str] | None = None
    #: Reference of its customer's KYC record; "": he has none; None: it is no trunk's call.
    customer: str | None = None
    #: The trunk a stranger said it is: by its username, or with its certificate.
    claimed: str = ""
    direction: str = ""
    calling_number: str = ""
    #: In From, where that is another than the one asserted: whom the called side saw.
    shown_number: str = ""
    #: In From, where it was not the trunk's to show and another stands in its place: what the PBX claimed.
    claimed_number: str = ""
    called_number: str = ""
    #: Peers in the order they are tried.
    routes: list[str] = []
    source: str = ""
    transport: str = ""
    tls_version: str = ""
    tls_cipher: str = ""
    #: SHA-256 of the peer's certificate in DER, lower-case hex.
    certificate_sha256: str = ""
    #: Of a call that goes out; None for all others.
    money: MoneyRecord | None = None
    #: `A`, `B` or empty; why this level, or why none.
    attest: str = ""
    attest_reason: str = ""
    #: Of a call of a trunk that shows a number; None for all others.
    attestation: AttestationRecord | None = None
    #: Of a call that others are to sign (`admission.verified.policy_of`), if it got so far; else None.
    verification: VerificationRecord | None = None
    #: SHA-256 (lower-case hex) of the value of each Identity header it came with, in their order, and of each
    #: the signer made for it.
    identity_received: list[str] = []
    identity_signed: list[str] = []
    findings: list[CheckRecord] = []
    policy_version: int = 0
    #: Which gate; -1: the edge itself, with no gate to ask.
    gate: int = 0
    #: Milliseconds from the frame's arrival to the verdict.
    took_ms: float = 0.0


class OutcomeRecord(msgspec.Struct, frozen=True, kw_only=True, tag="outcome", tag_field="kind"):
    """An outcome as it stands in a segment."""

    record_id: str
    at: float
    outcome: Outcome


class MessageRecord(msgspec.Struct, frozen=True, array_like=True):
    """One SIP message of a call that the edge received or sent. Short: there is one for each message.

    Neither body nor header stands in it, nor any text a peer could choose.
    """

    #: Of the call; of a CANCEL, read before its call is known, what `ladder.cancel_key` makes of the Call-ID.
    record_id: str
    #: Seconds since the epoch, from the edge's clock.
    at: float
    #: `caller` or `callee`: which side it came from or went to.
    side: str
    #: `in` to this node, `out` of it.
    way: str
    #: A method or a status code.
    what: str
    #: For a status code, the method it answers.
    of: str = ""
    #: What its body does: `sdp`, `hold`, or nothing.
    media: str = ""
    #: Why, in words of ours or as a Q.850 cause: `no-route-left`, `Q.850 16`.
    why: str = ""


class Event(StrEnum):
    """What an event is of."""

    #: Several in a minute, of one network, through one gate.
    STRANGERS_REFUSED = "strangers-refused"
    #: A trunk is registered from where it was not registered at that moment.
    REGISTERED_ELSEWHERE = "registered-elsewhere"
    #: A trunk is registered that was registered nowhere.
    REGISTERED = "registered"
    #: REGISTERs of a trunk that is known were refused, in a minute, for one reason.
    REGISTRATION_REFUSED = "registration-refused"
    #: The node has verified its journals: all is as it was written, or not.
    JOURNALS_HOLD = "journals-hold"
    JOURNALS_CHANGED = "journals-changed"


class EventRecord(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="event", tag_field="kind"
):
    """What is no call and may tell of an attack."""

    event_id: str
    #: Seconds since the epoch: of the last one, and of the first.
    at: float
    since: float
    event: Event
    count: int = 1
    #: Of these, calls that have a decision of their own.
    recorded: int = 0
    tenant: str = ""
    trunk: str = ""
    reason: str = ""
    #: Address it came from, of several the last one; and the network around it, "" for all beyond a bound.
    source: str = ""
    network: str = ""
    #: Of the last refusal: what the check that refused saw, and what would have let it pass.
    detail: str = ""
    remedy: str = ""
    #: By the name of each trunk strangers said they are: how often.
    claimed: dict[str, int] = {}
    # ---- of a registration
    #: RFC 5626: which PBX it is, "" where it does not say; where it takes calls; what it says it is.
    instance: str = ""
    contact: str = ""
    user_agent: str = ""
    certificate_sha256: str = ""
    gate: int = 0


type Record = DecisionRecord | OutcomeRecord | MessageRecord | EventRecord
