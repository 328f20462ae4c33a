"""A single question to the plain listener, from a chosen address."""

import socket

from wire.node.parties import SBC_PLAIN

OPTIONS = (
    b"OPTIONS sip:sbc.example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.3:5060;branch=z9hG4bKplain;rport\r\n"
    b"Max-Forwards: 70\r\nFrom: <sip:x@example.com>;tag=1\r\nTo: <sip:sbc.example.com>\r\nCall-ID: plain\r\n"
    b"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


def asked_from(address: str, within_s: float = 1.0) -> bytes:
    """What it is answered within so many seconds; nothing if it is not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        probe.settimeout(within_s)
        probe.sendto(OPTIONS.replace(b"127.0.0.3", address.encode()), (SBC_PLAIN.host, SBC_PLAIN.port))
        try:
            return probe.recv(4096)
        except (TimeoutError, ConnectionRefusedError):
            return b""
