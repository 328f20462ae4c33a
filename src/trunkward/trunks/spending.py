"""How much may be spent: caps over windows that move, at every level, and what happens as they fill."""

from dataclasses import dataclass
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
    #: All are ended at once, and what they do not use of their slices is free again.
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
    def is_capped(self) -> bool:
        """Whether there is a cap over time: one for a call alone bounds no sum."""
        return any(self.cap(window) is not None for window in WINDOW_S)


#: Of a tenant, a reseller or a carrier whose file says nothing.
NO_CAPS = Spending()
#: Of a trunk whose file says nothing else: a small office's telephone bill, and no more for a thief.
TRUNK_CAPS = Spending(
    call_micro=5_000_000, hour_micro=10_000_000, day_micro=30_000_000, month_micro=300_000_000
)
