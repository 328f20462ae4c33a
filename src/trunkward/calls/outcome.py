"""What came of an admitted call, as the edge reports it when the call is over.

A fact that is not known is absent (None here, no key in JSON), never zero: a leg without RTCP has no jitter,
a call that was not answered no answer.
"""

from enum import StrEnum

import msgspec


class Ending(StrEnum):
    """How a call ended, as far as this node can know."""

    BYE = "bye"
    FAILED = "failed"
    CANCELLED = "cancelled"
    #: It was open when Kamailio died, and nothing is known of what came after.
    ENDED_UNKNOWN = "ended-unknown"


class LegFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was really negotiated, counted and reported on one side of a call."""

    #: `caller` or `callee`.
    side: str
    #: Name of the trunk or carrier.
    peer: str | None = None
    transport: str | None = None
    tls_version: str | None = None
    cipher: str | None = None
    peer_cn: str | None = None
    #: `RTP/SAVP`, `RTP/AVP`, ... as rtpengine has it; absent when no media was negotiated.
    protocol: str | None = None
    #: As in SDP, `PCMA/8000`.
    codec: str | None = None
    #: The SRTP suite in force, empty for plain RTP.
    srtp_suite: str | None = None
    #: `sdes`, `dtls-srtp` or `none`.
    key_source: str | None = None
    #: RTP packets this node received from this side and sent to it, and those it could not use.
    packets_in: int | None = None
    packets_out: int | None = None
    errors_in: int | None = None
    # ---- what this side reported by RTCP of what it received; rtpengine's averages over the call
    #: How many reports there were.
    reports: int | None = None
    #: Mean opinion score for conversation, 1.0 to 5.0 (rtpengine's estimate), and the worst of a report.
    mos: float | None = None
    mos_lowest: float | None = None
    jitter_ms: float | None = None
    loss_percent: float | None = None
    #: Packets lost in all, as the last report counts them.
    lost_packets: int | None = None
    #: To this side and back; and over both legs, from end to end.
    round_trip_ms: float | None = None
    round_trip_total_ms: float | None = None


class RouteTried(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A route that came to nothing before the one the call ended on."""

    peer: str
    #: The final SIP status it was given up with; absent when nothing came from there.
    status: int | None = None
    #: Why nothing was or could be sent: `unreachable`, `media-unavailable`, `not-registered`; `no-reply`: it
    #: was sent, and nothing came back; what was wrong with its answer. Else absent.
    problem: str | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line per admitted call; joined to its decision record by `record_id`."""

    record_id: str
    call_id: str
    ending: Ending
    #: Seconds since the epoch: the first 180 or 183 that went to the caller, the 2xx, the end.
    ringing_at: float | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    #: Whole milliseconds it was answered for, by a clock that is never put right: what is charged.
    answered_ms: int | None = None
    #: Final SIP status of the INVITE, and who ended the call (`caller`, `callee`, `us`).
    status: int | None = None
    ended_by: str | None = None
    #: Why the node refused it after it was admitted: a `Reason`; absent for all others.
    reason: str | None = None
    #: Why the node itself ended it (`trunkward.calls.grant.Cut`); absent for all others.
    cut: str | None = None
    #: Sides (`caller`, `callee`) that could not be sent a BYE then.
    unreached: list[str] = []
    #: Its node died over it: the node that tells of its end instead, and the status of the carrier's answer
    #: to that one's BYE; none: it has answered none, and cannot have the call any more.
    survivor: str | None = None
    bye_status: int | None = None
    #: Who has said by hand how it ended (`trunkward spend settle`); absent for all others.
    by_hand: str | None = None
    #: The route the call ended on; absent when none was tried.
    peer: str | None = None
    #: The routes before it, in order.
    tried: list[RouteTried] = []
    legs: list[LegFacts] = []


def is_truer(told: Outcome, known: Outcome) -> bool:
    """Whether what is told of the end of a call takes the place of what is known, whichever comes first.

    1. What is known of an end goes before that nobody knows of one.
    2. Of two nodes the one counts that has seen the earlier end: a leg that is over stays so, and who finds
       it gone (RFC 3261 15.1.2: 481) has come later.
    """
    # 1.
    if Ending.ENDED_UNKNOWN in (told.ending, known.ending):
        return known.ending is Ending.ENDED_UNKNOWN and told.ending is not Ending.ENDED_UNKNOWN
    # 2.
    return told.survivor != known.survivor and _lasted_ms(told) < _lasted_ms(known)


def _lasted_ms(outcome: Outcome) -> float:
    if outcome.answered_ms is not None:
        return outcome.answered_ms
    if not outcome.answered_at or not outcome.ended_at:
        return 0.0
    return (outcome.ended_at - outcome.answered_at) * 1000
