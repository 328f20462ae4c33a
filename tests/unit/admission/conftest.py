"""The laboratory of examples/node.yaml as a compiled policy, and attempts that come to it."""

from collections.abc import Callable
from copy import replace
from pathlib import Path
from typing import Any

import pytest

from sipkit.places import TABLE
from sipkit.tokens import token, whose
from trunkward.admission.ports import NOTHING_ASKED, Facts, PeerIdentity, Signature
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.control.node_file import read_node_file
from trunkward.shaken.attest import Attestation
from trunkward.sip.transport import Transport
from trunkward.trunks.callers import CallerRule
from trunkward.trunks.model import Declared

EXAMPLE = Path(__file__).parents[3] / "examples" / "node.yaml"
#: Fingerprints stand for certificates: reading those is the gate's.
PBX = "ab" * 32
NOW = 1_800_000_000
SRTP = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 40000 RTP/SAVP 8\r\n"
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\r\n"
)
RTP = "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"

type Attempt = Callable[..., CallAttempt]


@pytest.fixture(scope="session")
def declared() -> Declared:
    """The example, its issued certificate known, and without its rule for callers: foreign ones are refused."""
    read = read_node_file(EXAMPLE.read_text(), "examples/node.yaml")
    known = (replace(t, certificate_sha256=PBX, caller=CallerRule()) for t in read.trunks)
    return replace(read, trunks=tuple(known))


@pytest.fixture(scope="session")
def policy(declared: Declared) -> Snapshot:
    """Compiled, with evidence for two of the three numbers."""
    evidence = [token(number) for number in declared.trunks[0].numbers[:2]]
    return Snapshot(compile_snapshot(declared, evidence, 7, TABLE, relationships=whose(declared)))


@pytest.fixture
def pbx() -> PeerIdentity:
    """The customer's PBX."""
    return PeerIdentity(certificate_sha256=PBX)


@pytest.fixture
def north() -> PeerIdentity:
    """The TLS carrier."""
    return PeerIdentity(certificate_sha256="cd" * 32, dns_names=("North.example.net",), chain_verified=True)


@pytest.fixture
def outbound() -> Attempt:
    """From the PBX to a number of carrier north's."""

    def make(called: str = "+12025550199", calling: str = "+12025550101", **changed: Any) -> CallAttempt:
        values: dict[str, Any] = {
            "id": "a1",
            "at": float(NOW),
            "source_ip": "127.0.0.1",
            "source_port": 50000,
            "transport": Transport.TLS,
            "local_ip": "127.0.0.10",
            "local_port": 5061,
            "ruri": f"sip:{called}@sbc.example.com",
            "from_uri": f"sip:{calling}@pbx.acme.example.com",
            "to_uri": f"sip:{called}@sbc.example.com",
            "call_id": "c1",
            "from_tag": "t1",
            "content_type": "application/sdp",
            "body": SRTP,
        }
        return CallAttempt(**values | changed)

    return make


@pytest.fixture
def inbound() -> Attempt:
    """From the plain carrier to a number of acme's."""

    def make(called: str = "+12025550101", calling: str = "+13035550142", **changed: Any) -> CallAttempt:
        values: dict[str, Any] = {
            "id": "a2",
            "at": float(NOW),
            "source_ip": "127.0.0.41",
            "source_port": 35060,
            "transport": Transport.UDP,
            "local_ip": "127.0.0.10",
            "local_port": 5060,
            "ruri": f"sip:{called}@127.0.0.10",
            "from_uri": f"sip:{calling}@south.example.net",
            "to_uri": f"sip:{called}@127.0.0.10",
            "call_id": "c2",
            "from_tag": "t2",
            "content_type": "application/sdp",
            "body": RTP,
        }
        return CallAttempt(**values | changed)

    return make


@pytest.fixture
def plain_sdp() -> str:
    """An offer without SRTP."""
    return RTP


@pytest.fixture
def signed() -> Callable[..., Facts]:
    """Facts with a signature of a level and an age in seconds."""

    def make(
        level: Attestation = Attestation.A, age_s: int = 0, identity: str = "e.p.s;info=<https://x>"
    ) -> Facts:
        signature = Signature(identities=(identity,), date="a date", iat=NOW - age_s, attest=level)
        return Facts(signature=signature, clock_synchronised=True, live=replace(NOTHING_ASKED, reserved=True))

    return make
