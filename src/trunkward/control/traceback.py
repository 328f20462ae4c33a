"""What a request to trace a call back is answered with: who it came from, who it went to, and the proof.

47 CFR 64.1200(n)(1): whoever carries calls responds fully to each such request of the Commission, of law
enforcement or of the registered consortium, within 24 hours of its receipt: with the customer whose call it
was, or with the provider that it came from. An answer is about the calls that were asked for and about nobody
else: other numbers of a customer, and who of ours decided what, are left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from trunkward.control.signer_line import canonical
from trunkward.control.traceback_lines import NO_LINES, Lines, Proof, iso, proved, unrecorded
from trunkward.control.traceback_requests import ANSWER_S
from trunkward.control.why import Known
from trunkward.control.why import document as why
from trunkward.records.filter import CallFilter
from trunkward.records.ladder import steps
from trunkward.records.model import MessageRecord
from trunkward.trunks.transit import Role

#: Calls told of one by one; whoever asks about more has to ask more closely.
MOST_CALLS = 100
#: What evidence is called that is a record (`control.evidence_journal.evidence_id`).
_RECORDED = "evidence-"
_CONNECTION = ("source", "transport", "tls_version", "certificate_sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked; times in seconds since the epoch."""

    #: E.164 with `+`: the calling or the called number, whichever; and the other one, where it is known.
    number: str
    other: str | None
    at: float
    #: Seconds before and after that are looked at: clocks differ, and so does what is called a call's time.
    within_s: float
    #: Who asked, and what he calls it.
    asked_by: str
    received_at: float
    #: Now, when it is searched: of what is yet to come nothing can be said.
    searched_at: float = inf

    @property
    def since(self) -> float:
        """Calls from then on fit."""
        return self.at - self.within_s

    @property
    def until(self) -> float:
        """Calls before then fit."""
        return min(self.at + self.within_s, self.searched_at)

    def is_about(self, caller: str, called: str) -> bool:
        """Whether a call between these numbers fits, as a signer has them (`control.signer_line`)."""
        number = canonical(self.number)
        if self.other is None:
            return number in (caller, called)
        other = canonical(self.other)
        return (caller, called) in ((number, other), (other, number))

    def filters(self) -> tuple[CallFilter, ...]:
        """The calls that fit, by either number: each is found in an index, however many calls there are.

        Who was called has seen the number in From, which may be another than the one that was asserted; what
        the PBX had claimed in its place is what somebody may have been told.
        """
        in_time = CallFilter(since=self.since, until=self.until)

        def by(caller: str, called: str | None) -> tuple[CallFilter, ...]:
            fit = replace(in_time, called_number=called)
            return (
                replace(fit, calling_number=caller),
                replace(fit, shown_number=caller),
                replace(fit, claimed_number=caller),
            )

        if self.other is None:
            return (*by(self.number, None), replace(in_time, called_number=self.number))
        return (*by(self.number, self.other), *by(self.other, self.number))


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Who answers."""

    node: str
    spc: str
    #: The person, as the operating system knows him.
    answered_by: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What there is to be searched."""

    #: Days calls are kept, and those of the tenant whose calls are kept least.
    days: int
    least_days: int
    #: Of the oldest call on record, seconds since the epoch; None: there is none.
    oldest_at: float | None = None
    #: Calls of that time, whoever's.
    in_time: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """One call that fits."""

    #: Its record (`records.view`), and what is kept beside it.
    view: Mapping[str, Any]
    known: Known
    #: By the version it was judged by, whose calls its trunk brings; "": that is not proven.
    role: str = ""
    messages: Sequence[MessageRecord] = ()
    proof: Proof | None = None


def answer(
    question: Question,
    provider: Provider,
    kept: Kept,
    found: Sequence[Traced],
    *,
    lines: Lines = NO_LINES,
    more: bool,
    at: float,
    salt: str,
) -> dict[str, Any]:
    """The answer for programs, made `at` (seconds since the epoch); times in it are ISO 8601, UTC.

    `more`: further calls fit. `salt`: of chance, so that nobody can try numbers against the answer's hash,
    which is journaled.
    """
    return {
        "format": "trunkward-traceback-1",
        "made_at": iso(at),
        "salt": salt,
        "provider": {"node": provider.node, "spc": provider.spc, "version": provider.version},
        "answered_by": provider.answered_by,
        "request": {
            "asked_by": question.asked_by,
            "received_at": iso(question.received_at),
            "answer_due_at": iso(question.received_at + ANSWER_S),
            "number": question.number,
            "other_number": question.other,
            "at": iso(question.at),
            "within_s": question.within_s,
        },
        "searched": {
            "since": iso(question.since),
            "until": iso(question.until),
            "calls_in_time": kept.in_time,
            "oldest_call_at": iso(kept.oldest_at),
            "calls_kept_days": kept.days,
            "some_kept_days": kept.least_days,
            "signed_lines": lines.about,
            "signed_lines_without_numbers": lines.numberless,
            "signed_lines_problem": lines.problem,
        },
        "calls": [_call(traced) for traced in found],
        "more_calls": more,
        "signed_without_record": [unrecorded(one) for one in lines.unrecorded],
        "more_signed_without_record": lines.more,
    }


def _call(traced: Traced) -> dict[str, Any]:
    view, told = traced.view, why(traced.view, traced.known)
    return {
        "record_id": view["record_id"],
        "call_id": view["call_id"],
        "started_at": iso(view["started_at"]),
        "answered_at": iso(view["answered_at"]),
        "ended_at": iso(view["ended_at"]),
        "duration_s": view["duration_s"],
        "direction": view["direction"],
        # the one that has what this answer lacks of it, where that is another
        "on_node": told["node"] or None,
        "calling_number": view["calling_number"],
        # not in records of an earlier version
        "shown_number": view.get("shown_number") or None,
        "claimed_number": view.get("claimed_number") or None,
        "called_number": view["called_number"],
        "verdict": view["verdict"],
        "reason": view["end_reason"] or view["reason"],
        "ending": view["ending"],
        "end_code": view["end_code"],
        "ended_by": view["ended_by"],
        "from": _came_from(traced, told),
        "to": {
            "kind": "carrier" if view["direction"] == "outbound" else "customer",
            "name": view["peer"],
            "tenant": None if view["direction"] == "outbound" else view["tenant"] or None,
            "tried": [route["peer"] for route in view["tried"]],
        },
        "attestation": _attestation(told) if view["direction"] == "outbound" else None,
        "verification": view.get("verification"),
        # not in records of an earlier version
        "identity": {which: view.get(f"identity_{which}", []) for which in ("received", "signed")},
        "proof": _proof(traced.proof, told),
        "ladder": [
            {"after_s": round(step.after_s, 3), "arrow": step.arrow, "text": step.text}
            for step in steps(view, traced.messages)
        ],
        "policy_version": view["policy_version"],
        "configuration": told["configuration"],
    }


def _came_from(traced: Traced, told: Mapping[str, Any]) -> dict[str, Any]:
    """Our customer, the provider before us, or nobody we know; and where its packets came from."""
    view = traced.view
    connection = {name: view[name] or None for name in _CONNECTION}
    if not view["source_name"]:
        return {"kind": "stranger", "claimed": view["claimed"] or None, **connection}
    if view["direction"] == "inbound":
        signer = (view.get("verification") or {}).get("spc") or None
        return {
            "kind": "upstream-provider",
            "name": view["source_name"],
            "signed_by_spc": signer,
            **connection,
        }
    customer = told["customer"]
    kind = "customer" if traced.role == Role.ORIGINATING else "upstream-provider"
    return {
        # None: whose calls the trunk brought is not proven, so neither is said of whoever called
        "kind": kind if traced.role else None,
        "name": view["source_name"],
        "role": traced.role or None,
        "tenant": customer["tenant"] or None,
        # "": there is no KYC record; None here and below: that was not written down
        "customer_reference": customer["reference"],
        "customer_verified": customer["verified"],
        "authenticated_by": told["authenticated"]["by"],
        **connection,
    }


def _attestation(told: Mapping[str, Any]) -> dict[str, Any] | None:
    """None: no rule was asked, because the call was refused."""
    if not told["rule"] and not told["level"]:
        return None
    record = told["number"]["record"]
    return {
        "level": told["level"] or None,
        "rule": told["rule"] or None,
        "words": told["words"],
        "clause": told["clause"],
        "lacked": told["lack"] or None,
        "unsigned": told["unsigned_reason"] or None,
        "certificate": told["certificate"],
        "evidence": {
            "id": told["number"]["evidence"] or None,
            "version": told["number"]["version"],
            "declared": _without_actor(told["number"]["declared"]),
            "kind": record["kind"] if record else None,
            "file_sha256": record["file_sha256"] if record else None,
            "until": iso(record["until"]) if record else None,
            "reviewed_at": iso(record["reviewed_at"]) if record else None,
            "left_out": _left_out(told),
        },
    }


def _left_out(told: Mapping[str, Any]) -> str | None:
    """Why the record a signature rested on is not told of; None: it is, or there never was one."""
    its = told["number"]
    if its["record"] or not its["evidence"].startswith(_RECORDED):
        return None
    return told["configuration"] or "its record is not on this node any more"


def _without_actor(declared: str | None) -> str | None:
    return declared.partition(", by ")[0] if declared else None


def _proof(proof: Proof | None, told: Mapping[str, Any]) -> dict[str, Any] | None:
    journal = told["journal"]
    if proof is None:
        if journal is None:
            return None
        proof = Proof(journal=journal["name"], line=journal["line"])
    agrees = bool(journal and journal["agrees"])
    problem = proof.problem or ("" if agrees or journal is None else journal["problem"])
    return proved(proof) | {"agrees_with_record": agrees, "problem": problem}
