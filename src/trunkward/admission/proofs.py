"""What a registration was recognised by that its connection does not show: a secret, an authority.

The gate writes it into each binding it makes; edge and gates let a binding stand while it is among what would
be recognised today. Address and certificate of its connection everybody can see (`edge.standing`).
"""

from collections.abc import Iterable

from trunkward.trunks.model import IdentifiedBy, Trunk

#: What would be recognised, each until when (seconds since the epoch; None: for good). None: nothing of the
#: kind is asked for.
type Proofs = tuple[tuple[str, float | None], ...] | None


def proof(trunk: Trunk, authority: str, secret: int) -> str:
    """Of one registration. `authority`: its name (`rows.authority_id`); `secret`: of the one it knew."""
    said = [f"secret {secret}"] if trunk.demands(IdentifiedBy.DIGEST) else []
    if trunk.certified_by is not None:
        said.append(f"{trunk.certified_by.subject} by {authority}")
    return ", ".join(said)


def proofs(trunk: Trunk, authority: str, secrets: Iterable[tuple[int, float | None]]) -> Proofs:
    """All that a trunk would be recognised by; `secrets` by number, each until when it is good."""
    if trunk.demands(IdentifiedBy.DIGEST):
        return tuple((proof(trunk, authority, number), until) for number, until in secrets)
    return ((proof(trunk, authority, 0), None),) if trunk.certified_by is not None else None
