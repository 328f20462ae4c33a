"""What came of an admitted call, as the edge reports it when the call is over."""

from enum import StrEnum

import msgspec


class Ending(StrEnum):
    """How a call ended, as far as this node can know."""

    BYE = "bye"
    FAILED = "failed"
    CANCELLED = "cancelled"
    #: It was open when Kamailio died, and nothing is known of what came after.
    ENDED_UNKNOWN = "ended-unknown"


class LegFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was really negotiated and counted on one side of a call."""

    #: `caller` or `callee`.
    side: str
    peer: str = ""
    transport: str = ""
    tls_version: str = ""
    cipher: str = ""
    peer_cn: str = ""
    #: `RTP/SAVP`, `RTP/AVP`, ... as rtpengine has it; empty when no media was negotiated.
    protocol: str = ""
    #: The SRTP suite in force, empty for plain RTP.
    srtp_suite: str = ""
    #: `sdes`, `dtls-srtp` or `none`.
    key_source: str = ""
    packets_in: int = 0
    packets_out: int = 0
    errors_in: int = 0


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One line per admitted call; joined to its decision record by `record_id`."""

    record_id: str
    call_id: str
    ending: Ending
    #: Seconds since the epoch; 0 for what did not happen.
    answered_at: float = 0.0
    ended_at: float = 0.0
    #: Final SIP status of the INVITE, and who ended the call (`caller`, `callee`, `us`).
    status: int = 0
    ended_by: str = ""
    #: Why the node itself ended it (`trunkward.calls.grant.Cut`); empty for all others.
    cut: str = ""
    #: Sides (`caller`, `callee`) that could not be sent a BYE then.
    unreached: list[str] = []
    peer: str = ""
    legs: list[LegFacts] = []
