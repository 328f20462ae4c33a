import pytest

from trunkward.calltest.capture import Packet
from trunkward.calltest.rtp import is_rtcp, is_rtp, measure


def rtp(seq: int, at_s: float, ssrc: int = 7) -> Packet:
    header = (
        b"\x80\x08" + (seq & 0xFFFF).to_bytes(2) + (seq * 160 & 0xFFFFFFFF).to_bytes(4) + ssrc.to_bytes(4)
    )
    return Packet(
        at_s=at_s,
        protocol="udp",
        source=("127.0.0.1", 1),
        destination=("127.0.0.1", 2),
        payload=header + b"\xd5" * 160,
    )


def test_a_steady_stream_has_no_loss_and_no_jitter() -> None:
    stream = measure(rtp(n, n * 0.02) for n in range(100))
    assert (stream.packets, stream.lost, stream.ssrcs) == (100, 0, (7,))
    assert stream.jitter_ms == pytest.approx(0, abs=1e-6)


def test_gaps_are_counted_across_the_wrap_of_the_sequence_number() -> None:
    stream = measure(rtp(n, n * 0.02) for n in range(65500, 65600) if n not in (65510, 65536, 65550))
    assert (stream.packets, stream.lost) == (97, 3)


def test_reordering_and_duplicates_are_not_loss() -> None:
    order = [1, 0, 3, 2, 2, 5, 4]
    assert measure(rtp(n, at * 0.02) for at, n in enumerate(order)).lost == 0


def test_jitter_follows_rfc_3550() -> None:
    # Every second packet 8 ms late: |D| is 8 ms each time, J tends to 8 ms.
    stream = measure(rtp(n, n * 0.02 + (0.008 if n % 2 else 0)) for n in range(400))
    assert stream.jitter_ms == pytest.approx(8, abs=0.1)


def test_a_pause_is_neither_loss_nor_jitter() -> None:
    stream = measure(rtp(n, n * 0.02 + (3 if n >= 50 else 0)) for n in range(100))
    assert (stream.lost, round(stream.jitter_ms, 6)) == (0, 0)
    assert stream.packets_between(3.0, 9.0) == 50


@pytest.mark.parametrize(
    ("payload", "rtp_", "rtcp"),
    [
        (b"\x80\x08" + bytes(10), True, False),
        (b"\x80\x88" + bytes(10), True, False),  # marker bit
        (b"\x80\xc8" + bytes(10), False, True),  # sender report
        (b"\x16\xfe\xfd" + bytes(20), False, False),  # DTLS handshake
        (b"\x00\x01" + bytes(20), False, False),  # STUN
    ],
)
def test_rtp_rtcp_and_the_rest_are_told_apart(payload: bytes, *, rtp_: bool, rtcp: bool) -> None:
    assert (is_rtp(payload), is_rtcp(payload)) == (rtp_, rtcp)
