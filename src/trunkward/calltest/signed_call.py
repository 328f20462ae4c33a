"""A call from the carrier that another provider has signed, well or badly, and what became of it."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from trunkward.calltest.baresip import Baresip
from trunkward.calltest.baresip_config import PartyRole
from trunkward.calltest.carrier_call import Headers, connected
from trunkward.calltest.other_provider import CAUSE_OF, LIFETIME, Fault, OtherProvider
from trunkward.calltest.parties import Lab, NotALabError, PartyKind
from trunkward.calltest.ports import RecordLookup
from trunkward.calltest.scenario import TONE_HZ, TONE_S, record_of
from trunkward.calltest.sip_trace import SipMessage
from trunkward.calltest.tone import write_tone
from trunkward.shaken.attest import Attestation

NO_IDENTITY = "no-identity"
"""What the node's record says of a call without a signature."""
_WORDS = MappingProxyType(
    {
        Fault.EXPIRED: "two minutes ago",
        Fault.NUMBER: "for another calling number",
        Fault.TAMPERED: "its level changed after it was signed",
        Fault.URL: "with a certificate URL that leads nowhere",
        Fault.REPLAY: "captured from the call before",
    }
)

type Lay = Callable[[str, str, datetime], Awaitable[bool]]
"""Lays a chain (PEM) where verifiers find what is behind a URL, until a time; whether it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to place. `calling`: E.164 with plus, "": the carrier's; `level` None: not signed at all."""

    calling: str = ""
    level: Attestation | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCall:
    """One call as it was sent, and what was seen of it. `invite`: as the customer got it, if it did."""

    calling: str
    dialled: str
    level: Attestation | None
    fault: Fault | None
    call_id: str
    identity: str
    answers: tuple[SipMessage, ...]
    invite: SipMessage | None
    record: Mapping[str, Any] | None = None

    @property
    def status(self) -> int:
        """Of the final answer to the INVITE; 0: there was none."""
        return max((m.status or 0 for m in self.answers if m.method == "INVITE"), default=0)

    @property
    def shown(self) -> str:
        """The header in which the customer saw the caller; "": no call reached it."""
        if self.invite is None:
            return ""
        asserted = self.invite.first("p-asserted-identity")
        return f"P-Asserted-Identity: {asserted}" if asserted else f"From: {self.invite.first('from')}"

    @property
    def told(self) -> tuple[str, ...]:
        """What the carrier heard of the signature: the answers that have a reason, and the reason."""
        return tuple(
            f"{message.start_line.removeprefix('SIP/2.0 ')}, Reason: {reason}"
            for message in self.answers
            if message.method == "INVITE"
            for reason in message.values("reason")
        )

    @property
    def expected(self) -> str:
        """What the node had to find."""
        if self.fault is not None:
            cause = CAUSE_OF[self.fault]
            return f"{cause.code} {cause.value}"
        return f"level {self.level}" if self.level is not None else NO_IDENTITY

    @property
    def found(self) -> str:
        """What its record says that it found."""
        said = (self.record or {}).get("verification") or {}
        if errors := said.get("errors"):
            return ", ".join(f"{error['code']} {error['cause']}" for error in errors)
        if level := said.get("attest"):
            return f"level {level}"
        return said.get("why") or "nothing"

    @property
    def as_expected(self) -> bool:
        """Whether that is the same."""
        return self.found == self.expected


async def place_signed(
    lab: Lab,
    wanted: Wanted,
    *,
    directory: Path,
    lay: Lay,
    lookup: RecordLookup,
    progress: Callable[[str], None],
) -> list[SignedCall]:
    """Places the call; a replay is two: the good one, and the one of whoever captured it.

    Raises `NotALabError`, `PartyError`. `directory` is private and empty; the customer's traces stay in it.
    """
    calling, dialled = wanted.calling or lab.tls_carrier.numbers[0], lab.customer.numbers[0]
    identity = ""
    if wanted.level is not None:
        now = datetime.now(UTC)
        provider = OtherProvider.of(lab.shaken, now)
        identity = provider.identity(calling, dialled, level=wanted.level, fault=wanted.fault, now=now)
        if not await lay(provider.x5u, provider.chain, now + LIFETIME):
            raise NotALabError("Valkey does not take the certificate of call-test: ./trunkward status")
    faults = (None, Fault.REPLAY) if wanted.fault is Fault.REPLAY else (wanted.fault,)
    tone = directory / "tone.wav"
    write_tone(tone, frequency_hz=TONE_HZ[PartyKind.CUSTOMER], duration_s=TONE_S)
    calls = []
    for number, fault in enumerate(faults, 1):
        kind = in_words(wanted.level, fault)
        progress(f"call {number} of {len(faults)}: {lab.tls_carrier.name} to customer, {kind}")
        call = SignedCall(
            calling=calling, dialled=dialled, level=wanted.level, fault=fault, call_id="", identity=identity,
            answers=(), invite=None,
        )  # fmt: skip
        calls.append(await _placed(lab, call, directory / f"call-{number}", tone))
    return [replace(call, record=await record_of(lookup, call.call_id)) for call in calls]


def in_words(level: Attestation | None, fault: Fault | None) -> str:
    """How a call is signed."""
    if level is None:
        return "not signed"
    return f"signed {level}{f', {_WORDS[fault]}' if fault else ''}"


async def _placed(lab: Lab, call: SignedCall, directory: Path, tone: Path) -> SignedCall:
    role = PartyRole(number=call.dialled, answers=True, media=lab.customer.media, tone=tone)
    customer = Baresip(lab.customer, role, directory)
    headers: Headers = (("P-Asserted-Identity", f"<sip:{call.calling}@{lab.tls_carrier.sip_host}>"),)
    if call.identity:
        headers += (("Identity", call.identity),)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(customer)
        line = await stack.enter_async_context(connected(lab.tls_carrier))
        call_id = await line.call(call.calling, call.dialled, headers)
    invite = next((m for m in customer.trace() if m.received and m.is_request and m.method == "INVITE"), None)
    return replace(call, call_id=call_id, answers=tuple(line.heard), invite=invite)
