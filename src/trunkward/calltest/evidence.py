"""What was seen of one call, by each party and on each leg, before anything is judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trunkward.calltest.capture import Packet
from trunkward.calltest.parties import LabParty, Media
from trunkward.calltest.rtp import RtpStream
from trunkward.calltest.sip_trace import SipMessage
from trunkward.calltest.tls_hello import TlsChoice

AS_RECORDED = "as recorded"
"""Of a planned call's level and number: those the node says it signed, which the carrier must have got."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPlan:
    """One call to be placed. `talk_s` and `talk_after_s` are seconds before the hold and after the resume.

    `attest`: the level it must be signed at, `AS_RECORDED`, or None for one the node has nothing to sign of.
    """

    key: str
    title: str
    caller: LabParty
    callee: LabParty
    caller_number: str
    dialled_number: str
    customer_media: Media
    hold: bool
    attest: str | None
    talk_s: float = 4.0
    talk_after_s: float = 3.0
    shown_as: str = ""
    """The number the other side is to see instead of the caller's; "": that one."""

    @property
    def customer(self) -> LabParty:
        """The party on the customer's side."""
        return self.caller if self.caller.kind.value == "customer" else self.callee

    @property
    def carrier(self) -> LabParty:
        """The party on the carrier's side."""
        return self.callee if self.caller.kind.value == "customer" else self.caller


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTimes:
    """When each step happened, epoch seconds; None if the call never came so far."""

    dialled_s: float
    established_s: float | None = None
    held_s: float | None = None
    resumed_s: float | None = None
    ended_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyEvidence:
    """One party's whole view: SIP decrypted, suites it negotiated, recordings, and its leg as captured."""

    party: LabParty
    media: Media
    tone_hz: float
    messages: tuple[SipMessage, ...]
    suites: tuple[str, ...]
    heard: tuple[Path, ...]
    packets: tuple[Packet, ...]
    captured_dropped: int | None
    tls: tuple[TlsChoice, ...]
    to_party: RtpStream
    from_party: RtpStream


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvidence:
    """Everything seen of one call. `problem` is why it broke off, if it did."""

    plan: CallPlan
    times: CallTimes
    customer: PartyEvidence | None
    carrier: PartyEvidence | None
    record: Mapping[str, Any] | None
    problem: str | None

    @property
    def call_id(self) -> str:
        """The Call-ID as the caller sent it, or the empty string."""
        caller = self.customer if self.plan.caller.kind.value == "customer" else self.carrier
        if caller is None:
            return ""
        return next((m.first("call-id") for m in caller.messages if m.method == "INVITE"), "")
