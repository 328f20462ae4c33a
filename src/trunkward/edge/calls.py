"""One call through the edge: suspended, judged, routed, answered, ended.

What a call needs between its callbacks travels with its transaction in `$avp(call)` as JSON (the
callbacks run in different processes), and from the first route on in `RunningCalls`.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from trunkward.edge import attempt, broken_answer, emergency, headers, ksr, topos_fields
from trunkward.edge.compact import compact
from trunkward.edge.gate import GateClient, GateUnavailable
from trunkward.edge.media import Media, MediaRefused, OfferRefused
from trunkward.edge.outbound_tls import OutboundTls
from trunkward.edge.outcome import OutcomeSender
from trunkward.edge.rtpengine import Rtpengine
from trunkward.edge.running import RunningCalls
from trunkward.edge.settings import EdgeSettings
from trunkward.edge.sides import route_parameters
from trunkward.media.answer import AnswerRefused

_STATE = "$avp(call)"
#: Parts of it that only trying routes needs.
_FOR_ROUTES = frozenset({"routes", "next", "remove", "emergency_body", "called_suites"})
#: RFC 3323 section 4.1.1.3.
_NOBODY = "sip:anonymous@anonymous.invalid"
#: Methods whose body may be an offer (RFC 3261 13.2.1, 3262 5, 3311).
_OFFERS = frozenset({"INVITE", "UPDATE", "PRACK"})
#: Worker group of the core parameter `async_workers_group`.
GROUP = "gate"
#: A carrier that answers with one of these has not tried the callee: the next route may.
_NEXT_ROUTE = frozenset({408, 500, 502, 503, 504})
#: Reasons of a gate's refusal that say nothing about the call (`gate/line.py`).
_NOT_JUDGED = frozenset({"policy-not-loaded", "deadline-exceeded", "record-not-written", "internal-error"})
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
        self._trunk_hosts = settings.trunk_hosts

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
        if ksr.is_cancelled():
            ksr.reply(487, "Request Terminated")
        else:
            self._refuse(503, "Service Unavailable", "gate-unavailable")

    # ---- 2. in a worker of the group ---------------------------------------------------------
    def judge(self) -> None:
        """Asks the gate and applies its verdict; with no gate, the posture table's row."""
        if ksr.is_cancelled():
            ksr.reply(487, "Request Terminated")  # tm leaves that to who suspended it
            return
        facts = attempt.read()
        try:
            verdict = self._gate.ask(facts)
        except GateUnavailable as problem:
            ksr.log_error(f"no verdict on {facts['id']}: {problem}")
            admitted = emergency.admit(facts, self._emergency)
            if admitted is None and ksr.is_cancelled():
                ksr.reply(487, "Request Terminated")
                return
            if admitted is None:
                self._refuse(503, "Service Unavailable", "gate-unavailable")
                return
            verdict = admitted
        if verdict["verdict"] == "reject" and verdict.get("reason") in _NOT_JUDGED:
            # a gate that could not judge is no gate: the emergency row holds here as well
            verdict = emergency.admit(facts, self._emergency) or verdict
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
            "caller_home": self._trunk_hosts.get(verdict["trunk"], "")
            if verdict["direction"] == "outbound"
            else "",
            "emergency_body": facts["body"] if verdict["reason"] == "admitted-emergency" else None,
            "caller_source": f"{facts['source_ip']}:{facts['source_port']}",
            "hops": [],
            "next": 0,
        }
        self._try_next(call)

    def _try_next(self, call: dict[str, Any]) -> None:
        """Tries routes until one has been sent; with none left, says so."""
        if ksr.is_cancelled():  # while it was judged
            self.running.remember(call["record_id"], _kept(call))
            ksr.reply(487, "Request Terminated")
            self._end(call, "cancelled", 487, "caller")
            return
        while call["next"] < len(call["routes"]):
            route = call["routes"][call["next"]]
            call["media_id"] = f"{call['record_id']}x{call['next']}"
            call["hops"], call["called_suites"] = route["media"], route["called_suites"]
            call["peer"] = route["peer"]
            for name in ("suites", "protocols", "callee_tag", "let_go"):
                call.pop(name, None)  # of the route before
            call["callee_transport"] = route["transport"]
            call["next"] += 1
            try:
                sdp = self._media.offer(call, route["offer"], forward=True, again=False)
            except MediaRefused as problem:
                ksr.log_error(f"call {call['record_id']}: {problem}")
                if call["emergency_body"] is None:
                    self._refuse(503, "Service Unavailable", "media-unavailable")
                    self._end(call, "failed", 503, "us")
                    return
                # the posture table: it goes if both sides can talk without rtpengine
                call["hops"], sdp = [], call["emergency_body"]
                if "a=crypto" in sdp and route["transport"] != "tls":
                    continue
            if self._send(call, route, sdp):
                return
            self._media.end(call)
            ksr.log_warning(f"call {call['record_id']}: route to {route['peer']} could not be sent")
        self._refuse(503, "Service Unavailable", "no-route-left")
        self._end(call, "failed", 503, "us")

    def _send(self, call: dict[str, Any], route: dict[str, Any], sdp: str) -> bool:
        ksr.keep_only_headers(headers.INITIAL)
        _show(ksr.show_from, call, "from_outside")
        for name in call["remove"]:
            ksr.remove_header(name)
        for name, value in route["headers"]:
            ksr.add_header(name, value)
        if sdp and _is_sdp():  # an emergency call's other bodies pass as they came
            ksr.set_body(sdp, "application/sdp")
        ksr.set_target(route["ruri"], route["next_hop"])
        call["callee_home"] = ksr.next_hop()
        if route["transport"] == "tls" and not self._on_verified_connection(may_wait=True):
            return False
        ksr.record_route(route_parameters(call["record_id"], call["caller_tag"]))
        ksr.set_pv(_STATE, compact(call))
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
        if ksr.status() == 100:
            return  # goes no further (RFC 3261 16.7, step 3)
        ksr.keep_only_headers(headers.LATER)
        call = _state()
        if topos_fields.reply_cannot_be_kept():
            ksr.log_error(f"call {call['record_id']}: a reply of {call['peer']} cannot be hidden")
            broken_answer.replace(hang_up="let_go" not in call)
            ksr.set_pv(_STATE, compact(call | {"let_go": True}))
            _show(ksr.show_from, call, "from_inside")
            return
        _show(ksr.show_from, call, "from_inside")
        code = ksr.status()
        if code >= 300:
            ksr.remove_header("Contact")  # topos leaves that of a redirection as it is
        received = ksr.body()
        if code >= 300 and received:
            ksr.remove_body()  # what could be taken instead (RFC 3261 21.4.26) names the inside
            received = ""
        sent = ""
        if received and (call["hops"] or _is_sdp()):
            try:
                sent = self._media.answer(call, received, ksr.pv("$tt"), forward=True, again=False)
            except (AnswerRefused, MediaRefused) as problem:
                self._without_answer(call, code, problem)
                return
        elif 200 <= code < 300 and call["hops"] and "suites" not in call:
            self._without_answer(call, code, AnswerRefused("media-malformed", "a 2xx and never an answer"))
            return
        if received and code < 200 and self.running.get(call["record_id"]) is not None:
            # PRACK and UPDATE may need it before the call is answered
            call["callee_tag"] = ksr.pv("$tt")
            ksr.set_pv(_STATE, compact(call))
            self.running.remember(call["record_id"], _kept(call))
        if 200 <= code < 300 and self.running.get(call["record_id"]) is not None:
            call["callee_tag"] = ksr.pv("$tt")
            call["answered_at"] = time.time()
            call["callee"] = _leg_facts("callee", None) | {"peer": call["peer"]}
            call["callee_source"] = ksr.source_host()
            self.running.remember(call["record_id"], _kept(call))
        if sent:
            ksr.set_body(sent, "application/sdp")  # last: a body put in cannot be taken out by the guard

    def _without_answer(self, call: dict[str, Any], code: int, problem: AnswerRefused | MediaRefused) -> None:
        """No call stands on an answer that cannot be used: the callee is let go, the next route may."""
        ksr.log_error(f"call {call['record_id']}: answer of {call['peer']} refused: {problem}")
        if code < 200:
            ksr.remove_body()
            return
        reason = problem.code if isinstance(problem, AnswerRefused) else "media-unavailable"
        status, phrase = (
            (503, "Service Unavailable") if reason == "media-unavailable" else (502, "Bad Gateway")
        )
        hang_up = "let_go" not in call
        ksr.set_pv(_STATE, compact(call | {"let_go": True}))
        broken_answer.refuse(status, phrase, reason, hang_up=hang_up)

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
        self._note_source(call, "caller_source" if forward else "callee_source")
        sdp = ksr.body()
        if sdp and method in _OFFERS and not _is_sdp():
            # what cannot be read cannot be hidden, nor anchored: a description could stand in any part
            ksr.add_reply_header("Accept", "application/sdp")
            ksr.stateless_reply(415, "Unsupported Media Type")
            return
        late = call.get("late") or {}
        if sdp and method == "ACK" and _is_sdp() and late.get("cseq") == ksr.pv("$cs"):
            self._late_answer(call, sdp, forward=not late["forward"])
        elif sdp and method not in _OFFERS and (method != "INFO" or _is_sdp()):
            ksr.remove_body()  # no place for a description (INFO carries digits, RFC 6086)
        if method not in _OFFERS:
            sdp = ""
        if forward:
            _show(ksr.show_from, call, "from_outside")
        else:
            _show(ksr.show_to, call, "from_inside")
            ksr.set_call_id(call["call_id"], at_once=False)
        if sdp:
            try:
                sent = self._media.offer(call, sdp, forward=forward, again=True)
            except (OfferRefused, MediaRefused) as problem:
                ksr.log_error(f"call {record_id}: {problem}")
                if ksr.new_transaction():
                    status, phrase, reason = _refusal(problem)
                    self._refuse(status, phrase, reason)
                return
            ksr.set_body(sent, "application/sdp")
        ksr.set_pv(_STATE, compact(call | {"forward": forward, "offered": bool(sdp)}))
        ksr.on_reply("ksr_dialog_reply")
        if self._towards(call, forward=forward, may_wait=False):
            ksr.relay()
        elif method == "ACK":
            # it cannot wait; the other side sends its 200 again, and so comes another ACK
            ksr.later("ksr_connect", self._dialled(call, forward=forward), GROUP)
        elif not (ksr.new_transaction() and ksr.suspend_to("ksr_dialog_connect", GROUP)):
            ksr.stateless_reply(503, "Service Unavailable")
        if method == "BYE":
            self._end(call, "bye", 200, "caller" if forward else "callee")

    def connect_in_dialog(self) -> None:
        """Goes on with a request of a running call that had no verified connection; in the group."""
        call = _state()
        if self._towards(call, forward=call["forward"], may_wait=True):
            ksr.relay()
        else:
            ksr.reply(503, "Service Unavailable")

    def connect(self, _event: str) -> None:
        """Opens a verified connection for what comes next; in the group."""
        if self._tls.is_peer(host := ksr.later_data()):
            self._tls.open(host)

    def replied_in_dialog(self) -> None:
        """Every reply to a request of a running call."""
        ksr.keep_only_headers(headers.LATER)
        call = _state()
        if topos_fields.reply_cannot_be_kept():
            ksr.log_error(f"call {call['record_id']}: a reply in its dialog cannot be hidden")
            broken_answer.replace(hang_up=False)
        elif ksr.status() >= 300:
            ksr.remove_header("Contact")
        if call["forward"]:
            _show(ksr.show_from, call, "from_inside")
        else:
            _show(ksr.show_to, call, "from_outside")
        received = ksr.body()
        if not received:
            return
        if ksr.status() >= 300 or ksr.method() not in _OFFERS:
            ksr.remove_body()  # no place for an answer; what an OPTIONS or a 488 describes is the inside
            return
        try:
            if call["offered"]:
                sent = self._media.answer(
                    call, received, call["callee_tag"], forward=call["forward"], again=True
                )
            else:
                sent = self._late_offer(call, received)
        except (AnswerRefused, OfferRefused, MediaRefused) as problem:
            ksr.log_error(f"call {call['record_id']}: {problem}")
            if ksr.status() < 200:
                ksr.remove_body()
            else:
                broken_answer.refuse(*_refusal(problem), hang_up=False)
            return
        ksr.set_body(sent, "application/sdp")

    def _late_offer(self, call: dict[str, Any], sdp: str) -> str:
        """The offer in a reply to a re-INVITE without one (RFC 3261 14.1); its answer comes in the ACK."""
        if ksr.method() != "INVITE":
            raise OfferRefused("an answer to no offer")
        sent = self._media.offer(call, sdp, forward=not call["forward"], again=True)
        running = self.running.get(call["record_id"])
        if running is not None:
            late = {"cseq": ksr.pv("$cs"), "forward": call["forward"]}
            self.running.remember(call["record_id"], running | {"late": late})
        return sent

    def _late_answer(self, call: dict[str, Any], sdp: str, *, forward: bool) -> None:
        """The answer in an ACK, which cannot be refused: one that cannot be used does not go on."""
        try:
            sent = self._media.answer(call, sdp, call["callee_tag"], forward=forward, again=True)
        except (AnswerRefused, MediaRefused) as problem:
            ksr.log_error(f"call {call['record_id']}: {problem}")
            ksr.remove_body()
            return
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
        if not ksr.later("ksr_call_ended", compact(facts), GROUP):
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

    def _towards(self, call: dict[str, Any], *, forward: bool, may_wait: bool) -> bool:
        """Points a request of a running call at its peer. A leg over TLS never leaves TLS.

        Whatever its Contact says (which behind NAT names another address), a peer over TLS is reached on
        the connection it last used, or, when that is gone, at the host we dial it at, verified anew.
        """
        if (call["callee_transport"] if forward else call["caller"]["transport"]) != "tls":
            return True
        source = call.get("callee_source" if forward else "caller_source", "")
        if source and not self._tls.is_peer(source) and (connection := ksr.connection_to(source)):
            ksr.set_next_hop(f"sip:{source};transport=tls")
            ksr.use_connection(connection)
            return True
        peer = self._dialled(call, forward=forward)
        if not peer:
            return False
        connection = self._tls.open(peer) if may_wait else self._tls.ready(peer)
        if connection:
            ksr.set_next_hop(f"sip:{peer};transport=tls")
            ksr.use_connection(connection)
        return connection > 0

    def _note_source(self, call: dict[str, Any], side: str) -> None:
        """Remembers where the peer on this side is now; a PBX that connected again has another port."""
        if ksr.pv("$proto") == "tls" and call.get(side) != (source := ksr.source_host()):
            call[side] = source
            self.running.remember(call["record_id"], call)

    def _dialled(self, call: dict[str, Any], *, forward: bool) -> str:
        """The `host:port` at which the peer of a request in a dialog can be dialled, "" when at none."""
        home = call["callee_home"] if forward else call["caller_home"]
        ways = (ksr.next_hop(), ksr.ruri_host(), home)
        return next((way for way in ways if self._tls.is_peer(way)), "")

    @staticmethod
    def _refuse(code: int, phrase: str, reason: str) -> None:
        # RFC 3326: the reason a person can look up, beside the status a machine acts on
        ksr.add_reply_header("Reason", f'SIP;cause={code};text="{reason}"')
        ksr.add_reply_header("Retry-After", "2")
        ksr.reply(code, phrase)


def _state() -> dict[str, Any]:
    """What travelled with the transaction in hand."""
    try:
        state: dict[str, Any] = json.loads(ksr.pv(_STATE))
    except ValueError:
        # whose address belongs on which side is not known any more: none is shown
        ksr.show_from(_NOBODY)
        ksr.show_to(_NOBODY)
        raise
    return state


def _show(put: Callable[[str], None], call: dict[str, Any], which: str) -> None:
    if call["from_inside"] != call["from_outside"]:
        put(call[which])


def _is_sdp() -> bool:
    return ksr.pv("$cT").partition(";")[0].strip().lower() == "application/sdp"


def _refusal(problem: Exception) -> tuple[int, str, str]:
    """Status, phrase and reason for an offer or answer in a dialog."""
    if isinstance(problem, MediaRefused):
        return 503, "Service Unavailable", "media-unavailable"
    return 488, "Not Acceptable Here", getattr(problem, "code", "media-malformed")


def _kept(call: dict[str, Any]) -> dict[str, Any]:
    """What a running call needs later; the routes not taken are not among it."""
    return {name: value for name, value in call.items() if name not in _FOR_ROUTES}


def _leg_facts(side: str, facts: dict[str, Any] | None) -> dict[str, Any]:
    transport = facts["transport"] if facts else ksr.pv("$proto")
    leg: dict[str, Any] = {"side": side, "transport": transport}
    if transport == "tls":
        tls = attempt.tls_facts()
        leg |= {"tls_version": tls["version"], "cipher": tls["cipher"], "peer_cn": tls["peer_cn"]}
    return leg
