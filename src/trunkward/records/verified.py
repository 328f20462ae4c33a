"""What others' signatures were worth over a time: a summary of whoever sent them, from records."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

#: Service provider codes that are told of one: a peer chooses them, within what a trusted authority has
#: issued.
MOST_TOLD = 20


class Summary(msgspec.Struct, kw_only=True):
    """The calls of one carrier, or of one trunk that brings other providers' calls.

    Each call is one of: unsigned, passed, failed, not verified. What these are divided into sums up to them.
    """

    upstream: str
    #: `carrier` or `trunk`.
    kind: str
    calls: int = 0
    #: With at least one signature, whatever it was worth.
    signed: int = 0
    unsigned: int = 0
    passed: int = 0
    failed: int = 0
    #: Signed and not verified: by this node's cause, or `436 certificate-unavailable`, or `unknown-kind`.
    unverified: dict[str, int] = {}
    #: Of those that passed; `none` of a base PASSporT.
    levels: dict[str, int] = {}
    #: Of those that failed, by answer and cause, as `438 signature`: of several errors the first.
    errors: dict[str, int] = {}
    replays: int = 0
    #: Who signed those that passed, by service provider code.
    codes: dict[str, int] = {}


_KINDS = {"inbound": "carrier", "outbound": "trunk"}
#: Of calls that had nothing to verify.
_UNSIGNED = ("no-identity", "not-asked")
#: Of calls with signatures of kinds that nobody here knows.
UNKNOWN_KIND = "unknown-kind"


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
            # all else is of a few words of ours, and has to sum up
            setattr(summary, key, dict(counter.most_common(MOST_TOLD if key == "codes" else None)))
    return sorted(found.values(), key=lambda one: (-one.calls, one.upstream))


def _add(summary: Summary, counts: dict[str, Counter[str]], told: dict[str, Any]) -> None:
    why, errors = (
        told.get("why", ""),
        [f"{error['code']} {error['cause']}" for error in told.get("errors", [])],
    )
    summary.calls += 1
    summary.replays += any(error.endswith(" replayed") for error in errors)
    if why in _UNSIGNED:
        summary.unsigned += 1
        return
    summary.signed += 1
    if told["verstat"] == "TN-Validation-Passed":
        summary.passed += 1
        counts["levels"][told.get("attest") or "none"] += 1
        if code := told.get("spc"):
            counts["codes"][code] += 1
    elif told["verstat"] == "TN-Validation-Failed":
        summary.failed += 1
        counts["errors"][(errors or ["438"])[0]] += 1
    else:
        # an error that let it go unverified is that its certificate could not be had (436)
        counts["unverified"][why or (errors or [UNKNOWN_KIND])[0]] += 1
