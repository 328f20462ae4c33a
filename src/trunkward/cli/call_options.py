"""What a person writes to choose calls, as a filter; what cannot be meant is refused with what can."""

import re
import time
from collections.abc import Iterable
from datetime import datetime
from difflib import get_close_matches

import typer

from trunkward.calls.outcome import Ending
from trunkward.calls.verdict import Reason
from trunkward.numbering.e164 import NotANumber, is_prefix
from trunkward.numbering.plan import DialPlan, strip
from trunkward.numbering.written import read_written, without_spaces
from trunkward.records.filter import CallFilter
from trunkward.settings import Paths

_VERDICTS = ("admit", "reject", "challenge", "discard")
_AGO = re.compile(r"([0-9]{1,6})([smhdw])", re.ASCII)
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
#: A number that is dialled without a country and kept as it is dialled (an emergency number).
_SHORT = re.compile(r"[0-9]{1,6}", re.ASCII)
#: Names told of those there are.
_MOST_NAMES = 20


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


def one_known(option: str, text: str, known: Iterable[str]) -> str:
    """The text, which is one of these names. Raises `typer.BadParameter`, and says which there are."""
    names = sorted(set(filter(None, known)))
    if text in names:
        return text
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    there_are = f"there are {', '.join(names[:_MOST_NAMES])}{more}" if names else "there is none yet"
    close = get_close_matches(text, names, n=1)
    meant = f"did you mean {close[0]}? " if close else ""
    raise typer.BadParameter(f"nothing is called {text!r}: {meant}{there_are}", param_hint=option)


def one_number(option: str, text: str) -> str:
    """A whole number, E.164 with `+` where it is longer than those for help. Raises `typer.BadParameter`."""
    if _SHORT.fullmatch(text):
        return text
    try:
        return read_written(text, None if "+" in text else _home())
    except NotANumber as why:
        raise typer.BadParameter(str(why), param_hint=option) from None


def _home() -> DialPlan | None:
    """How numbers are dialled where this node is; None: that is not known, or not for everybody to read."""
    from trunkward.engines.in_force import read_in_force  # for whom writes a `+`: it loads much

    try:
        in_force = read_in_force(Paths.from_environment().declared)
    except PermissionError:
        return None
    return in_force.declared().node.dial_plan if in_force else None


def span_s(option: str, text: str) -> float:
    """Seconds of `90s`, `15m`, `2h`, `7d`. Raises `typer.BadParameter`."""
    if (found := _AGO.fullmatch(text)) is None:
        raise typer.BadParameter(f"{text!r}: write a time such as 90s, 15m or 2h", param_hint=option)
    return float(int(found[1]) * _UNITS_S[found[2]])


def _number(option: str, text: str | None) -> str | None:
    if text is None:
        return None
    if not text.endswith("*"):
        return one_number(option, text)
    try:
        begins = strip(without_spaces(text[:-1]))
    except NotANumber:
        begins = ""
    if not is_prefix(begins):
        raise typer.BadParameter(
            f"{text!r}: write the beginning of numbers with + and their country code, such as +1202*",
            param_hint=option,
        )
    return f"{begins}*"


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
