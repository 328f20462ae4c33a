"""`trunkward why`: why one call was signed as it was, on one page."""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from cryptography import x509
from rich.text import Text

from trunkward.cli.calls import console, find_one, with_records
from trunkward.cli.changing import configuration_store
from trunkward.control.configuration import HistoryBroken, Version
from trunkward.control.evidence import described
from trunkward.control.evidence_journal import acts_of, borne_out, unlike_journal
from trunkward.control.node_file import NodeFileRefused, accept_node_file
from trunkward.control.shown_certificate import MAX_CHAIN_BYTES
from trunkward.control.sound_journal import sound_journal
from trunkward.control.why import Certificate, Journaled, Known, document, lines
from trunkward.engines.journal_proof import ProvenLine, proven_line
from trunkward.engines.journals import KeyUnusable, read_public_key
from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.whole_file import read_plain
from trunkward.journal.chain import Entry
from trunkward.journal.examine import told
from trunkward.settings import Paths
from trunkward.shaken.attest import Rule
from trunkward.shaken.profile import tn_auth_list_of
from trunkward.store.configuration import SqlConfiguration, TextDamaged
from trunkward.store.records import RecordStore
from trunkward.trunks.evidence import BLOCK, EvidenceRecord
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
    said: Mapping[str, Any] = call.get("attestation") or {}
    with configuration_store(paths, make=False) as store:
        found = _configured(store, call, said)
    return Known(
        **found,
        certificate=_certificate(paths, said.get("serial", ""), said.get("identity", OF_NODE)),
        journal=_journaled(paths, call, said),
    )


def _configured(store: SqlConfiguration, call: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Of `Known`, what stands in the versions of the configuration.

    Nothing does but the problem where their journal does not hold, or others have written to it; nor a record
    of evidence that is not as it was journaled.
    """
    try:
        entries = sound_journal(store)
    except HistoryBroken as broken:
        return {"configuration": str(broken)}
    versions = {version.number: version for version in store.versions()}
    problem, evidence = "", None
    number = _record_number(said.get("evidence", ""))
    record = next((one for one in store.evidence() if one.version == number), None)
    fell = None if said.get("evidence") else _revoked_before(store.evidence(), versions, call)
    if (one := record or fell) is not None:
        problem = unlike_journal(one, acts := acts_of(entries))
        known = described(borne_out(one, acts), versions, call["started_at"])
        evidence = known if not problem else None
    version = versions.get(call.get("policy_version", 0))
    return {
        "customer_verified": _verified(store, version, call.get("tenant", "")),
        "declared": _declared(said.get("rule", ""), call, versions, entries),
        "evidence": evidence if one is record else None,
        "revoked": evidence if one is fell else None,
        "configuration": problem,
    }


def _revoked_before(
    records: Iterable[EvidenceRecord], versions: Mapping[int, Version], call: Mapping[str, Any]
) -> EvidenceRecord | None:
    """The record revoked last before a call of its trunk, or of an identity, from a number it was for."""
    called_from = [call.get("calling_number") or "", call.get("claimed_number") or ""]
    found = [
        one
        for one in records
        if one.accepted
        and one.revoked in versions
        and versions[one.revoked].at <= (call["started_at"] or 0.0)
        and (one.kind == BLOCK or one.trunk == call.get("source_name"))
        and any(len(number) == len(one.first) and one.first <= number <= one.last for number in called_from)
    ]
    return max(found, key=lambda one: one.revoked, default=None)


def _record_number(evidence: str) -> int:
    """The number in `evidence-17`; 0: it names no record."""
    kind, _, number = evidence.partition("-")
    return int(number) if kind == "evidence" and number.isdigit() else 0


def _verified(store: SqlConfiguration, version: Version | None, tenant: str) -> str | None:
    """By the version's node file, whose hash is journaled; the objects beside it in the database are not."""
    if version is None:
        return None
    try:
        found = _tenants(store.text(version)).get(tenant, {}).get("customer.verified")
    except (TextDamaged, NodeFileRefused):
        return None
    return found if isinstance(found, str) else None


@lru_cache(maxsize=4)  # an answer to a traceback asks for every call of its time
def _tenants(text: str) -> Mapping[str, Mapping[str, Any]]:
    return accept_node_file(text, "a version").objects.get("tenants", {})


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


def proof_of(paths: Paths, call: Mapping[str, Any]) -> ProvenLine | None:
    """The signer's own line, and how far it is proved; None: it has none. Raises `OSError`, `KeyUnusable`."""
    said: Mapping[str, Any] = call.get("attestation") or {}
    line, identity = said.get("journal"), said.get("identity", OF_NODE)
    if line is None:
        return None
    key = read_public_key(PkiFiles(paths.pki).heads_public_key)
    journal = paths.signer_journal(identity)
    return proven_line(journal, identity, line, call["started_at"] or 0.0, paths.heads, key)


def _journaled(paths: Paths, call: Mapping[str, Any], said: Mapping[str, Any]) -> Journaled | None:
    """How far the signer's line is proved; None: it has none, or is not to be read."""
    line = said.get("journal")
    try:
        found = proof_of(paths, call)
    except (OSError, KeyUnusable) as problem:
        return Journaled(line=line or 0, broken=(str(problem),))
    if found is None or line is None:
        return None
    if found.signed_at is None:
        looked_at = "no head was signed since, which the worker does each minute"
    else:
        looked_at = f"its chain leads to the head that was signed at {told(found.signed_at)}"
    return Journaled(
        line=line,
        facts=found.facts,
        broken=(found.broken,) if found.broken else (),
        looked_at=looked_at,
    )
