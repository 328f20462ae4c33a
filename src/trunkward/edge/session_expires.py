"""What a message says of a session's timer (RFC 4028): offered, lowered, agreed to, refreshed."""

import re

from trunkward.edge.lines import Lines

#: As it stands in a message: in full, or compact.
NAMES = frozenset({"session-expires", "x"})
#: RFC 4028 section 4: no timer is shorter.
_LEAST_S = 90
_SECONDS = re.compile(r"\s*([0-9]{1,9})\b")
#: The tag of RFC 4028 in Supported and Require.
_TAG = re.compile(r"(?:^|,)\s*timer\s*(?:,|$)", re.IGNORECASE)


def offered(head: Lines, most_s: int) -> tuple[int, str]:
    """Seconds an INVITE or UPDATE asks for, where it is to be no more than these, and what it says instead.

    0: it asks for none; "": it stays as it is. 8.1: not below Min-SE.
    """
    said = head.values("session-expires")
    asked, parameters = _seconds(said), said[0].partition(";")[2] if said else ""
    most = max(most_s, _seconds(head.values("min-se")), _LEAST_S)
    if not most_s or 0 < asked <= most:
        return asked, ""
    # 8.1: where its sender names no refresher, nor do we
    return most, f"{most};{parameters}" if parameters else str(most)


def refreshes(head: Lines) -> bool:
    """Whether its sender can refresh a session."""
    return bool(_TAG.search(",".join(head.values("supported"))))


def agreed_s(head: Lines) -> int:
    """Seconds a 2xx agrees to; 0: there is no timer, or none any more (7.2)."""
    return _seconds(head.values("session-expires"))


def _seconds(values: list[str]) -> int:
    found = _SECONDS.match(values[0]) if values else None
    return int(found[1]) if found else 0
