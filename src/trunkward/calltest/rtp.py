"""RTP as captured: packets, loss and jitter of each stream, measured by us and not asked of the parties.

The header of an SRTP packet is in the clear (RFC 3711 section 3.1), so encrypted
streams are measured the same way.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from trunkward.calltest.capture import Packet

CLOCK_HZ = 8000
"""G.711's RTP clock (RFC 3551 table 4)."""
TELEPHONE_EVENT_PT = 101
PCMA_PT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpStream:
    """One direction of media on one leg, all its SSRCs together.

    `lost` is expected minus received by sequence number (RFC 3550 A.3), `jitter_ms` the largest interarrival
    jitter estimate of any SSRC at its end (RFC 3550 A.8).
    """

    packets: int
    lost: int
    jitter_ms: float
    ssrcs: tuple[int, ...]
    arrivals_s: tuple[float, ...]

    @property
    def loss_share(self) -> float:
        """Lost packets as a share (0..1) of those expected."""
        expected = self.packets + self.lost
        return self.lost / expected if expected else 0.0

    def packets_between(self, start_s: float, end_s: float) -> int:
        """How many packets were captured in [start_s, end_s), epoch seconds."""
        return sum(1 for at in self.arrivals_s if start_s <= at < end_s)


@dataclass(slots=True)
class _Source:
    """RFC 3550 A.1 and A.8 state of one SSRC."""

    first_seq: int
    highest_seq: int
    seen: set[int] = field(default_factory=set)
    transit: float | None = None
    jitter: float = 0.0

    def take(self, seq: int, timestamp: int, at_s: float) -> None:
        delta = (seq - self.highest_seq) & 0xFFFF
        extended = self.highest_seq + (delta if delta < 0x8000 else delta - 0x10000)
        self.highest_seq = max(self.highest_seq, extended)
        self.first_seq = min(self.first_seq, extended)
        if extended in self.seen:
            return
        self.seen.add(extended)
        transit = at_s * CLOCK_HZ - timestamp
        if self.transit is not None:
            difference = abs(transit - self.transit)
            # A new talkspurt after hold, or a wrapped timestamp, is no jitter.
            if difference < CLOCK_HZ / 2:
                self.jitter += (difference - self.jitter) / 16
        self.transit = transit

    @property
    def lost(self) -> int:
        return self.highest_seq - self.first_seq + 1 - len(self.seen)


def is_rtp(payload: bytes) -> bool:
    """Whether a UDP payload is RTP: version 2 (RFC 7983 section 7) and not RTCP (RFC 5761 section 4)."""
    return len(payload) >= 12 and 128 <= payload[0] <= 191 and not 192 <= payload[1] <= 223


def is_rtcp(payload: bytes) -> bool:
    """Whether a UDP payload is RTCP or SRTCP (RFC 5761 section 4)."""
    return len(payload) >= 8 and 128 <= payload[0] <= 191 and 192 <= payload[1] <= 223


def measure(packets: Iterable[Packet]) -> RtpStream:
    """Measure the RTP among these packets, which all go one way on one leg."""
    sources: dict[int, _Source] = {}
    arrivals = []
    for packet in packets:
        if packet.protocol != "udp" or not is_rtp(packet.payload):
            continue
        header = packet.payload
        seq = int.from_bytes(header[2:4])
        ssrc = int.from_bytes(header[8:12])
        if ssrc not in sources:
            sources[ssrc] = _Source(first_seq=seq, highest_seq=seq)
        sources[ssrc].take(seq, int.from_bytes(header[4:8]), packet.at_s)
        arrivals.append(packet.at_s)
    return RtpStream(
        packets=len(arrivals),
        lost=sum(max(0, source.lost) for source in sources.values()),
        jitter_ms=max((source.jitter for source in sources.values()), default=0.0) * 1000 / CLOCK_HZ,
        ssrcs=tuple(sources),
        arrivals_s=tuple(arrivals),
    )
