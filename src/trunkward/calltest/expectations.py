"""What must hold of a call: one numbered list, each entry says what was expected and what was seen.

1 the call itself, 2 signalling protection, 3 media protection, 4 the node's record, 5 the Identity header,
6 what crosses the border, 7 media flow, 8 the tones.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trunkward.calltest.baresip_config import RTP_PORTS
from trunkward.calltest.capture import Packet
from trunkward.calltest.evidence import AS_RECORDED, CallEvidence, PartyEvidence
from trunkward.calltest.identity_check import Dialled, IdentityFinding, check_identity
from trunkward.calltest.inside import (
    Sighting,
    Visible,
    hosts_of,
    passes_through,
    search,
    secrets_of,
    strangers,
)
from trunkward.calltest.parties import Lab, Media, PartyKind, Transport
from trunkward.calltest.rtp import RtpStream
from trunkward.calltest.sip_trace import SipMessage
from trunkward.calltest.tone import RecordingError, Tone, find_tone, read_samples
from trunkward.shaken.attest import Rule

TONE_TOLERANCE_HZ = 3.0
TONE_MIN_SHARE = 0.95
"""Measured through two SRTP legs and A-law: 0.999."""
MAX_LOSS_SHARE = 0.01
MAX_JITTER_MS = 30.0
"""Loopback has none; a busy two-core machine may delay a 20 ms packet by a frame and a half."""
PACKETS_PER_S = 50
"""G.711 with 20 ms packets."""
MIN_FLOW_SHARE = 0.9
"""Of the packets due in a stretch of talk, whose ends are known to about a tenth of a second."""
STARTUP_S = 0.2
"""Packets sent before the other end of the node knows its peer may be lost."""
DTLS_HANDSHAKE_S = 2.0
"""With DTLS-SRTP there is no media before the handshake: 1.1 to 1.6 s seen, retransmission included."""
STRONG_SUITES = frozenset({"AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"})
_KEY_SOURCE = {Media.SDES: "SDES", Media.DTLS_SRTP: "DTLS-SRTP", Media.PLAIN: "none"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One thing that must hold."""

    what: str
    expected: str
    seen: str
    held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallJudgement:
    """A call's evidence with everything concluded from it."""

    evidence: CallEvidence
    expectations: tuple[Expectation, ...]
    identity: IdentityFinding | None
    sightings: tuple[tuple[PartyKind, Sighting], ...]
    visible: tuple[Visible, ...]
    tones: Mapping[PartyKind, Tone | str]
    key_sources: Mapping[PartyKind, str]

    @property
    def failed(self) -> tuple[Expectation, ...]:
        """What did not hold."""
        return tuple(e for e in self.expectations if not e.held)


def judge(evidence: CallEvidence, lab: Lab) -> CallJudgement:
    """Conclude everything there is to say about one call. A call that never was fails for that one reason."""
    customer, carrier = evidence.customer, evidence.carrier
    if evidence.problem or customer is None or carrier is None:
        broken = _expect(
            "the call runs to its end", "no problem", evidence.problem or "a party is missing", False
        )
        if customer is None or carrier is None or evidence.times.established_s is None:
            return CallJudgement(
                evidence=evidence, expectations=(broken, *_refusals(customer, carrier)), identity=None,
                sightings=(),
                visible=(), tones={}, key_sources={},
            )  # fmt: skip
        opening = [broken]
    else:
        opening = [_expect("the call runs to its end", "no problem", "no problem", True)]
    identity = _identity(evidence, lab)
    sightings = tuple(_sightings(customer, carrier, lab.node_hosts))
    tones = {party.party.kind: _tone(party.heard) for party in (customer, carrier)}
    key_sources = {party.party.kind: key_source(party) for party in (customer, carrier)}
    expectations = (
        *opening,
        *_call(evidence, customer, carrier),
        *_signalling(customer, carrier),
        *_media_protection(customer, carrier, key_sources),
        *_record(evidence, customer, carrier),
        *_identity_expectations(evidence, identity, carrier),
        *_border(sightings),
        *_flow(evidence, customer, carrier),
        *_tones(tones, {PartyKind.CUSTOMER: carrier.tone_hz, PartyKind.CARRIER: customer.tone_hz}),
    )
    return CallJudgement(
        evidence=evidence,
        expectations=expectations,
        identity=identity,
        sightings=sightings,
        visible=passes_through(customer.messages, carrier.messages),
        tones=tones,
        key_sources=key_sources,
    )


def key_source(party: PartyEvidence) -> str:
    """Where the leg's media key came from, read from the last SDP with media that the party received."""
    for message in reversed(party.messages):
        if message.received and (media := message.sdp("m=audio ")):
            profile = media[0].split()[1]
            if message.sdp("a=crypto:"):
                return "SDES"
            if message.sdp("a=fingerprint:"):
                return "DTLS-SRTP"
            return "none" if profile in ("RTP/AVP", "RTP/AVPF") else f"none, though {profile}"
    return "no SDP"


def _expect(what: str, expected: str, seen: str, held: bool) -> Expectation:
    return Expectation(what=what, expected=expected, seen=seen, held=held)


def _same(what: str, expected: object, seen: object) -> Expectation:
    return _expect(what, str(expected), str(seen) if seen not in (None, "") else "nothing", seen == expected)


def _refusals(*parties: PartyEvidence | None) -> Iterator[Expectation]:
    """Of a call that failed: the final answers the parties saw, so the reader need not open a trace."""
    for party in parties:
        for message in party.messages if party else ():
            if message.received and message.method == "INVITE" and (message.status or 0) >= 300 and party:
                reason = message.first("reason")
                seen = f"{message.start_line}{' Reason: ' + reason if reason else ''}"
                yield _expect(f"{party.party.kind}: final answer to INVITE", "200", seen, held=False)


def _call(evidence: CallEvidence, customer: PartyEvidence, carrier: PartyEvidence) -> Iterator[Expectation]:
    byes = [m for m in (*customer.messages, *carrier.messages) if m.received and m.method == "BYE"]
    yield _same("BYE reaches the other side, its 200 comes back", "1 BYE, [200]", _bye_story(byes))
    if evidence.plan.hold:
        directions = [
            next((d for d in ("sendrecv", "sendonly", "recvonly", "inactive") if m.sdp(f"a={d}")), "sendrecv")
            for m in carrier.messages
            if m.received and m.is_request and m.method == "INVITE" and m.body and ";tag=" in m.first("to")
        ]
        held = (
            len(directions) == 2 and directions[0] in ("sendonly", "inactive") and directions[1] == "sendrecv"
        )
        yield _expect(
            "hold and resume reach the carrier", "sendonly or inactive, then sendrecv", str(directions), held
        )


def _bye_story(messages: list[SipMessage]) -> str:
    requests = sum(1 for m in messages if m.is_request)
    return f"{requests} BYE, {[m.status for m in messages if not m.is_request]}"


def _signalling(*parties: PartyEvidence) -> Iterator[Expectation]:
    for party in parties:
        if party.party.transport is Transport.TLS:
            versions = sorted({choice.version for choice in party.tls})
            yield _same(f"{party.party.kind} leg: TLS version on the wire", ["TLSv1.3"], versions)
        used = sorted({message.transport for message in party.messages})
        yield _same(
            f"{party.party.kind} leg: every message over", [party.party.transport.value.upper()], used
        )


def _media_protection(
    customer: PartyEvidence, carrier: PartyEvidence, sources: Mapping[PartyKind, str]
) -> Iterator[Expectation]:
    for party in (customer, carrier):
        kind = party.party.kind
        yield _same(f"{kind} leg: key source", _KEY_SOURCE[party.media], sources[kind])
        if party.media is Media.PLAIN:
            yield _same(f"{kind} leg: suites the endpoint negotiated", [], list(party.suites))
            continue
        strong = bool(party.suites) and STRONG_SUITES.issuperset(_suite(name) for name in party.suites)
        yield _expect(
            f"{kind} leg: suite the endpoint negotiated", "one of " + ", ".join(sorted(STRONG_SUITES)),
            ", ".join(dict.fromkeys(party.suites)) or "none", strong,
        )  # fmt: skip
        yield _same(f"{kind} leg: suite unchanged by re-INVITE", 1, len(set(party.suites)))


def _suite(name: str) -> str:
    """DTLS-SRTP names its profiles its own way (RFC 5764, RFC 7714)."""
    return {
        "SRTP_AES128_CM_SHA1_80": "AES_CM_128_HMAC_SHA1_80",
        "SRTP_AEAD_AES_128_GCM": "AEAD_AES_128_GCM",
        "SRTP_AEAD_AES_256_GCM": "AEAD_AES_256_GCM",
    }.get(name, name)


def _record(evidence: CallEvidence, customer: PartyEvidence, carrier: PartyEvidence) -> Iterator[Expectation]:
    record = evidence.record
    yield _expect(
        "the node has a record of the call", "a record", "one" if record else "none", record is not None
    )
    if record is None:
        return
    plan = evidence.plan
    yield _same("record: verdict", "admit", str(record.get("verdict", "")).lower())
    for name in ("reason", "answered_at", "ended_at"):
        yield _expect(f"record: {name}", "present", str(record.get(name)), bool(record.get(name)))
    yield _same("record: trunk", customer.party.name, record.get("trunk"))
    yield _same("record: carrier", carrier.party.name, record.get("carrier"))
    if plan.attest not in (None, AS_RECORDED):
        yield _same("record: attest", plan.attest, record.get("attest"))
    if plan.attest == AS_RECORDED:
        # unsigned is as good as any level where a rule says so; where the signer failed, it is a fault
        said = record.get("attest") or record.get("attest_reason") or "neither"
        held = bool(record.get("attest")) or said in Rule
        yield _expect("record: signed, or not by a rule", "a level, or the rule", said, held)
    times = evidence.times
    if times.established_s and times.ended_s:
        lasted = times.ended_s - times.established_s
        duration = record.get("duration_s")
        near = isinstance(duration, int | float) and abs(duration - lasted) <= 1.5
        yield _expect("record: duration_s", f"{lasted:.1f} within 1.5 s", str(duration), near)
    for party in (customer, carrier):
        yield from _leg(party, recorded_leg(evidence, party))


def recorded_leg(evidence: CallEvidence, party: PartyEvidence) -> Mapping[str, Any] | None:
    """The record's entry for this party's leg, named by side of the border or by role in the call."""
    role = "caller" if evidence.plan.caller is party.party else "callee"
    legs = (evidence.record or {}).get("legs") or ()
    return next((leg for leg in legs if leg.get("side") in (party.party.kind.value, role)), None)


def _leg(party: PartyEvidence, leg: Mapping[str, Any] | None) -> Iterator[Expectation]:
    name = f"record: {party.party.kind} leg"
    if leg is None:
        yield _expect(name, "present", "missing", held=False)
        return
    yield _same(f"{name}: transport", party.party.transport.value, str(leg.get("transport", "")).lower())
    if party.party.transport is Transport.TLS:
        for field in ("tls_version", "cipher"):
            on_wire = {choice.version if field == "tls_version" else choice.cipher for choice in party.tls}
            seen = str(leg.get(field))
            yield _expect(
                f"{name}: {field} as on the wire", " or ".join(sorted(on_wire)) or "?", seen, seen in on_wire
            )
    suite = leg.get("srtp_suite") or None
    said = {_suite(name) for name in party.suites}
    if party.media is Media.PLAIN:
        yield _expect(f"{name}: srtp_suite", "none", str(suite), suite in (None, "none"))
    else:
        yield _expect(
            f"{name}: srtp_suite as the endpoint said", ", ".join(sorted(said)) or "?", str(suite),
            _suite(str(suite)) in said,
        )  # fmt: skip
    source = str(leg.get("key_source", "")).lower().replace("_", "-")
    yield _same(f"{name}: key_source", _KEY_SOURCE[party.media].lower(), source)
    for field, stream in (("packets_in", party.from_party), ("packets_out", party.to_party)):
        counted = leg.get(field)
        near = isinstance(counted, int) and abs(counted - stream.packets) <= max(50, stream.packets * 0.1)
        yield _expect(f"{name}: {field} near the capture", str(stream.packets), str(counted), near)


def _identity(evidence: CallEvidence, lab: Lab) -> IdentityFinding | None:
    """None: there is nothing to look at."""
    plan, carrier, record = evidence.plan, evidence.carrier, evidence.record or {}
    attest, orig = plan.attest, plan.shown_as or plan.caller_number
    if attest == AS_RECORDED:
        attest, orig = record.get("attest"), record.get("calling_number") or orig
    if not attest:
        return None
    invite = next(
        (m for m in carrier.messages if m.received and m.is_request and m.method == "INVITE"), None
    ) if carrier else None  # fmt: skip
    dialled = Dialled(
        orig=orig.removeprefix("+"),
        dest=plan.dialled_number.removeprefix("+"),
        attest=attest,
        at_s=evidence.times.dialled_s,
    )
    return check_identity(invite.values("identity") if invite else (), dialled, lab.shaken)


def _identity_expectations(
    evidence: CallEvidence, identity: IdentityFinding | None, carrier: PartyEvidence
) -> Iterator[Expectation]:
    if identity is not None:
        seen = "; ".join(identity.faults) or "verified: " + ", ".join(identity.passed)
        yield _expect(
            f"Identity at the carrier, attest {evidence.plan.attest}", "verified independently", seen,
            not identity.faults,
        )  # fmt: skip
        again = [
            m for m in carrier.messages
            if m.received and m.is_request and m.values("identity") and ";tag=" in m.first("to")
        ]  # fmt: skip
        yield _same("Identity only on the dialog-forming INVITE", 0, len(again))


def _sightings(
    customer: PartyEvidence, carrier: PartyEvidence, node: frozenset[str]
) -> Iterator[tuple[PartyKind, Sighting]]:
    for viewer, other in ((carrier, customer), (customer, carrier)):
        sent = [message for message in viewer.messages if not message.received]
        own = frozenset(value for m in sent for name in ("user-agent", "server") for value in m.values(name))
        towards = [p for p in viewer.packets if not _sent_by(p, viewer)]
        known = {*node, *hosts_of(viewer.messages)}
        secrets = secrets_of(other.messages, known)
        found = search(secrets, messages=viewer.messages, packets=towards, also_own=own)
        for sighting in (*found, *strangers(viewer.messages, node)):
            yield viewer.party.kind, sighting


def _sent_by(packet: Packet, viewer: PartyEvidence) -> bool:
    """Whether the party itself sent this packet: what it says of itself is no leak."""
    low, high = RTP_PORTS[viewer.party.kind]
    sbc = (viewer.party.sbc_host, viewer.party.sbc_port)
    from_own_port = packet.source[1] == viewer.party.sip_port or low <= packet.source[1] <= high + 1
    return packet.destination == sbc or from_own_port


def _border(sightings: tuple[tuple[PartyKind, Sighting], ...]) -> Iterator[Expectation]:
    for kind, other in ((PartyKind.CARRIER, "customer"), (PartyKind.CUSTOMER, "carrier")):
        found = [sighting for viewer, sighting in sightings if viewer is kind]
        seen = "; ".join(f"{s.what} {s.value!r} in {s.where}" for s in found[:6])
        seen += f"; and {len(found) - 6} more" if len(found) > 6 else ""
        yield _expect(
            f"what the {kind} can see of the {other}'s inside", "nothing", seen or "nothing", not found
        )


def _flow(evidence: CallEvidence, customer: PartyEvidence, carrier: PartyEvidence) -> Iterator[Expectation]:
    times = evidence.times
    dtls_s = DTLS_HANDSHAKE_S if Media.DTLS_SRTP in (customer.media, carrier.media) else 0.0
    for party in (customer, carrier):
        kind = party.party.kind
        if party.captured_dropped != 0:
            yield _same(f"{kind} leg: packets the capture itself dropped", 0, party.captured_dropped)
        for way, stream in ((f"to {kind}", party.to_party), (f"from {kind}", party.from_party)):
            yield from _stream(way, stream)
            end = times.held_s or times.ended_s
            if times.established_s and end:
                start = times.established_s + dtls_s
                yield _due(f"{way}: packets of the talk", stream, start, end)
            if times.resumed_s and times.ended_s:
                yield _due(f"{way}: packets after the resume", stream, times.resumed_s, times.ended_s)
    for sender, receiver in ((customer, carrier), (carrier, customer)):
        sent, passed = sender.from_party.packets, receiver.to_party.packets
        lost = max(0, sent - passed)
        startup = round(PACKETS_PER_S * (dtls_s or STARTUP_S))
        yield _expect(
            f"RTP from {sender.party.kind} to {receiver.party.kind} through the node",
            f"at most {startup} of {sent} lost", f"{lost} lost", lost <= startup,
        )  # fmt: skip


def _stream(way: str, stream: RtpStream) -> Iterator[Expectation]:
    loss = f"{stream.lost} of {stream.packets + stream.lost}"
    yield _expect(f"{way}: loss", f"at most {MAX_LOSS_SHARE:.0%}", loss, stream.loss_share <= MAX_LOSS_SHARE)
    jitter = f"{stream.jitter_ms:.1f} ms"
    yield _expect(
        f"{way}: jitter", f"at most {MAX_JITTER_MS:.0f} ms", jitter, stream.jitter_ms <= MAX_JITTER_MS
    )


def _due(what: str, stream: RtpStream, start_s: float, end_s: float) -> Expectation:
    due = round((end_s - start_s) * PACKETS_PER_S * MIN_FLOW_SHARE)
    came = stream.packets_between(start_s, end_s)
    return _expect(what, f"at least {due}", str(came), came >= due)


def _tone(heard: tuple[Path, ...]) -> Tone | str:
    problems = []
    for recording in heard:
        try:
            return find_tone(read_samples(recording))
        except RecordingError as error:
            problems.append(str(error))
    return "; ".join(problems) or "no recording"


def _tones(tones: Mapping[PartyKind, Tone | str], due: Mapping[PartyKind, float]) -> Iterator[Expectation]:
    """Each side must hear the tone that the other one plays."""
    for kind, found in tones.items():
        expected = f"{due[kind]:.0f} Hz, {TONE_MIN_SHARE:.0%} of the energy"
        if isinstance(found, str):
            yield _expect(f"tone heard by the {kind}", expected, found, held=False)
            continue
        held = abs(found.frequency_hz - due[kind]) <= TONE_TOLERANCE_HZ and found.share >= TONE_MIN_SHARE
        seen = f"{found.frequency_hz:.1f} Hz, {found.share:.1%}"
        yield _expect(f"tone heard by the {kind}", expected, seen, held)
