"""Why a call was signed as it was, on one page: who, by which rule, on whose word, and what would lower it.

Everything on it was written down at the time: by the gate (the call's record), by people (the versions of the
configuration), by the signer (its journal). Where these do not agree, or one cannot be read, it says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from trunkward.calls.unsigned import in_words
from trunkward.calls.unverified import in_words as unverified_in_words
from trunkward.control.signer_line import Journaled, held_against
from trunkward.shaken.attest import LACKS, PIECES, RULES, WITHOUT, Lack, Rule
from trunkward.trunks.transit import OF_NODE

#: Columns of what a line is about.
_WIDE = 14
#: Evidence that no document stands behind (own numbers under a TEST authority) has a time for its version, in
#: seconds since the epoch (`control.evidence_tokens`); no configuration has this many versions.
_FIRST_TIME = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The certificate a signature was made with."""

    serial: str
    spc: str
    issuer: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is kept beside the call's own record; None: nobody knows any more."""

    #: Day of the KYC record, by the version the call was judged by, ISO 8601.
    customer_verified: str | None = None
    #: Since which version the number is in the trunk's inventory, with whoever did it.
    declared: str | None = None
    #: `control.evidence.described`.
    evidence: Mapping[str, Any] | None = None
    #: The same of a record that spoke for this number, or a contract that did for its provider, until it was
    #: revoked, or its time was over; of a call that had none.
    revoked: Mapping[str, Any] | None = None
    #: What is wrong with the versions of the configuration and their journal; "": nothing.
    configuration: str = ""
    certificate: Certificate | None = None
    journal: Journaled | None = None
    #: The node whose call it is, where that is another, which has all of the above; "": it is this one's.
    node: str = ""


def document(call: Mapping[str, Any], known: Known) -> dict[str, Any]:
    """The page for programs. `call` is the call's object (`records.view`)."""
    said: Mapping[str, Any] = call.get("attestation") or {}
    rule = Rule(said["rule"]) if said.get("rule") in Rule else None
    row = RULES[rule] if rule else None
    lack = Lack(said["lack"]) if said.get("lack") in Lack else None
    level = call.get("attest") or ""
    unsigned = call.get("attest_reason") or ""
    return {
        "record_id": call["record_id"],
        "call_id": call["call_id"],
        "started_at": call["started_at"],
        "direction": call.get("direction") or "",
        "verdict": call.get("verdict") or "",
        "reason": call.get("reason") or "",
        "level": level,
        "rule": said.get("rule", ""),
        "words": row.words if row else "",
        "clause": row.clause if row else "",
        "unsigned": unsigned_in_words(unsigned) if unsigned not in ("", said.get("rule")) else "",
        "unsigned_reason": unsigned,
        "came_with": call.get("verification"),
        "calling_number": call["calling_number"],
        "called_number": call["called_number"],
        # not in records of an earlier version
        **{name: call.get(name) or None for name in ("shown_number", "claimed_number")},
        "authenticated": {
            "trunk": call.get("source_name") or "",
            # in records of an earlier version beside the rule, and nowhere where no rule was asked
            "by": call.get("authenticated_by", said.get("authenticated_by")),
            "source": call.get("source") or "",
            "tls_version": call.get("tls_version") or "",
            "certificate_sha256": call.get("certificate_sha256") or "",
        },
        "customer": {
            "tenant": call.get("tenant") or "",
            "reference": (reference := call.get("customer", said.get("customer"))),
            "verified": known.customer_verified if reference else None,
        },
        "number": {
            "evidence": said.get("evidence", ""),
            "version": said.get("evidence_version", 0),
            "declared": known.declared,
            "record": dict(known.evidence) if known.evidence else None,
            "revoked": dict(known.revoked) if known.revoked else None,
        },
        "certificate": {
            "serial": said.get("serial", ""),
            "spc": known.certificate.spc if known.certificate else None,
            "issuer": known.certificate.issuer if known.certificate else None,
            "until": known.certificate.until.isoformat() if known.certificate else None,
        },
        "journal": held_against(call, known.journal, known.node),
        "node": known.node,
        "configuration": known.configuration,
        "policy_version": call.get("policy_version", 0),
        "lack": lack or "",
        "lacks": LACKS[lack] if lack else "",
        "lowered_by": _lowered_by(rule) if level else [],
    }


def unsigned_in_words(reason: str) -> str:
    """What a reason for no signature means: of a rule its words, else of a fault, with what to do."""
    return RULES[Rule(reason)].words if reason in Rule else in_words(reason)


def lines(told: Mapping[str, Any]) -> Iterator[str]:
    """The page for a person.

    1. The call, the level, the rule. 2. What that rested on. 3. Where it is written down. 4. What would have
    changed it.
    """
    # 1.
    yield f"call {told['record_id']}, {_when(told['started_at'])}: {_verdict(told)}"
    if not told["rule"]:
        yield from _without_rule(told)
        return
    yield f"  {told['words']}"
    yield _row("clause", told["clause"])
    if told["unsigned"]:
        yield _row("unsigned", f"{told['unsigned_reason']}: {told['unsigned']}")
    yield ""
    # 2.
    yield _row("numbers", f"from {caller(told)} to {told['called_number'] or 'no number'}")
    yield _row("trunk", _trunk(told["authenticated"]))
    yield _row("customer", _customer(told["customer"]))
    without = "no contract that holds" if told["rule"] == Rule.NO_CONTRACT else "none for this number"
    yield from _number(told["number"], without)
    yield from _came_with(told["came_with"])
    # 3.
    yield ""
    yield from _written_down(told)
    # 4.
    if told["lowered_by"]:
        yield ""
        yield "  it would have been lower without"
        yield from (f"    {one['piece']}: {one['then']}" for one in told["lowered_by"])
    if told["lacks"]:
        yield ""
        yield f"  for a higher level it lacked: {told['lacks']} ({told['lack']})"


def _without_rule(told: Mapping[str, Any]) -> Iterator[str]:
    """Of a call nobody here was to sign: whose it was, and what others had signed."""
    if not told["verdict"]:
        yield "  it is not known here what was decided: the worker ships decisions once a second"
        return
    trunk = told["authenticated"]["trunk"]
    if not trunk:
        yield "  no rule was asked: nobody knows whose call it was, and it was refused"
    elif told["direction"] != "outbound":
        yield "  no rule was asked: it is a call in, which whoever sent it has to sign"
    else:
        yield f"  no rule was asked: it was refused ({told['reason']}), and what goes nowhere is not signed"
    yield ""
    yield _row("numbers", f"from {caller(told)} to {told['called_number'] or 'no number'}")
    if trunk and told["direction"] == "outbound":
        yield _row("trunk", _trunk(told["authenticated"]))
        yield _row("customer", _customer(told["customer"]))
        if told["number"]["revoked"]:
            yield from _number(told["number"], "none for this number")
    elif trunk:
        yield _row("carrier", trunk)
    yield from _came_with(told["came_with"])
    yield _configuration(told)


def _lowered_by(rule: Rule | None) -> list[dict[str, str]]:
    """Each piece the level rested on, and which rule would have been left without it."""
    found = []
    for piece in RULES[rule].rests_on if rule else ():
        left = [f"{RULES[other].level or 'not signed'} ({other})" for other in WITHOUT[piece]]
        found.append({"piece": PIECES[piece], "then": " or ".join(left)})
    return found


def _verdict(told: Mapping[str, Any]) -> str:
    if told["direction"] == "inbound" and not told["rule"]:
        return "a call in"  # whether it was signed is another's doing, and stands below
    level = f"signed {told['level']}" if told["level"] else "not signed"
    return f"{level} by rule {told['rule']}" if told["rule"] else level


def caller(told: Mapping[str, Any]) -> str:
    """Who calls: the number that counts, whom the called side saw, and whom the PBX claimed to be."""
    also = (("showed", told.get("shown_number")), ("claimed", told.get("claimed_number")))
    others = " and ".join(f"{did} {number}" for did, number in also if number)
    return f"{told['calling_number'] or 'no number'}{f', who {others},' if others else ''}"


def _trunk(its: Mapping[str, Any]) -> str:
    shown = f", certificate sha256:{its['certificate_sha256']}" if its["certificate_sha256"] else ""
    where = ", ".join(filter(None, (its["source"], its["tls_version"])))
    return f"{its['trunk']}, {proved(its['by'])} ({where}{shown})"


def proved(ways: Sequence[str] | None) -> str:
    """How a trunk proved who it is; None: nobody has written that down."""
    if ways is None:
        return "how it proved who it is is not on record"
    return f"proved by {' and '.join(ways)}" if ways else "of which a call for help wants no proof"


def _customer(its: Mapping[str, Any]) -> str:
    if its["reference"] is None:
        return f"tenant {its['tenant']}: whether it had a KYC record is not on record"
    if not its["reference"]:
        return f"tenant {its['tenant']}: no KYC record was named"
    day = f"verified {its['verified']}" if its["verified"] else "of a day that is not known any more"
    return f"tenant {its['tenant']}, KYC record {its['reference']}, {day}"


def _number(its: Mapping[str, Any], without: str) -> Iterator[str]:
    record = its["record"]
    if not its["evidence"]:
        yield _row("evidence", without)
        yield from _revoked_before(its["revoked"])
        return
    yield _row("evidence", f"{its['evidence']}, {state(its['version'])}")
    if its["declared"]:
        yield _row("", f"in the trunk's inventory {its['declared']}")
    if record is None:
        return
    about = f"for {record['numbers']}" if record["numbers"] else f"of SPC {record['spc']}"
    yield _row("", f"{record['kind']} {about}, until {_when(record['until'])}")
    yield _row("", f"document {record['file']}, sha256:{record['file_sha256']}")
    yield _row("", f"entered by {record['entered_by']}, {_when(record['entered_at'])}: {record['why']}")
    if record["reviewed_by"]:
        done = "accepted" if record["accepted"] else "rejected"
        when, why = _when(record["reviewed_at"]), record["review_why"]
        yield _row("", f"{done} by {record['reviewed_by']}, {when}: {why}")
    if record["revoked_by"]:
        when, why = _when(record["revoked_at"]), record["revoke_why"]
        yield _row("", f"revoked since by {record['revoked_by']}, {when}: {why}")
    elif record.get("state") == "ended":
        yield _row("", "which had ended before the call")
    elif record.get("ended"):
        yield _row("", "which has ended since")


def _revoked_before(record: Mapping[str, Any] | None) -> Iterator[str]:
    """Why a call that would have been signed by a record fell: it was revoked, or a contract had ended."""
    if record is None:
        return
    about = f"for {record['numbers']}" if record["numbers"] else f"of SPC {record['spc']}"
    spoke = f"record {record['id']} ({record['kind']} {about}) spoke for it until"
    if record["revoked_by"]:
        over = (
            f"it was revoked by {record['revoked_by']}, {_when(record['revoked_at'])}: {record['revoke_why']}"
        )
    else:
        over = f"its end, {_when(record['until'])}"
    yield _row("", f"{spoke} {over}")


def state(version: int) -> str:
    """Which state of evidence: the version it was accepted in, or when a TEST node has vouched for it."""
    if version < _FIRST_TIME:
        return f"version {version}"
    return f"state of {_when(version)}"


def _came_with(its: Mapping[str, Any] | None) -> Iterator[str]:
    """What other providers had signed of a call, and what that was found to be worth."""
    if its is None:
        return
    if why := its.get("why"):
        yield _row("came with", f"{its['verstat']}, {why}: {unverified_in_words(why)}")
    elif level := its.get("attest"):
        signer = its.get("spc") or "a delegate"
        yield _row(
            "came with", f"level {level}, verified: signed by {signer}, certificate {its.get('x5u', '')}"
        )
        yield _row("", f"origid {its.get('origid', '')}")
    else:
        yield _row("came with", its["verstat"])
    yield from (_row("", f"not good: {one['code']} {one['cause']}") for one in its.get("errors", ()))


def _written_down(told: Mapping[str, Any]) -> Iterator[str]:
    its, journal = told["certificate"], told["journal"]
    if its["serial"]:
        known = f", SPC {its['spc']}, of {its['issuer']}, until {its['until']}" if its["spc"] else ""
        yield _row("certificate", f"serial {its['serial']}{known or ', which is not on this node any more'}")
    if journal is not None:
        line = (
            f"line {journal['line']} of {_whose(journal['name'])} journal" if journal["line"] else "no line"
        )
        yield _row("signer", f"{line}: {'says the same' if journal['agrees'] else journal['problem']}")
        if journal["looked_at"] and not journal["broken"]:
            yield _row("", journal["looked_at"])
        yield from (_row("", f"DOES NOT HOLD: {problem}") for problem in journal["broken"])
    yield _configuration(told)


def _whose(identity: str) -> str:
    return "the signer's" if identity == OF_NODE else f"reseller {identity}'s signer's"


def _configuration(told: Mapping[str, Any]) -> str:
    holds = told["configuration"] or "its journal holds"
    return _row("configuration", f"version {told['policy_version']}: {holds}")


def _row(about: str, words: str) -> str:
    return f"  {about:<{_WIDE}}{words}"


def _when(at: float | None) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC" if at else "time not known"
