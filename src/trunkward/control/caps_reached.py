"""Caps that are set to no more than is spent already: whoever sets one is told, and may mean it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from trunkward.spend.money import shown
from trunkward.trunks.model import Declared
from trunkward.trunks.spending import WINDOW_S, Raise, Window, with_raises

#: Seconds of a bucket (`live/money.lua`): what lies in one leaves the window as one, when its newest second
#: has.
_BUCKET_S = {Window.HOUR: 60, Window.DAY: 1800, Window.MONTH: 43_200}
_LONG = {Window.HOUR: "an hour", Window.DAY: "24 hours", Window.MONTH: "30 days"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """One cap over time, as it holds with what is raised; in micro-units of the node's currency."""

    #: `trunk:acme-hq`.
    owner: str
    window: Window
    micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What counts under one cap now, in micro-units: what was charged, and what is held for calls."""

    settled: int
    held: int


def new_caps(old: Declared, new: Declared, raises: Iterable[Raise], now: float) -> list[Cap]:
    """The caps that hold otherwise than before, of what is counted as before.

    `now` in seconds since the epoch. None where the currency or the Valkey is another: what is spent there
    is not what will count.
    """
    if (old.node.currency, old.node.live) != (new.node.currency, new.node.live):
        return []
    raised, before = list(raises), old.spending
    owners = with_raises({name: its for name, its in new.spending.items() if its != before.get(name)}, raised)
    was = {one.owner: one.at(now) for one in with_raises(before, raised)}
    return [
        Cap(owner=one.owner, window=window, micro=cap)
        for one in owners
        for window in WINDOW_S
        if (cap := one.at(now).cap(window)) is not None
        and (one.owner not in was or cap != was[one.owner].cap(window))
    ]


def reached(caps: Iterable[Cap], used: Mapping[Cap, Used], currency: str, now: float) -> Iterator[str]:
    """A sentence for each that leaves nothing: what is spent, and until when no call goes that costs money.

    `now` in seconds since the epoch. Nothing is said of an owner who has spent nothing.
    """
    for cap in caps:
        its = used.get(cap)
        if its is not None and 0 < its.settled + its.held >= cap.micro:
            yield _said(cap, its, currency, now)


def _said(cap: Cap, its: Used, currency: str, now: float) -> str:
    whose, per = cap.owner.replace(":", " ", 1), "an" if cap.window is Window.HOUR else "a"
    none = "no call that costs money goes"
    none = f"{none} by it" if cap.owner.startswith("carrier:") else none.replace("call", "call of it", 1)
    spent = f"{shown(its.settled)} are spent of it already and {shown(its.held)} held for calls"
    if cap.micro == 0:
        until = "as long as that stands"
    else:
        free = datetime.fromtimestamp(now + WINDOW_S[cap.window] + _BUCKET_S[cap.window], UTC)
        until = (
            "until enough of that is free again: what is held when its calls end, what is spent when it is"
            f" more than {_LONG[cap.window]} ago, all of it by {free:%Y-%m-%d %H:%M} UTC"
        )
    return f"{whose} may cost {shown(cap.micro)} {currency} {per} {cap.window}, and {spent}: {none} {until}"
