"""`trunkward why`: why one call was signed as it was, on one page."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from math import inf
from typing import Any

import msgspec
from cryptography import x509
from rich.text import Text

from trunkward.cli.calls import console, find_one, with_records
from trunkward.cli.configured import Configured, configured
from trunkward.control.configuration import Version
from trunkward.control.evidence import described
from trunkward.control.evidence_journal import borne_out, unlike_journal
from trunkward.control.shown_certificate import MAX_CHAIN_BYTES
from trunkward.control.signer_line import Journaled, opened
from trunkward.control.why import Certificate, Known, document, lines
from trunkward.engines.journal_proof import ProvenLine, proven_line, values_of
from trunkward.engines.journals import KeyUnusable, read_public_key
from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.signed_lines import NamedLine, signed_between
from trunkward.engines.whole_file import read_plain
from trunkward.journal.chain import Entry
from trunkward.journal.examine import told
from trunkward.journal.witness import APART_S
from trunkward.settings import Paths
from trunkward.shaken.attest import Rule
from trunkward.shaken.profile import tn_auth_list_of
from trunkward.store.records import RecordStore
from trunkward.trunks.evidence import BLOCK, CONTRACT, GRACE_S, EvidenceRecord
from trunkward.trunks.transit import OF_NODE


def run(paths: Paths, name: str, *, as_json: bool) -> int:
    """Says why; 1 when there is no such call, or more than one, 2 without records."""

    def shown(store: RecordStore) -> int:
        call = find_one(store, name)
        if call is None:
            return 1
        found = document(call, known(paths, call))
        if as_json:
            print(json.dumps(found))
            return 0
        for line in lines(found):
            console.print(Text(line), soft_wrap=True)
        return 0

    return with_records(paths, shown)


def known(paths: Paths, call: Mapping[str, Any]) -> Known:
    """What is kept beside a call's record: by people, by the signer, and the certificate."""
    with configured(paths) as of:
        return known_by(paths, call, of, line_of(paths, call))


def known_by(paths: Paths, call: Mapping[str, Any], of: Configured, line: NamedLine | None) -> Known:
    """The same by what has been read of the versions, and found of the signer's line.

    Of a call of another node nothing: record 17 of evidence, version 18 and line 42 here are not that one's.
    It is this one's, whatever its record says, where the line is about it.
    """
    said: Mapping[str, Any] = call.get("attestation") or {}
    journal = _journaled(paths, call, line) if line is not None else None
    is_here = journal is not None and journal.facts.get("record_id") == call["record_id"]
    if not is_here and (node := of.other_node(call)):
        return Known(
            node=node, configuration=f"node {node} has it, and evidence and signer's journal: ask there"
        )
    return Known(
        **_configured(of, call, said),
        certificate=_certificate(paths, said.get("serial", ""), said.get("identity", OF_NODE)),
        journal=journal,
    )


def _configured(of: Configured, call: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Of `Known`, what stands in the versions of the configuration.

    Nothing does but the problem where their journal does not hold, or others have written to it; nor a record
    of evidence that is not as it was journaled.
    """
    if of.problem:
        return {"configuration": of.problem}
    problem, evidence = "", None
    number = _record_number(said.get("evidence", ""))
    record = next((one for one in of.evidence if one.version == number), None)
    tenant = of.tenant(call.get("policy_version", 0), call.get("tenant", ""))
    fell = None
    if not said.get("evidence"):
        for_it = _contracts(tenant) if said.get("rule") == Rule.NO_CONTRACT else _for_numbers(call)
        fell = _over_before(filter(for_it, of.evidence), of.versions, call["started_at"] or 0.0)
    if (one := record or fell) is not None:
        problem = unlike_journal(one, of.acts)
        known = _described(borne_out(one, of.acts), of.versions, call["started_at"])
        evidence = known if not problem else None
    verified = tenant.get("customer.verified")
    return {
        "customer_verified": verified if isinstance(verified, str) else None,
        "declared": _declared(said.get("rule", ""), call, of.versions, of.entries),
        "evidence": evidence if one is record else None,
        "revoked": evidence if one is fell else None,
        "configuration": problem,
    }


def _described(record: EvidenceRecord, versions: Mapping[int, Version], at: float | None) -> dict[str, Any]:
    """As at the time of the call, and whether its own time is over by now."""
    return described(record, versions, at or 0.0) | {"ended": record.until <= time.time()}


def _over_before(
    records: Iterable[EvidenceRecord], versions: Mapping[int, Version], at: float
) -> EvidenceRecord | None:
    """Of those accepted, the one that was revoked last before a time; or a contract whose grace was over."""

    def over_at(one: EvidenceRecord) -> float:
        if one.revoked in versions:
            return versions[one.revoked].at
        return one.until + GRACE_S if one.kind == CONTRACT else inf

    found = [one for one in records if one.accepted and over_at(one) <= at]
    return max(found, key=lambda one: (over_at(one), one.version), default=None)


def _for_numbers(call: Mapping[str, Any]) -> Callable[[EvidenceRecord], bool]:
    """Whether a record is of the call's trunk, or of an identity, and for a number it came from."""
    called_from = [call.get("calling_number") or "", call.get("claimed_number") or ""]

    def its(one: EvidenceRecord) -> bool:
        whose = one.kind == BLOCK or (one.kind != CONTRACT and one.trunk == call.get("source_name"))
        return whose and any(
            len(number) == len(one.first) and one.first <= number <= one.last for number in called_from
        )

    return its


def _contracts(tenant: Mapping[str, Any]) -> Callable[[EvidenceRecord], bool]:
    """Whether a record is a contract with who signs, or has us sign, this tenant's calls."""
    return lambda one: one.kind == CONTRACT and one.identity == tenant.get("reseller")


def _record_number(evidence: str) -> int:
    """The number in `evidence-17`; 0: it names no record."""
    kind, _, number = evidence.partition("-")
    return int(number) if kind == "evidence" and number.isdigit() else 0


def _declared(
    rule: str, call: Mapping[str, Any], versions: Mapping[int, Version], entries: list[Entry]
) -> str | None:
    """Since when a number of an inventory is in it, as far as the journal names it."""
    if rule != Rule.A_OWN_INVENTORY:
        return None
    added = f"+numbers/{call['calling_number']}"
    for entry in reversed(entries):
        facts = json.loads(entry.text)
        if facts["version"] <= call.get("policy_version", 0) and added in facts["changes"]:
            version = versions[facts["version"]]
            return f"since version {version.number}, by {version.actor}"
    return "by its node file"


def _certificate(paths: Paths, serial: str, identity: str) -> Certificate | None:
    """The certificate with this serial, which its signer keeps from the first signature on."""
    if not serial:
        return None
    try:
        leaf = x509.load_pem_x509_certificate(
            read_plain(paths.signed_with(identity, serial), MAX_CHAIN_BYTES)
        )
        return Certificate(
            serial=serial,
            spc=", ".join(tn_auth_list_of(leaf).spcs),
            issuer=leaf.issuer.rfc4514_string(),
            until=leaf.not_valid_after_utc,
        )
    except (OSError, ValueError):
        return None


def line_of(paths: Paths, call: Mapping[str, Any]) -> NamedLine | None:
    """The line about a call: the one its record names, or else one of its time that names the call."""
    said: Mapping[str, Any] = call.get("attestation") or {}
    identity, at = said.get("identity") or OF_NODE, call["started_at"] or 0.0
    if (number := said.get("journal")) is not None:
        return NamedLine(identity, number)
    if not (call.get("attest") or said.get("serial")):
        return None
    with suppress(OSError):
        for line in signed_between(paths.signer_journal(identity), at - APART_S, at + APART_S):
            if line.record_id == call["record_id"]:
                return NamedLine(identity, line.seq)
    return None


def proof_of(paths: Paths, line: NamedLine, at: float) -> tuple[ProvenLine, dict[str, tuple[str, str]]]:
    """A line of a call's time (seconds since the epoch), how far it is proved, and what it committed to.

    Salt (hex) and value by name, of those that are still kept. Raises `OSError`, `KeyUnusable`,
    `msgspec.MsgspecError`.
    """
    key = read_public_key(PkiFiles(paths.pki).heads_public_key)
    journal = paths.signer_journal(line.identity)
    found = proven_line(journal, line.identity, line.number, at, paths.heads, key)
    if not isinstance(written := found.facts.get("at"), float | int):
        return found, {}
    values = values_of(journal, told(written)[:10], line.number)
    return found, dict(values.values) if values else {}


def _journaled(paths: Paths, call: Mapping[str, Any], line: NamedLine) -> Journaled:
    """How far the signer's line is proved."""
    its: dict[str, Any] = {"name": line.identity, "line": line.number}
    try:
        found, values = proof_of(paths, line, call["started_at"] or 0.0)
    except (OSError, KeyUnusable, msgspec.MsgspecError) as problem:
        return Journaled(**its, broken=(str(problem),))
    if found.signed_at is None:
        looked_at = "no head was signed since, which the worker does each minute"
    else:
        looked_at = f"its chain leads to the head that was signed at {told(found.signed_at)}"
    opens, changed = opened(found.facts, values)
    return Journaled(
        **its,
        facts=found.facts,
        values=opens,
        broken=tuple(filter(None, (found.broken, changed))),
        looked_at=looked_at,
    )
