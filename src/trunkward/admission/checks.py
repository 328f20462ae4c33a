"""The checks every call passes, in their order. Each is pure: a case (and facts) in, one finding out.

1. `method`       it is an INVITE
2. `source`       it comes from a trunk or carrier we know
3. `listener`     the listener for TLS 1.2 is for trunks that may use it
4. `request`      it can be read
5. `trunk`        the trunk it belongs to is enabled
6. `held`         and nobody holds its calls
7. `calling`      a customer shows a calling number
8. `called`       a number was called
9. `caller`       the customer may show that number, and the number can call at all
10. `permitted`   the trunk may call there: country, kind of number, price, time
11. `destination` the number is somebody's here, or a carrier takes it
12. `price`       what it costs is known, where that is counted, and a carrier asks little enough
13. `media`       the offer is what its side must offer
14. `drain`       this node takes new calls
15. `identity`    what others are to sign is signed, and well, where the policy for whoever sent it wants that
16. `credentials` its digest credentials were not used before
17. `limits`      there is a place for it, of all that all nodes count
18. `spend`       what it may cost at first is reserved
19. `replay`      its signature did not come with another call, where that policy wants that
20. `clock`       our clock is synchronised (a call never fails on it)
21. `signature`   the call is signed (a call never fails on it)
"""

from collections.abc import Callable, Mapping
from copy import replace
from typing import Protocol

import msgspec

from trunkward.admission.caller import Right
from trunkward.admission.ceilings import limit_name
from trunkward.admission.identify import Due, Stranger
from trunkward.admission.limits import over_in_words
from trunkward.admission.permitted import why_not
from trunkward.admission.ports import (
    NO_FACTS,
    Charge,
    Facts,
    Foreign,
    Forgotten,
    Frozen,
    Held,
    NotSigned,
    Over,
    OverSpend,
    PeerIdentity,
    Replayed,
    Signature,
    Unavailable,
)
from trunkward.admission.screen import Case, Direction, Unreadable
from trunkward.admission.snapshot import OWN_NEVER_CALLS
from trunkward.admission.verified import refuses, worth_of
from trunkward.calls.attempt import CallAttempt, Transport
from trunkward.calls.registration import RegisterAttempt
from trunkward.calls.verdict import Blame, Reason
from trunkward.media.refusal import MediaRefused
from trunkward.media.suites import ALLOWED
from trunkward.numbering.e164 import E164
from trunkward.shaken.causes import Cause, StirError
from trunkward.sip.text import UnsafeHeader, safe_value
from trunkward.spend.money import shown, shown_nano
from trunkward.trunks.destinations import kind_of
from trunkward.trunks.model import Carrier, Trunk
from trunkward.trunks.spending import HoldScope, Window

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
#: RFC 8224 section 4.1: seconds a signature may be old when it leaves.
FRESH_S = 60

#: Seconds after which a Valkey that was started anew is there again.
REDIS_BACK_S = 2

_VALID = (
    "have {name} send a number that somebody can have; 555-01xx are for laboratories"
    " (node.unsafe_fictional_numbers)"
)

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


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why not, who is to act, and the status that says so."""

    reason: Reason
    blame: Blame
    status: int
    #: Seconds after which another try is worth it; None: nobody can say.
    retry_after_s: int | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found; `detail` and `remedy` are for people and for the record."""

    check: str
    refusal: Refusal | None = None
    detail: str = ""
    #: Of a refusal: what would have let the call pass, with the key or the command that does it.
    remedy: str = ""
    #: Of a refusal for money: the cap that is reached, as `trunk:acme-hq day`.
    cap: str = ""

    @property
    def refused(self) -> bool:
        """Whether the call ends here."""
        return self.refusal is not None


def method(case: Case) -> Finding:
    """1. Only an INVITE is judged; the edge answers everything else by itself, to whom is known (check 2)."""
    if case.attempt.method == "INVITE" or case.source is None:
        return Finding(check="method")
    return _refuse(
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
        return _refuse("source", reason, Blame.CALLER, status, why, remedy=remedy)
    if stranger is not None and stranger.credentials:
        return _refuse(
            *("source", Reason.CREDENTIALS_REFUSED, Blame.CALLER, 403, why),
            remedy=stranger.remedy
            or "enter username and secret of the trunk in the PBX as ./trunkward secret new TRUNK told"
            " them, and have it show what else the trunk's identified_by demands",
        )
    if attempt.transport is not Transport.TLS:
        remedy = f"add {attempt.source_ip} to networks of a carrier with transport: {attempt.transport.value}"
    elif case.peer is None:
        return _refuse(
            *("source", Reason.CERTIFICATE_REQUIRED, Blame.CALLER, 403, why),
            remedy="have the caller show its client certificate in the TLS handshake",
        )
    else:
        remedy = (
            f"add {attempt.source_ip} to networks of a trunk whose client_certificate is"
            f" sha256:{case.peer.certificate_sha256}, or of a carrier with its name in tls_names"
        )
    remedy = (stranger.remedy if stranger is not None else "") or remedy
    return _refuse("source", Reason.UNKNOWN_SOURCE, Blame.CALLER, 403, why, remedy=remedy)


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
    return _refuse("listener", Reason.TLS12_REFUSED, _sender(case), 403, said, remedy=remedy)


def request(case: Case) -> Finding:
    """4. Neither a From that cannot be read nor too many Identity headers keep an emergency call back."""
    if case.malformed:
        return _refuse(
            *("request", Reason.MALFORMED_REQUEST, _sender(case), 400, case.malformed),
            remedy="send a SIP URI as Request-URI (RFC 3261 section 19.1)",
        )
    if isinstance(case.shown_from, Unreadable) and not case.emergency:
        return _refuse(
            *("request", Reason.MALFORMED_REQUEST, _sender(case), 400, f"From: {case.shown_from.why}"),
            remedy="send a SIP URI in From (RFC 3261 section 19.1)",
        )
    if case.identities_too_much and not case.emergency:
        return _refuse(
            *("request", Reason.IDENTITY_TOO_LARGE, _sender(case), 438, case.identities_too_much),
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
    return _refuse(
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
    return _refuse(
        *("held", reason, Blame.US, 403 if outbound else 480),
        f"{what} of {whose} are held since version {hold.version}",
        remedy=f"./trunkward release {hold.owner} --why TEXT, if all is well; ./trunkward history says who"
        " holds them, and why",
    )


def calling(case: Case) -> Finding:
    """7. Others' callers may be anonymous; a customer's number is what we assert and sign."""
    if not isinstance(case.calling, Unreadable):
        return Finding(check="calling", detail=str(case.calling))
    if case.direction is Direction.INBOUND or case.emergency or case.in_transit:
        return Finding(check="calling", detail=case.calling.why)
    return _refuse(
        *("calling", Reason.CALLING_NUMBER_MALFORMED, Blame.CUSTOMER, 403, f"From: {case.calling.why}"),
        remedy=f"have {_name(case)} send its number in the From-URI, with + or as dialled at home",
    )


def called(case: Case) -> Finding:
    """8. Read from the Request-URI."""
    if isinstance(case.called, Unreadable):
        return _refuse(
            *(
                "called",
                Reason.CALLED_NUMBER_MALFORMED,
                _sender(case),
                484,
                f"Request-URI: {case.called.why}",
            ),
            remedy=f"have {_name(case)} send the number in the Request-URI, with + or as dialled at home",
        )
    if case.direction is Direction.OUTBOUND and case.called_not_valid:
        said = f"{_number(case.called)} is nobody's: {case.called_not_valid}"
        return _refuse(
            *("called", Reason.CALLED_NUMBER_NOT_VALID, Blame.CUSTOMER, 404, said),
            remedy=_VALID.format(name=_name(case)),
        )
    return Finding(check="called", detail=_number(case.called))


def caller(case: Case) -> Finding:
    """9. Whose number it is, and whether anybody calls from it. Emergency calls show what they show."""
    shown, outbound = case.caller, case.direction is Direction.OUTBOUND
    if case.emergency:
        return Finding(check="caller", detail=_emergency_caller(case))
    if shown.number is None:
        return Finding(check="caller")
    # a 6xx is final (RFC 3261 section 16.7, step 5): no carrier on the way tries another route with it
    blame, status = _sender(case), 403 if outbound and not case.in_transit else 603
    if case.not_valid:
        return _refuse(
            *("caller", Reason.CALLING_NUMBER_NOT_VALID, blame, status),
            f"{shown.number} is nobody's: {case.not_valid}",
            remedy=_VALID.format(name=_name(case)),
        )
    if case.never_calls:
        own = case.never_calls.startswith(OWN_NEVER_CALLS)
        where = "its calls_out" if own else "its line in node.do_not_originate"
        return _refuse(
            *("caller", Reason.DO_NOT_ORIGINATE, blame, status, f"{shown.number}: {case.never_calls}"),
            remedy=f"take away {where}, if calls do come from {shown.number}",
        )
    if outbound and shown.right is Right.NONE:
        assert case.source is not None
        trunk = case.source.name
        return _refuse(
            *("caller", Reason.CALLING_NUMBER_NOT_PERMITTED, Blame.CUSTOMER, 403),
            f"{shown.number} is not a number of trunk {trunk}, nor verified for it",
            remedy=(
                f"show one of its numbers; or ./trunkward number verify {shown.number} --trunk {trunk}, or"
                f" ./trunkward evidence add {shown.number} --trunk {trunk}; or set caller.other: replace for"
                f" trunk {trunk}"
            ),
        )
    said = [shown.right] if outbound else ["asserted"] if shown.asserted else []
    said += ["anonymous"] if shown.anonymous else []
    said += [f"shown as {shown.shown}"] if shown.shown not in (None, shown.number) else []
    return Finding(check="caller", detail=", ".join(said))


def _emergency_caller(case: Case) -> str:
    shown = case.caller
    if shown.right is not Right.NONE:
        return f"emergency, {shown.right.value}"
    said = f"{shown.shown} is shown and not verified" if shown.shown else "no number is shown"
    return f"emergency, {said}: {f'asserted is {shown.number}' if shown.number else 'none is asserted'}"


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
    return _refuse(*("permitted", refused.reason, Blame.CUSTOMER, 403, refused.detail), remedy=refused.remedy)


def destination(case: Case) -> Finding:
    """11. A carrier with a prefix of the number, or the trunk whose number it is."""
    if case.direction is Direction.OUTBOUND:
        if case.ways or case.prices.left_out:  # what is left out has its own check
            return Finding(
                check="destination", detail=", ".join(dict.fromkeys([w.carrier.name for w in case.ways]))
            )
        if case.emergency:
            said, remedy = "no carrier takes emergency calls", "set emergency: true for a carrier"
            return _refuse("destination", Reason.NO_EMERGENCY_ROUTE, Blame.US, 404, said, remedy=remedy)
        number = _number(case.called)
        return _refuse(
            *("destination", Reason.NO_ROUTE, Blame.US, 404, "no carrier takes this number"),
            remedy=f'add a beginning of {number} to prefixes of a carrier, or "+", which takes every number',
        )
    if case.destination is None:
        return _refuse(
            *("destination", Reason.CALLED_NUMBER_UNKNOWN, Blame.CARRIER, 404, "in no trunk's inventory"),
            remedy=f"add {_number(case.called)} to numbers of the trunk it belongs to",
        )
    if not case.targets:
        return _refuse(
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
        return _refuse(
            *("price", Reason.NO_PRICE, Blame.US, 403, prices.missing),
            remedy=f"import a deck with a rate for {case.called} (./trunkward deck import), and name it as"
            f" deck of tenant"
            f" {case.source.tenant}; or name its rate in the file of node.destinations",
        )
    if prices.left_out and not case.ways:
        said, remedy = (
            "; ".join(f"{name}: {told}" for name, told in pairs)
            for pairs in (
                [(name, one.why) for name, one in prices.left_out.items()],
                [(name, one.remedy) for name, one in prices.left_out.items()],
            )
        )
        # a margin is the matter where somebody asks a price
        dear = any(one.too_dear for one in prices.left_out.values())
        reason, status = (Reason.NO_MARGIN, 404) if dear else (Reason.NO_PRICE, 403)
        return _refuse(*("price", reason, Blame.US, status, said), remedy=f"for carrier {remedy}")
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
        return _refuse(
            *("media", case.offer.reason, _sender(case), 488, case.offer.detail),
            remedy=f"have {_name(case)} {MEDIA_REMEDIES[case.offer.reason]}",
        )
    if case.offer is None:
        return Finding(check="media", detail="not anchored")
    return Finding(check="media", detail=f"{case.offer.protocol} {case.offer.suite}".strip())


def drain(case: Case, *, draining: bool) -> Finding:
    """14. A node being emptied takes emergency calls only; who would be refused anyhow has been told why."""
    if not draining or case.emergency:
        return Finding(check="drain", detail="draining" if draining else "")
    return _refuse(
        *("drain", Reason.NODE_DRAINING, Blame.US, 503, "this node takes no new calls for now"),
        remedy="./trunkward undrain",
    )


def identity(case: Case, facts: Facts) -> Finding:
    """15. Before anything is counted for it. What is not its sender's fault refuses no call (posture)."""
    found = worth_of(replace(facts, live=NO_FACTS.live, local=None))
    if (error := refuses(case, found)) is not None:
        return _unsigned(case, "identity", error)
    if found.passed is not None:
        level = found.passed.attest.value if found.passed.attest else "without a level"
        return Finding(check="identity", detail=f"{level}, of {found.passed.spc or 'a delegate'}")
    if found.errors:
        return Finding(check="identity", detail="; ".join(f"{e.cause}: {e.text}" for e in found.errors))
    return Finding(check="identity", detail=found.why)


def replay(case: Case, facts: Facts) -> Finding:
    """19. Without Valkey each gate knows what it has seen by itself."""
    found = worth_of(facts)
    if not found.replayed:
        return Finding(check="replay")
    error = refuses(case, found)
    return (
        Finding(check="replay", detail=found.errors[-1].text)
        if error is None
        else _unsigned(case, "replay", error)
    )


def _unsigned(case: Case, check: str, error: StirError) -> Finding:
    who, blame = ("provider", Blame.CUSTOMER) if case.in_transit else ("carrier", Blame.CARRIER)
    return _refuse(
        *(check, _SAID[error.code], blame, error.code, f"{error.cause}: {error.text}"),
        remedy=f"have the {who} mend it; or let its calls pass, with verification.failed: mark"
        if error.cause is not Cause.IDENTITY_MISSING
        else f"have the {who} sign its calls; or let them pass, with verification.missing: pass",
    )


#: RFC 8224 section 6.2.2.
_SAID: Mapping[int, Reason] = {
    403: Reason.IDENTITY_STALE,
    428: Reason.IDENTITY_MISSING,
    436: Reason.IDENTITY_INFO_BAD,
    437: Reason.IDENTITY_CREDENTIAL,
    438: Reason.IDENTITY_INVALID,
}


def credentials(case: Case, facts: Facts) -> Finding:
    """16. That they are right is known (check 2). Where nobody can tell of before, `limits` refuses."""
    if case.nonce is None:
        return Finding(check="credentials", detail="exempt" if case.emergency else "")
    if isinstance(facts.live, Replayed):
        return _refuse(
            *("credentials", Reason.CREDENTIALS_REPLAYED, Blame.CALLER, 407),
            f"username {case.nonce.username}: nonce and count {case.nonce.nc} were used before",
            remedy="nothing, if the PBX repeats itself: it is asked again; else see who reads its messages",
        )
    if isinstance(facts.live, Forgotten):
        return _refuse(
            *("credentials", Reason.CREDENTIALS_STALE, Blame.CALLER, 407, FORGOTTEN), remedy=ASKS_AGAIN
        )
    return Finding(check="credentials", detail=f"username {case.nonce.username}")


def limits(case: Case, facts: Facts) -> Finding:
    """17. Posture row "Redis": what is inbound then goes by what this gate alone has counted."""
    if case.emergency:
        return Finding(check="limits", detail="exempt")
    inbound = case.direction is Direction.INBOUND
    alone = isinstance(facts.live, Unavailable) and (
        inbound or (case.may_use_escrow and facts.local is not None)
    )
    fact = facts.local if alone else facts.live
    match fact:
        case Held(counters=keys):
            said = ", ".join([f"{limit.what} of {limit.whose}" for limit in map(limit_name, keys)])
            return Finding(check="limits", detail=said if fact is facts.live else f"this gate alone: {said}")
        case OverSpend() | Frozen() | Foreign():
            return Finding(check="limits", detail="there is room")
        case Over() as over:
            reason = Reason.LIMIT_RATE if over.key.startswith("rate") else Reason.LIMIT_CALLS
            detail, remedy = over_in_words(over)
            return Finding(
                check="limits",
                refusal=Refusal(
                    reason=reason,
                    blame=Blame.CUSTOMER,
                    status=486 if inbound else 503,
                    retry_after_s=over.retry_after_s,
                ),
                detail=detail,
                remedy=remedy,
            )
    return Finding(
        check="limits",
        refusal=Refusal(
            reason=Reason.LIMITS_UNAVAILABLE, blame=Blame.US, status=503, retry_after_s=REDIS_BACK_S
        ),
        detail=facts.live.why if isinstance(facts.live, Unavailable) else "not-held",
        remedy="bring Valkey back: ./trunkward status says what is wrong with it",
    )


def spend(case: Case, facts: Facts) -> Finding:
    """18. Nothing is admitted whose first slice is not held: where nobody knows, it is refused."""
    charge, currency = case.charge, case.node.currency
    if charge is None:
        return Finding(check="spend", detail="exempt" if case.emergency else "")
    match facts.live:
        case OverSpend() as over:
            return _over_spend(over, charge, currency)
        case Frozen(retry_after_s=seconds):
            refusal = Refusal(reason=Reason.SPEND_FROZEN, blame=Blame.US, status=503, retry_after_s=seconds)
            return Finding(
                check="spend",
                refusal=refusal,
                detail="Valkey was started anew, and what was spent may be lost",
                remedy="nothing, if it passes within seconds; else ./trunkward status",
            )
        case Foreign(currency=held_in):
            return Finding(
                check="spend",
                refusal=Refusal(
                    reason=Reason.SPEND_FROZEN, blame=Blame.US, status=503, retry_after_s=REDIS_BACK_S
                ),
                detail=f"what is spent is counted in {held_in}, and node.currency is {currency}",
                remedy=f"write node.currency: {held_in}, or have it forgotten: ./trunkward spend forget",
            )
        case Held(reserved=True, cut_routes=cut):
            held = [
                f"{shown(s.slice_micro)} of {_whose(s.owner)}" for s in charge.shares if s.owner not in cut
            ]
            without = f"; at its cap: {', '.join(map(_whose, cut))}" if cut else ""
            return Finding(check="spend", detail=f"{', '.join(held)} ({currency}){without}")
        case Unavailable() if case.may_use_escrow and isinstance(facts.local, Held) and facts.local.reserved:
            return Finding(check="spend", detail="by what this gate has in escrow")
    return Finding(
        check="spend",
        refusal=Refusal(
            reason=Reason.SPEND_UNAVAILABLE, blame=Blame.US, status=503, retry_after_s=REDIS_BACK_S
        ),
        detail="nothing is reserved for it",
        remedy="bring Valkey back: ./trunkward status says what is wrong with it",
    )


def _over_spend(over: OverSpend, charge: Charge, currency: str) -> Finding:
    whose, owner = _whose(over.owner), over.owner.removeprefix("money:")
    carriers = owner.startswith("carrier:")
    used = over.settled_micro + over.granted_micro
    needed = sum(share.slice_micro for share in charge.shares if share.owner == over.owner)
    cap, needs = f"{shown(over.cap_micro)} {currency}", shown(needed)
    if over.window is Window.CALL:
        detail = f"a call of {whose} may cost {cap}, and this one needs {needs} to begin"
    else:
        detail = (
            f"{whose} may cost {cap} {'an' if over.window is Window.HOUR else 'a'} {over.window}:"
            f" {shown(over.settled_micro)} are spent and {shown(over.granted_micro)} held for calls, so"
            f" {shown(max(over.cap_micro - used, 0))} are left, and this call needs {needs} to begin"
        )
    return Finding(
        check="spend",
        refusal=Refusal(
            reason=Reason.SPEND_CAP,
            blame=Blame.US if carriers else Blame.CUSTOMER,
            status=503 if carriers else 403,
            retry_after_s=over.retry_after_s,
        ),
        detail=detail,
        remedy=f"if these calls are meant, we raise the cap: ./trunkward spend raise {owner} --window"
        f" {over.window} --to AMOUNT --for 2h --why TEXT (at least {shown(used + needed)}); for good,"
        f" spend.{over.window} of {whose}",
        cap=f"{owner} {over.window}",
    )


def _whose(account: str) -> str:
    """`money:trunk:acme-hq` in words."""
    return account.removeprefix("money:").replace(":", " ", 1)


def clock(case: Case, facts: Facts) -> Finding:
    """20. Posture row "clock not synchronised": the call goes unsigned."""
    if case.signing_request is None or facts.clock_synchronised is True:
        return Finding(check="clock")
    return Finding(check="clock", detail="not synchronised")


def signature(case: Case, facts: Facts, now: float) -> Finding:
    """21. Posture row "signer": the call goes unsigned, and the record says why."""
    claims = case.signing_request
    if claims is None:
        return Finding(check="signature", detail=case.signing.unsigned or "not-asked")
    usable = usable_signature(case, facts, now)
    if not isinstance(usable, Signature):
        return Finding(check="signature", detail=usable)
    attested = case.attested
    said = [attested.rule, attested.evidence_id, attested.lack] if attested else []
    said += [f"{len(claims.retargets)} div"] if claims.retargets else []
    by = ", ".join(filter(None, said))
    return Finding(check="signature", detail=f"{usable.attest} ({by})" if usable.attest else by)


def usable_signature(case: Case, facts: Facts, now: float) -> Signature | str:
    """The signature to send, or the kebab-case reason for sending none. `now` in seconds since the epoch."""
    claims = case.signing_request
    if claims is None:
        return case.signing.unsigned or "not-asked"
    if facts.clock_synchronised is not True:
        return "clock-not-synchronised"
    match facts.signature:
        case NotSigned(why=why):
            return why
        case Unavailable(why=why):
            return why
        case Signature() as signed:
            if abs(now - signed.iat) > FRESH_S:
                return "signature-stale"
            if signed.attest != claims.level:
                return "signature-of-other-level"
            try:
                for value in (*signed.identities, signed.date):
                    safe_value(value)
            except UnsafeHeader:
                return "signature-garbled"
            return signed


#: From the snapshot alone; the first refusal ends the line and costs no round trip.
SCREEN_CHECKS: tuple[Callable[[Case], Finding], ...] = (
    method,
    source,
    listener,
    request,
    trunk,
    held,
    calling,
    called,
    caller,
    permitted,
    destination,
    price,
    media,
)

#: All of them by name, in the order in which a call passes them.
CHECKS: tuple[str, ...] = (
    *(check.__name__ for check in SCREEN_CHECKS),
    "drain",
    "identity",
    "credentials",
    "limits",
    "spend",
    "replay",
    "clock",
    "signature",
)
#: Those that look at what is alive when a call comes, not at the policy.
ALIVE = frozenset(CHECKS[CHECKS.index("drain") :])


def screened(case: Case, *, draining: bool = False) -> tuple[Finding, ...]:
    """Checks 1 to 14 up to the first refusal, which is then the last finding."""
    findings: list[Finding] = []
    for check in SCREEN_CHECKS:
        finding = check(case)
        findings.append(finding)
        if finding.refusal is not None:
            return tuple(findings)
    return *findings, drain(case, draining=draining)


def checked(case: Case, facts: Facts, now: float) -> tuple[Finding, ...]:
    """Checks 15 to 21, which need what is alive, up to the first refusal."""
    findings: list[Finding] = []
    for check in (identity, credentials, limits, spend, replay):
        findings.append(check(case, facts))
        if findings[-1].refusal is not None:
            return tuple(findings)
    return *findings, clock(case, facts), signature(case, facts, now)


def _sender(case: Case) -> Blame:
    return Blame.CUSTOMER if case.direction is Direction.OUTBOUND else Blame.CARRIER


def _name(case: Case) -> str:
    """Who sent it, with the word for what it is; only where there is somebody."""
    assert case.source is not None
    return f"{'trunk' if case.direction is Direction.OUTBOUND else 'carrier'} {case.source.name}"


def _number(called: object) -> str:
    return str(getattr(called, "number", called))


def _refuse(check: str, reason: Reason, blame: Blame, status: int, detail: str, *, remedy: str) -> Finding:
    refusal = Refusal(reason=reason, blame=blame, status=status)
    return Finding(check=check, refusal=refusal, detail=detail, remedy=remedy)
