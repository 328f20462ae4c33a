"""What peers report by RTCP, through a real rtpengine, as it comes to stand in a record.

Two plain legs, their packets made here: each second a sender report and a receiver report of what the other leg sent,
with the delays that make round trips (RFC 3550 6.4.1).
"""

import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from trunkward.control.node_file import read_node_file
from trunkward.edge.quality import leg_facts
from trunkward.edge.rtpengine import Rtpengine, RtpengineUnavailable
from trunkward.engines.rtpengine import rtpengine_command
from trunkward.settings import NG_PORT, Paths
from wire.conftest import EXAMPLE

#: Seconds from one report to the next: rtpengine keeps one a second at most.
_EACH_S = 1.05
_FLAGS = "replace-origin trust-address ICE=remove direction={} direction={} RTP/AVP"
_JITTER, _LOST_OF_256, _LOST = 80, 13, 9


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Rtpengine]:
    """rtpengine as a node starts it, alone in the tests' network namespace."""
    (tmp_path / "run/media").mkdir(parents=True)
    paths = Paths(config=tmp_path / "c", state=tmp_path / "s", run=tmp_path / "run", log=tmp_path / "l")
    declared = read_node_file(EXAMPLE.read_text(encoding="utf-8"), "example")
    assert declared.node.media_addresses == (ip_address("127.0.0.10"),)
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(rtpengine_command(declared, paths), stdout=log, stderr=log)
    client = Rtpengine(("127.0.0.1", NG_PORT), 5.0, rest_s=0.0)
    until = time.monotonic() + 30
    while True:
        try:
            client._ask({"command": "ping"})
        except RtpengineUnavailable as problem:
            if problem.args == ("refused",):
                break  # it has answered, though not "ok" but "pong"
            assert time.monotonic() < until, (tmp_path / "log").read_text()
            time.sleep(0.05)
        else:
            break
    yield client
    process.terminate()
    process.wait(10)
    if client._socket is not None:
        client._socket.close()


class Leg:
    """One end: RTP and RTCP sockets, and the other end's latest sender report."""

    def __init__(self, stack: ExitStack, ssrc: int) -> None:
        self.ssrc = ssrc
        self.rtp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.rtcp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        for _ in range(50):  # an even port, and the one above it
            self.rtp.bind(("127.0.0.1", 0)) if self.rtp.getsockname()[1] == 0 else None
            try:
                self.rtcp.bind(("127.0.0.1", self.rtp.getsockname()[1] + 1))
                break
            except OSError:
                self.rtp.close()
                self.rtp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.rtp.settimeout(10.0)
        self.rtcp.settimeout(10.0)
        self.sent = 0
        self.heard: tuple[int, int, float] | None = None

    def sdp(self) -> str:
        port = self.rtp.getsockname()[1]
        return (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n"
        )

    def towards(self, sdp: str) -> None:
        """Where to send: the node's address and port of this leg."""
        address = next(line.split()[-1] for line in sdp.split("\r\n") if line.startswith("c="))
        port = int(next(line.split()[1] for line in sdp.split("\r\n") if line.startswith("m=")))
        self.rtp.connect((address, port))
        self.rtcp.connect((address, port + 1))

    def talk(self, packets: int) -> None:
        for _ in range(packets):
            head = struct.pack(">BBHII", 0x80, 8, self.sent & 0xFFFF, self.sent * 160, self.ssrc)
            self.rtp.send(head + b"\xd5" * 160)
            self.sent += 1

    def report(self, other: int, now: float) -> None:
        """A sender report, with a report block about the other leg."""
        seconds, fraction = int(now) + 2_208_988_800, int(now % 1 * 2**32)
        last, delay = 0, 0
        if self.heard is not None:
            last = self.heard[0] << 16 & 0xFFFF0000 | self.heard[1] >> 16
            delay = int((now - self.heard[2]) * 65_536)
        block = struct.pack(">IIIIII", other, _LOST_OF_256 << 24 | _LOST, self.sent, _JITTER, last, delay)
        head = struct.pack(">BBHI", 0x81, 200, 12, self.ssrc)
        self.rtcp.send(
            head
            + struct.pack(">IIIII", seconds, fraction, self.sent * 160, self.sent, self.sent * 160)
            + block
        )

    def hear(self) -> None:
        """The other end's sender report, as it comes through."""
        report = self.rtcp.recv(2048)
        assert report[1] == 200
        seconds, fraction = struct.unpack_from(">II", report, 8)
        self.heard = seconds & 0xFFFF, fraction, time.time()


def test_reports_of_both_legs_come_to_stand_in_their_facts(engine: Rtpengine) -> None:
    """Summary: RTCP from two plain legs through rtpengine: MOS, jitter, loss and round trips per leg, by the one who reported."""
    with ExitStack() as stack:
        a, b = Leg(stack, 0x1111), Leg(stack, 0x2222)
        b.towards(engine.offer("call", "a", "", a.sdp(), _FLAGS.format("cust", "carr")))
        a.towards(engine.answer("call", "a", "b", b.sdp(), _FLAGS.format("carr", "cust")))
        for _ in range(4):
            for leg in (a, b):
                leg.talk(5)
            time.sleep(0.05)  # as a round trip takes
            for leg, other in ((a, b), (b, a)):
                leg.report(other.ssrc, time.time())
            for leg in (a, b):  # so late that there is a delay to tell of
                leg.hear()
            time.sleep(_EACH_S)
        ended = engine.delete("call")
    legs: dict[str, dict[str, Any]] = {tag: leg_facts(ended, tag, tag) for tag in ("a", "b")}
    for facts in legs.values():
        assert (facts["protocol"], facts["codec"], facts["srtp_suite"]) == ("RTP/AVP", "PCMA/8000", "")
        assert (facts["packets_in"], facts["packets_out"], facts["errors_in"]) == (20, 20, 0)
        assert facts["reports"] >= 1, ended
        assert 3.0 < facts["mos_lowest"] <= facts["mos"] <= 5.0
        assert facts["jitter_ms"] == _JITTER * 1000 // 8000
        assert facts["loss_percent"] == _LOST_OF_256 * 100 // 256
        assert facts["lost_packets"] == _LOST
        assert 0 < facts["round_trip_ms"] <= facts["round_trip_total_ms"] < 3000


def test_without_reports_nothing_is_made_up(engine: Rtpengine) -> None:
    """Summary: packets, and no RTCP: they are counted, and there is no quality."""
    with ExitStack() as stack:
        a, b = Leg(stack, 0x1111), Leg(stack, 0x2222)
        b.towards(engine.offer("call", "a", "", a.sdp(), _FLAGS.format("cust", "carr")))
        a.towards(engine.answer("call", "a", "b", b.sdp(), _FLAGS.format("carr", "cust")))
        a.talk(5)
        for _ in range(5):  # or it could be deleted before they are there
            b.rtp.recv(2048)
        ended = engine.delete("call")
    leg = leg_facts(ended, "a", "caller")
    assert leg["packets_in"] == 5
    assert not {"mos", "jitter_ms", "loss_percent", "lost_packets", "reports", "round_trip_ms"} & set(leg)
