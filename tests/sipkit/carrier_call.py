"""A call from the example's TLS carrier, or from its trunk in transit, as a gate screens it."""

from copy import replace
from pathlib import Path
from typing import Any

from sipkit.places import TABLE
from trunkward.admission.ports import PeerIdentity
from trunkward.admission.screen import Case, screen
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.control.node_file import read_node_file
from trunkward.sip.transport import Transport
from trunkward.trunks.transit import Role
from trunkward.trunks.verification import VerificationPolicy

EXAMPLE = Path(__file__).parents[2] / "examples" / "node.yaml"
CALLING, CALLED = "+12125550142", "+12025550101"
NOW = 1_790_000_000.0


SDP = """v=0\r
o=- 1 1 IN IP4 127.0.0.1\r
s=-\r
c=IN IP4 127.0.0.1\r
t=0 0\r
m=audio 40000 RTP/SAVP 0\r
a=crypto:1 AEAD_AES_256_GCM inline:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ=\r
"""


def snapshot_of(
    policy: VerificationPolicy | None = None,
    *,
    trusted: bool = True,
    verstat: bool = True,
    announcements: str = "",
) -> Snapshot:
    """The example, with its TLS carrier alone."""
    declared = read_node_file(EXAMPLE.read_text(encoding="utf-8"), "examples/node.yaml")
    [carrier] = [one for one in declared.carriers if one.name == "north"]
    so = replace(carrier, verification=policy or VerificationPolicy(), trusted=trusted)
    node = replace(declared.node, unsafe_fictional_numbers=True, announcements=announcements)
    trunk = replace(declared.trunks[0], verstat=verstat)
    world = replace(declared, node=node, carriers=(so,), trunks=(trunk,))
    return Snapshot(compile_snapshot(world, {}, 1, TABLE))


def call_in(
    identities: list[str],
    *,
    policy: VerificationPolicy | None = None,
    trusted: bool = True,
    verstat: bool = True,
    announcements: str = "",
    **changes: Any,
) -> Case:
    """The case; `changes` are the attempt's."""
    snapshot = snapshot_of(policy, trusted=trusted, verstat=verstat, announcements=announcements)
    carrier = snapshot.carriers[0]
    told: dict[str, Any] = {
        "id": "0" * 32,
        "at": NOW,
        "source_ip": str(carrier.networks[0].network_address),
        "source_port": 1,
        "transport": Transport.TLS,
        "local_ip": "127.0.0.1",
        "local_port": 5061,
        "ruri": f"sip:{CALLED}@127.0.0.1",
        "from_uri": f"sip:{CALLING}@north.example.net",
        "to_uri": f"sip:{CALLED}@127.0.0.1",
        "call_id": "c",
        "from_tag": "t",
        "headers": {"identity": identities} if identities else {},
        "content_type": "application/sdp",
        "body": SDP,
    }
    attempt = CallAttempt(**(told | changes))
    peer = PeerIdentity(
        certificate_sha256="0" * 64,
        dns_names=carrier.tls_names,
        chain_verified=True,
        authorities=frozenset({""}),
    )
    case = screen(attempt, peer, snapshot)
    assert case.source == snapshot.carriers[0], case.stranger
    return case


def call_in_transit(identities: list[str], policy: VerificationPolicy) -> Case:
    """The case of another provider's call that the example's trunk brings, for the carrier's numbers."""
    declared = read_node_file(EXAMPLE.read_text(encoding="utf-8"), "examples/node.yaml")
    trunk = replace(
        declared.trunks[0], certificate_sha256="ab" * 32, role=Role.INTERMEDIATE, verification=policy
    )
    node = replace(declared.node, unsafe_fictional_numbers=True)
    snapshot = Snapshot(compile_snapshot(replace(declared, node=node, trunks=(trunk,)), {}, 1, TABLE))
    attempt = replace(
        call_in(identities).attempt,
        source_ip=str(trunk.networks[0].network_address),
        from_uri=f"sip:{CALLING}@up.example.net",
    )
    case = screen(attempt, PeerIdentity(certificate_sha256="ab" * 32), snapshot)
    assert case.in_transit, case.stranger
    return case
