"""Valkey's function library: its text, and how its functions are asked (`library.lua` tells more)."""

from collections.abc import Sequence
from copy import replace
from pathlib import Path

from trunkward.admission.ports import Asked, Counter, Over, Rate
from trunkward.live import money

#: As in the first line of the text.
NAME = "trunkward_5"
_ADMIT, _ROOM, _RENEW, _RELEASE, _COUNT, _BIND, _EPOCH = (
    f"tw5_{name}" for name in ("admit", "room", "renew", "release", "count", "bind", "epoch")
)
#: Seconds after which it is worth trying again where all places are taken: a guess at when one is free.
TRY_AGAIN_S = 5

#: Seconds a signature is remembered: longer than any is good, a diverted call's first one included
#: (`shaken.verify.Window`).
REMEMBERED_S = 370
#: In the place of the end of a hold: the call goes on, and holds other places.
MOVED = "moved"
#: A call, the keys it holds a place in, and the end of the hold that is given up in ms; None: it is over.
type Release = tuple[str, Sequence[str], int | str | None]


def text() -> str:
    """What `FUNCTION LOAD` is given."""
    first, rest = _read("library.lua").split("\n", 1)
    return f"{first}\n{_read('money.lua')}\n{_read('nodes.lua')}\n{rest}"


def admit(asked: Asked) -> tuple[str, ...]:
    """`admit`, as a command; the question's end follows."""
    keys = [counter.key for counter in asked.counters]
    keys += [rate.key for rate in asked.rates]
    keys.append(f"asked:{asked.record_id}")
    nonce = asked.nonce
    if nonce is not None:
        keys += [f"nonce:{nonce.nonce}", "epoch"]
    keys += [f"passport:{key}" for key in asked.passports]
    arguments = [
        asked.record_id,
        _ms(asked.hold_s),
        str(len(asked.counters)),
        str(len(asked.rates)),
        str(nonce.nc) if nonce else "",
        _ms(nonce.until) if nonce else "",
        str(nonce.epoch) if nonce else "",
        str(len(asked.passports)),
        asked.call_mark,
        _ms(REMEMBERED_S),
        *(str(counter.most) for counter in asked.counters),
    ]
    for rate in asked.rates:
        arguments += _rate(rate)
    if asked.money is not None:
        keys += money.keys_of(asked.record_id, [share.owner for share in asked.money.shares])
        arguments += money.weighed(asked.money)
    return ("FCALL", _ADMIT, str(len(keys)), *keys, *arguments)


def room(asked: Asked) -> tuple[str, ...]:
    """`room`, as a command; the question's end follows."""
    _, _, *rest = admit(replace(asked, nonce=None, passports=(), money=None))
    return ("FCALL", _ROOM, *rest)


def over(asked: Asked, number: int, retry_ms: int) -> Over:
    """Which of what was asked for is full; `number` counts counters, then rates, from 1."""
    if number <= len(asked.counters):
        full = asked.counters[number - 1]
        return Over(key=full.key, most=full.most, retry_after_s=TRY_AGAIN_S if full.most else None)
    rate = asked.rates[number - len(asked.counters) - 1]
    return Over(key=rate.key, most=rate.per_second, retry_after_s=-(-retry_ms // 1000) or None)


def renew(calls: Sequence[tuple[str, Sequence[str]]], hold_s: float) -> tuple[str, ...]:
    """`renew`, as a command."""
    keys: list[str] = []
    arguments = [_ms(hold_s)]
    for record_id, counters in calls:
        keys += [f"ended:{record_id}", *counters]
        arguments += [record_id, str(len(counters))]
    return ("FCALL", _RENEW, str(len(keys)), *keys, *arguments)


def release(releases: Sequence[Release]) -> tuple[str, ...]:
    """`release`, as a command."""
    keys: list[str] = []
    arguments: list[str] = []
    for record_id, counters, until_ms in releases:
        keys += [f"ended:{record_id}", *counters]
        arguments += [record_id, str(len(counters)), "" if until_ms is None else str(until_ms)]
    return ("FCALL", _RELEASE, str(len(keys)), *keys, *arguments)


def count(asked: Sequence[Counter | Rate]) -> tuple[str, ...]:
    """`count`, as a command."""
    arguments: list[str] = []
    for one in asked:
        arguments += _rate(one) if isinstance(one, Rate) else ["", ""]
    return ("FCALL_RO", _COUNT, str(len(asked)), *(one.key for one in asked), *arguments)


def bind(trunk: str, before: str, after: str = "", keep_s: float = 0) -> tuple[str, ...]:
    """`bind`, as a command; the question's end follows."""
    return ("FCALL", _BIND, "1", f"bindings:{trunk}", before, after, _ms(keep_s))


def epoch() -> tuple[str, ...]:
    """`epoch`, as a command."""
    return ("FCALL", _EPOCH, "1", "epoch")


def _rate(rate: Rate) -> list[str]:
    interval_us = round(1_000_000 / rate.per_second) if rate.per_second else 0
    return [str(interval_us), str(rate.burst)]


def _ms(seconds: float) -> str:
    return str(round(seconds * 1000))


def _read(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="ascii")
