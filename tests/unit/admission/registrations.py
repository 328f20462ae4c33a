"""A policy whose trunk registers, and what its PBX sends."""

from copy import replace
from typing import Any

from sipkit.places import TABLE
from trunkward.admission.ports import PeerIdentity
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.registration import RegisterAttempt
from trunkward.sip.transport import Transport
from trunkward.trunks.model import Declared

PBX = "ab" * 32
NOW = 1_800_000_000.0
CONTACT = "sip:acme-hq@10.0.0.7:40001;transport=tls"
INSTANCE = "<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"


def registering(declared: Declared, **changed: Any) -> Snapshot:
    """The policy with its trunk registering."""
    own = {"host": None, "tls_names": (), "registers": True} | changed
    trunks = tuple(replace(trunk, **own) for trunk in declared.trunks)
    return Snapshot(compile_snapshot(replace(declared, trunks=trunks), {}, 7, TABLE))


def peer() -> PeerIdentity:
    """The trunk's PBX."""
    return PeerIdentity(certificate_sha256=PBX)


def register(contact: str | list[str] = f"<{CONTACT}>", **changed: Any) -> RegisterAttempt:
    """A REGISTER of it; `expires`, `supported`, `require` go into its headers."""
    headers = {"contact": [contact] if isinstance(contact, str) else contact}
    for name in ("expires", "supported", "require"):
        if name in changed:
            headers[name] = [changed.pop(name)]
    values: dict[str, Any] = {
        "id": "a" * 32,
        "edge": "e1",
        "at": NOW,
        "source_ip": "127.0.0.1",
        "source_port": 40001,
        "transport": Transport.TLS,
        "local_ip": "127.0.0.10",
        "local_port": 5061,
        "ruri": "sip:sbc.example.com",
        "from_uri": "sip:acme-hq@sbc.example.com",
        "to_uri": "sip:acme-hq@sbc.example.com",
        "call_id": "r1",
        "cseq": 1,
        "headers": headers | {"user-agent": ["PBX/1"]},
        "flow": "flow1",
    }
    return RegisterAttempt(**values | changed)
