"""A party's end of DTLS-SRTP media (RFC 5764): openssl shakes hands, this side seals and opens.

SRTP and DTLS share one socket (RFC 7983). The socket is the leg's; what is DTLS is handed on to an
`openssl s_server` on a port of its own, and back.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from sipkit import sdp
from sipkit.certificates import Credential, ThrowawayAuthority
from sipkit.transport import Address
from wire.media.legs import CM, GCM, Leg, Socket, open_socket, where
from wire.media.srtp import Stream

#: OpenSSL's names (RFC 5764 section 4.1.2, RFC 7714 section 14.2) and the bytes of key and of salt.
PROFILES = {
    CM: ("SRTP_AES128_CM_SHA1_80", 16, 14),
    GCM: ("SRTP_AEAD_AES_256_GCM", 32, 12),
}
_KEYS = re.compile(rb"Keying material: ([0-9A-F]+)")
_PEER = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.DOTALL)
#: rtpengine begins it again after 1, 2, 4 and 8 s, if nobody was there to hear it.
_HANDSHAKE_S = 20.0


class _Shared(Socket):
    """The leg's socket: SRTP is kept, DTLS goes to the relay."""

    relay: Any = None
    peer: Any = None
    #: While set, no DTLS gets through.
    deaf = False

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not 20 <= data[0] <= 63:  # RFC 7983 section 7
            super().datagram_received(data, addr)
        elif not self.deaf:
            self.peer = addr
            self.relay.sendto(data)


class _Relay(asyncio.DatagramProtocol):
    """What openssl says goes out by the leg's socket."""

    def __init__(self, shared: _Shared) -> None:
        self.shared = shared

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.shared.transport.sendto(data, self.shared.peer)


class DtlsLeg(Leg):
    """One party's end, which offers `actpass` and is the server of the handshake when it is answered so."""

    def __init__(self, name: str, port: int, suite: str, ssrc: int, credential: Credential) -> None:
        super().__init__(name, port, sdp.Profile.DTLS, (suite,), ssrc)
        self.suite = suite
        #: What our descriptions say our certificate is.
        self.fingerprint = fingerprint(credential.certificate.read_bytes())
        self.said = b""
        self.openssl: Any = None

    def session(self, offered: str) -> str:
        """Our description, with the fingerprint."""
        text = super().session(offered)
        text = re.sub(r"a=fingerprint:[^\r\n]*", f"a=fingerprint:sha-256 {self.fingerprint}", text)
        self.described[-1] = text
        return text

    def agree(self, remote: str) -> str:
        """Takes the address of the other description; keys come from the handshake."""
        self.remote = where(remote)
        assert "a=crypto" not in remote
        assert "a=setup:active" in remote
        return ""

    async def shake_hands(self, remote: str) -> None:
        """Waits for the handshake and takes its keys; the peer's certificate is the one it described."""
        async with asyncio.timeout(_HANDSHAKE_S):
            while (found := _KEYS.search(self.said)) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        certificate = _PEER.search(self.said)
        assert certificate is not None
        assert f"a=fingerprint:sha-256 {fingerprint(certificate[0])}".lower() in remote.lower()
        _, key, salt = PROFILES[self.suite]
        material = bytes.fromhex(found[1].decode())
        # RFC 5764 section 4.2: client's key, server's key, client's salt, server's salt
        client = material[:key] + material[2 * key : 2 * key + salt]
        server = material[key : 2 * key] + material[2 * key + salt : 2 * key + 2 * salt]
        self.sends = Stream(suite=self.suite, key=base64.b64encode(server).decode())
        self.receives = Stream(suite=self.suite, key=base64.b64encode(client).decode())


@asynccontextmanager
async def open_dtls_leg(
    name: str, port: int, suite: str, ssrc: int, directory: Path
) -> AsyncIterator[DtlsLeg]:
    """A leg and its openssl, ended at the end."""
    credential = ThrowawayAuthority(directory).issue(name)
    leg = DtlsLeg(name, port, suite, ssrc, credential)
    loop = asyncio.get_running_loop()
    shared = _Shared()
    await loop.create_datagram_endpoint(lambda: shared, local_addr=("127.0.0.1", port))
    leg.rtp, leg.rtcp = shared, await open_socket(port + 1)
    server = Address(host="127.0.0.1", port=port + 2)
    profile, key, salt = PROFILES[suite]
    leg.openssl = await asyncio.create_subprocess_exec(
        "openssl", "s_server", "-dtls1_2", "-accept", str(server),
        "-cert", str(credential.certificate), "-key", str(credential.key), "-Verify", "1",
        "-use_srtp", profile,
        "-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", str(2 * (key + salt)),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip

    async def listen() -> None:
        while part := await leg.openssl.stdout.read(65_536):
            leg.said += part

    listening = asyncio.create_task(listen())
    while b"ACCEPT" not in leg.said:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    shared.relay, _ = await loop.create_datagram_endpoint(
        lambda: _Relay(shared), remote_addr=(server.host, server.port)
    )
    try:
        yield leg
    finally:
        shared.relay.close()
        leg.rtp.transport.close()
        leg.rtcp.transport.close()
        leg.openssl.kill()
        await leg.openssl.wait()
        await listening


def fingerprint(pem: bytes) -> str:
    """As `a=fingerprint` writes it (RFC 8122 section 5)."""
    return x509.load_pem_x509_certificate(pem).fingerprint(SHA256()).hex(":").upper()


def other_fingerprint() -> str:
    """Of a certificate nobody has."""
    return ":".join(["AB"] * 32)
