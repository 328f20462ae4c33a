"""What a person writes to choose calls, as a filter; what cannot be meant is refused with what can."""

import re
import time
from datetime import datetime
from difflib import get_close_matches

import typer

from trunkward.calls.outcome import Ending
from trunkward.calls.verdict import Reason
from trunkward.records.filter import CallFilter

_VERDICTS = ("admit", "reject", "challenge", "discard")
_AGO = re.compile(r"([0-9]{1,6})([smhdw])", re.ASCII)
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_NUMBER = re.compile(r"(\+?)([0-9]{1,15})(\*?)|\*", re.ASCII)
#: Digits of the longest number that is dialled without a country (an emergency number).
_SHORT = 6


def wanted_calls(
    tenant: str | None,
    trunk: str | None,
    carrier: str | None,
    sender: str | None,
    called: str | None,
    number: str | None,
    verdict: str | None,
    reason: str | None,
    ending: str | None,
    since: str | None,
    until: str | None,
    min_duration_s: float | None,
    emergency: bool | None,
) -> CallFilter:
    """The filter these options mean. Raises `typer.BadParameter`."""
    now_s = time.time()
    return CallFilter(
        tenant=tenant,
        trunk=trunk,
        carrier=carrier,
        calling_number=_number("--from", sender),
        called_number=_number("--to", called),
        number=_number("--number", number),
        verdict=one_of("--verdict", verdict, _VERDICTS),
        reason=one_of("--reason", reason, tuple(code.value for code in Reason)),
        ending=one_of("--ending", ending, tuple(way.value for way in Ending)),
        since=moment("--since", since, now_s),
        until=moment("--until", until, now_s),
        min_duration_s=min_duration_s,
        emergency=emergency,
    )


def one_of(option: str, text: str | None, known: tuple[str, ...]) -> str | None:
    """The text, which is one of these or None. Raises `typer.BadParameter`."""
    if text is not None and text not in known:
        close = get_close_matches(text, known, n=1)
        meant = f"did you mean {close[0]}?" if close else f"write one of {', '.join(known)}"
        raise typer.BadParameter(f"{text!r}: {meant}", param_hint=option)
    return text


def one_number(option: str, text: str) -> str:
    """A whole number, E.164 with `+` where it is longer than those for help. Raises `typer.BadParameter`."""
    found = _number(option, text)
    if found is None or found.endswith("*"):
        raise typer.BadParameter(f"{text!r}: write one whole number, such as +12025550101", param_hint=option)
    return found


def span_s(option: str, text: str) -> float:
    """Seconds of `90s`, `15m`, `2h`, `7d`. Raises `typer.BadParameter`."""
    if (found := _AGO.fullmatch(text)) is None:
        raise typer.BadParameter(f"{text!r}: write a time such as 90s, 15m or 2h", param_hint=option)
    return float(int(found[1]) * _UNITS_S[found[2]])


def _number(option: str, text: str | None) -> str | None:
    if text is None:
        return None
    found = _NUMBER.fullmatch(text)
    if found is None or found[2] is None:
        raise typer.BadParameter(
            f"{text!r}: write a number such as +12025550101, 911, or the beginning of some, +1202*",
            param_hint=option,
        )
    plus, digits, star = found.groups()
    return f"{plus or ('+' if len(digits) > _SHORT else '')}{digits}{star}"


def moment(option: str, text: str | None, now_s: float) -> float | None:
    """A time in seconds since the epoch, None for none. Without a zone it is this machine's.

    Raises `typer.BadParameter`.
    """
    if text is None:
        return None
    if ago := _AGO.fullmatch(text):
        return now_s - int(ago[1]) * _UNITS_S[ago[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise typer.BadParameter(
            f"{text!r}: write a time such as 2026-11-25, 2026-11-25T14:30:00Z, or 90s, 15m, 2h, 7d for ago",
            param_hint=option,
        ) from None
