"""Session timers of calls to a carrier (RFC 4028): should this node die, the carrier ends its leg by itself.

A proxy refreshes nothing: it offers a timer where the caller does not (section 8.1), and then the carrier
refreshes, or the caller. What neither of them supports, nobody has.
"""

import re
from typing import Any

from trunkward.edge import ksr

_SECONDS = re.compile(r"\s*([0-9]{1,9})\b")
#: The tag of RFC 4028 in Supported and Require.
_TAG = re.compile(r"(?:^|,)\s*timer\s*(?:,|$)", re.IGNORECASE)


def offer(call: dict[str, Any], seconds: int) -> None:
    """Offers it with the INVITE in hand; what its sender offers stays as it is."""
    head = ksr.head()
    supported = ",".join(head.values("supported"))
    asked = _seconds(head.values("session-expires"))
    if not asked and seconds:
        asked = max(seconds, _seconds(head.values("min-se")))
        # 8.1: without a refresher
        ksr.add_header("Session-Expires", str(asked))
    call["session_asked"], call["session_caller"] = asked, bool(_TAG.search(supported))


def answered(call: dict[str, Any]) -> None:
    """Of a 2xx in hand: what the called side agrees to; where it does not, a caller who can is asked."""
    head = ksr.head()
    call["session_s"] = _seconds(head.values("session-expires"))
    if not call["session_s"] and call.get("session_asked") and call.get("session_caller"):
        # 8.2: it will refresh
        ksr.add_header("Session-Expires", f"{call['session_asked']};refresher=uac")
        ksr.add_header("Require", "timer")


def _seconds(values: list[str]) -> int:
    found = _SECONDS.match(values[0]) if values else None
    return int(found[1]) if found else 0
