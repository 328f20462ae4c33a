"""An answer to a traceback request as one page for a person, and what it must prove by itself."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from trunkward.control.signer_line import SaidOf, opened, unlike
from trunkward.control.why import caller, proved, state
from trunkward.journal.chain import ChainBroken
from trunkward.journal.heads import read_minute

#: Columns of what a line is about.
_WIDE = 14
#: Seconds between two signed heads (`worker.heads`).
HEADS_EVERY_S = 60


def page(told: Mapping[str, Any]) -> Iterator[str]:
    """Who asked what, what was searched, and each call."""
    asked, searched, ours = told["request"], told["searched"], told["provider"]
    numbers = " and ".join(filter(None, (asked["number"], asked["other_number"])))
    yield f"Traceback answer of {ours['node']} (service provider code {ours['spc']}), {told['made_at']}"
    yield _row("asked by", f"{asked['asked_by'] or 'nobody named'}; received {asked['received_at']}")
    yield _row("answer due", f"{asked['answer_due_at']}, after 24 hours (47 CFR 64.1200(n)(1))")
    yield _row("answered by", told["answered_by"])
    yield _row("number", f"{numbers}, at {asked['at']}, {asked['within_s']:g} s before and after")
    span = f"{searched['since']} to {searched['until']}"
    yield _row("searched", f"{span}: {searched['calls_in_time']} calls on record, whoever's")
    yield _row("on record", _kept(searched))
    count = len(told["calls"])
    yield _row("found", "no call" if not count else "1 call" if count == 1 else f"{count} calls")
    yield from _lines(told)
    if told["more_calls"]:
        yield _row("", "further calls fit and are not told: ask with both numbers, or a shorter time")
    for number, call in enumerate(told["calls"], 1):
        yield ""
        yield from _call(number, call, told["made_at"])
    for number, line in enumerate(told["signed_without_record"], count + 1):
        yield ""
        yield from _unrecorded(number, line, told["made_at"])
    if told["more_signed_without_record"]:
        yield _row("", "further signatures fit and have no record: ask with both numbers, or a shorter time")


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    """What the signers' journals have, which nobody can change who can change records."""
    its = told["searched"]
    without = len(told["signed_without_record"])
    said = f"{its['signed_lines']} are about that, {without or 'none'} of them without a call on record"
    yield _row("signed lines", said)
    if number := its["signed_lines_without_numbers"]:
        yield _row("", f"{number} more of that time, whose numbers are not kept any more")
    if its["signed_lines_problem"]:
        yield _row("", f"not all could be read: {its['signed_lines_problem']}")


def _unrecorded(number: int, line: Mapping[str, Any], made_at: str) -> Iterator[str]:
    caller, called = line["calling_number"] or "not kept", line["called_number"] or "not kept"
    yield f"{number}. {line['signed_at']}, signed for a call from {caller} to {called}"
    yield _row("record", f"{line['record_id']}: {line['record']}")
    its = line["from"]
    customer = f"KYC record {its['customer_reference']}" if its["customer_reference"] else "no KYC record"
    yield _row("came from", f"{its['tenant']}, {customer}; trunk {its['name']}, as the signer wrote it down")
    said = line["attestation"]
    level = said["level"] or "its retargets alone"
    yield _row("signed", f"{level} by rule {said['rule']}, certificate serial {said['serial']}")
    yield from _proved(line["proof"], made_at)


def _kept(searched: Mapping[str, Any]) -> str:
    oldest = searched["oldest_call_at"]
    days, least = searched["calls_kept_days"], searched["some_kept_days"]
    others = f", some {least}" if least < days else ""
    since = f"the oldest is of {oldest}" if oldest else "there is no call at all"
    return f"calls are kept {days} days{others}; {since}"


def _call(number: int, call: Mapping[str, Any], made_at: str) -> Iterator[str]:
    numbers = f"from {caller(call)} to {call['called_number'] or 'no number'}"
    yield f"{number}. {call['started_at']}, {numbers}"
    yield _row("Call-ID", f"{call['call_id']} (record {call['record_id']})")
    if call["on_node"]:
        yield _row("on node", f"{call['on_node']}, which has its proof and evidence: ask there, too")
    yield _row("came from", _came_from(call["from"]))
    if call["from"]["kind"] is None and (why := call["configuration"]):
        yield _row("", f"not proven because {why}")
    yield _row("", _connection(call["from"]))
    yield _row("went to", _went_to(call["to"]))
    yield _row("verdict", f"{call['verdict'] or 'not known'}, {call['reason'] or 'no reason'}")
    if call["ending"]:
        lasted = f", talked {call['duration_s']} s" if call["duration_s"] is not None else ""
        yield _row("ended", f"{call['ended_at']}, {call['ending']} {call['end_code'] or ''}{lasted}")
    yield from _signed(call)
    yield from _verified(call["verification"])
    for what in ("received", "signed"):
        yield from (_row("Identity", f"{what}, sha256:{one}") for one in call["identity"][what])
    yield from _proved(call["proof"], made_at)
    for step in call["ladder"]:
        yield _row("", f"{step['after_s']:>+9.3f}  {_ARROWS[step['arrow']]:<18}{step['text']}")


def _came_from(its: Mapping[str, Any]) -> str:
    match its["kind"]:
        case "stranger":
            return f"nobody we know{', who said to be ' + its['claimed'] if its['claimed'] else ''}"
        case "customer":
            whose = "our customer"
        case None:
            whose = "not proven whether our customer or the provider before us,"
        case _:
            whose = "the provider before us,"
    if "tenant" not in its:
        signer = its["signed_by_spc"]
        signed = f"signed by service provider {signer}" if signer else "no signature was good"
        return f"{whose} carrier {its['name']}; {signed}"
    role = f", which is {its['role']}" if its["role"] else ""
    trunk = f"trunk {its['name']}{role}, {proved(its['authenticated_by'])}"
    return f"{whose} {its['tenant']}, {_known(its)}; {trunk}"


def _known(its: Mapping[str, Any]) -> str:
    record, day = its["customer_reference"], its["customer_verified"] or "on a day not known any more"
    if record is None:
        return "whether with a KYC record is not on record"
    return f"KYC record {record}, verified {day}" if record else "no KYC record"


def _connection(its: Mapping[str, Any]) -> str:
    shown = its["certificate_sha256"]
    certificate = f"certificate sha256:{shown}" if shown else "no certificate"
    return ", ".join(filter(None, (its["source"], its["transport"], its["tls_version"], certificate)))


def _went_to(its: Mapping[str, Any]) -> str:
    tried = f"; tried before: {', '.join(its['tried'])}" if its["tried"] else ""
    return f"{its['kind']} {its['name']}{tried}" if its["name"] else f"nobody{tried}"


def _signed(call: Mapping[str, Any]) -> Iterator[str]:
    its = call["attestation"]
    if its is None:
        if call["direction"] == "outbound":
            yield _row("signed", "not: the call was refused, and went to nobody")
        return
    by = f"by rule {its['rule']}: {its['words']}"
    yield _row("signed", f"{its['level']} {by}" if its["level"] else f"not, {its['unsigned'] or by}")
    certificate, evidence = its["certificate"], its["evidence"]
    if certificate["serial"]:
        code = f"service provider code {certificate['spc']}" if certificate["spc"] else "not here any more"
        yield _row("certificate", f"serial {certificate['serial']}, {code}")
    if evidence["id"]:
        document = f", document sha256:{evidence['file_sha256']}" if evidence["file_sha256"] else ""
        yield _row("evidence", f"{evidence['id']}, {state(evidence['version'])}{document}")
        if evidence["left_out"]:
            yield _row("", f"what it says is left out: {evidence['left_out']}")


def _verified(its: Mapping[str, Any] | None) -> Iterator[str]:
    if its is None:
        return
    level = f", level {its['attest']}, origid {its['origid']}" if its.get("attest") else ""
    errors = "".join(f"; {error['code']} {error['cause']}" for error in its.get("errors", ()))
    why = f", {its['why']}" if its.get("why") else ""
    yield _row("verified", f"{its['verstat']}{level}{why}{errors}")


def _proved(proof: Mapping[str, Any] | None, made_at: str) -> Iterator[str]:
    if proof is None:
        return
    followed = "its chain leads to a signed head" if proof["head"] else _no_head_yet(proof, made_at)
    line = f"line {proof['line']} of the signer's journal {proof['journal']}"
    if not proof["text"]:
        line = line if proof["line"] else f"no line of the signer's journal {proof['journal']}"
        yield _row("journal", f"{line}: {proof['problem'] or 'it is not there'}")
        return
    agrees = {True: " says the same", False: " does NOT say the same as the record", None: ""}
    yield _row("journal", f"{line}{agrees[proof['agrees_with_record']]}; {proof['problem'] or followed}")
    opened = {name: value for name, (_, value) in proof["values"].items()}
    if "orig" in opened:
        yield _row("", f"signed for a call from {opened['orig']} to {opened.get('dest', 'nobody')}")


def _no_head_yet(proof: Mapping[str, Any], made_at: str) -> str:
    """What is missing, and when it is there; of a line that has waited for long, that something is wrong."""
    made = datetime.fromisoformat(made_at)
    written_at = msgspec.json.decode(proof["text"]).get("at") if proof["text"] else None
    missing = "this last part of the journal is not under a signed head yet, and so not proven"
    if written_at is not None and made.timestamp() - written_at > 2 * HEADS_EVERY_S:
        return f"{missing}, though one is signed each minute: the provider has to look why"
    again = made + timedelta(seconds=HEADS_EVERY_S)
    return f"{missing}: one is signed each minute; ask again after {again:%H:%M:%S} UTC"


def _proofs(told: Mapping[str, Any]) -> list[Mapping[str, Any] | None]:
    # the latter not in answers of an earlier version
    return [one["proof"] for one in (*told["calls"], *told.get("signed_without_record", ()))]


def without_head(told: Mapping[str, Any]) -> int:
    """Of how many calls the signer's line is there, and under no signed head yet."""
    proofs = _proofs(told)
    return len(
        [proof for proof in proofs if proof and proof["text"] and not proof["head"] and not proof["problem"]]
    )


def _row(about: str, words: str) -> str:
    return f"   {about:<{_WIDE}} {words}"


_ARROWS = {
    "left-to": "customer -> node",
    "left-from": "customer <- node",
    "right-from": "node -> carrier",
    "right-to": "node <- carrier",
    "here": "node",
}


# ---- what it proves by itself ----------------------------------------------------------------


def unproved(told: Mapping[str, Any], key: Ed25519PublicKey) -> Iterator[str]:
    """Sentences on proofs in an answer that do not hold; those it does not have are not missed here.

    1. The signer's line is this call's and says of it what the answer says, and what is opened is what it
       committed to.
    2. The head after it is signed with the key, and names the journal at that line or a later one.
    3. Where it is that very line, its hash is the head's. The lines between are not in an answer: they are
       about other people's calls. Who has the journals follows them.
    """
    for call in told["calls"]:
        if (proof := call["proof"]) is not None and proof["text"]:
            said = _said_of(call)
            yield from (f"call {call['record_id']}: {wrong}" for wrong in _wrong(said, proof, key))
    for line in told.get("signed_without_record", ()):  # not in answers of an earlier version
        if line["proof"]["text"]:
            said = _said_by(line)
            yield from (f"call {line['record_id']}: {wrong}" for wrong in _wrong(said, line["proof"], key))


def _said_of(call: Mapping[str, Any]) -> SaidOf:
    its, came_from = call["attestation"] or {}, call["from"]
    evidence = its.get("evidence") or {}
    return SaidOf(
        record_id=call["record_id"],
        level=its.get("level") or "",
        rule=its.get("rule") or "",
        serial=its.get("certificate", {}).get("serial") or "",
        trunk=came_from.get("name") or "",
        tenant=came_from.get("tenant") or "",
        customer=came_from.get("customer_reference") or "",
        calling_number=call["calling_number"],
        called_number=call["called_number"],
        evidence_id=evidence.get("id") or "",
        evidence_version=evidence.get("version") or 0,
    )


def _said_by(line: Mapping[str, Any]) -> SaidOf:
    its, came_from = line["attestation"], line["from"]
    return SaidOf(
        record_id=line["record_id"],
        level=its["level"] or "",
        rule=its["rule"] or "",
        serial=its["serial"] or "",
        trunk=came_from["name"] or "",
        tenant=came_from["tenant"] or "",
        customer=came_from["customer_reference"] or "",
        calling_number=line["calling_number"] or "",
        called_number=line["called_number"] or "",
        evidence_id=its["evidence_id"] or "",
        evidence_version=its["evidence_version"] or 0,
    )


def followed_in_words(told: Mapping[str, Any], followed: int | None) -> Iterator[str]:
    """Of the signer's lines: how many lead to a signed head, and which calls have none.

    `followed`: how many were followed in the journals; None: they are not here.
    """
    proofs = _proofs(told)
    lines = len([proof for proof in proofs if proof and proof["text"]])
    unread = len([proof for proof in proofs if proof and not proof["text"]])
    none = len(proofs) - lines - unread
    if lines and followed is None:
        yield f"{_calls(lines)} signed: whether the journal has its line, the node can say (without --key)"
    elif lines and followed is not None:
        yield f"{_calls(lines)} signed: {followed} with a line in the journal here that leads to a head"
        if followed < lines:
            yield f"{lines - followed} with a line that is under no head yet: one is signed each minute"
    if unread:
        yield f"{_calls(unread)} signed, whose line the answer does not have"
    if none:
        yield f"{_calls(none)} not signed by its node, as none is that came in: it has no line of a signer's"


def _calls(number: int) -> str:
    return f"{number} call" if number == 1 else f"{number} calls"


def _wrong(said: SaidOf, proof: Mapping[str, Any], key: Ed25519PublicKey) -> Iterator[str]:
    facts = msgspec.json.decode(proof["text"])
    # 1.
    is_its = facts.get("record_id") == said.record_id and facts.get("seq") == proof["line"]
    if not is_its:
        yield "the signer's line is another call's"
    values, _ = opened(facts, proof["values"])
    for name in proof["values"].keys() - values.keys():
        yield f"{name} is not what the signer's line committed to"
    if is_its and (others := unlike(said, facts, values)):
        yield f"the signer's line says otherwise: {', '.join(others)}"
    if not proof["head"]:
        return
    # 2.
    try:
        minute = read_minute(proof["head"], key)
    except ChainBroken as problem:
        yield str(problem)
        return
    head = next((one for one in minute.heads if one.journal == proof["journal"]), None)
    if head is None or head.seq < proof["line"]:
        yield "the signed head does not reach the signer's line"
    # 3.
    elif head.seq == proof["line"] and head.hash != sha256(proof["text"].encode()).hexdigest():
        yield "the signer's line is not the one whose head was signed"
