import struct
from pathlib import Path

import pytest

from trunkward.calltest.capture import CaptureError, capture_filter, read_packets
from trunkward.calltest.parties import LabParty, Media, NotALabError, PartyKind, Transport
from trunkward.calltest.tls_hello import tls_choices


def party(sip_host: str = "127.0.0.1", transport: Transport = Transport.UDP) -> LabParty:
    return LabParty(
        kind=PartyKind.CARRIER,
        name="south",
        sip_host=sip_host,
        sip_port=35060,
        transport=transport,
        media=Media.PLAIN,
        numbers=("+13035550142",),
        sbc_host="127.0.0.10",
        sbc_port=5060,
    )


def frame(protocol: int, ports: tuple[int, int], payload: bytes) -> bytes:
    head = struct.pack("!HH", *ports)
    segment = head + (bytes(4) if protocol == 17 else bytes(8) + b"\x50" + bytes(7)) + payload
    ip = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(segment), 0, 0, 64, protocol, 0, b"\x7f\0\0\x01", b"\x7f\0\0\x0a"
    )
    return bytes(12) + b"\x08\x00" + ip + segment


def pcap(path: Path, *frames: bytes) -> Path:
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for at, one in enumerate(frames):
        data += struct.pack("<IIII", 100 + at, 500_000, len(one), len(one)) + one
    path.write_bytes(data)
    return path


def test_udp_and_tcp_are_read(tmp_path: Path) -> None:
    path = pcap(
        tmp_path / "p", frame(17, (18000, 30000), b"media"), frame(6, (40000, 5061), b"tls"), b"short"
    )
    packets = list(read_packets(path))
    assert [(p.protocol, p.source[1], p.destination, p.payload) for p in packets] == [
        ("udp", 18000, ("127.0.0.10", 30000), b"media"),
        ("tcp", 40000, ("127.0.0.10", 5061), b"tls"),
    ]
    assert packets[0].at_s == 100.5


def test_a_capture_broken_off_in_a_packet_gives_what_is_whole(tmp_path: Path) -> None:
    path = pcap(tmp_path / "p", frame(17, (1, 2), b"one"))
    path.write_bytes(path.read_bytes() + b"\x00" * 7)
    assert len(list(read_packets(path))) == 1


@pytest.mark.parametrize("content", [b"", b"x" * 30])
def test_a_file_that_is_no_capture_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p").write_bytes(content)
    with pytest.raises(CaptureError, match="not a pcap"):
        list(read_packets(tmp_path / "p"))


@pytest.mark.parametrize(
    ("extension", "version"), [(b"\x00\x2b\x00\x02\x03\x04", "TLSv1.3"), (b"", "TLSv1.2")]
)
def test_the_server_hello_tells_version_and_cipher(tmp_path: Path, extension: bytes, version: str) -> None:
    hello = (
        b"\x03\x03" + b"\x11" * 32 + b"\x20" + bytes(32) + b"\x13\x02\x00" + struct.pack("!H", len(extension))
    )
    body = hello + extension
    record = b"\x16\x03\x03" + struct.pack("!H", len(body) + 4) + b"\x02" + len(body).to_bytes(3) + body
    (choice,) = tls_choices(read_packets(pcap(tmp_path / "p", frame(6, (5061, 40000), record))))
    assert (choice.version, choice.cipher) == (version, "TLS_AES_256_GCM_SHA384")


def test_the_filter_shows_only_the_party() -> None:
    assert capture_filter(party()) == "(host 127.0.0.1 and port 35060) or udp portrange 18000-18099"


def test_a_party_that_is_not_here_is_refused() -> None:
    with pytest.raises(NotALabError, match=r"carrier south is at 192\.0\.2\.1"):
        party(sip_host="192.0.2.1")


def test_tls_without_files_is_refused() -> None:
    with pytest.raises(NotALabError, match="no certificate file"):
        party(transport=Transport.TLS)
