"""By which rule a trunk's call is signed: what the policy knows of it, put to the rules (`shaken.attest`)."""

import msgspec

from trunkward.admission.snapshot import Snapshot
from trunkward.shaken.attest import Attestation, Came, Ingress, Lack, Rule, decide_attestation
from trunkward.shaken.evidence import Kind
from trunkward.shaken.number import canonical_tn
from trunkward.trunks.destinations import is_home
from trunkward.trunks.model import Trunk
from trunkward.trunks.transit import Role


class Attested(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided on the level of a call, and what that rests on."""

    rule: Rule
    #: None: not signed by us.
    level: Attestation | None
    #: What it lacks for a higher level.
    lack: Lack | None = None
    #: Reference of the KYC record; "": there is none.
    customer: str = ""
    #: Of the evidence that A rests on, or the contract that a supplied level does; or that would have been it
    #: but for `lack`.
    evidence_id: str = ""
    evidence_version: int = 0
    #: The token without which the signer gives no A, and nothing supplied; None for everything else.
    token: str | None = None


def attesting(
    source: Trunk,
    number: str,
    policy: Snapshot,
    at: float,
    *,
    emergency: bool = False,
    came: Came = Came.UNSIGNED,
) -> Attested:
    """The rule for a call of a trunk that shows a number, at a time in seconds since the epoch.

    `came`: what it came signed with, of a call in transit. Whoever is a trunk here has proved it
    (`admission.identify`); a number that another tenant was given since is nobody else's, unless by a record
    that holds: then the other one's inventory speaks for nothing (`control.evidence_tokens`).
    """
    tn = canonical_tn(number)
    owner = policy.number_owner(number)
    own = owner is not None and owner.name == source.name
    lost = owner is not None and owner.tenant != source.tenant
    known = {
        said: token
        for said, token in policy.evidence(tn).items()
        if own or (said.kind is not Kind.OWN_INVENTORY and (not lost or at < said.not_after))
    }
    related = policy.relationship(source.name)
    decision = decide_attestation(
        Ingress(
            trunk=source.name,
            identity=policy.identity_of(source).name,
            role=source.role,
            authenticated=True,
            relationship=related[0] if related else None,
            orig_tn=tn,
            evidence=tuple(known),
            came=came,
            domestic=source.role is Role.GATEWAY and _is_domestic(number, policy),
            emergency=emergency,
        ),
        int(at),
    )
    proof = decision.evidence
    return Attested(
        rule=decision.rule,
        level=decision.level,
        lack=decision.lack,
        customer=source.customer.reference if source.customer else "",
        evidence_id=proof.id if proof else "",
        evidence_version=proof.version if proof else 0,
        token=known[proof] if proof and decision.level is Attestation.A else None,
    )


def _is_domestic(number: str, policy: Snapshot) -> bool:
    _, place = policy.place(number)
    return place.country == policy.node.region or is_home(place, policy.node.region)
