"""Session timers of calls to a carrier (RFC 4028): should this node die, the carrier ends its leg by itself.

A proxy refreshes nothing: it offers a timer where the caller does not (section 8.1), and then the carrier
refreshes, or the caller. What neither of them supports, nobody has.
"""

import re
from typing import Any

from trunkward.edge import ksr

#: As it stands in a message: in full, or compact.
_NAMES = frozenset({"session-expires", "x"})
#: RFC 4028 section 4: no timer is shorter.
_LEAST_S = 90
_SECONDS = re.compile(r"\s*([0-9]{1,9})\b")
#: The tag of RFC 4028 in Supported and Require.
_TAG = re.compile(r"(?:^|,)\s*timer\s*(?:,|$)", re.IGNORECASE)


def offer(call: dict[str, Any], seconds: int) -> None:
    """Offers it with the INVITE or refresh in hand; what its sender offers is lowered to `seconds` (0: not).

    So how long a carrier's leg may outlive everybody is ours to say. 8.1: not below Min-SE.
    """
    head = ksr.head()
    supported = ",".join(head.values("supported"))
    offered = head.values("session-expires")
    asked, parameters = _seconds(offered), offered[0].partition(";")[2] if offered else ""
    most = max(seconds, _seconds(head.values("min-se")), _LEAST_S)
    if seconds and not 0 < asked <= most:
        for name in head.names & _NAMES:
            ksr.remove_header(name)
        asked = most
        # 8.1: where its sender names no refresher, nor do we
        ksr.add_header("Session-Expires", f"{asked};{parameters}" if parameters else str(asked))
    call["session_most"] = seconds
    call["session_asked"], call["session_caller"] = asked, bool(_TAG.search(supported))


def answered(call: dict[str, Any]) -> None:
    """Of a 2xx in hand: what the called side agrees to; where it does not, a caller who can is asked."""
    call["session_s"] = agreed_s()
    if not call["session_s"] and call.get("session_asked") and call.get("session_caller"):
        # 8.2: it will refresh
        ksr.add_header("Session-Expires", f"{call['session_asked']};refresher=uac")
        ksr.add_header("Require", "timer")


def agreed_s() -> int:
    """Seconds the 2xx in hand agrees to; 0: there is no timer, or none any more (7.2)."""
    return _seconds(ksr.head().values("session-expires"))


def _seconds(values: list[str]) -> int:
    found = _SECONDS.match(values[0]) if values else None
    return int(found[1]) if found else 0
