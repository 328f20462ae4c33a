"""Session timers of calls to a carrier (RFC 4028): should this node die, the carrier ends its leg by itself.

A proxy refreshes nothing: it offers a timer where the caller does not (section 8.1), and then the carrier
refreshes, or the caller. What neither of them supports, nobody has.
"""

from typing import Any

from trunkward.edge import ksr, session_expires


def offer(call: dict[str, Any], seconds: int) -> None:
    """Offers it with the INVITE or refresh in hand; what its sender offers is lowered to `seconds` (0: not).

    So how long a carrier's leg may outlive everybody is ours to say.
    """
    head = ksr.head()
    asked, instead = session_expires.offered(head, seconds)
    if instead:
        for name in head.names & session_expires.NAMES:
            ksr.remove_header(name)
        ksr.add_header("Session-Expires", instead)
    call["session_most"] = seconds
    call["session_asked"], call["session_caller"] = asked, session_expires.refreshes(head)


def answered(call: dict[str, Any]) -> None:
    """Of a 2xx in hand: what the called side agrees to; where it does not, a caller who can is asked."""
    call["session_s"] = agreed_s()
    if not call["session_s"] and call.get("session_asked") and call.get("session_caller"):
        # 8.2: it will refresh
        ksr.add_header("Session-Expires", f"{call['session_asked']};refresher=uac")
        ksr.add_header("Require", "timer")


def agreed_s() -> int:
    """Seconds the 2xx in hand agrees to; 0: there is no timer, or none any more (7.2)."""
    return session_expires.agreed_s(ksr.head())
