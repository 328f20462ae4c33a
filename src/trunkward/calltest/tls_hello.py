"""The TLS version and cipher of a connection, read from the ServerHello on the wire.

In TLS 1.3 the ServerHello is the last message in the clear (RFC 8446 section 4.1.3): it is what the server
really chose in this very connection, said by neither party's software.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from trunkward.calltest.capture import Packet

_HANDSHAKE = 22
_SERVER_HELLO = 2
_SUPPORTED_VERSIONS = 43
_VERSIONS = {0x0304: "TLSv1.3", 0x0303: "TLSv1.2", 0x0302: "TLSv1.1", 0x0301: "TLSv1"}
_CIPHERS = {
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0x1304: "TLS_AES_128_CCM_SHA256",
    0x1305: "TLS_AES_128_CCM_8_SHA256",
}
_HELLO_RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsChoice:
    """What a server chose: names as OpenSSL writes them, or the number in hexadecimal if it has none here."""

    version: str
    cipher: str
    server: tuple[str, int]
    client: tuple[str, int]


def tls_choices(packets: Iterable[Packet]) -> tuple[TlsChoice, ...]:
    """Every ServerHello among these packets, hello retry requests left out."""
    choices = (_server_hello(packet) for packet in packets if packet.protocol == "tcp")
    return tuple(choice for choice in choices if choice is not None)


def _server_hello(packet: Packet) -> TlsChoice | None:
    record = packet.payload
    # Record header (5), handshake type and length (4), legacy version (2), random (32), session id (1 + n).
    if len(record) < 44 or record[0] != _HANDSHAKE or record[1] != 3 or record[5] != _SERVER_HELLO:
        return None
    if record[11:43] == _HELLO_RETRY_RANDOM:
        return None
    at = 44 + record[43]
    if len(record) < at + 5:
        return None
    version = int.from_bytes(record[9:11])
    cipher = int.from_bytes(record[at : at + 2])
    extensions_end = at + 5 + int.from_bytes(record[at + 3 : at + 5])
    at += 5
    while at + 4 <= min(len(record), extensions_end):
        kind, length = int.from_bytes(record[at : at + 2]), int.from_bytes(record[at + 2 : at + 4])
        if kind == _SUPPORTED_VERSIONS and length == 2:
            version = int.from_bytes(record[at + 4 : at + 6])
        at += 4 + length
    return TlsChoice(
        version=_VERSIONS.get(version, f"0x{version:04x}"),
        cipher=_CIPHERS.get(cipher, f"0x{cipher:04x}"),
        server=packet.source,
        client=packet.destination,
    )
