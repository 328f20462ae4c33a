"""`trunkward explain`: why one call got what it got, check by check, and what would have changed it."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import msgspec
from rich.text import Text

from trunkward.calls.reasons import party_called, told, who_acts
from trunkward.calls.unverified import in_words as unverified_in_words
from trunkward.cli.calls import console, find_one, with_records
from trunkward.cli.check_list import check_lines, check_list
from trunkward.control.why import caller, unsigned_in_words
from trunkward.records.model import CheckRecord
from trunkward.settings import Paths
from trunkward.sip.text import shown
from trunkward.store.records import RecordStore


def run(paths: Paths, name: str, *, as_json: bool) -> int:
    """Explains one call; 1 when there is none, or more than one, 2 without records."""

    def explained(store: RecordStore) -> int:
        call = find_one(store, name)
        if call is None:
            return 1
        if as_json:
            print(json.dumps(document(call)))
            return 0
        for line in lines(document(call)):
            console.print(Text(line), soft_wrap=True)
        return 0

    return with_records(paths, explained)


def document(call: dict[str, Any]) -> dict[str, Any]:
    """A call's object with its `checks`, and in words what its reason codes say."""
    unsigned = {"unsigned": unsigned_in_words(call["attest_reason"])} if call.get("attest_reason") else {}
    findings = [msgspec.convert(found, CheckRecord) for found in call["findings"]]
    checks = {"checks": [asdict(line) for line in check_list(findings)]}
    return call | words_of(call["reason"]) | _end_in_words(call) | unsigned | checks


def words_of(reason: str) -> dict[str, str]:
    """`means` and `do` of a reason code; nothing for one that is not known here."""
    row = told(reason)
    return {"means": _plain(row.means), "do": _plain(row.do)} if row else {}


def _end_in_words(call: dict[str, Any]) -> dict[str, Any]:
    """The same of the code of a call that was let through and then refused, and who has to act."""
    row = told(call["end_reason"]) if call.get("end_reason") else None
    if row is None:
        return {}
    blames = [blame.value for blame in party_called(row, call["direction"])]
    return {"end_means": _plain(row.means), "end_do": _plain(row.do), "end_blames": blames}


def lines(told: dict[str, Any]) -> Iterator[str]:
    """A document for a person.

    1. Who called whom. 2. The verdict. 3. The checks. 4. What became of it. 5. By what it was judged.
    """
    # 1.
    started = told["started_at"]
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(started)) if started else "time not known"
    yield f"call {told['record_id']}, {when}"
    yield f"  {_party(told)}"
    yield f"  Call-ID {shown(told['call_id'], 100)}"
    yield ""
    if not told["verdict"]:
        yield "  no verdict is on record yet: the worker ships them once a second"
        return
    # 2.
    yield from verdict_lines(told)
    if told["certificate_sha256"] and told["verdict"] != "admit":
        yield f"  the caller's certificate: sha256:{told['certificate_sha256']}"
    if told["attest"]:
        rule = told["attestation"]["rule"] if told.get("attestation") else ""
        by = f", by rule {rule} (./trunkward why {told['record_id'][:8]})" if rule else ""
        yield f"  signed at level {told['attest']}{by}"
    elif told["attest_reason"]:
        yield f"  not signed, {told['attest_reason']}: {told['unsigned']}"
    yield from _verification(told)
    # 3.
    yield ""
    yield from check_lines(told["checks"])
    # 4.
    if told["verdict"] == "admit":
        yield ""
        yield from _way(told)
    # 5.
    yield ""
    yield f"  {_judge(told)}"


def _verification(call: dict[str, Any]) -> Iterator[str]:
    """What the signature others gave it was worth, and what the customer was told."""
    told = call.get("verification")
    if told is None:
        return
    if told.get("attest"):
        yield (
            f"  signature verified: level {told['attest']}, by {told.get('spc') or 'a delegate'}, "
            f"certificate {shown(told.get('x5u', ''), 256)}"
        )
    elif why := told.get("why"):
        yield f"  signature not verified, {why}: {unverified_in_words(why)}"
    else:
        yield f"  signature: {told['verstat']}"
    for error in told.get("errors", []):
        yield f"  signature not good: {error['code']} {error['cause']}"


def verdict_lines(told: dict[str, Any]) -> Iterator[str]:
    """What was decided, with its code and in words, who has to act, and what to do."""
    answer = {
        "admit": "admitted",
        "discard": "refused without an answer",
        "reject": f"refused with {told['status']}",
        "challenge": f"asked for credentials with {told['status']}",
    }.get(told["verdict"], told["verdict"])
    means = told.get("means", "a code this version does not know")
    yield f"  {answer if answer == told['reason'] else f'{answer}, {told["reason"]}'}: {means}"
    if told["verdict"] != "admit":
        yield f"  to act: {who_acts(told['reason'], told['blame'])}"
        if "do" in told:
            yield f"  what to do: {told['do']}"


def _party(call: dict[str, Any]) -> str:
    kind = {"outbound": "trunk", "inbound": "carrier"}.get(call["direction"], "")
    said = f", who says it is trunk {call['claimed']}" if call.get("claimed") else ""
    who = f"{kind} {call['source_name']}" if call["source_name"] else f"a stranger{said}"
    seen = (call["source"], call["transport"], call["tls_version"])
    where = ", ".join(part for part in seen if part)
    numbers = f"from {caller(call)} to {call['called_number'] or 'no number'}"
    return f"{who} ({where}) called {numbers}" if where else f"{who} called {numbers}"


def _way(call: dict[str, Any]) -> Iterator[str]:
    yield f"  routes: {', '.join(call['routes']) or 'none'}"
    for route in call["tried"]:
        yield f"  tried: {route['peer']}, {route.get('status') or route.get('problem')}"
    if call["ending"] is None:
        yield "  it has not ended yet"
        return
    by = f" by {call['ended_by']}" if call["ended_by"] else ""
    code = f", {call['end_code']}" if call["end_code"] else ""
    lasted = "".join(
        f", {what} {call[name]:.1f} s"
        for what, name in (("rang", "ring_s"), ("talked", "duration_s"))
        if call[name] is not None
    )
    taken = f"taken by {call['peer']}; " if call["peer"] and call["answered_at"] else ""
    yield f"  {taken}ended: {call['ending']}{by}{code}{lasted}"
    if call["survivor"]:
        said = call["bye_status"]
        answer = (
            f"{call['by_hand']} has said how it ended"
            if call["by_hand"]
            else f"its BYE was answered with {said}"
            if said
            else "no BYE was answered, and it cannot be alive"
        )
        yield f"  its node was lost, {call['survivor']} has seen to it: {answer}"
    elif call["cut"]:
        yield f"  this node ended it: {call['cut']}"
    if call.get("end_reason"):
        yield ""
        means = call.get("end_means", "a code this version does not know")
        yield f"  refused after that, {call['end_reason']}: {means}"
        if "end_blames" in call:
            yield f"  to act: {' or '.join(who_acts(call['end_reason'], one) for one in call['end_blames'])}"
            yield f"  what to do: {call['end_do']}"


def _judge(call: dict[str, Any]) -> str:
    if call["gate"] < 0:
        return "decided by the edge itself: no gate has it on record"
    return f"judged by gate {call['gate']}, policy version {call['policy_version']}, in {call['took_ms']} ms"


def _plain(text: str) -> str:
    """Without the marks of the page."""
    return text.replace("`", "")
