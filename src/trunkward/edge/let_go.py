"""Answers that no call stands on: refused towards the caller; the callee, who has answered, is let go.

What such an answer costs is charged: the carrier bills the call from its 200 on, until it has taken a BYE.
"""

from typing import Any

from trunkward.edge import broken_answer, ksr, leaving, own_bye, state
from trunkward.edge.compact import compact
from trunkward.edge.grants import Grants
from trunkward.edge.running import RunningCalls


class LetGo:
    """Refuses them, with the reply in hand."""

    def __init__(self, running: RunningCalls, grants: Grants) -> None:
        """Keeps its parts."""
        self._running = running
        self._grants = grants

    def refuse(self, call: dict[str, Any], status: int, phrase: str, came: tuple[float, float]) -> None:
        """Puts a refusal for `call["reason"]` in the place of a 2xx; its sender gets ACK and BYE.

        `came`: when it came, in seconds since the epoch, and in monotonic ones.
        """
        once = "let_go" not in call
        answers_to = ""
        if once and call["money"] and self._running.text(call["record_id"]):
            call = self._answered(call, status, came)
            answers_to = own_bye.name(call["record_id"], "callee")
        broken_answer.refuse(status, phrase, call["reason"], hang_up=once, answers_to=answers_to)
        state.set_call(compact(call | {"let_go": True}))

    def malformed(self, call: dict[str, Any], came: tuple[float, float]) -> None:
        """Leaves nothing of a reply that cannot be hidden."""
        if 200 <= ksr.status() < 300:
            self.refuse(call | {"reason": "malformed-reply"}, 502, "Bad Gateway", came)
        else:
            broken_answer.replace()

    def late(self, call: dict[str, Any], came: tuple[float, float]) -> None:
        """Of a 2xx to a call that has ended: nobody else would acknowledge it, or hang it up."""
        self.refuse(call | {"reason": "late-answer"}, 487, "Request Terminated", came)

    def _answered(self, call: dict[str, Any], status: int, came: tuple[float, float]) -> dict[str, Any]:
        """A call that is charged goes on to its end (`trunkward.edge.leaving`), and by no other route."""
        call = call | {
            "answered_at": came[0],
            "answered_s": came[1],
            "callee_tag": ksr.pv("$tt"),
            "callee_source": ksr.source_host(),
            "mark": "",
            "way": broken_answer.way(),
            "refused": status,
        }
        self._running.remember(call["record_id"], compact(call))
        leaving.begin(call, "us")  # first: it is not to be ended for a grant that is over
        self._grants.begin(call)
        return call
