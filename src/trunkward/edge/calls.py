"""One call through the edge: suspended, judged, routed, answered, ended.

What a call needs between its callbacks travels with its transaction in `$avp(call)` as JSON (the
callbacks run in different processes), and from the first route on in `RunningCalls`.
"""

import json
import time
from typing import Any

from trunkward.edge import attempt, emergency, headers, ksr
from trunkward.edge.gate import GateClient, GateUnavailable
from trunkward.edge.media import Media, MediaRefused, suites
from trunkward.edge.outbound_tls import OutboundTls
from trunkward.edge.outcome import OutcomeSender
from trunkward.edge.rtpengine import Rtpengine
from trunkward.edge.running import RunningCalls
from trunkward.edge.settings import EdgeSettings

_STATE = "$avp(call)"
#: Methods whose body may be an offer (RFC 3261 13.2.1, 3262 5, 3311).
_OFFERS = frozenset({"INVITE", "UPDATE", "PRACK"})
#: Worker group of the core parameter `async_workers_group`.
GROUP = "gate"
#: A carrier that answers with one of these has not tried the callee: the next route may.
_NEXT_ROUTE = frozenset({408, 500, 502, 503, 504})
#: Milliseconds an INVITE may wait to be judged before it is refused, the queue included.
_JUDGED_WITHIN_MS = 2000


class Calls:
    """The life of calls, callback by callback."""

    def __init__(self, settings: EdgeSettings) -> None:
        """Makes the clients; nothing is opened before the first call in each process."""
        self.running = RunningCalls(settings.dialogs, settings.longest_call_s)
        self._gate = GateClient(settings.gate_sockets, settings.gate_deadline_ms / 1000)
        engine = Rtpengine(("127.0.0.1", settings.ng_port), settings.media_deadline_ms / 1000, rest_s=1.0)
        self._media = Media(engine)
        self._outcomes = OutcomeSender(settings.outcome_sockets, settings.spool)
        self._emergency = settings.emergency
        self._tls = OutboundTls(settings.tls_peers, settings.node)

    def restore(self) -> None:
        """Puts the calls of the Kamailio before this one back, at its start."""
        restored = self.running.restore()
        if restored:
            ksr.log_warning(f"{restored} running call(s) restored")

    # ---- 1. in a SIP worker ------------------------------------------------------------------
    def suspend(self) -> None:
        """Lets an initial INVITE wait for its verdict without holding this worker."""
        ksr.add_contact_alias()
        if not ksr.new_transaction():
            return
        ksr.set_final_response_timeout(_JUDGED_WITHIN_MS, _JUDGED_WITHIN_MS)
        ksr.on_failure("ksr_suspended_failure")
        if not ksr.suspend_to("ksr_judge", GROUP):
            self._refuse(503, "Service Unavailable", "gate-unavailable")

    def not_judged(self) -> None:
        """The failure callback of a call nobody judged in time."""
        if not ksr.is_cancelled():
            self._refuse(503, "Service Unavailable", "gate-unavailable")

    # ---- 2. in a worker of the group ---------------------------------------------------------
    def judge(self) -> None:
        """Asks the gate and applies its verdict; with no gate, the posture table's row."""
        if ksr.is_cancelled():
            return
        facts = attempt.read()
        try:
            verdict = self._gate.ask(facts)
        except GateUnavailable as problem:
            ksr.log_error(f"no verdict on {facts['id']}: {problem}")
            admitted = emergency.admit(facts, self._emergency)
            if admitted is None:
                self._refuse(503, "Service Unavailable", "gate-unavailable")
                return
            verdict = admitted
        match verdict["verdict"]:
            case "admit":
                self._admit(facts, verdict)
            case "reject":
                for name, value in verdict["headers"]:
                    ksr.add_reply_header(name, value)
                ksr.reply(verdict["status"], verdict["phrase"])
            case "discard":
                ksr.release()

    def _admit(self, facts: dict[str, Any], verdict: dict[str, Any]) -> None:
        call = {
            "record_id": verdict["record_id"],
            "call_id": facts["call_id"],
            "caller_tag": facts["from_tag"],
            "caller": _leg_facts("caller", facts),
            "from_inside": facts["from_uri"],
            "from_outside": verdict.get("from_uri") or facts["from_uri"],
            "routes": verdict["routes"],
            "remove": verdict["remove_headers"],
            "trunk": verdict["trunk"],
            "next": 0,
        }
        self._try_next(call)

    def _try_next(self, call: dict[str, Any]) -> None:
        """Tries routes until one has been sent; with none left, says so."""
        while call["next"] < len(call["routes"]):
            route = call["routes"][call["next"]]
            call["media_id"] = f"{call['record_id']}x{call['next']}"
            call["hops"] = route["media"]
            call["peer"] = route["peer"]
            call["next"] += 1
            try:
                sdp = self._media.offer(call, route["offer"], forward=True, again=False)
            except MediaRefused as problem:
                ksr.log_error(f"call {call['record_id']}: {problem}")
                self._refuse(503, "Service Unavailable", "media-unavailable")
                self._end(call, "failed", 503, "us")
                return
            if self._send(call, route, sdp):
                return
            self._media.end(call)
            ksr.log_warning(f"call {call['record_id']}: route to {route['peer']} could not be sent")
        self._refuse(503, "Service Unavailable", "no-route-left")
        self._end(call, "failed", 503, "us")

    def _send(self, call: dict[str, Any], route: dict[str, Any], sdp: str) -> bool:
        ksr.keep_only_headers(headers.INITIAL)
        self._show_outside(call, "From")
        for name in call["remove"]:
            ksr.remove_header(name)
        for name, value in route["headers"]:
            ksr.add_header(name, value)
        if sdp:
            ksr.set_body(sdp, "application/sdp")
        ksr.set_target(route["ruri"], route["next_hop"])
        if route["transport"] == "tls" and not self._on_verified_connection(may_wait=True):
            return False
        ksr.record_route(f";tw={call['record_id']}")
        ksr.set_pv(_STATE, json.dumps(call, separators=(",", ":")))
        self.running.remember(call["record_id"], _kept(call))
        ksr.set_final_response_timeout(route["ring_timeout_s"] * 1000, 4000)
        ksr.on_reply("ksr_reply")
        ksr.on_failure("ksr_failure")
        return ksr.relay()

    def any_reply(self) -> None:
        """Every reply, before its transaction is looked at: a connection may have been judged by it."""
        if ksr.method() == "OPTIONS":
            self._tls.replied()

    # ---- 3. answers --------------------------------------------------------------------------
    def replied(self) -> None:
        """Every reply to an initial INVITE."""
        ksr.keep_only_headers(headers.LATER)
        call = json.loads(ksr.pv(_STATE))
        self._show_inside(call, "From")
        code = ksr.status()
        received = ksr.body() if 100 < code < 300 else ""
        if received:
            sent = self._media.answer(call, received, ksr.pv("$tt"), forward=True, again=False)
            call["suites"] = suites(received, sent)
            ksr.set_body(sent, "application/sdp")
        if 200 <= code < 300 and self.running.get(call["record_id"]) is not None:
            call["callee_tag"] = ksr.pv("$tt")
            call["answered_at"] = time.time()
            call["callee"] = _leg_facts("callee", None) | {"peer": call["peer"]}
            self.running.remember(call["record_id"], _kept(call))

    def failed(self) -> None:
        """The failure callback: the caller gave up, the next route, or the end."""
        call = json.loads(ksr.pv(_STATE))
        if ksr.is_cancelled():
            self._end(call, "cancelled", 487, "caller")
            return
        code = ksr.final_status()
        if code in _NEXT_ROUTE and call["next"] < len(call["routes"]):
            self._media.end(call)
            self._try_next(call)
            return
        self._end(call, "failed", code, "callee")

    # ---- in a dialog -------------------------------------------------------------------------
    def in_dialog(self, method: str, record_id: str) -> None:
        """A request of a running call, already on its route set."""
        call = self.running.get(record_id)
        if call is None:
            # nothing is known of it that could keep its two sides apart
            if method != "ACK":
                ksr.stateless_reply(481, "Call/Transaction Does Not Exist")
            return
        if method == "ACK":
            self.running.keep(record_id)
        forward = ksr.pv("$ft") == call["caller_tag"]
        if forward:
            self._show_outside(call, "From")
        else:
            self._show_inside(call, "To")
        sdp = ksr.body() if method in _OFFERS and ksr.pv("$cT").lower().startswith("application/sdp") else ""
        if sdp:
            ksr.set_body(self._media.offer(call, sdp, forward=forward, again=True), "application/sdp")
        ksr.set_pv(
            _STATE, json.dumps(call | {"forward": forward, "offered": bool(sdp)}, separators=(",", ":"))
        )
        ksr.on_reply("ksr_dialog_reply")
        over_tls = "transport=tls" in ksr.ruri().lower()
        if not over_tls or self._on_verified_connection(may_wait=False):
            ksr.relay()
        elif method == "ACK":
            # it cannot wait; the other side sends its 200 again, and so comes another ACK
            ksr.later("ksr_connect", ksr.next_hop(), GROUP)
        elif not (ksr.new_transaction() and ksr.suspend_to("ksr_dialog_connect", GROUP)):
            ksr.stateless_reply(503, "Service Unavailable")
        if method == "BYE":
            self._end(call, "bye", 200, "caller" if forward else "callee")

    def connect_in_dialog(self) -> None:
        """Goes on with a request of a running call that had no verified connection; in the group."""
        if self._on_verified_connection(may_wait=True):
            ksr.relay()
        else:
            ksr.reply(503, "Service Unavailable")

    def connect(self, _event: str) -> None:
        """Opens a verified connection for what comes next; in the group."""
        self._tls.open(ksr.later_data())

    def replied_in_dialog(self) -> None:
        """Every reply to a request of a running call."""
        ksr.keep_only_headers(headers.LATER)
        call = json.loads(ksr.pv(_STATE))
        if call["forward"]:
            self._show_inside(call, "From")
        else:
            self._show_outside(call, "To")
        received = ksr.body() if ksr.status() < 300 else ""
        if not received:
            return
        if not call["offered"]:
            raise MediaRefused("an answer to no offer")
        sent = self._media.answer(call, received, call["callee_tag"], forward=call["forward"], again=True)
        ksr.set_body(sent, "application/sdp")

    # ---- 4. the end --------------------------------------------------------------------------
    def _end(self, call: dict[str, Any], ending: str, status: int, ended_by: str) -> None:
        """Forgets a call at once and leaves the slow part to a worker of the group."""
        if not self.running.ended(call["record_id"]):
            return  # someone else ended it: one outcome a call
        facts = {name: call.get(name) for name in ("record_id", "call_id", "hops", "media_id", "caller_tag")}
        facts |= {
            name: call[name]
            for name in ("callee_tag", "caller", "callee", "peer", "answered_at")
            if name in call
        }
        facts |= {"ending": ending, "status": status, "ended_by": ended_by, "ended_at": time.time()}
        if not ksr.later("ksr_call_ended", json.dumps(facts, separators=(",", ":")), GROUP):
            self.clean_up_facts(facts)

    def clean_up(self, _event: str) -> None:
        """Media facts, media end, outcome; in a worker of the group."""
        self.clean_up_facts(json.loads(ksr.later_data()))

    def clean_up_facts(self, call: dict[str, Any]) -> None:
        """The same, given the call's facts."""
        sides = {"caller": call.get("caller") or {}, "callee": call.get("callee") or {}}
        legs = self._media.end(call)
        merged = [leg | sides[leg["side"]] for leg in legs] or [leg for leg in sides.values() if leg]
        names = ("record_id", "call_id", "ending", "status", "ended_by", "ended_at", "answered_at", "peer")
        self._outcomes.send({name: call[name] for name in names if name in call} | {"legs": merged})

    def _on_verified_connection(self, *, may_wait: bool) -> bool:
        """Binds a request over TLS to a connection whose peer has been verified."""
        host = ksr.next_hop()
        if not self._tls.is_peer(host):
            ksr.open_no_connection()  # a connection the other side opened, and was judged by
            return True
        connection = self._tls.open(host) if may_wait else self._tls.ready(host)
        if connection:
            ksr.use_connection(connection)
        return connection > 0

    @staticmethod
    def _show_outside(call: dict[str, Any], name: str) -> None:
        if call["from_inside"] != call["from_outside"]:
            ksr.show_uri(name, call["from_outside"])

    @staticmethod
    def _show_inside(call: dict[str, Any], name: str) -> None:
        if call["from_inside"] != call["from_outside"]:
            ksr.show_uri(name, call["from_inside"])

    @staticmethod
    def _refuse(code: int, phrase: str, reason: str) -> None:
        # RFC 3326: the reason a person can look up, beside the status a machine acts on
        ksr.add_reply_header("Reason", f'SIP;cause={code};text="{reason}"')
        ksr.add_reply_header("Retry-After", "2")
        ksr.reply(code, phrase)


def _kept(call: dict[str, Any]) -> dict[str, Any]:
    """What a running call needs later; the routes not taken are not among it."""
    return {name: value for name, value in call.items() if name not in ("routes", "next", "remove")}


def _leg_facts(side: str, facts: dict[str, Any] | None) -> dict[str, Any]:
    transport = facts["transport"] if facts else ksr.pv("$proto")
    leg: dict[str, Any] = {"side": side, "transport": transport}
    if transport == "tls":
        tls = attempt.tls_facts()
        leg |= {"tls_version": tls["version"], "cipher": tls["cipher"], "peer_cn": tls["peer_cn"]}
    return leg
