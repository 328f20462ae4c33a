"""The configuration in force as one document: the accepted file, and what was issued for it."""

from dataclasses import replace
from typing import Any

import msgspec

from trunkward.control.node_file import declared_of, read_node_file
from trunkward.control.traceback_requests import OpenRequest
from trunkward.trunks.callers import NeverCalls, VerifiedNumber
from trunkward.trunks.evidence import NumberBlock
from trunkward.trunks.model import Declared
from trunkward.trunks.secret import SealedSecret
from trunkward.trunks.spending import Hold, Raise


class InForce(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted configuration."""

    #: Counts up with each change.
    version: int
    #: The node file's text, word for word.
    node_file: str
    #: The same as plain values (`control.node_file.Accepted.values`): whoever compiles it needs no YAML,
    #: which for 10,000 trunks takes longer than all the rest. None: it is read from the text.
    values: Any = None
    #: SHA-256 of the certificates issued here for a trunk (`client_certificate: issued`), by trunk name:
    #: the one in force first, then those before it whose time is not over.
    certificates: dict[str, list[str]]
    #: Evidence tokens by trunk name (`control.evidence_tokens`).
    evidence: dict[str, list[str]]
    #: Tokens that say whose a trunk is, by its name (`control.relationship_tokens`).
    relationships: dict[str, str] = {}
    #: SHA-256 of the public key (DER) that verifies these tokens; "" when it is not known.
    evidence_key: str = ""
    #: What inventories rest on (`control.blocks`).
    blocks: list[NumberBlock] = []
    #: By identity, the token of the contract with its provider (`control.contracts`).
    contracts: dict[str, str] = {}
    #: By id of evidence, the delegate certificate it rests on (PEM, leaf first).
    delegates: dict[str, str] = {}
    #: By trunk name, PEM of the authority its certificate must lead to (`client_certificate: {ca: ...}`).
    authorities: dict[str, str] = {}
    #: By the name of each carrier that speaks TLS, PEM of what its certificate must lead to.
    carrier_authorities: dict[str, str] = {}
    #: Secrets of trunks, sealed, by trunk name; the newest first.
    secrets: dict[str, list[SealedSecret]] = {}
    #: Days a tenant's calls are kept, where the file says so of it, or last said so of one that is gone.
    retention: dict[str, int] = {}
    #: The file of `node.destinations`, word for word; "" where none is named.
    destinations: str = ""
    #: The numbers trunks may show that are not theirs, and until when (`control.verified`).
    verified: list[VerifiedNumber] = []
    #: The lines of `node.do_not_originate`.
    do_not_originate: list[NeverCalls] = []
    #: Of the decks calls are rated by, the SHA-256 of their texts, by name (`control.decks.rated_by`).
    decks: dict[str, str] = {}
    #: Whose calls are held, and whose caps are raised until when (`control.spending`).
    holds: list[Hold] = []
    raises: list[Raise] = []
    #: Requests to trace a call back that are not answered (`control.traceback_requests`).
    traceback_requests: list[OpenRequest] = []

    def declared(self) -> Declared:
        """What the file declares, with what was issued and read for it filled in."""
        declared = (
            read_node_file(self.node_file, "the configuration in force")
            if self.values is None
            else declared_of(self.values)
        )
        kept = replace(declared.retention, tenants={**self.retention, **declared.retention.tenants})
        return self.filled_in(replace(declared, retention=kept))

    def filled_in(self, declared: Declared) -> Declared:
        """What its file declares, with fingerprints of issued certificates, and peers' authorities."""
        trunks = with_certificates(declared, self.certificates).trunks
        if self.authorities:
            trunks = tuple(
                replace(t, authority=self.authorities.get(t.name, "")) if t.certified_by else t
                for t in trunks
            )
        carriers = declared.carriers
        if self.carrier_authorities:
            carriers = tuple(replace(c, authority=self.carrier_authorities.get(c.name, "")) for c in carriers)
        return replace(declared, trunks=trunks, carriers=carriers)


def retention_of(declared: Declared, before: InForce | None) -> dict[str, int]:
    """`InForce.retention`: calls of a tenant that leaves are not kept for longer than was said to it."""
    own = declared.retention.tenants
    last = before.retention if before else {}
    return {name: days for name, days in last.items() if name not in declared.tenants} | dict(own)


def with_certificates(declared: Declared, certificates: dict[str, list[str]]) -> Declared:
    """Fills in the fingerprints of certificates the node's own authority issued."""
    trunks = tuple(
        replace(
            trunk,
            certificate_sha256=certificates[trunk.name][0],
            older_certificates=tuple(certificates[trunk.name][1:]),
        )
        if trunk.certificate_issued_here
        else trunk
        for trunk in declared.trunks
    )
    return replace(declared, trunks=trunks)
