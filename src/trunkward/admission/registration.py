"""The judgement over a REGISTER: who asks, for which address, and what its bindings are then.

RFC 3261 section 10.3, RFC 5626 section 6, RFC 3327. The address of record is the trunk: what is registered
for its username or for any of its numbers is one set of bindings, and all its calls go there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate

from trunkward.admission import checks_of_sender
from trunkward.admission.checks_of_sender import ASKS_AGAIN, FORGOTTEN
from trunkward.admission.findings import Finding, Refusal
from trunkward.admission.identify import Stranger, identify
from trunkward.admission.judge import CHALLENGES, explanation
from trunkward.admission.ports import Credentials, PeerIdentity, Proven, Unavailable
from trunkward.admission.proofs import Proofs, proof, proofs
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.attempt import Transport
from trunkward.calls.registration import Binding, Bindings, RegisterAttempt, Registered
from trunkward.calls.verdict import Blame, Challenge, Reason, Reject
from trunkward.digest.algorithm import Algorithm
from trunkward.numbering.e164 import NotANumber
from trunkward.sip.contact import Contact, MalformedContact, parse_contacts
from trunkward.sip.status import phrase
from trunkward.sip.text import UnsafeHeader, quoted, safe_value, shown
from trunkward.sip.uri import MalformedUri, SipUri, host_in_uri, parse_uri
from trunkward.trunks.model import Carrier, Host, IdentifiedBy, NodeSettings, Trunk

#: Seconds a binding may be asked for at least (423 below), is given where nothing is asked, and at most: an
#: idle connection is closed after 3605 (`engines.kamailio`).
MIN_EXPIRES_S, DEFAULT_EXPIRES_S, MAX_EXPIRES_S = 60, 600, 3600
#: Places one trunk may take its calls at; one more takes the place of the oldest.
MOST_BINDINGS = 5
#: RFC 5626 section 4.4.1: seconds within which a PBX has to send a double CRLF to keep its flow.
FLOW_TIMER_S = 120
#: What a REGISTER may require of us.
_KNOWN_EXTENSIONS = frozenset({"path", "outbound"})
#: Our limits, in characters; 32 bits are the RFCs'.
_LONGEST_URI, _LONGEST_INSTANCE, _LONGEST_AGENT, _MOST = 255, 128, 80, 2**31 - 1
_NOT_IN_A_CONTACT = frozenset('<>"|\\?')


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A contact as it is asked for, and for how many seconds; 0: not any more."""

    contact: Contact
    expires_s: int
    instance: str
    reg_id: int

    @property
    def key(self) -> str:
        """As `Binding.key`."""
        return f"{self.instance} {self.reg_id}" if self.instance and self.reg_id else self.contact.uri


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One REGISTER with everything the policy knows about it."""

    attempt: RegisterAttempt
    peer: PeerIdentity | None
    node: NodeSettings
    #: Who sent it; None: a stranger, and nothing below was looked at.
    source: Trunk | Carrier | None
    #: Why it is one.
    stranger: Stranger | None = None
    #: The nonce its credentials have used; None: it is recognised without.
    nonce: Proven | None = None
    #: The user it registers for; "" when it is none of the trunk's.
    user: str = ""
    #: Empty: it only asks; None: `Contact: *`.
    places: tuple[Place, ...] | None = ()
    #: What of it cannot be read.
    malformed: str = ""
    #: By what its source would be recognised today, besides what its connection shows.
    proofs: Proofs = None

    @property
    def offers_md5(self) -> bool:
        """As `Case.offers_md5`."""
        if self.nonce is not None:
            return self.nonce.algorithm is Algorithm.MD5
        return self.stranger is not None and self.stranger.offers_md5


def is_challenge(finding: Finding) -> bool:
    """Whether a refusal asks for the same request again, with credentials."""
    return finding.refusal is not None and finding.refusal.reason in CHALLENGES


class Refused(Exception):
    """A change that is not made; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        """Keeps the finding."""
        super().__init__(finding.detail)
        self.finding = finding


def read_registration(
    attempt: RegisterAttempt, peer: PeerIdentity | None, policy: Snapshot, credentials: Credentials = None
) -> Registration:
    """Reads a REGISTER against the policy, as `screen` does with a call."""
    source = identify(attempt, peer, policy, credentials)
    if isinstance(source, Stranger):
        return Registration(attempt=attempt, peer=peer, node=policy.node, source=None, stranger=source)
    if not isinstance(source, Trunk):
        return Registration(attempt=attempt, peer=peer, node=policy.node, source=source)
    user, places, malformed = "", None, ""
    try:
        user = _user(parse_uri(attempt.to_uri), source, policy)
        places = _places(attempt)
    except MalformedUri as problem:
        malformed = f"To: {problem}"
    except (MalformedContact, UnsafeHeader) as problem:
        malformed = f"Contact: {problem}"
    return Registration(
        attempt=attempt,
        peer=peer,
        node=policy.node,
        source=source,
        nonce=credentials
        if isinstance(credentials, Proven) and source.demands(IdentifiedBy.DIGEST)
        else None,
        user=user,
        places=places,
        malformed=malformed,
        proofs=proofs(source, source.authority, ((row.id, row.until) for row in policy.secrets(source.name))),
    )


# ---- the checks, in their order ------------------------------------------------------------------


def source(case: Registration) -> Finding:
    """1. As for a call, by the same function."""
    if isinstance(case.source, Carrier):
        return _refuse(
            *("source", Reason.NOT_A_REGISTERING_TRUNK, Blame.CARRIER, 403, "carriers do not register here"),
            remedy="switch the registration off",
        )
    return checks_of_sender.source(case)


def listener(case: Registration) -> Finding:
    """2. Over TLS 1.3, or on the listener for TLS 1.2 with leave."""
    attempt, trunk, node = case.attempt, _trunk(case), case.node
    if attempt.transport is not Transport.TLS:
        return _refuse(
            *(
                "listener",
                Reason.METHOD_REFUSED,
                Blame.CUSTOMER,
                405,
                "registrations are taken over TLS only",
            ),
            remedy=f"connect to port {node.tls_port} with TLS 1.3",
        )
    if attempt.local_port == node.tls12_port != node.tls_port and not trunk.unsafe_tls12:
        said = f"port {node.tls12_port} is for trunks with unsafe_tls12; use {node.tls_port} and TLS 1.3"
        return _refuse(
            *("listener", Reason.TLS12_REFUSED, Blame.CUSTOMER, 403, said),
            remedy=f"connect to port {node.tls_port} with TLS 1.3",
        )
    return Finding(check="listener")


def trunk(case: Registration) -> Finding:
    """3. Enabled, and declared to register: others are dialled at their host, or call out only."""
    ours = _trunk(case)
    if not ours.enabled:
        return _refuse(
            *("trunk", Reason.TRUNK_DISABLED, Blame.US, 403, f"trunk {ours.name} is disabled"),
            remedy=f"set enabled: true for trunk {ours.name}, and for its tenant",
        )
    if not ours.registers:
        said = f"trunk {ours.name} has {f'host: {ours.host}' if ours.host else 'no host'}"
        return _refuse(
            *("trunk", Reason.NOT_A_REGISTERING_TRUNK, Blame.CUSTOMER, 403, said),
            remedy=f"write host: registered for trunk {ours.name}, or switch the registration off",
        )
    return Finding(check="trunk", detail=ours.name)


def request(case: Registration) -> Finding:
    """4. It can be read, and asks for nothing we do not know (RFC 3261 section 8.2.2.3)."""
    unknown = [tag for tag in _tags(case.attempt, "require") if tag not in _KNOWN_EXTENSIONS]
    if unknown:
        return _refuse(
            *(
                "request",
                Reason.EXTENSION_UNKNOWN,
                Blame.CUSTOMER,
                420,
                f"Require: {shown(', '.join(unknown))}",
            ),
            remedy="switch the extension off in the PBX",
        )
    if case.malformed:
        return _refuse(
            *("request", Reason.MALFORMED_REQUEST, Blame.CUSTOMER, 400, case.malformed),
            remedy="send one Contact with a SIP URI, or '*' with Expires: 0 (RFC 3261 section 10.2)",
        )
    return Finding(check="request")


def address(case: Registration) -> Finding:
    """5. RFC 3261 section 10.3, item 4: whether it may change what belongs to this address."""
    if case.user:
        return Finding(check="address", detail=case.user)
    ours = _trunk(case)
    said = f"To: {shown(case.attempt.to_uri)} is neither the username nor a number of trunk {ours.name}"
    return _refuse(
        *("address", Reason.ADDRESS_OF_ANOTHER, Blame.CUSTOMER, 403, said),
        remedy=f"register as sip:{_username(ours)}@{case.node.name}",
    )


def interval(case: Registration) -> Finding:
    """6. RFC 3261 section 10.3, item 7: not for a shorter time than we like."""
    asked = [place.expires_s for place in case.places or ()]
    if short := [seconds for seconds in asked if 0 < seconds < MIN_EXPIRES_S]:
        return _refuse(
            *("interval", Reason.REGISTRATION_TOO_BRIEF, Blame.CUSTOMER, 423, f"{min(short)} seconds"),
            remedy=f"register for {MIN_EXPIRES_S} seconds or more",
        )
    return Finding(check="interval")


CHECKS: tuple[Callable[[Registration], Finding], ...] = (source, listener, trunk, request, address, interval)


def screened(case: Registration) -> tuple[Finding, ...]:
    """The checks up to the first refusal, which is then the last finding."""
    findings: list[Finding] = []
    for check in CHECKS:
        findings.append(check(case))
        if findings[-1].refusal is not None:
            break
    return tuple(findings)


# ---- what is registered then ---------------------------------------------------------------------


def living(bindings: tuple[Binding, ...], node: str, edge: str, now: float) -> tuple[Binding, ...]:
    """Those whose time is not over; of this node those of this start: with Kamailio its connections end."""
    return tuple(one for one in bindings if one.expires_at > now and (one.node != node or one.edge == edge))


def changed(case: Registration, before: Bindings, now: float) -> Bindings:
    """The bindings after a REGISTER that passed the checks. `now` in seconds since the epoch.

    All of it or nothing: raises `Refused` for one that was overtaken (RFC 3261 section 10.3, item 7).
    """
    attempt = case.attempt
    left = tuple(
        one
        for one in living(before.bindings, case.node.name, attempt.edge, now)
        if case.proofs is None or any(_is_now(one.proof, standing, now) for standing in case.proofs)
    )
    if case.places == ():
        return Bindings(serial=before.serial, bindings=left)
    named = None if case.places is None else {place.key for place in case.places}
    touched = [one for one in left if named is None or one.key in named]
    for one in touched:
        # "If the value is higher than that of the existing binding, it MUST update or remove the binding";
        # of another Call-ID the PBX has begun anew
        if one.call_id == attempt.call_id and attempt.cseq <= one.cseq:
            said = f"CSeq {attempt.cseq} after {one.cseq} of the same Call-ID"
            raise Refused(
                _refuse(
                    *("order", Reason.REGISTRATION_OVERTAKEN, Blame.CUSTOMER, 500, said),
                    remedy="send the next REGISTER with a higher CSeq (RFC 3261 section 10.2.4)",
                )
            )
    kept = [one for one in left if one not in touched]
    new = [
        _binding(case, place, next((one for one in touched if one.key == place.key), None), now)
        for place in case.places or ()
        if place.expires_s
    ]
    # newest first; what is too much is the oldest
    return Bindings(
        serial=max(before.serial + 1, int(now * 1_000_000)), bindings=(*new, *kept)[:MOST_BINDINGS]
    )


def _is_now(shown: str, standing: tuple[str, float | None], now: float) -> bool:
    known, until = standing
    return shown == known and (until is None or until > now)


def without_flow(before: Bindings, flow: str, now: float) -> Bindings:
    """The bindings when a connection has ended."""
    left = tuple(one for one in before.bindings if one.flow != flow)
    if left == before.bindings:
        return before
    return Bindings(serial=max(before.serial + 1, int(now * 1_000_000)), bindings=left)


def registered(case: Registration, after: Bindings, now: float) -> Registered:
    """The 200: each binding with the seconds it has left (RFC 3261 section 10.3, item 8)."""
    headers = [("Contact", _contact_of(one, now)) for one in after.bindings]
    # section 20.17: a PBX without a clock takes ours
    headers.append(("Date", formatdate(now, usegmt=True)))
    supported = _tags(case.attempt, "supported")
    flows = [place for place in case.places or () if place.expires_s and place.instance and place.reg_id]
    if flows and "outbound" in supported:
        # RFC 5626 section 6
        headers += [("Require", "outbound"), ("Flow-Timer", str(FLOW_TIMER_S))]
    if case.places and "path" in supported:
        # RFC 3327 section 5.3: to a PBX that says it understands it
        headers.append(("Path", f"<{_path(case)}>"))
    return Registered(id=case.attempt.id, trunk=_trunk(case).name, bindings=after, headers=headers)


def refused(case: Registration, finding: Finding) -> Challenge | Reject:
    """The refusal; to a stranger the same 403 whatever it did, and not why. A challenge lacks its headers."""
    refusal = finding.refusal
    assert refusal is not None
    if is_challenge(finding):
        return Challenge(
            id=case.attempt.id,
            record_id=case.attempt.id,
            reason=refusal.reason,
            status=refusal.status,
            phrase=phrase(refusal.status),
        )
    stranger = case.source is None
    status = 403 if stranger else refusal.status
    headers = [] if stranger else explanation(case.node, refusal, finding)
    if refusal.reason is Reason.REGISTRATION_TOO_BRIEF:
        headers.append(("Min-Expires", str(MIN_EXPIRES_S)))
    if refusal.reason is Reason.EXTENSION_UNKNOWN:
        unknown = [tag for tag in _tags(case.attempt, "require") if tag not in _KNOWN_EXTENSIONS]
        headers.append(("Unsupported", shown(", ".join(unknown), 200)))
    if status == 503:
        headers.append(("Retry-After", "5"))
    return Reject(
        id=case.attempt.id,
        record_id=case.attempt.id,
        reason=refusal.reason,
        blame=refusal.blame,
        status=status,
        phrase=phrase(status),
        headers=headers,
    )


def replayed(case: Registration) -> Challenge | Reject:
    """The challenge to credentials that were used before (RFC 7616 section 3.4.5)."""
    said = "the same nonce and count as in a request before"
    return refused(
        case,
        _refuse(
            *("credentials", Reason.CREDENTIALS_REPLAYED, Blame.CUSTOMER, 401, said),
            remedy=ASKS_AGAIN,
        ),
    )


def forgotten(case: Registration) -> Challenge | Reject:
    """The challenge to credentials of which nobody knows whether they were used before."""
    return refused(
        case,
        _refuse(
            *("credentials", Reason.CREDENTIALS_STALE, Blame.CUSTOMER, 401, FORGOTTEN),
            remedy=ASKS_AGAIN,
        ),
    )


def not_kept(case: Registration, lost: Unavailable) -> Challenge | Reject:
    """The refusal when what keeps bindings is lost: a PBX must not believe that it is registered."""
    finding = _refuse(
        *("kept", Reason.REGISTRATIONS_UNAVAILABLE, Blame.US, 503, lost.why),
        remedy="nothing: the PBX tries again by itself",
    )
    return refused(case, finding)


# ---- reading -------------------------------------------------------------------------------------


def _user(to: SipUri, ours: Trunk, policy: Snapshot) -> str:
    """The user a trunk may register: its username, or a number of its inventory; "" for any other."""
    if to.user == _username(ours):
        return to.user
    try:
        owner = policy.number_owner(policy.node.plan_of(ours).read(to.user))
    except NotANumber:
        return ""
    return to.user if owner is not None and owner.name == ours.name else ""


def _places(attempt: RegisterAttempt) -> tuple[Place, ...] | None:
    contacts = parse_contacts(attempt.headers.get("contact", []))
    common = attempt.headers.get("expires", [""])[0]
    if contacts is None:
        if common.strip() != "0":
            # RFC 3261 section 10.3, item 6
            raise MalformedContact("'*' with another Expires than 0")
        return None
    places = tuple(_place(contact, common) for contact in contacts)
    if len(places) > MOST_BINDINGS:
        raise MalformedContact(f"more than {MOST_BINDINGS} contacts")
    if sum(1 for place in places if place.reg_id and place.expires_s) > 1:
        # RFC 5626 section 6: they came over one flow
        raise MalformedContact("more than one reg-id")
    if len({place.key for place in places}) < len(places):
        raise MalformedContact("a contact that stands there twice")
    return places


def _place(contact: Contact, common: str) -> Place:
    if (
        contact.read.scheme == "tel"
        or len(contact.uri) > _LONGEST_URI
        or _NOT_IN_A_CONTACT & set(contact.uri)
    ):
        raise MalformedContact("not a SIP URI without headers that a request can be sent to")
    instance = safe_value(contact.params.get("+sip.instance", ""))
    if len(instance) > _LONGEST_INSTANCE:
        raise MalformedContact(f"an instance of more than {_LONGEST_INSTANCE} characters")
    # RFC 5626 section 6: without an instance it says nothing
    written = contact.params.get("reg-id", "") if instance else ""
    reg_id = _number(written) if written else 0
    if written and not 0 < (reg_id or 0) <= _MOST:
        raise MalformedContact("a reg-id that is none")
    seconds = _number(contact.params.get("expires", common).strip())
    # section 10.2.1.1: what cannot be read is taken for our default
    seconds = DEFAULT_EXPIRES_S if seconds is None else min(seconds, MAX_EXPIRES_S)
    return Place(contact=contact, expires_s=seconds, instance=instance, reg_id=reg_id or 0)


def _number(written: str) -> int | None:
    return int(written) if written.isascii() and written.isdigit() and len(written) < 11 else None


def _binding(case: Registration, place: Place, before: Binding | None, now: float) -> Binding:
    attempt = case.attempt
    here = before is not None and before.flow == attempt.flow
    return Binding(
        contact=place.contact.uri,
        path=_path(case),
        node=case.node.name,
        edge=attempt.edge,
        flow=attempt.flow,
        since=before.since if before is not None and here else now,
        expires_at=now + place.expires_s,
        instance=place.instance,
        reg_id=place.reg_id,
        call_id=attempt.call_id,
        cseq=attempt.cseq,
        user=case.user,
        source=str(Host(host=attempt.source_ip, port=attempt.source_port)),
        transport=attempt.transport.value,
        user_agent=shown(attempt.headers.get("user-agent", [""])[0], _LONGEST_AGENT),
        fingerprint=case.peer.certificate_sha256 if case.peer else "",
        proof=proof(_trunk(case), _trunk(case).authority, case.nonce.secret if case.nonce else 0),
    )


def _path(case: Registration) -> str:
    # RFC 5626 section 5.1: `ob` tells that the flow is in it
    at = f"{host_in_uri(case.attempt.local_ip)}:{case.attempt.local_port}"
    return f"sip:{case.attempt.flow}@{at};transport=tls;lr;ob"


def _contact_of(one: Binding, now: float) -> str:
    text = f"<{one.contact}>;expires={max(round(one.expires_at - now), 0)}"
    if one.instance:
        text += f";+sip.instance={quoted(one.instance)}"
    return f"{text};reg-id={one.reg_id}" if one.reg_id else text


def _tags(attempt: RegisterAttempt, name: str) -> list[str]:
    return [
        tag.strip().lower()
        for value in attempt.headers.get(name, [])
        for tag in value.split(",")
        if tag.strip()
    ]


def _trunk(case: Registration) -> Trunk:
    assert isinstance(case.source, Trunk)
    return case.source


def _username(ours: Trunk) -> str:
    return ours.username or ours.name


def _refuse(check: str, reason: Reason, blame: Blame, status: int, detail: str, *, remedy: str) -> Finding:
    return Finding(
        check=check, refusal=Refusal(reason=reason, blame=blame, status=status), detail=detail, remedy=remedy
    )
