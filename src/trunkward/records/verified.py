"""What others' signatures were worth over a time: a summary of whoever sent them, from records."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

#: Service provider codes and causes that are told of one: a peer chooses them, within what a trusted
#: authority has issued.
MOST_TOLD = 20


class Summary(msgspec.Struct, kw_only=True):
    """The calls of one carrier, or of one trunk that brings other providers' calls."""

    upstream: str
    #: `carrier` or `trunk`.
    kind: str
    calls: int = 0
    #: With at least one signature, whatever it was worth.
    signed: int = 0
    passed: int = 0
    failed: int = 0
    #: Not verified for a cause of this node's, by cause.
    unverified: dict[str, int] = {}
    #: Of those that passed.
    levels: dict[str, int] = {}
    #: Of the PASSporTs that were not good: by answer and cause, as `438 signature`.
    errors: dict[str, int] = {}
    replays: int = 0
    #: Who signed those that passed, by service provider code.
    codes: dict[str, int] = {}


_KINDS = {"inbound": "carrier", "outbound": "trunk"}
#: Of calls that had nothing to verify.
_UNSIGNED = ("no-identity", "not-asked")


def summaries(calls: Iterable[dict[str, Any]]) -> list[Summary]:
    """Of calls as `records.view` gives them, by who sent them, the one with the most calls first."""
    found: dict[str, Summary] = {}
    counted: dict[str, dict[str, Counter[str]]] = {}
    for call in calls:
        told = call.get("verification")
        if told is None:
            continue
        name = call["source_name"]
        summary = found.setdefault(name, Summary(upstream=name, kind=_KINDS[call["direction"]]))
        counts = counted.setdefault(
            name, {key: Counter() for key in ("unverified", "levels", "errors", "codes")}
        )
        _add(summary, counts, told)
    for name, summary in found.items():
        for key, counter in counted[name].items():
            setattr(summary, key, dict(counter.most_common(MOST_TOLD)))
    return sorted(found.values(), key=lambda one: (-one.calls, one.upstream))


def _add(summary: Summary, counts: dict[str, Counter[str]], told: dict[str, Any]) -> None:
    why, errors = told.get("why", ""), told.get("errors", [])
    summary.calls += 1
    summary.signed += why not in _UNSIGNED
    summary.passed += told["verstat"] == "TN-Validation-Passed"
    summary.failed += told["verstat"] == "TN-Validation-Failed"
    summary.replays += any(error["cause"] == "replayed" for error in errors)
    if why and why not in _UNSIGNED:
        counts["unverified"][why] += 1
    counts["errors"].update(f"{error['code']} {error['cause']}" for error in errors)
    if level := told.get("attest"):
        counts["levels"][level] += 1
    if code := told.get("spc"):
        counts["codes"][code] += 1
