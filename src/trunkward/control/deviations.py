"""What a configuration allows that the secure default would not: named, never hidden."""

from dataclasses import dataclass

from trunkward.calls.attempt import Transport
from trunkward.trunks.model import Declared, MediaPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One deviation: where it is declared, what it means for calls."""

    where: str
    what: str


def deviations(declared: Declared) -> list[Deviation]:
    """Every deviation of a configuration, in the file's order."""
    found = [
        Deviation(
            where=f"trunk {trunk.name}", what="recognised by network alone, without a client certificate"
        )
        for trunk in declared.trunks
        if trunk.enabled and not trunk.certificate_sha256
    ]
    found += [
        Deviation(
            where=f"trunk {trunk.name}",
            what=f"may speak TLS 1.2, on port {declared.node.tls12_port} and where we connect to it",
        )
        for trunk in declared.trunks
        if trunk.unsafe_tls12
    ]
    for carrier in declared.carriers:
        if not carrier.enabled:
            continue
        where = f"carrier {carrier.name}"
        if carrier.transport is not Transport.TLS:
            found.append(
                Deviation(where=where, what=f"signalling in clear over {carrier.transport.value.upper()}")
            )
            if any(host.is_name for host in carrier.hosts):
                what = "found by DNS, which nothing proves here: who commands its DNS gets its calls"
                found.append(Deviation(where=where, what=what))
        if carrier.media is MediaPolicy.RTP:
            found.append(Deviation(where=where, what="media in clear (RTP)"))
    if not any(carrier.enabled and carrier.emergency for carrier in declared.carriers):
        what = "no enabled carrier has `emergency: true`: nobody takes emergency calls"
        found.append(Deviation(where="node", what=what))
    if declared.node.unsafe_unanchored_media:
        found.append(Deviation(where="node", what="media is not anchored: SDP and its keys pass as they are"))
    if declared.node.unsafe_trusted_clock:
        what = "calls are signed by a clock nobody knows to be synchronised (RFC 8224 section 4.1)"
        found.append(Deviation(where="node", what=what))
    # The engine, not the file: Debian 13's rtpengine 12.5.1.31 has no `recrypt` (CVE-2025-53399);
    # what closes it here is in docs/media.md
    return found
