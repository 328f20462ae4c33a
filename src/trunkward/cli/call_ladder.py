"""One call as a ladder for a terminal: customer, this node, carrier, and an arrow for each message."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from trunkward.calls.reasons import who_acts
from trunkward.control.why import caller
from trunkward.records.ladder import Arrow, sides, steps
from trunkward.records.model import MessageRecord
from trunkward.sip.text import shown

#: Columns of the time, and between two uprights.
_TIME, _GAP = 10, 40
_NODE = "trunkward"


def ladder_lines(call: dict[str, Any], messages: Sequence[MessageRecord]) -> Iterator[str]:
    """The call's facts, its ladder, its legs."""
    yield from _facts(call)
    yield ""
    left, right = sides(call)
    margin = " " * _TIME
    yield f"{margin}{left:<{_GAP}} {_NODE:^{len(_NODE)}} {right:>{_GAP - 4}}".rstrip()
    found = steps(call, messages)
    for step in found:
        yield f"{step.after_s:>+{_TIME - 1}.3f} {_drawn(step.arrow, step.text)}".rstrip()
    if not messages:
        yield f"{margin}(no messages: they are kept for a shorter time than calls, see docs/records.md)"
    yield ""
    for leg in call["legs"]:
        yield f"{leg['side']:<8} {_leg(leg)}"


def _drawn(arrow: Arrow, text: str) -> str:
    """`|---- INVITE --->|                |` and its kin."""
    empty = " " * _GAP
    match arrow:
        case Arrow.LEFT_TO:
            return f"|{_shaft(text)}>|{empty} |"
        case Arrow.LEFT_FROM:
            return f"|<{_shaft(text)}|{empty} |"
        case Arrow.RIGHT_FROM:
            return f"|{empty} |{_shaft(text)}>|"
        case Arrow.RIGHT_TO:
            return f"|{empty} |<{_shaft(text)}|"
        case Arrow.HERE:
            return f"|{empty} * {text}"


def _shaft(text: str) -> str:
    label = f" {text[: _GAP - 4]} "
    return label.center(_GAP, "-")


def _facts(call: dict[str, Any]) -> Iterator[str]:
    started = call["started_at"]
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(started)) if started else "time not known"
    yield f"call {call['record_id']}, {when}"
    numbers = f"{caller(call)} to {call['called_number'] or 'no number'}"
    yield f"  {call['direction'] or 'no direction'}: {numbers}"
    yield f"  Call-ID {shown(call['call_id'], 100)}"
    lasted = [
        f"{what} {call[name]:.1f} s" for what, name in (("rang", "ring_s"), ("talked", "duration_s"))
        if call[name] is not None
    ]  # fmt: skip
    if call["ending"]:
        code = f" {call['end_code']}" if call["end_code"] else ""
        yield f"  {', '.join([f'{call["ending"]}{code}', *lasted])}"
    if call["verdict"] and call["verdict"] != "admit":
        yield from _refusal(call)
    for route in call["tried"]:
        yield f"  tried before: {route['peer']}, {route.get('status') or route.get('problem')}"


def _refusal(call: dict[str, Any]) -> Iterator[str]:
    """Why, in the words a customer's PBX got beside the code; who has to act; who it was."""
    said = f"refused with {call['status']}" if call["status"] else "refused without an answer"
    # the check that refused is the last one
    last = call["findings"][-1] if call["findings"] else {}
    why = shown(last.get("detail", ""), 300)
    yield f"  {said}: {call['reason']}{f': {why}' if why else ''}"
    if last.get("remedy"):
        yield f"  to let it pass: {shown(last['remedy'], 300)}"
    yield f"  to act: {who_acts(call['reason'], call['blame'])}"
    if call["source"]:
        seen = (call["source"], call["transport"], call["tls_version"])
        yield f"  it came from {', '.join(part for part in seen if part)}"
    if call["certificate_sha256"]:
        yield f"  its certificate: sha256:{call['certificate_sha256']}"


def _leg(leg: dict[str, Any]) -> str:
    """Protection, then what was counted, then what its peer reported."""
    told = [
        leg[name] for name in ("peer", "transport", "tls_version", "protocol", "srtp_suite") if leg.get(name)
    ]
    if "packets_in" in leg:
        counts = [leg.get(name, "?") for name in ("packets_in", "packets_out", "errors_in")]
        told.append("{} packets in, {} out, {} not relayed".format(*counts))
    units = [("mos", "MOS", ""), ("jitter_ms", "jitter", " ms"), ("loss_percent", "loss", " %")]
    units.append(("round_trip_ms", "round trip", " ms"))
    told += [f"{what} {leg[name]}{unit}" for name, what, unit in units if name in leg]
    return ", ".join(told)
