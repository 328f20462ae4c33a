"""Making what `web` may know out of a configuration: by whom the whole of it is known."""

from trunkward.control import evidence_tokens, relationship_tokens
from trunkward.control.declared import InForce
from trunkward.control.deviations import deviations
from trunkward.control.shown import TEST, Shown, certificate_sources, identity_sources, signing_sources
from trunkward.trunks.model import Declared


def first_token_to_end(in_force: InForce) -> float | None:
    """When the first token that is renewed by itself ends, in seconds since the epoch; None when none is."""
    ends = (
        evidence_tokens.first_to_end(in_force.evidence, in_force.blocks),
        relationship_tokens.first_to_end(in_force.relationships),
    )
    return min(filter(None, ends), default=None)


def half_over(in_force: InForce, now: float) -> bool:
    """Whether the first of those has lived for half of its time; `now` in seconds since the epoch."""
    ends = first_token_to_end(in_force)
    return ends is not None and ends - now < evidence_tokens.LIFETIME_S / 2


def shown(in_force: InForce, declared: Declared, since: float) -> Shown:
    """What may be known of a configuration put in force at `since`; `declared` is what it declares."""
    node = declared.node
    return Shown(
        version=in_force.version,
        since=since,
        gates=node.gates,
        addresses=[str(address) for address in node.addresses],
        tls_port=node.tls_port,
        clock_trusted=node.unsafe_trusted_clock,
        media_anchored=not node.unsafe_unanchored_media,
        issued=[trunk.name for trunk in declared.trunks if trunk.certificate_issued_here]
        + [carrier.name for carrier in declared.carriers if carrier.certificate_issued_here],
        certificates=certificate_sources(declared),
        identities=identity_sources(declared),
        tested=[name for name, source in signing_sources(declared).items() if source == TEST],
        evidence_until=first_token_to_end(in_force),
        customers_until=min(
            (t.customer.until_s for t in declared.trunks if t.customer and not t.in_transit), default=None
        ),
        deviations=[(found.where, found.what) for found in deviations(declared)],
    )
