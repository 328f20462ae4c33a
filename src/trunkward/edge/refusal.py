"""Saying no: a status, its phrase, and the reason a person can look up."""

from typing import Any

from trunkward.edge import ksr, reasons
from trunkward.edge.media import MediaRefused


def refuse(code: int, phrase: str, reason: str) -> None:
    """Refuses the transaction in hand for a cause of ours that may pass."""
    for value in reasons.values(code, reason):
        ksr.add_reply_header("Reason", value)
    ksr.add_reply_header("Retry-After", "2")
    ksr.reply(code, phrase)


def as_judged(verdict: dict[str, Any]) -> None:
    """Answers the transaction in hand as a gate has said."""
    for name, value in verdict["headers"]:
        ksr.add_reply_header(name, value)
    ksr.reply(verdict["status"], verdict["phrase"])


def refuse_in_dialog(code: int, phrase: str) -> None:
    """Refuses a request of a running call, in a transaction: the ACK of the refusal must end here."""
    if ksr.new_transaction():
        ksr.reply(code, phrase)


def of(problem: Exception) -> tuple[int, str, str]:
    """Status, phrase and reason for an offer or answer in a dialog."""
    if isinstance(problem, MediaRefused):
        return 503, "Service Unavailable", "media-unavailable"
    return 488, "Not Acceptable Here", getattr(problem, "code", "media-malformed")
