"""The `Reason` header (RFC 3326): what a machine acts on, and the code a person can look up."""

from collections.abc import Mapping

from trunkward.sip.text import quoted

#: Causes of ITU-T Q.850 that we say, as RFC 3398 section 8.2.6.1 names them.
Q850: Mapping[int, str] = {
    1: "unallocated number",
    3: "no route to destination",
    17: "user busy",
    20: "subscriber absent",
    21: "call rejected",
    27: "destination out of order",
    28: "address incomplete",
    31: "normal, unspecified",
    34: "no circuit available",
    38: "network out of order",
    41: "temporary failure",
    42: "switching equipment congestion",
    47: "resource unavailable",
    57: "bearer capability not authorized",
    63: "service or option unavailable",
    65: "bearer capability not implemented",
}


def reason(protocol: str, cause: int, text: str) -> tuple[str, str]:
    """One `Reason` header: protocol `SIP`, `Q.850` or `STIR` (RFC 9410), its cause, and text.

    Raises `UnsafeHeader` for text with control characters.
    """
    return "Reason", f"{protocol};cause={cause};text={quoted(text)}"


def refusal(status: int, code: str) -> tuple[str, str]:
    """Why we refused: the status as its cause, the stable reason code as its text.

    The protocol is one that RFC 3326 registers: a token of our own would be unknown to everyone, and some
    stacks drop what they don't know.
    """
    return reason("SIP", status, code)


def release(cause: int) -> tuple[str, str]:
    """The same for telephone networks (RFC 6432): a cause of `Q850`. Raises `KeyError` for any other."""
    return reason("Q.850", cause, Q850[cause])
