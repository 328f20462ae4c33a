"""Calls that nobody can verify yet, for a certificate is on its way: they wait, and nobody waits with them.

1. A gate says in how long it is to be asked again. In a worker, the transaction is suspended for as long.
2. Its time being over is what wakes it: tm's timer runs the failure callback, which hands it to a worker, and
   that asks a gate as for any call.
3. A CANCEL is answered by tm itself, which then runs nothing of ours.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from trunkward.edge import ksr, state
from trunkward.edge.compact import compact
from trunkward.edge.suspended import Suspended


class CertificateWait:
    """Lets calls wait."""

    def __init__(self, suspended: Suspended, no_worker: Callable[[dict[str, Any]], None], group: str) -> None:
        """`no_worker` refuses the transaction in hand, of these facts; `group`: workers that ask gates."""
        self._suspended = suspended
        self._no_worker = no_worker
        self._group = group

    def begin(self, held: str, facts: dict[str, Any], for_ms: int) -> None:
        """Lets a suspended call wait on; in a worker of the group."""
        self._suspended.resume(held, partial(self._hold, facts, for_ms))

    def _hold(self, facts: dict[str, Any], for_ms: int) -> None:
        state.set_way(facts | {"waited_ms": facts.get("waited_ms", 0) + for_ms})
        if not self._suspended.hold(for_ms, "ksr_certificate"):
            self._no_worker(facts)

    def over(self) -> None:
        """The failure callback: its time is over, and a gate is asked again."""
        if ksr.is_cancelled():
            ksr.reply(487, "Request Terminated")
            return
        facts = state.way()
        held = self._suspended.hold()
        if not (held and ksr.later("ksr_judge", f"{held} {compact(facts)}", self._group)):
            self._no_worker(facts)
