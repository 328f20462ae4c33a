"""The `Reason` header (RFC 3326): what a machine acts on, and the code a person can look up."""

from trunkward.sip.text import quoted


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
