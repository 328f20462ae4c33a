"""One good call as the call test would have seen it: customer to carrier, both on TLS and SDES, with a hold."""

from pathlib import Path
from typing import Any

from trunkward.calltest.evidence import CallEvidence, CallPlan, CallTimes, PartyEvidence
from trunkward.calltest.parties import Lab, LabParty, LabShaken, Media, PartyKind, Transport
from trunkward.calltest.rtp import RtpStream
from trunkward.calltest.sip_trace import SipMessage, read_trace
from trunkward.calltest.tls_hello import TlsChoice
from trunkward.calltest.tone import write_tone
from unit.calltest.tokens import CLAIMS, HEADER, NOW_S, token

SUITE = "AES_CM_128_HMAC_SHA1_80"
CIPHER = "TLS_AES_256_GCM_SHA384"
NODE = ("127.0.0.10", 5061)
CALLER, CALLED = "+12025550101", "+12025550142"
TIMES = CallTimes(
    dialled_s=NOW_S, established_s=NOW_S + 1, held_s=NOW_S + 5, resumed_s=NOW_S + 6.5, ended_s=NOW_S + 9.5
)


def lab(shaken: LabShaken) -> Lab:
    """The example's parties."""
    return Lab(
        customer=_party(PartyKind.CUSTOMER, "acme-hq", "127.0.0.21", 15061),
        tls_carrier=_party(PartyKind.CARRIER, "north", "127.0.0.31", 25061),
        udp_carrier=LabParty(
            kind=PartyKind.CARRIER,
            name="south",
            sip_host="127.0.0.41",
            sip_port=35060,
            transport=Transport.UDP,
            media=Media.PLAIN,
            numbers=("+13035550142",),
            sbc_host="127.0.0.10",
            sbc_port=5060,
        ),
        foreign_number="+12025550199",
        replaced_by=CALLER,
        shaken=shaken,
        node_hosts=frozenset({NODE[0]}),
    )


def good_call(shaken: LabShaken, directory: Path) -> CallEvidence:
    """Everything held in this call. The recordings are written into `directory`."""
    parties = lab(shaken)
    plan = CallPlan(
        key="out-tls",
        title="customer to north",
        caller=parties.customer,
        callee=parties.tls_carrier,
        caller_number=CALLER,
        dialled_number=CALLED,
        customer_media=Media.SDES,
        hold=True,
        attest="A",
    )
    identity = f"Identity: {token(shaken, HEADER, CLAIMS)}\r\n"
    return CallEvidence(
        plan=plan,
        times=TIMES,
        customer=_evidence(parties.customer, _customer_trace(), 440.0, directory, heard_hz=880.0),
        carrier=_evidence(parties.tls_carrier, _carrier_trace(identity), 880.0, directory, heard_hz=440.0),
        record={
            "verdict": "admit", "reason": "admitted", "answered_at": NOW_S + 1, "ended_at": NOW_S + 9.5,
            "trunk": "acme-hq", "carrier": "north", "attest": "A", "duration_s": 8.4,
            "legs": [_leg("customer"), _leg("carrier")],
        },
        problem=None,
    )  # fmt: skip


def message(text: str, party: LabParty, *, received: bool) -> SipMessage:
    """One message as the party's trace shows it."""
    own = (party.sip_host, party.sip_port)
    source, destination = (NODE, own) if received else (own, NODE)
    head = f"TLS {source[0]}:{source[1]} -> {destination[0]}:{destination[1]}\n"
    (read,) = read_trace(
        ("\x1b[36;1m#\n" + head + text + "\x1b[;m\n").encode(), own=own, sbc=(party.sbc_host, party.sbc_port)
    )
    return read


def _party(kind: PartyKind, name: str, host: str, port: int) -> LabParty:
    pem = Path("unused.pem")
    return LabParty(
        kind=kind,
        name=name,
        sip_host=host,
        sip_port=port,
        transport=Transport.TLS,
        media=Media.SDES,
        numbers=(CALLER if kind is PartyKind.CUSTOMER else CALLED,),
        sbc_host=NODE[0],
        sbc_port=NODE[1],
        certificate=pem,
        private_key=pem,
        ca=pem,
    )


def _leg(side: str) -> dict[str, Any]:
    return {
        "side": side, "transport": "tls", "tls_version": "TLSv1.3", "cipher": CIPHER, "srtp_suite": SUITE,
        "key_source": "sdes", "packets_in": 350, "packets_out": 350,
    }  # fmt: skip


def _evidence(
    party: LabParty, trace: tuple[tuple[str, bool], ...], tone_hz: float, directory: Path, *, heard_hz: float
) -> PartyEvidence:
    heard = directory / f"{party.kind}-dec.wav"
    write_tone(heard, frequency_hz=heard_hz, duration_s=2.5)
    return PartyEvidence(
        party=party,
        media=Media.SDES,
        tone_hz=tone_hz,
        messages=tuple(message(text, party, received=received) for text, received in trace),
        suites=(SUITE, SUITE),
        heard=(heard,),
        packets=(),
        captured_dropped=0,
        tls=(TlsChoice(version="TLSv1.3", cipher=CIPHER, server=NODE, client=(party.sip_host, 40000)),),
        to_party=stream(),
        from_party=stream(),
    )


def stream() -> RtpStream:
    """A packet each 20 ms while there was talk."""
    arrivals = [TIMES.established_s + n / 50 for n in range(200)] if TIMES.established_s else []
    arrivals += [TIMES.resumed_s + n / 50 for n in range(150)] if TIMES.resumed_s else []
    return RtpStream(
        packets=len(arrivals), lost=0, jitter_ms=0.4, ssrcs=(0x1111,), arrivals_s=tuple(arrivals)
    )


def _customer_trace() -> tuple[tuple[str, bool], ...]:
    """What the customer sent (False) and received (True)."""
    inside = f"Via: SIP/2.0/TLS 127.0.0.21:15061;branch=z9hG4bKc1\r\n{_ends('pbx.acme.example.com')}"
    answer = f"SIP/2.0 200 OK\r\n{_ends('pbx.acme.example.com', ';tag=carrier1')}Server: Trunkward\r\n"
    offers = [_sdp("127.0.0.21", 17000, "C" * 40, way) for way in ("sendrecv", "sendonly", "sendrecv")]
    answers = [_sdp("127.0.0.10", 30000, "N" * 40, way) for way in ("sendrecv", "recvonly", "sendrecv")]
    told: list[tuple[str, bool]] = []
    for number, (offer, answered) in enumerate(zip(offers, answers, strict=True), 1):
        told.append(
            (f"INVITE sip:{CALLED}@127.0.0.10 SIP/2.0\r\n{inside}CSeq: {number} INVITE\r\n{offer}", False)
        )
        told.append((f"{answer}CSeq: {number} INVITE\r\n{answered}", True))
    told.append((f"BYE sip:{CALLED}@127.0.0.10 SIP/2.0\r\n{inside}CSeq: 4 BYE\r\n\r\n", False))
    told.append((f"{answer}CSeq: 4 BYE\r\n\r\n", True))
    return tuple(told)


def _carrier_trace(identity: str) -> tuple[tuple[str, bool], ...]:
    """What the carrier sent (False) and received (True)."""
    node = "Via: SIP/2.0/TLS 127.0.0.10:5061;branch=z9hG4bKn1\r\n"
    told: list[tuple[str, bool]] = []
    for number, way in enumerate(("sendrecv", "sendonly", "sendrecv"), 1):
        ends = _ends("sbc.example.com", ";tag=carrier1" if number > 1 else "")
        extra = identity if number == 1 else ""
        offer = _sdp("127.0.0.10", 30002, "M" * 40, way)
        told.append(
            (
                f"INVITE sip:{CALLED}@127.0.0.31 SIP/2.0\r\n{node}{ends}CSeq: {number} INVITE\r\n{extra}{offer}",
                True,
            )
        )
        answer = _sdp("127.0.0.31", 18000, "D" * 40, "sendrecv")
        told.append((f"SIP/2.0 200 OK\r\n{node}{ends}CSeq: {number} INVITE\r\n{answer}", False))
    ends = _ends("sbc.example.com", ";tag=carrier1")
    told.append((f"BYE sip:{CALLED}@127.0.0.31 SIP/2.0\r\n{node}{ends}CSeq: 4 BYE\r\n\r\n", True))
    told.append((f"SIP/2.0 200 OK\r\n{node}{ends}CSeq: 4 BYE\r\n\r\n", False))
    return tuple(told)


def _ends(domain: str, to_tag: str = "") -> str:
    return (
        f"From: <sip:{CALLER}@{domain}>;tag=customer1\r\nTo: <sip:{CALLED}@127.0.0.10>{to_tag}\r\n"
        "Call-ID: e9edbe61f424bcca\r\n"
    )


def _sdp(address: str, port: int, key: str, way: str) -> str:
    return (
        f"\r\nv=0\r\no=- {port}0001 {port}0002 IN IP4 {address}\r\nc=IN IP4 {address}\r\n"
        f"m=audio {port} RTP/SAVP 8\r\na=crypto:1 {SUITE} inline:{key}\r\na={way}\r\n"
    )
