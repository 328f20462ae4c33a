"""What a signer may give: by what `control` has signed, and not on the gate's word."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from trunkward.engines.signer_wire import SignRequest
from trunkward.shaken import contract as contract_tokens
from trunkward.shaken import evidence as evidence_tokens
from trunkward.shaken import relationship as relationship_tokens
from trunkward.shaken.attest import A_RULES
from trunkward.shaken.contract import Contract
from trunkward.shaken.evidence import CALLED_HERE, Evidence
from trunkward.shaken.relationship import Relationship

#: Opened tokens kept, of each kind: checking one costs more than the signature it allows.
OPENED_TOKENS = 4096


class NotPermitted(ValueError):
    """This is not signed; `reason` is a stable kebab-case code."""

    def __init__(self, reason: str) -> None:
        """Keep the code, which is also the message."""
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """What a level was given by."""

    #: Of A, B and what was supplied.
    relationship: Relationship | None = None
    #: Of A; of what was supplied the contract.
    evidence: Evidence | Contract | None = None


class _Opened[Said]:
    """What tokens say whose signature was found good, by their bytes."""

    def __init__(self, open_one: Callable[[Ed25519PublicKey, str], Said]) -> None:
        self._open = open_one
        self._kept: OrderedDict[str, Said] = OrderedDict()

    def of(self, key: Ed25519PublicKey, token: str) -> Said:
        kept = self._kept.get(token)
        if kept is not None:
            self._kept.move_to_end(token)
            return kept
        # raises for a bad token, which is therefore never kept
        said = self._kept[token] = self._open(key, token)
        if len(self._kept) > OPENED_TOKENS:
            self._kept.popitem(last=False)
        return said

    def forget(self) -> None:
        self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)


class Permits:
    """Decides for the signer of one identity; never a lower level instead: that is the gate's to ask for.

    Its methods raise `NotPermitted`, `EvidenceRefused`, `RelationshipRefused` or `ContractRefused`.
    """

    def __init__(
        self, name: str, key: Ed25519PublicKey, *, spc: str, third_party: bool, recorded_only: bool
    ) -> None:
        """`name` and `spc`: of the identity. `key`: `control`'s. `third_party`: its provider says the levels.

        `recorded_only`: what has no record behind it is no evidence, nor a contract.
        """
        self.name = name
        self.spc = spc
        self.third_party = third_party
        self.recorded_only = recorded_only
        #: Ids of evidence that was revoked, by the list `control` signed; None: there is one, and it is not
        #: to be believed.
        self.denied: frozenset[str] | None = frozenset()
        self._key = key
        self.evidence = _Opened(evidence_tokens.open_token)
        self.relationships = _Opened(relationship_tokens.open_token)
        self.contracts = _Opened(contract_tokens.open_token)

    def believe(self, key: Ed25519PublicKey) -> None:
        """What `control` signs with from now on; what another key has signed is worth nothing any more."""
        if key != self._key:
            self._key = key
            self.evidence.forget()
            self.relationships.forget()
            self.contracts.forget()

    def level(self, request: SignRequest, now: int) -> Proofs:
        """What the level of a call rests on.

        1. Where only the technical act is ours it is the one the obligated provider supplied. Everywhere else
           nobody supplies one: the provider decides itself (47 CFR 64.6301(b), FCC 24-120).
        2. Our own C names the ingress by which the call came (ATIS-1000074), and nothing is known beside it.
        3. For all else the trunk is declared to this signer. A supplied level is one of that provider's own
           switch, by the contract with him (47 CFR 64.6301(b)); a name the one that was declared with it (RFC
           9795).
        4. A and B name the customer (ATIS-1000074): the one whose trunk it is, with a KYC record that holds.
        5. A rests on evidence for the number.

        Beside another level than A nobody is named.
        """
        if request.level is None:
            raise NotPermitted("level-missing")
        if request.rcd is not None and request.level != "A":
            raise NotPermitted("name-beside-a-alone")
        # 1.
        self._supplied(request)
        # 2.
        if request.level == "C" and not self.third_party:
            if not request.ingress:
                raise NotPermitted("ingress-missing")
            return Proofs()
        # 3.
        said = self._related(request, now)
        if request.rcd is not None and (request.rcd.nam, request.rcd.crn or "") != (said.nam, said.crn):
            raise NotPermitted("name-of-another")
        if self.third_party:
            if not said.supplies_levels:
                raise NotPermitted("level-supplied-by-another")
            return Proofs(relationship=said, evidence=self._contract(request, now))
        # 4.
        if not request.customer:
            raise NotPermitted("customer-missing")
        if relationship_tokens.require_customer(said, now) != request.customer:
            raise NotPermitted("relationship-of-other-customer")
        # 5.
        proof = self._evidence(request, now) if request.level == "A" else None
        return Proofs(relationship=said, evidence=proof)

    def retargets(self, request: SignRequest, now: int) -> None:
        """RFC 8946 section 4: each number that diverted the call is the trunk's, by a token of its own."""
        for each in request.div:
            proof = self._prove(request, each.evidence, each.div, now)
            if proof.kind not in CALLED_HERE:
                raise NotPermitted("div-of-other-evidence")

    def _supplied(self, request: SignRequest) -> None:
        if not self.third_party:
            if request.supplied is not None:
                raise NotPermitted("level-supplied-by-another")
        elif request.supplied is None:
            raise NotPermitted("level-not-supplied")
        elif request.supplied != request.level:
            raise NotPermitted("level-other-than-supplied")

    def _related(self, request: SignRequest, now: int) -> Relationship:
        """Whose the trunk is, as `control` has declared to this signer."""
        if request.relationship is None:
            raise NotPermitted("relationship-missing")
        said = self.relationships.of(self._key, request.relationship)
        relationship_tokens.require(said, identity=self.name, trunk=request.trunk, now_s=now)
        return said

    def _contract(self, request: SignRequest, now: int) -> Contract | None:
        """By which its provider has us sign what he supplies; None: under the TEST authority by none."""
        if not self.recorded_only:
            return None
        if request.evidence is None:
            raise NotPermitted("contract-missing")
        said = self.contracts.of(self._key, request.evidence)
        contract_tokens.require(said, identity=self.name, spc=self.spc, now_s=now)
        self._not_denied("contract", said.id)
        return said

    def _evidence(self, request: SignRequest, now: int) -> Evidence:
        """What speaks for the number, of the kind that the rule names."""
        if request.evidence is None:
            raise NotPermitted("evidence-missing")
        proof = self._prove(request, request.evidence, request.orig, now)
        if request.rule != A_RULES[proof.kind]:
            raise NotPermitted("rule-of-other-evidence")
        return proof

    def _prove(self, request: SignRequest, token: str, number: str, now: int) -> Evidence:
        """What a token says of a number, for this trunk and customer, to this signer.

        Of the provider whose certificate it has now: a gate that is somebody's may have kept those of before.
        """
        proof = evidence_tokens.require(
            self.evidence.of(self._key, token),
            identity=self.name,
            trunk=request.trunk,
            customer=request.customer,
            tn=number,
            now_s=now,
        )
        if proof.spc != self.spc:
            raise NotPermitted("evidence-of-other-provider")
        if self.recorded_only and not proof.is_recorded:
            raise NotPermitted("evidence-without-record")
        if proof.is_recorded:
            self._not_denied("evidence", proof.id)
        return proof

    def _not_denied(self, kind: str, record: str) -> None:
        """Nothing by what was revoked, whatever the policy in force says, nor while nobody knows what was.

        What has no record behind it is revoked by no list.
        """
        if self.denied is None:
            raise NotPermitted("evidence-revocations-unknown")
        if record in self.denied:
            raise NotPermitted(f"{kind}-revoked")
