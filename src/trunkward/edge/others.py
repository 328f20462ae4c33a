"""A request outside of dialogs that begins nothing: an OPTIONS that asks whether we are there, and the rest.

A stranger gets for it what he gets for a call, from a gate: no method tells him more than another. Who is
known gets 200 to an OPTIONS and 405 to everything else, from the edge itself where it knows the connection.
"""

from functools import partial
from typing import Any

from trunkward.edge import attempt, emergency, identified, ksr, refusal
from trunkward.edge.bindings import BindingTable
from trunkward.edge.compact import compact, expand
from trunkward.edge.gate import NOT_JUDGED, GateClient, GateUnavailable
from trunkward.edge.settings import EdgeSettings
from trunkward.edge.suspended import Suspended

ALLOW = "INVITE, ACK, CANCEL, BYE, UPDATE, PRACK, INFO, OPTIONS"


class Others:
    """Such requests over TLS, callback by callback."""

    def __init__(
        self,
        settings: EdgeSettings,
        gate: GateClient,
        *,
        suspended: Suspended,
        bindings: BindingTable,
        group: str,
    ) -> None:
        """Keeps its parts; nothing is opened before the first one in each process."""
        self._peers = settings.peers
        self._emergency = settings.emergency
        self._gate = gate
        self._suspended = suspended
        self._bindings = bindings
        self._group = group

    # ---- in a SIP worker -----------------------------------------------------------------------
    def received(self) -> None:
        """Answers who is known by the connection, and leaves everybody else to a gate."""
        connection = ksr.connection_id()
        known = identified.peers_of(connection) & self._peers.keys()
        if known or self._bindings.trunk_on(connection):
            answer_known(ksr.method(), ksr.stateless_reply)
            return
        if not ksr.new_transaction():
            return
        facts = attempt.read() | {"method": ksr.method(), "body": ""}
        held = self._suspended.hold()
        if not (held and ksr.later("ksr_other", f"{held} {compact(facts)}", self._group)):
            refusal.refuse(503, "Service Unavailable", "no-worker-free")

    # ---- in a worker of the group --------------------------------------------------------------
    def judge(self, held: str, text: str) -> None:
        """Asks the gate who it is."""
        if self._suspended.is_late(held):
            return
        facts = expand(text)
        self._suspended.resume(held, self._answer(facts, text))

    def _answer(self, facts: dict[str, Any], text: str) -> partial[Any]:
        try:
            verdict = self._gate.ask(facts["id"], text)
        except GateUnavailable:
            verdict = {"verdict": "unavailable"}
        is_known = verdict.get("reason") == "method-refused"
        if verdict["verdict"] == "unavailable" or verdict.get("reason") in NOT_JUDGED:
            # a PBX that is refused this gives the trunk up, and its calls for help would still go
            is_known = emergency.is_somebody(facts, self._emergency, identified.is_of)
        if is_known:
            return partial(answer_known, facts["method"], ksr.reply)
        if verdict["verdict"] in ("challenge", "reject"):
            return partial(refusal.as_judged, verdict)
        return partial(refusal.refuse, 503, "Service Unavailable", "gate-unavailable")


def answer_known(method: str, reply: Any) -> None:
    """What a peer of ours is told."""
    ksr.add_reply_header("Allow", ALLOW)
    if method == "OPTIONS":
        reply(200, "OK")
    else:
        reply(405, "Method Not Allowed")
