"""What one party's network showed: a tcpdump limited to that party, and a reader for what it wrote."""

import asyncio
import contextlib
import ipaddress
import re
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from trunkward.calltest.baresip_config import RTP_PORTS
from trunkward.calltest.parties import LabParty, Transport

START_DEADLINE_S = 5.0
STOP_DEADLINE_S = 3.0
SETTLE_S = 0.3
"""Time for the last packets to pass from the kernel into the file."""

_LINKTYPE_ETHERNET = 1
_ETHERTYPE_IPV4 = 0x0800
_PROTOCOLS = {6: "tcp", 17: "udp"}


class CaptureError(Exception):
    """Packets could not be captured or read; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One UDP or TCP packet over IPv4; `at_s` is the kernel's time of capture, epoch seconds."""

    at_s: float
    protocol: str
    source: tuple[str, int]
    destination: tuple[str, int]
    payload: bytes


def capture_filter(party: LabParty) -> str:
    """The pcap filter for this party's own traffic: its SIP port, its RTP ports, its calls to the node."""
    low, high = RTP_PORTS[party.kind]
    own = f"(host {party.sip_host} and port {party.sip_port}) or udp portrange {low}-{high + 1}"
    if party.transport is not Transport.TLS:
        return own
    # As a TLS client the party uses an address and port of the kernel's choice: that flow is known by its
    # other end, and told from other parties' flows afterwards by the port the party's own trace names.
    return f"{own} or (tcp port {party.sbc_port} and host {party.sbc_host})"


class Capture:
    """A running tcpdump on loopback, an async context manager; afterwards `dropped` says what was missed."""

    def __init__(self, party: LabParty, path: Path) -> None:
        """Prepare a capture of this party's traffic into a file."""
        self._party = party
        self.path = path
        self.dropped: int | None = None
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        """Start and wait until packets are really being taken. Raises CaptureError."""
        program = shutil.which("tcpdump")
        if program is None:
            raise CaptureError("tcpdump is missing: install tcpdump (./trunkward call-test does it)")
        # The file is opened here and inherited, because tcpdump gives up root before it would open it.
        with self.path.open("wb") as out:
            self._process = await asyncio.create_subprocess_exec(
                program, "-i", "lo", "-n", "-U", "--immediate-mode", "-B", "8192", "-w", "-",
                capture_filter(self._party),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
        said = b""
        try:
            async with asyncio.timeout(START_DEADLINE_S):
                while b"listening on" not in said:
                    line = await self._stderr.readline()
                    if not line:
                        raise CaptureError(
                            f"tcpdump: {said.decode('utf-8', 'replace').strip() or 'ended at once'}"
                        )
                    said += line
        except TimeoutError:
            await self._stop()
            raise CaptureError(f"tcpdump did not start within {START_DEADLINE_S:g} s") from None
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let the last packets settle, stop, and read how many were dropped."""
        await asyncio.sleep(SETTLE_S)
        await self._stop()

    @property
    def _stderr(self) -> asyncio.StreamReader:
        if self._process is None or self._process.stderr is None:
            raise CaptureError("tcpdump is not running")
        return self._process.stderr

    async def _stop(self) -> None:
        process = self._process
        if process is None:
            return
        for end in (process.terminate, process.kill):
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    end()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), STOP_DEADLINE_S)
        said = await self._stderr.read()
        found = re.search(rb"(\d+) packets? dropped by kernel", said)
        self.dropped = int(found[1]) if found else None


def read_packets(path: Path) -> Iterator[Packet]:
    """Read UDP and TCP packets from a pcap file (microsecond or nanosecond form, either byte order)."""
    data = path.read_bytes()
    if len(data) < 24:
        raise CaptureError(f"{path.name}: not a pcap file ({len(data)} bytes)")
    order, tick_s = _byte_order(data[:4], path)
    if (linktype := struct.unpack(order + "I", data[20:24])[0] & 0x0FFFFFFF) != _LINKTYPE_ETHERNET:
        raise CaptureError(f"{path.name}: link type {linktype}, expected Ethernet")
    at = 24
    while at + 16 <= len(data):
        seconds, ticks, kept, _ = struct.unpack(order + "IIII", data[at : at + 16])
        frame = data[at + 16 : at + 16 + kept]
        at += 16 + kept
        if (packet := _packet(frame, seconds + ticks * tick_s)) is not None:
            yield packet


def _byte_order(magic: bytes, path: Path) -> tuple[str, float]:
    for order in ("<", ">"):
        number = struct.unpack(order + "I", magic)[0]
        if number == 0xA1B2C3D4:
            return order, 1e-6
        if number == 0xA1B23C4D:
            return order, 1e-9
    raise CaptureError(f"{path.name}: not a pcap file")


def _packet(frame: bytes, at_s: float) -> Packet | None:
    if len(frame) < 34 or struct.unpack("!H", frame[12:14])[0] != _ETHERTYPE_IPV4:
        return None
    ip = frame[14:]
    header_bytes = (ip[0] & 0x0F) * 4
    total_bytes: int = struct.unpack("!H", ip[2:4])[0]
    protocol = _PROTOCOLS.get(ip[9])
    segment = ip[header_bytes:total_bytes]
    if protocol is None or len(segment) < 8:
        return None
    source_port, destination_port = struct.unpack("!HH", segment[:4])
    payload = (
        segment[8:] if protocol == "udp" else segment[(segment[12] >> 4) * 4 :] if len(segment) >= 20 else b""
    )
    return Packet(
        at_s=at_s,
        protocol=protocol,
        source=(str(ipaddress.IPv4Address(ip[12:16])), source_port),
        destination=(str(ipaddress.IPv4Address(ip[16:20])), destination_port),
        payload=payload,
    )
