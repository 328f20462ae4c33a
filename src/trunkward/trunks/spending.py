"""How much may be spent: caps over windows that move, at every level; raised for a time, or calls held."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum


class Window(StrEnum):
    """What a cap holds for. None of them begins at midnight: each is the time just gone."""

    #: One call, from its answer to its end.
    CALL = "call"
    HOUR = "hour"
    #: 24 hours and 30 days.
    DAY = "day"
    MONTH = "month"


#: Seconds of a window; a call is as long as it lasts.
WINDOW_S = {Window.HOUR: 3600, Window.DAY: 86_400, Window.MONTH: 30 * 86_400}
#: Percent of a cap at which somebody is told.
ALERTS = (50, 80, 100)


class AtCap(StrEnum):
    """What becomes of running calls when a cap is reached. None of them gets another slice, either way."""

    #: Each goes on to the end of the slice it has paid for.
    GRANT = "grant"
    #: Each is ended when it asks for another slice, before the end of the one it has; what it does not use of
    #: that is free again.
    AT_ONCE = "at-once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """The caps of one owner, in micro-units of the node's currency; None: no cap."""

    call_micro: int | None = None
    hour_micro: int | None = None
    day_micro: int | None = None
    month_micro: int | None = None
    #: What each node may lease ahead, so that calls at home go on while Valkey is lost; it counts as spent
    #: until it is given back.
    escrow_micro: int = 0
    alerts: tuple[int, ...] = ALERTS
    at_cap: AtCap = AtCap.GRANT

    def cap(self, window: Window) -> int | None:
        """The cap of one window."""
        match window:
            case Window.CALL:
                return self.call_micro
            case Window.HOUR:
                return self.hour_micro
            case Window.DAY:
                return self.day_micro
            case Window.MONTH:
                return self.month_micro

    @property
    def has_caps(self) -> bool:
        """Whether there is any cap, be it for a call alone."""
        return any(self.cap(window) is not None for window in Window)

    @property
    def is_capped(self) -> bool:
        """Whether there is a cap over time: one for a call alone bounds no sum."""
        return any(self.cap(window) is not None for window in WINDOW_S)


#: Of a tenant, a reseller or a carrier whose file says nothing.
NO_CAPS = Spending()
#: Of a trunk whose file says nothing else: a small office's telephone bill, and no more for a thief.
TRUNK_CAPS = Spending(
    call_micro=5_000_000, hour_micro=10_000_000, day_micro=30_000_000, month_micro=300_000_000
)


class HoldScope(StrEnum):
    """Which calls a hold refuses; emergency calls never are."""

    #: Those that leave the country.
    INTERNATIONAL = "international"
    #: All a trunk's customer places.
    OUTBOUND = "outbound"
    #: Those to it, too.
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """That calls of an owner are refused until somebody releases it."""

    #: Number of the version that made it, whose actor and time are its own.
    version: int
    #: `trunk:acme-hq`, `tenant:acme`, `reseller:bolt`.
    owner: str
    scope: HoldScope = HoldScope.OUTBOUND
    #: Such calls that run are ended, too.
    cut: bool = False
    why: str = ""
    #: Number of the version that released it, or took its place; 0: it is in force.
    ended: int = 0

    def covers(self, *, outbound: bool, abroad: bool) -> bool:
        """Whether a call of this owner is one of those."""
        match self.scope:
            case HoldScope.ALL:
                return True
            case HoldScope.OUTBOUND:
                return outbound
            case HoldScope.INTERNATIONAL:
                return outbound and abroad


@dataclass(frozen=True, slots=True, kw_only=True)
class Raise:
    """That one cap of an owner is higher for a time; it ends by itself."""

    #: Number of the version that made it, whose actor and time are its own.
    version: int
    #: As of a hold, or `carrier:north`.
    owner: str
    window: Window
    to_micro: int
    #: Seconds since the epoch: the first moment at which it no longer holds.
    until: float
    why: str = ""
    #: Number of the version that ended it early, or took its place; 0: none has.
    ended: int = 0

    def holds(self, at: float) -> bool:
        """Whether it holds at a time, in seconds since the epoch."""
        return not self.ended and at < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendingChange:
    """What a version does to holds and raises: a new one, and those that end."""

    #: `hold`, `release`, `raise`, `end`; `forget`, which is of nobody alone; `settle`, of one call.
    act: str
    owner: str
    hold: Hold | None = None
    raised: Raise | None = None
    #: By the version that made them.
    ended: tuple[int, ...] = ()
    #: Of `end`: whose raise.
    window: Window | None = None
    why: str = ""
    #: Of `forget`: by owner and window, in micro-units of a currency.
    forgotten: Mapping[str, Mapping[Window, int]] = field(default_factory=dict)
    currency: str = ""
    #: Of `settle`: the call, its lost node, how many seconds it lasted, and by owner what that has cost.
    record_id: str = ""
    node: str = ""
    lasted_s: float = 0.0
    settled: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerSpending:
    """One owner's caps: what the file says, and what is raised for now."""

    #: As of a raise.
    owner: str
    spending: Spending
    raises: tuple[Raise, ...] = ()

    @property
    def account(self) -> str:
        """The owner as the ledger knows him."""
        return f"money:{self.owner}"

    def at(self, now: float) -> Spending:
        """The caps at a time, in seconds since the epoch. A raise only raises; what has no cap gets none."""
        raised = [one for one in self.raises if one.holds(now)]

        def cap(window: Window) -> int | None:
            said = self.spending.cap(window)
            more = [one.to_micro for one in raised if one.window is window]
            return said if said is None else max([said, *more])

        if not raised:
            return self.spending
        return replace(
            self.spending,
            call_micro=cap(Window.CALL),
            hour_micro=cap(Window.HOUR),
            day_micro=cap(Window.DAY),
            month_micro=cap(Window.MONTH),
        )


def with_raises(owners: Mapping[str, Spending], raises: Iterable[Raise]) -> Iterator[OwnerSpending]:
    """Each owner's caps with the raises that are his."""
    raised: dict[str, list[Raise]] = {}
    for one in raises:
        raised.setdefault(one.owner, []).append(one)
    for owner, spending in owners.items():
        yield OwnerSpending(owner=owner, spending=spending, raises=tuple(raised.get(owner, ())))
