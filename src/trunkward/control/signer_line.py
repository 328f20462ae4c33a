"""What a signer's line says of a call, held against what the call's record says.

The line is in a chain whose heads are signed; the record is in a database, to which others may write. What
both know has to be the same in both: who it was, whose call, at which level and why, and the numbers, as long
as they are kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trunkward.journal.commitment import opens
from trunkward.shaken.attest import SUPPLIED, Attestation
from trunkward.shaken.number import NotANumber, canonical_tn
from trunkward.trunks.transit import OF_NODE


@dataclass(frozen=True, slots=True, kw_only=True)
class Journaled:
    """What the signer's journal has of it."""

    #: Number of its line, and of whose journal, where the record does not say that.
    line: int
    name: str = ""
    #: What that line says; {}: it is not there. And what it committed to, by name, as far as it is kept.
    facts: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    #: Sentences on what does not hold; (): nothing of it.
    broken: tuple[str, ...] = ()
    #: What was looked at: `its chain leads to the head that was signed at ...`.
    looked_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidOf:
    """What a record, or an answer made of it, says of a call that was signed."""

    record_id: str
    #: "": of its retargets alone.
    level: str
    rule: str
    serial: str
    trunk: str
    tenant: str
    #: Reference of the KYC record; "": there is none.
    customer: str
    calling_number: str
    called_number: str
    #: The evidence of an A, or the contract of a supplied level.
    evidence_id: str = ""
    evidence_version: int = 0


def held_against(call: Mapping[str, Any], journal: Journaled | None, node: str) -> dict[str, Any] | None:
    """Whether the signer's own line says the same as the call's record (`records.view`), for programs.

    None: neither speaks of a signature. `node`: the other one whose call it is; "": this one's.
    """
    said: Mapping[str, Any] = call.get("attestation") or {}
    name = (journal.name if journal else "") or said.get("identity") or OF_NODE
    level, serial = call.get("attest") or "", said.get("serial", "")
    if not (level or serial or journal):
        return None
    line = journal.line if journal is not None else said.get("journal")
    if journal is None:
        return _not_there(name, line, node)
    problem = ""
    if not journal.facts:
        problem = "it is not there"
    elif wrong := unlike(_said_of(call, said), journal.facts, journal.values):
        problem = f"it differs in {', '.join(wrong)}"
    elif not (level or serial):
        problem = "by the record the call went unsigned: the answer came too late, or the record was changed"
    return {
        "name": name,
        "line": line,
        "agrees": not problem,
        "problem": problem,
        "broken": list(journal.broken),
        "looked_at": journal.looked_at,
    }


def _not_there(name: str, line: int | None, node: str) -> dict[str, Any]:
    if node:
        why = f"it is on node {node}"
    elif line is None:
        # whether a gap is declared for that time has nobody looked up here
        why = (
            "the record names none, and none of its time names the call: the disk was lost then, which a gap"
            " in the journal declares, or the record was changed"
        )
    else:
        why = "not readable"
    return {"name": name, "line": line, "agrees": False, "problem": why, "broken": [], "looked_at": ""}


def _said_of(call: Mapping[str, Any], said: Mapping[str, Any]) -> SaidOf:
    return SaidOf(
        record_id=call["record_id"],
        level=call.get("attest") or "",
        rule=said.get("rule", ""),
        serial=said.get("serial", ""),
        trunk=call.get("source_name") or "",
        tenant=call.get("tenant") or "",
        customer=call.get("customer", said.get("customer")) or "",
        calling_number=call["calling_number"] or "",
        called_number=call["called_number"] or "",
        evidence_id=said.get("evidence", ""),
        evidence_version=said.get("evidence_version", 0),
    )


def unlike(said: SaidOf, facts: Mapping[str, Any], values: Mapping[str, str]) -> list[str]:
    """Names of what the line says otherwise. `values`: what it committed to, as far as it is kept."""
    names = ["record_id", "trunk", "tenant", "customer"]
    if said.level or said.serial:  # else the answer came too late, by the record
        names += ["level", "rule", "serial"]
    if said.level == Attestation.A or said.rule in SUPPLIED:
        names += ["evidence_id", "evidence_version"]
    wrong = [name for name in names if (facts.get(name) or "") != (getattr(said, name) or "")]
    caller, called = numbers_of(values)
    if caller and caller != canonical(said.calling_number):
        wrong.append("calling_number")
    if called and called != canonical(said.called_number):
        wrong.append("called_number")
    return wrong


def opened(facts: Mapping[str, Any], values: Mapping[str, tuple[str, str]]) -> tuple[dict[str, str], str]:
    """Of salts and values by name the values that open what the line committed to; a sentence on others."""
    commits = facts.get("commits") or {}
    good = {
        name: value
        for name, (salt, value) in values.items()
        if opens(commits.get(name, ""), salt, name, value)
    }
    changed = sorted(values.keys() - good.keys())
    return good, f"its values were changed: {', '.join(changed)}" if changed else ""


def numbers_of(values: Mapping[str, str]) -> tuple[str, str]:
    """Who called, and where the call went in the end, canonical (RFC 8224 section 8.3); "": not kept."""
    # `dest` is where it was to go before it was retargeted (RFC 8946); then each `from>to`
    retargets = values.get("div", "")
    called = retargets.rpartition(">")[2] if retargets else values.get("dest", "")
    return values.get("orig", ""), called


def canonical(number: str) -> str:
    """A number on record as a signer signs it; what is none as it stands."""
    try:
        return canonical_tn(number)
    except NotANumber:
        return number
