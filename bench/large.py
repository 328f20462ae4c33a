"""A policy as large as that of a provider of some size, and calls by it. Test data: numbers of nobody."""

from __future__ import annotations

import ipaddress
import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from sipkit.places import place
from trunkward.calls.attempt import Transport
from trunkward.control.node_file import read_node_file
from trunkward.numbering.area_codes import AREA_CODES
from trunkward.numbering.destinations import Destination, Kind
from trunkward.settings import Paths, snapshot_name
from trunkward.trunks.model import Carrier, Declared, Host, Limits, MediaPolicy, Trunk

#: Such as are assigned, and can be dialled.
_AREAS = AREA_CODES["US"].split()
_EXCHANGES = [number for number in range(200, 1000) if number % 100 != 11 and number != 555]
EXAMPLE = Path(__file__).parents[1] / "examples" / "node.yaml"
SDP = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 40000 RTP/SAVP 8\r\n"
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\r\n"
)


def attempt_of(trunk: int, called: str, pem: str = "") -> dict[str, object]:
    """A call of a trunk from its own number; `pem` is its certificate."""
    return {
        "kind": "attempt",
        "id": os.urandom(16).hex(),
        "at": time.time(),
        "source_ip": "192.0.2.1",
        "source_port": 5061,
        "transport": "tls",
        "local_ip": "192.0.2.254",
        "local_port": 5061,
        "tls": {"version": "TLSv1.3", "cipher": "x", "peer_certificate": pem, "peer_verified": False},
        "ruri": f"sip:{called}@sbc.example.com",
        "from_uri": f"sip:{own_number(trunk)}@pbx.example.com",
        "to_uri": f"sip:{called}@sbc.example.com",
        "call_id": os.urandom(8).hex(),
        "from_tag": "t",
        "content_type": "application/sdp",
        "body": SDP,
    }


def large_declared(prefixes: int, trunks: int, certificate: x509.Certificate) -> Declared:
    """Test data: numbers of nobody; the first trunk shows the certificate of the calls."""
    example = read_node_file(EXAMPLE.read_text(encoding="utf-8"), "node.yaml")
    network = ipaddress.ip_network("192.0.2.0/24")
    shown = certificate.fingerprint(SHA256()).hex()
    return replace(
        example,
        trunks=tuple(
            Trunk(
                name=f"pbx-{index}",
                tenant=f"tenant-{index % 100}",
                networks=(network,),
                certificate_sha256=shown if not index else f"{index:064x}",
                certificate_issued_here=False,
                numbers=(own_number(index),),
                host=None,
                # more than are placed: none is refused for being one too many
                limits=Limits(calls=100_000, international=100_000, per_second=10_000),
            )
            for index in range(trunks)
        ),
        carriers=tuple(
            Carrier(
                name=f"carrier-{part}",
                hosts=(Host(host="203.0.113.1", port=5061),),
                transport=Transport.TLS,
                media=MediaPolicy.SRTP,
                prefixes=tuple(prefix_of(index) for index in range(part, prefixes, 10)),
                networks=(network,),
                tls_names=("north.example.net",),
            )
            for part in range(10)
        ),
    )


def called_of(number: int, prefixes: int) -> str:
    """Another number for each call, all over the deck."""
    return f"{prefix_of(number * 7919 % prefixes)}000"


def prefix_of(index: int) -> str:
    """An area code, an exchange and one digit: as fine as rate tables are."""
    area, rest = divmod(index, 10 * len(_EXCHANGES))
    return f"+1{_AREAS[area]}{_EXCHANGES[rest // 10]}{rest % 10}"


def own_number(index: int) -> str:
    """A trunk's: 555-01xx are nobody's, a hundred in each area."""
    return f"+1{_AREAS[index // 100]}555{100 + index % 100:04d}"


def certificate_of_nobody() -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pbx-0")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return builder.sign(key, SHA256())


def turn_to(paths: Paths, version: int) -> None:
    part = paths.policy / "current.part"
    part.symlink_to(snapshot_name(version))
    part.rename(paths.policy / "current")


def destinations(prefixes: int) -> dict[str, Destination]:
    """What lies behind as many prefixes, as a carrier's rate deck has it."""
    return {
        prefix_of(index)[1:]: place("US", Kind.FIXED_OR_MOBILE, 1_000 + index % 500 * 100)
        for index in range(prefixes)
    }
