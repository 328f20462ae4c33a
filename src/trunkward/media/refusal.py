"""Why media was refused."""

from trunkward.calls.verdict import Reason


class MediaRefused(Exception):
    """No media plan for this offer; `reason` is the stable code, the message what to send instead."""

    def __init__(self, reason: Reason, detail: str) -> None:
        """`detail` holds nothing of the SDP that could be a key."""
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
