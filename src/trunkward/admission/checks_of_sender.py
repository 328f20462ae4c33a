"""Checks 1 to 6 and 16: what came, who sent it, and whether that one may call at all (`admission.checks`)."""

from collections.abc import Mapping
from typing import Protocol

from trunkward.admission.findings import Finding, refuse, to_blame
from trunkward.admission.identify import Due, Stranger
from trunkward.admission.ports import Facts, Forgotten, PeerIdentity, Replayed
from trunkward.admission.screen import Case, Direction, Unreadable
from trunkward.calls.attempt import CallAttempt, Transport
from trunkward.calls.registration import RegisterAttempt
from trunkward.calls.verdict import Blame, Reason
from trunkward.trunks.model import Carrier, Trunk
from trunkward.trunks.spending import HoldScope

ASKS_AGAIN = "nothing: the PBX asks again with the new nonce by itself"
FORGOTTEN = "its nonce is of a time before Valkey was started anew, or lost its data"
#: What a stranger is asked for, and what a person can do about it.
_DUE: Mapping[Due, tuple[Reason, str]] = {
    Due.CHALLENGE: (
        Reason.CREDENTIALS_REQUIRED,
        "have the PBX answer: enter its trunk's username, and the secret ./trunkward secret new TRUNK makes",
    ),
    Due.FRESH_NONCE: (Reason.CREDENTIALS_STALE, ASKS_AGAIN),
}


def method(case: Case) -> Finding:
    """1. Only an INVITE is judged; the edge answers everything else by itself, to whom is known (check 2)."""
    if case.attempt.method == "INVITE" or case.source is None:
        return Finding(check="method")
    return refuse(
        *("method", Reason.METHOD_REFUSED, Blame.CALLER, 405, "only INVITE is judged here"),
        remedy="place the call with an INVITE",
    )


class Asks(Protocol):
    """Whoever asks for something: a case of a call, or of a registration."""

    @property
    def attempt(self) -> CallAttempt | RegisterAttempt:
        """What was sent."""

    @property
    def peer(self) -> PeerIdentity | None:
        """What its certificate proves."""

    @property
    def source(self) -> Trunk | Carrier | None:
        """Who sent it."""

    @property
    def stranger(self) -> Stranger | None:
        """Why nobody."""


def source(case: Asks) -> Finding:
    """2. The record says why from a stranger; the stranger is told no more than what to bring (`judge`)."""
    if case.source is not None:
        return Finding(check="source", detail=case.source.name)
    attempt, stranger = case.attempt, case.stranger
    why = stranger.why if stranger is not None else "no trunk or carrier of this source"
    if stranger is not None and stranger.due in _DUE:
        reason, remedy = _DUE[stranger.due]
        remedy = stranger.remedy or remedy
        status = 401 if attempt.method == "REGISTER" else 407  # RFC 3261 section 22.1
        return refuse("source", reason, Blame.CALLER, status, why, remedy=remedy)
    if stranger is not None and stranger.credentials:
        return refuse(
            *("source", Reason.CREDENTIALS_REFUSED, Blame.CALLER, 403, why),
            remedy=stranger.remedy
            or "enter username and secret of the trunk in the PBX as ./trunkward secret new TRUNK told"
            " them, and have it show what else the trunk's identified_by demands",
        )
    if attempt.transport is not Transport.TLS:
        remedy = f"add {attempt.source_ip} to networks of a carrier with transport: {attempt.transport.value}"
    elif case.peer is None:
        return refuse(
            *("source", Reason.CERTIFICATE_REQUIRED, Blame.CALLER, 403, why),
            remedy="have the caller show its client certificate in the TLS handshake",
        )
    else:
        remedy = (
            f"add {attempt.source_ip} to networks of a trunk whose client_certificate is"
            f" sha256:{case.peer.certificate_sha256}, or of a carrier with its name in tls_names"
        )
    remedy = (stranger.remedy if stranger is not None else "") or remedy
    return refuse("source", Reason.UNKNOWN_SOURCE, Blame.CALLER, 403, why, remedy=remedy)


def listener(case: Case) -> Finding:
    """3. An emergency call from an identified trunk is taken on any listener."""
    attempt, sender, node = case.attempt, case.source, case.node
    # without exceptions there is no such listener, and the usual one may have its number
    if attempt.transport is not Transport.TLS or not attempt.local_port == node.tls12_port != node.tls_port:
        return Finding(check="listener")
    if (isinstance(sender, Trunk) and sender.unsafe_tls12) or case.emergency:
        return Finding(
            check="listener", detail=f"for TLS 1.2, with {attempt.tls.version if attempt.tls else ''}"
        )
    said = f"port {node.tls12_port} is for trunks with unsafe_tls12; use {node.tls_port} and TLS 1.3"
    remedy = f"connect to port {node.tls_port} with TLS 1.3"
    if isinstance(sender, Trunk):
        remedy += f", or set unsafe_tls12: true for trunk {sender.name}"
    return refuse("listener", Reason.TLS12_REFUSED, to_blame(case), 403, said, remedy=remedy)


def request(case: Case) -> Finding:
    """4. Neither a From that cannot be read nor too many Identity headers keep an emergency call back."""
    if case.malformed:
        return refuse(
            *("request", Reason.MALFORMED_REQUEST, to_blame(case), 400, case.malformed),
            remedy="send a SIP URI as Request-URI (RFC 3261 section 19.1)",
        )
    if isinstance(case.shown_from, Unreadable) and not case.emergency:
        return refuse(
            *("request", Reason.MALFORMED_REQUEST, to_blame(case), 400, f"From: {case.shown_from.why}"),
            remedy="send a SIP URI in From (RFC 3261 section 19.1)",
        )
    if case.identities_too_much and not case.emergency:
        return refuse(
            *("request", Reason.IDENTITY_TOO_LARGE, to_blame(case), 438, case.identities_too_much),
            remedy="find out who on the way adds so many, or so long ones",
        )
    return Finding(check="request")


def trunk(case: Case) -> Finding:
    """5. A disabled trunk neither calls nor is called, except for emergencies."""
    ours = case.source if case.direction is Direction.OUTBOUND else case.destination
    if ours is None or ours.enabled or case.emergency:
        return Finding(check="trunk", detail=ours.name if ours else "")
    if case.targets:
        return Finding(check="trunk", detail=f"{ours.name} is disabled, others take its calls")
    # to a carrier its number is one that is not here
    status = 403 if case.direction is Direction.OUTBOUND else 404
    return refuse(
        *("trunk", Reason.TRUNK_DISABLED, Blame.US, status, f"trunk {ours.name} is disabled"),
        remedy=f"set enabled: true for trunk {ours.name}, and for its tenant",
    )


def held(case: Case) -> Finding:
    """6. By whom runs this node, until he releases them; emergencies are nobody's to hold."""
    if case.emergency:
        return Finding(check="held", detail="exempt" if case.holds else "")
    outbound, abroad = case.direction is Direction.OUTBOUND, case.abroad
    hold = next((one for one in case.holds if one.covers(outbound=outbound, abroad=abroad)), None)
    if hold is None:
        return Finding(check="held")
    whose = hold.owner.replace(":", " ", 1)
    if not outbound and case.targets:
        return Finding(check="held", detail=f"{whose} is held, others take its calls")
    reason, what = Reason.TRUNK_HELD, "calls"
    if hold.scope is HoldScope.INTERNATIONAL:
        reason, what = Reason.INTERNATIONAL_HELD, "calls abroad"
    # why stands in the journal, and is not the customer's to read
    return refuse(
        *("held", reason, Blame.US, 403 if outbound else 480),
        f"{what} of {whose} are held since version {hold.version}",
        remedy=f"./trunkward release {hold.owner} --why TEXT, if all is well; ./trunkward history says who"
        " holds them, and why",
    )


def credentials(case: Case, facts: Facts) -> Finding:
    """16. That they are right is known (check 2). Where nobody can tell of before, `limits` refuses."""
    if case.nonce is None:
        return Finding(check="credentials", detail="exempt" if case.emergency else "")
    if isinstance(facts.live, Replayed):
        return refuse(
            *("credentials", Reason.CREDENTIALS_REPLAYED, Blame.CALLER, 407),
            f"username {case.nonce.username}: nonce and count {case.nonce.nc} were used before",
            remedy="nothing, if the PBX repeats itself: it is asked again; else see who reads its messages",
        )
    if isinstance(facts.live, Forgotten):
        return refuse(
            *("credentials", Reason.CREDENTIALS_STALE, Blame.CALLER, 407, FORGOTTEN), remedy=ASKS_AGAIN
        )
    return Finding(check="credentials", detail=f"username {case.nonce.username}")
