"""The calls of one run: who calls whom, step by step, every step with a deadline."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from trunkward.calltest.baresip import Baresip, PartyError
from trunkward.calltest.baresip_config import RTP_PORTS, PartyRole
from trunkward.calltest.capture import Capture, CaptureError, Packet, read_packets
from trunkward.calltest.evidence import AS_RECORDED, CallEvidence, CallPlan, CallTimes, PartyEvidence
from trunkward.calltest.parties import Lab, LabParty, Media, PartyKind, Transport, require_fictional
from trunkward.calltest.ports import RecordLookup
from trunkward.calltest.rtp import measure
from trunkward.calltest.tls_hello import tls_choices
from trunkward.calltest.tone import write_tone

TONE_HZ = {PartyKind.CUSTOMER: 440.0, PartyKind.CARRIER: 880.0}
TONE_S = 60.0
"""Longer than any call: the tone is not repeated from its start within one."""

DEFAULT_PORT = {Transport.TLS: 5061, Transport.UDP: 5060}
"""RFC 3261 section 19.1.2."""

SETUP_DEADLINE_S = 10.0
REINVITE_DEADLINE_S = 6.0
HANGUP_DEADLINE_S = 5.0
HOLD_S = 1.5
RECORD_DEADLINE_S = 5.0
CALL_DEADLINE_S = 45.0
"""For one call as a whole, whatever else happens."""


def plan_calls(lab: Lab) -> tuple[CallPlan, ...]:
    """The calls: each way with each carrier, once DTLS-SRTP, once a number that is not the customer's own.

    The last only where the customer's trunk has such a number replaced; elsewhere it is refused.
    """
    customer, north, south = lab.customer, lab.tls_carrier, lab.udp_carrier
    own = customer.numbers[0]

    def outbound(key: str, title: str, carrier: LabParty, **changes: Any) -> CallPlan:
        plan = CallPlan(
            key=key,
            title=title,
            caller=customer,
            callee=carrier,
            caller_number=own,
            dialled_number=carrier.numbers[0],
            customer_media=Media.SDES,
            hold=True,
            attest="A",
        )
        return replace(plan, **changes)

    def inbound(key: str, title: str, carrier: LabParty) -> CallPlan:
        return CallPlan(
            key=key,
            title=title,
            caller=carrier,
            callee=customer,
            caller_number=carrier.numbers[0],
            dialled_number=own,
            customer_media=Media.SDES,
            hold=True,
            attest=None,
        )

    foreign = outbound(
        "out-foreign", f"customer with a number not its own to {north.name}", north,
        caller_number=lab.foreign_number, shown_as=lab.replaced_by, hold=False,
    )  # fmt: skip
    return (
        outbound("out-tls", f"customer to {north.name}, {_legs(north)}", north),
        outbound("out-udp", f"customer to {south.name}, {_legs(south)}", south),
        inbound("in-tls", f"{north.name} to customer, {_legs(north)}", north),
        inbound("in-udp", f"{south.name} to customer, {_legs(south)}", south),
        outbound(
            "out-dtls", f"customer with DTLS-SRTP to {north.name}", north,
            customer_media=Media.DTLS_SRTP, hold=False, talk_s=5.0,
        ),
        *((foreign,) if lab.replaced_by else ()),
    )  # fmt: skip


def plan_one(lab: Lab, calling: str) -> tuple[CallPlan, ...]:
    """One call of the customer's, from a number (E.164 with plus; "": its own), signed at whatever level.

    Raises `NotALabError` for one that may be somebody's.
    """
    calling = calling or lab.customer.numbers[0]
    require_fictional(calling)
    return (
        CallPlan(
            key="out-one",
            title=f"customer from {calling} to {lab.tls_carrier.name}",
            caller=lab.customer,
            callee=lab.tls_carrier,
            caller_number=calling,
            dialled_number=lab.tls_carrier.numbers[0],
            customer_media=lab.customer.media,
            hold=False,
            attest=AS_RECORDED,
        ),
    )


def dial_uri(caller: LabParty, number: str) -> str:
    """The Request-URI, with a port only if it is not the transport's own; baresip adds the transport."""
    port = "" if caller.sbc_port == DEFAULT_PORT[caller.transport] else f":{caller.sbc_port}"
    return f"sip:{number}@{caller.sbc_host}{port}"


def _legs(carrier: LabParty) -> str:
    media = "RTP" if carrier.media is Media.PLAIN else "SRTP"
    return f"carrier on {carrier.transport.value.upper()} and {media}"


async def run_calls(
    plans: tuple[CallPlan, ...],
    *,
    directory: Path,
    lookup: RecordLookup,
    progress: Callable[[str], None],
) -> list[CallEvidence]:
    """Place the calls one by one. `directory` is private and empty; what was recorded stays in it."""
    tones = {}
    for kind, frequency_hz in TONE_HZ.items():
        tones[kind] = directory / f"tone-{frequency_hz:.0f}.wav"
        write_tone(tones[kind], frequency_hz=frequency_hz, duration_s=TONE_S)
    seen = []
    for number, plan in enumerate(plans, 1):
        progress(f"call {number} of {len(plans)}: {plan.title}")
        seen.append(await _run_call(plan, directory=directory / plan.key, tones=tones))
    # after the last one: the node brings them a second later, or none at all
    until = time.monotonic() + RECORD_DEADLINE_S
    return [replace(call, record=await record_of(lookup, call.call_id, until)) for call in seen]


async def _run_call(plan: CallPlan, *, directory: Path, tones: Mapping[PartyKind, Path]) -> CallEvidence:
    await asyncio.to_thread(directory.mkdir, 0o700)
    agents: dict[PartyKind, Baresip] = {}
    captures: dict[PartyKind, Capture] = {}
    call = _Call(plan)
    problem = None
    try:
        async with asyncio.timeout(CALL_DEADLINE_S), AsyncExitStack() as stack:
            for party in (plan.customer, plan.carrier):
                capture = Capture(party, directory / f"{party.kind}.pcap")
                captures[party.kind] = await stack.enter_async_context(capture)
            # The callee first: it must be ready before the call comes.
            for party in (plan.callee, plan.caller):
                role = PartyRole(
                    number=plan.dialled_number if party is plan.callee else plan.caller_number,
                    answers=party is plan.callee,
                    media=plan.customer_media if party is plan.customer else party.media,
                    tone=tones[party.kind],
                )
                agents[party.kind] = Baresip(party, role, directory / party.kind.value)
                await stack.enter_async_context(agents[party.kind])
            await call.run(agents[plan.caller.kind], agents[plan.callee.kind], agents[PartyKind.CUSTOMER])
    except (PartyError, CaptureError) as error:
        problem = str(error)
    except TimeoutError:
        problem = f"the call was not over within {CALL_DEADLINE_S:g} s"
    return CallEvidence(
        plan=plan,
        times=call.times,
        customer=_evidence(agents.get(PartyKind.CUSTOMER), captures.get(PartyKind.CUSTOMER)),
        carrier=_evidence(agents.get(PartyKind.CARRIER), captures.get(PartyKind.CARRIER)),
        record=None,
        problem=problem,
    )


class _Call:
    """One call in progress: keeps the times reached even if a later step fails."""

    def __init__(self, plan: CallPlan) -> None:
        self.plan = plan
        self.times = CallTimes(dialled_s=time.time())

    async def run(self, caller: Baresip, callee: Baresip, customer: Baresip) -> None:
        plan = self.plan
        self.times = CallTimes(dialled_s=time.time())
        await caller.dial(dial_uri(plan.caller, plan.dialled_number))
        await caller.wait_event("CALL_ESTABLISHED", deadline_s=SETUP_DEADLINE_S)
        await callee.wait_event("CALL_ESTABLISHED", deadline_s=SETUP_DEADLINE_S)
        self.times = replace(self.times, established_s=time.time())
        await asyncio.sleep(plan.talk_s)
        if plan.hold:
            await self._reinvite(customer, customer.hold, "held_s")
            await asyncio.sleep(HOLD_S)
            await self._reinvite(customer, customer.resume, "resumed_s")
            await asyncio.sleep(plan.talk_after_s)
        for agent in (caller, callee):
            agent.forget_events()
        await caller.hangup()
        self.times = replace(self.times, ended_s=time.time())
        await callee.wait_event("CALL_CLOSED", deadline_s=HANGUP_DEADLINE_S)

    async def _reinvite(self, customer: Baresip, act: Callable[[], Any], mark: str) -> None:
        await act()
        await customer.wait_event("CALL_REMOTE_SDP", deadline_s=REINVITE_DEADLINE_S)
        self.times = replace(self.times, **{mark: time.time()})


def _evidence(agent: Baresip | None, capture: Capture | None) -> PartyEvidence | None:
    if agent is None or capture is None:
        return None
    party = agent.party
    messages = agent.trace()
    try:
        captured = [p for p in read_packets(capture.path) if _is_own(p, party, _client_ports(agent))]
    except (CaptureError, OSError):
        captured = []
    low, high = RTP_PORTS[party.kind]
    media = [p for p in captured if p.protocol == "udp"]
    return PartyEvidence(
        party=party,
        media=agent.role.media,
        tone_hz=TONE_HZ[party.kind],
        messages=messages,
        suites=agent.media_encryption(),
        heard=agent.recordings("dec"),
        packets=tuple(captured),
        captured_dropped=capture.dropped,
        tls=tls_choices(captured),
        to_party=measure(p for p in media if low <= p.destination[1] <= high),
        from_party=measure(p for p in media if low <= p.source[1] <= high),
    )


def _client_ports(agent: Baresip) -> frozenset[int]:
    """The ports from which the party connected to the node, as its own trace names them."""
    sbc = (agent.party.sbc_host, agent.party.sbc_port)
    sent = {m.source[1] for m in agent.trace() if m.destination == sbc}
    return frozenset(sent | {m.destination[1] for m in agent.trace() if m.source == sbc})


def _is_own(packet: Packet, party: LabParty, client_ports: frozenset[int]) -> bool:
    if packet.protocol == "udp" or party.transport is not Transport.TLS:
        return True
    ends = (packet.source[1], packet.destination[1])
    return party.sip_port in ends or not client_ports.isdisjoint(ends)


async def record_of(
    lookup: RecordLookup, call_id: str, until: float | None = None
) -> Mapping[str, Any] | None:
    """The node's record once the call's end is in it, else what there is by `until` (`time.monotonic`)."""
    if not call_id:
        return None
    if until is None:
        until = time.monotonic() + RECORD_DEADLINE_S
    while True:
        record = await asyncio.to_thread(lookup, call_id)
        if (record is not None and is_over(record)) or time.monotonic() > until:
            return record
        await asyncio.sleep(0.2)


def is_over(record: Mapping[str, Any]) -> bool:
    """Whether nothing is to come: the call has ended, or never was."""
    return bool(record.get("ended_at")) or record.get("verdict") not in ("", "admit")
