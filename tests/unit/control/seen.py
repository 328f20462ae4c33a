"""What was seen of a healthy node, for whoever makes something of it."""

from dataclasses import replace
from typing import Any

from trunkward.control.health_facts import ClockFacts, Facts, Part, PartFacts

NOW = 1_800_000_000.0
KINDS = {
    "kamailio": Part.KAMAILIO,
    "gate-0": Part.GATE,
    "gate-1": Part.GATE,
    "valkey": Part.VALKEY,
    "signer": Part.SIGNER,
    "rtpengine": Part.RTPENGINE,
    "worker": Part.WORKER,
    "acme": Part.ACME,
    "certificates": Part.CERTIFICATES,
    "web": Part.WEB,
}


def facts(*lost: str, policy: dict[str, int] | None = None, **changed: Any) -> Facts:
    """A healthy node, but for the parts named."""
    parts = tuple(
        PartFacts(
            name=name,
            part=kind,
            problem="gone" if name in lost else "",
            policy_version=(policy or {}).get(name, 7) if kind is Part.GATE else None,
        )
        for name, kind in KINDS.items()
    )
    well = Facts(
        now=NOW,
        parts=parts,
        policy_version=7,
        policy_since=NOW - 60,
        clock=ClockFacts(synchronised=True, trusted=False),
    )
    return replace(well, **changed)
