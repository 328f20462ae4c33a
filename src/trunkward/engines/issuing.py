"""Keys, certificates and evidence for a configuration: made where there are none, kept while good."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from trunkward.control.declared import InForce
from trunkward.control.do_not_originate import ListRefused
from trunkward.control.evidence import denied_by
from trunkward.control.node_file import Accepted
from trunkward.engines.certificates import accepted_fingerprints
from trunkward.engines.checked_files import NotPrepared, check_files
from trunkward.engines.denied_file import deny
from trunkward.engines.destinations_file import DestinationsUnreadable, destinations_text
from trunkward.engines.number_lists import never_calls
from trunkward.engines.peer_authorities import authorities_of_carriers, authorities_of_trunks
from trunkward.engines.pki_facts import pki_facts, pki_owners
from trunkward.engines.pki_files import PkiFiles, ensure_pki
from trunkward.engines.tokens import tokens_for
from trunkward.settings import Paths
from trunkward.trunks.callers import NeverCalls
from trunkward.trunks.evidence import EvidenceRecord, NumberBlock


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """What was issued for a configuration."""

    certificates: dict[str, list[str]]
    evidence: dict[str, list[str]]
    relationships: dict[str, str]
    evidence_key: str
    #: What the evidence of inventories rests on.
    blocks: list[NumberBlock]
    #: By identity: what supplied levels rest on.
    contracts: dict[str, str]
    #: Not issued, but read beside it: the file of `node.destinations`.
    destinations: str
    #: PEM of trunks' own authorities, by trunk.
    authorities: dict[str, str]
    #: The same by carrier.
    carrier_authorities: dict[str, str]
    #: Not issued, but read beside it: the lines of `node.do_not_originate`.
    do_not_originate: list[NeverCalls]


def issued_of(in_force: InForce) -> Issued:
    """What was issued for what is in force."""
    return Issued(
        certificates=in_force.certificates,
        evidence=in_force.evidence,
        relationships=in_force.relationships,
        evidence_key=in_force.evidence_key,
        blocks=in_force.blocks,
        contracts=in_force.contracts,
        destinations=in_force.destinations,
        authorities=in_force.authorities,
        carrier_authorities=in_force.carrier_authorities,
        do_not_originate=in_force.do_not_originate,
    )


def issue(
    paths: Paths,
    accepted: Accepted,
    before: InForce | None,
    *,
    records: Sequence[EvidenceRecord],
    now: datetime,
    tell: Callable[[str], None],
    only: frozenset[str] | None = None,
) -> Issued:
    """Keys, certificates and evidence for a configuration, and what its files say; what is good is kept.

    `records`: all records of evidence that are as they were journaled (`control.evidence_journal.sound`).
    `only`: the peers whose certificates and evidence are looked at, where the others were in force a moment
    ago (to look at 10,000 takes seconds); None looks at all.
    """
    declared = accepted.declared
    try:
        destinations = destinations_text(declared.node.destinations_file)
    except DestinationsUnreadable as problem:  # read before, and changed meanwhile
        raise NotPrepared(f"node.destinations: {problem}") from None
    try:
        never = list(never_calls(declared.node.do_not_originate_file))
    except ListRefused as refused:  # read before, and changed meanwhile
        raise NotPrepared(f"node.do_not_originate: {refused.wrong[0]}") from None
    first = not PkiFiles(paths.pki).sip_authority.exists()
    check_files(paths, declared, now)
    for change in ensure_pki(paths.pki, pki_facts(declared, paths, only), pki_owners(), now=now):
        if not first:
            tell(change)
    pki = PkiFiles(paths.pki)
    known = before.certificates if before and only is not None else {}
    certificates = {
        t.name: known[t.name]
        if only is not None and t.name not in only and t.name in known
        else accepted_fingerprints(pki, t.name, now=now)
        for t in declared.trunks
        if t.certificate_issued_here
    }
    # after a key was made anew it is signed anew, too
    if lost := deny(paths, denied_by(records, now.timestamp()), now.timestamp()):
        tell(lost)
    tokens = tokens_for(paths, declared, records, before, now=now, only=only)
    return Issued(
        certificates=certificates,
        evidence=tokens.evidence,
        relationships=tokens.relationships,
        evidence_key=tokens.evidence_key,
        blocks=tokens.blocks,
        contracts=tokens.contracts,
        authorities=authorities_of_trunks(declared),
        carrier_authorities=authorities_of_carriers(declared, pki),
        destinations=destinations,
        do_not_originate=never,
    )
