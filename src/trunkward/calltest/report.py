"""The report of a run: for a person, or as JSON."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from trunkward.calltest.evidence import PartyEvidence
from trunkward.calltest.expectations import CallJudgement, recorded_leg
from trunkward.calltest.parties import Media, PartyKind, Transport
from trunkward.calltest.rtp import RtpStream
from trunkward.calltest.tone import Tone
from trunkward.control.why import unsigned_in_words


def report_json(judgements: Sequence[CallJudgement]) -> dict[str, Any]:
    """Everything a machine may want to know of the run."""
    calls = [_call_json(judgement) for judgement in judgements]
    return {"passed": bool(calls) and all(call["passed"] for call in calls), "calls": calls}


def print_report(judgements: Sequence[CallJudgement], console: Console, *, took_s: float) -> None:
    """Print the summary, call by call what was seen, then every expectation that did not hold."""
    console.print(_summary(judgements), highlight=False)
    for number, judgement in enumerate(judgements, 1):
        _print_call(number, judgement, console)
    failed = [(number, e) for number, judgement in enumerate(judgements, 1) for e in judgement.failed]
    held = sum(len(judgement.expectations) for judgement in judgements) - len(failed)
    console.print()
    for number, e in failed:
        console.print(f"[bold red]FAILED[/] call {number}: {escape(e.what)}", highlight=False)
        console.print(
            f"       expected {escape(e.expected)}\n       seen     {escape(e.seen)}", highlight=False
        )
    if failed or not judgements:
        summary = f"[bold red]{len(failed)} expectations failed[/], {held} held"
    else:
        summary = f"[bold green]all {held} expectations held[/]"
    calls = f"{len(judgements)} call{'' if len(judgements) == 1 else 's'}"
    console.print(f"{summary}, {calls}, {took_s:.0f} s", highlight=False)


def _summary(judgements: Sequence[CallJudgement]) -> Table:
    """A row for each call, within 80 columns; the details are below it."""
    table = Table("call", "", "", "s", "signed", "lost", box=None, pad_edge=False)
    for number, judgement in enumerate(judgements, 1):
        evidence = judgement.evidence
        mark = "[bold red]FAILED[/]" if judgement.failed else "[bold green]ok[/]"
        times = evidence.times
        lasted = "" if times.ended_s is None else f"{times.ended_s - times.dialled_s:.1f}"
        identity = judgement.identity
        signed = "" if identity is None else "no" if identity.faults else identity.attest or ""
        parties = [party for party in (evidence.customer, evidence.carrier) if party]
        lost = f"{sum(party.to_party.lost + party.from_party.lost for party in parties)}" if parties else ""
        table.add_row(str(number), escape(evidence.plan.title), mark, lasted, escape(signed), lost)
    return table


def _print_call(number: int, judgement: CallJudgement, console: Console) -> None:
    evidence = judgement.evidence
    mark = "[bold red]FAILED[/]" if judgement.failed else "[bold green]ok[/]"
    console.print(f"\n[bold]Call {number}: {escape(evidence.plan.title)}[/]  {mark}", highlight=False)
    record = evidence.record or {}
    facts = Table.grid(padding=(0, 2))
    facts.add_row("numbers", f"{evidence.plan.caller_number} to {evidence.plan.dialled_number}")
    facts.add_row("Call-ID", escape(evidence.call_id or "none"))
    facts.add_row(
        "verdict", escape(f"{record.get('verdict', 'no record')}, reason {record.get('reason', '?')}")
    )
    if evidence.plan.attest is not None:
        facts.add_row("Identity", escape(_identity_line(judgement)))
    facts.add_row("record", escape(_record_line(record)))
    if evidence.customer and evidence.carrier and judgement.key_sources:
        seen = [
            f"{s.what} {s.value} ({s.where})" for kind, s in judgement.sightings if kind is PartyKind.CARRIER
        ]
        facts.add_row("carrier saw of the inside", escape("; ".join(seen) or "nothing"))
        passes = ", ".join(f"{v.what} {v.value}" for v in judgement.visible)
        facts.add_row("passes end to end", escape(passes or "nothing"))
    console.print(facts, highlight=False)
    if evidence.customer and evidence.carrier and judgement.key_sources:
        console.print(_legs_table(judgement, evidence.customer, evidence.carrier), highlight=False)


def _legs_table(judgement: CallJudgement, *parties: PartyEvidence) -> Table:
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("leg")
    for party in parties:
        table.add_column(f"{party.party.kind} {party.party.name}")
    legs = [dict(recorded_leg(judgement.evidence, party) or {}) for party in parties]

    def row(name: str, values: list[str]) -> None:
        table.add_row(name, *(escape(value) for value in values))

    row("signalling on the wire", [_signalling_line(party) for party in parties])
    row(
        "signalling, as recorded",
        [_fields(leg, "transport", "tls_version", "cipher", "peer_cn") for leg in legs],
    )
    row("SRTP, as the endpoint saw it", [_media_line(judgement, party) for party in parties])
    row("SRTP, as recorded", [_recorded_srtp(leg) for leg in legs])
    row("media to the party", [_stream_line(party.to_party) for party in parties])
    row("media from the party", [_stream_line(party.from_party) for party in parties])
    times = judgement.evidence.times
    if (start := times.resumed_s) and (end := times.ended_s):
        row(
            "packets after the resume, to / from",
            [
                " / ".join(str(way.packets_between(start, end)) for way in (party.to_party, party.from_party))
                for party in parties
            ],
        )
    row(
        "packets, as recorded, in / out",
        [_fields(leg, "packets_in", "packets_out", sep=" / ") for leg in legs],
    )
    # a few are normal at the beginning (docs/records.md)
    row("packets not relayed, as recorded", [_fields(leg, "errors_in") for leg in legs])
    row("tone played", [f"{party.tone_hz:.0f} Hz" for party in parties])
    row("tone heard", [_tone_line(judgement.tones[party.party.kind]) for party in parties])
    return table


def _fields(leg: dict[str, Any], *names: str, sep: str = ", ") -> str:
    return sep.join(str(leg[name]) for name in names if leg.get(name) is not None) or "not recorded"


def _recorded_srtp(leg: dict[str, Any]) -> str:
    # the record writes "" for plain RTP, and nothing where nothing is known
    return "plain RTP" if leg.get("srtp_suite") == "" else _fields(leg, "srtp_suite", "key_source")


def _signalling_line(party: PartyEvidence) -> str:
    if party.party.transport is not Transport.TLS:
        return f"{party.party.transport.value.upper()}, no TLS"
    return (
        "; ".join(dict.fromkeys(f"{choice.version} {choice.cipher}" for choice in party.tls))
        or "no handshake seen"
    )


def _media_line(judgement: CallJudgement, party: PartyEvidence) -> str:
    source = judgement.key_sources[party.party.kind]
    if party.media is Media.PLAIN and not party.suites:
        return f"plain RTP, key source {source}"
    return f"{', '.join(dict.fromkeys(party.suites)) or 'no suite'}, key source {source}"


def _stream_line(stream: RtpStream) -> str:
    return f"{stream.packets} packets, {stream.lost} lost, jitter {stream.jitter_ms:.1f} ms"


def _tone_line(tone: Tone | str) -> str:
    return tone if isinstance(tone, str) else f"{tone.frequency_hz:.1f} Hz ({tone.share:.1%} of the energy)"


def _identity_line(judgement: CallJudgement) -> str:
    identity = judgement.identity
    if identity is None:
        record = judgement.evidence.record or {}
        if not record.get("answered_at"):
            return "not looked at: the call did not come up"
        why = record.get("attest_reason")
        return f"none: the node did not sign it: {unsigned_in_words(why)}, {why}" if why else "none"
    if identity.faults:
        return "NOT verified: " + "; ".join(identity.faults)
    checks = ", ".join(identity.passed)
    return f"attest {identity.attest}, verified independently ({checks}), provider code {identity.spc}"


def _record_line(record: Mapping[str, Any]) -> str:
    if not record:
        return "none"
    told = [f"{name} {record[name]}" for name in ("trunk", "carrier") if record.get(name)]
    told.append(f"signed {record['attest']}" if record.get("attest") else "not signed")
    if record.get("blame", "nobody") != "nobody":
        told.append(f"{record['blame']} has to act")
    told += [f"{what} {_clock(record[name])}" for what, name in _MOMENTS if record.get(name)]
    if record.get("duration_s") is not None:
        told.append(f"talked {record['duration_s']:.1f} s")
    if record.get("end_code"):
        told.append(f"status {record['end_code']}")
    return ", ".join(told)


_MOMENTS = (("judged", "started_at"), ("answered", "answered_at"), ("ended", "ended_at"))


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S} UTC"


def _call_json(judgement: CallJudgement) -> dict[str, Any]:
    evidence, identity = judgement.evidence, judgement.identity
    return {
        "key": evidence.plan.key,
        "title": evidence.plan.title,
        "passed": not judgement.failed,
        "caller": evidence.plan.caller_number,
        "dialled": evidence.plan.dialled_number,
        "call_id": evidence.call_id,
        "problem": evidence.problem,
        "identity": None if identity is None else {
            "attest": identity.attest, "origid": identity.origid, "x5u": identity.x5u, "spc": identity.spc,
            "passed": list(identity.passed), "faults": list(identity.faults),
        },
        "legs": [_leg_json(judgement, party) for party in (evidence.customer, evidence.carrier) if party],
        "seen_inside": [
            {"by": kind.value, "what": s.what, "value": s.value, "where": s.where}
            for kind, s in judgement.sightings
        ],
        "passes_through": [{"what": v.what, "value": v.value} for v in judgement.visible],
        "record": dict(evidence.record) if evidence.record is not None else None,
        "expectations": [
            {"what": e.what, "expected": e.expected, "seen": e.seen, "held": e.held}
            for e in judgement.expectations
        ],
    }  # fmt: skip


def _leg_json(judgement: CallJudgement, party: PartyEvidence) -> dict[str, Any]:
    kind = party.party.kind
    tone = judgement.tones.get(kind, "not looked at")
    return {
        "side": kind.value,
        "name": party.party.name,
        "transport": party.party.transport.value,
        "tls_on_wire": [{"version": c.version, "cipher": c.cipher} for c in party.tls],
        "suites": list(party.suites),
        "key_source": judgement.key_sources.get(kind),
        "to_party": _stream_json(party.to_party),
        "from_party": _stream_json(party.from_party),
        "tone_played_hz": party.tone_hz,
        "tone_heard": tone
        if isinstance(tone, str)
        else {"frequency_hz": tone.frequency_hz, "share": tone.share},
    }


def _stream_json(stream: RtpStream) -> dict[str, Any]:
    return {"packets": stream.packets, "lost": stream.lost, "jitter_ms": round(stream.jitter_ms, 3)}
