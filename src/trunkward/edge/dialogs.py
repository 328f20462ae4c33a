"""A running call: its requests and their replies, from either side, until the BYE.

Nothing here asks a gate, and nothing waits for a connection in a SIP worker. For rtpengine it does, no longer
than its deadline (`engines.kamailio.MEDIA_DEADLINE_MS`), as replies are not suspended.
"""

import time
from typing import Any

from trunkward.edge import broken_answer, headers, ksr, ladder, left, refusal, state, topos_fields
from trunkward.edge.bindings import BindingTable
from trunkward.edge.compact import compact, expand
from trunkward.edge.endings import Endings
from trunkward.edge.gate import GateClient
from trunkward.edge.media import Media, MediaRefused, OfferRefused
from trunkward.edge.others import answer_known
from trunkward.edge.outbound_tls import OutboundTls
from trunkward.edge.peers import Peers
from trunkward.edge.reach import Reach
from trunkward.edge.running import RunningCalls
from trunkward.edge.sides import Sides
from trunkward.edge.suspended import Suspended
from trunkward.media.answer import AnswerRefused

#: Methods whose body may be an offer (RFC 3261 13.2.1, 3262 5, 3311).
_OFFERS = frozenset({"INVITE", "UPDATE", "PRACK"})
_TAKEN = frozenset({"INVITE", "ACK", "BYE", "UPDATE", "PRACK", "INFO", "OPTIONS"})
#: Milliseconds for a final answer, as for a request that needed not wait (tm's `fr_inv_timer`, `fr_timer`).
_INVITE_MS, _REQUEST_MS = 120_000, 4000


class Dialogs:
    """Requests in dialogs, callback by callback."""

    def __init__(
        self,
        *,
        running: RunningCalls,
        peers: Peers,
        media: Media,
        endings: Endings,
        tls: OutboundTls,
        suspended: Suspended,
        bindings: BindingTable,
        gate: GateClient,
        sides: Sides,
        group: str,
    ) -> None:
        """Keeps its parts; `group`: the workers that go on when there is a connection."""
        self._gate = gate
        self._sides = sides
        self._running = running
        self._peers = peers
        self._media = media
        self._endings = endings
        self._tls = tls
        self._suspended = suspended
        self._reach = Reach(tls, running, bindings)
        self._group = group

    def request(self, method: str, record_id: str) -> None:
        """A request of a running call, already on its route set.

        1. The call is known, and the request comes from the side whose tags it has; and may stand in a call.
        2. At its ACK the call gets its file.
        3. A body that is no session description, or stands where none may, goes no further.
        4. The other side sees its own From, To and Call-ID.
        5. An offer goes through the media engine.
        6. It is sent to the peer; a BYE ends the call.
        """
        # 1.
        text = self._running.text(record_id)
        call: dict[str, Any] = expand(text) if text else {}
        forward = bool(call) and ksr.pv("$ft") == call["caller_tag"]
        if not call or not self._is_of(call, forward=forward):
            # nothing is known of it that could keep its two sides apart, or it is a stranger's
            if call:
                ksr.log_error(f"call {record_id}: a {method} from {ksr.source_host()}, which is not its peer")
            if method != "ACK":
                ksr.stateless_reply(481, "Call/Transaction Does Not Exist")
            return
        if method not in _TAKEN:
            if method == "REFER":
                ksr.stateless_reply(403, "REFER Refused")
            else:
                answer_known(method, ksr.stateless_reply)
            return
        text = self._reach.note_source(call, text, forward=forward)
        if method != "ACK":
            self._running.note_cseq(record_id, forward=forward)
        # 2.
        if method == "ACK":
            row = self._running.keep(record_id, text)
            if call.get("money") and left.is_whole(row):
                self._leave(call, row)
        # 3.
        sdp = ksr.body()
        ladder.got(record_id, ladder.SIDES[forward], method, body=sdp, reason=ksr.header("Reason"))
        if sdp and method in _OFFERS and not ksr.body_is_sdp():
            # what cannot be read cannot be hidden, nor anchored: a description could stand in any part
            ksr.add_reply_header("Accept", "application/sdp")
            refusal.refuse_in_dialog(415, "Unsupported Media Type")
            ladder.sent(record_id, ladder.SIDES[forward], "415", method)
            return
        late = call.get("late") or {}
        if sdp and method == "ACK" and ksr.body_is_sdp() and late.get("cseq") == ksr.pv("$cs"):
            self._late_answer(call, sdp, forward=not late["forward"])
        elif sdp and method not in _OFFERS and (method != "INFO" or ksr.body_is_sdp()):
            ksr.remove_body()  # no place for a description (INFO carries digits, RFC 6086)
        if method not in _OFFERS:
            sdp = ""
        # 4.
        if forward:
            state.show_parties(call)
        else:
            state.show(ksr.show_to, call, "from_inside")
            state.show(ksr.show_from, call, "to_inside")
            ksr.set_call_id(call["call_id"], at_once=False)
        # 5.
        if sdp:
            try:
                sent = self._media.offer(call, sdp, forward=forward, again=True)
            except (OfferRefused, MediaRefused) as problem:
                ksr.log_error(f"call {record_id}: {problem}")
                if ksr.new_transaction():
                    refusal.refuse(*refusal.of(problem))
                    ladder.sent(record_id, ladder.SIDES[forward], str(refusal.of(problem)[0]), method)
                return
            ksr.set_body(sent, "application/sdp")
            text = compact(call)  # with what the offer has added
        # 6.
        if method == "ACK":
            self._send_ack(call, forward=forward)
            return
        state.set_call(text)
        state.set_in_dialog(call, forward=forward, offered=bool(sdp))
        ksr.on_reply("ksr_dialog_reply")
        if self._reach.towards(call, forward=forward):
            ladder.sent(record_id, ladder.SIDES[not forward], method, body=sdp)
            ksr.relay()
        elif ksr.new_transaction():
            self._wait(self._reach.dialled(call, forward=forward))
        if method == "BYE":
            self._endings.end(call, "bye", 200, "caller" if forward else "callee")

    def _leave(self, call: dict[str, Any], row: list[str]) -> None:
        """What a node that stands in for this one needs goes to where the call's money is; nobody waits."""
        masked = self._sides.masked(call["call_id"])
        told = {
            "kind": "left",
            "record_id": call["record_id"],
            "carrier": call["peer"],
            "lasted_ms": max(round((time.monotonic() - call["answered_s"]) * 1000), 0),
            "session_s": call.get("session_s", 0),
            "text": left.text_of(call, row, self._running.cseqs(call), masked),
        }
        self._gate.tell(compact(told))

    def _is_of(self, call: dict[str, Any], *, forward: bool) -> bool:
        """Whether the tags are the call's (RFC 3261 12.2.2) and the sender is the peer of that side."""
        if not forward and ksr.pv("$tt") != call["caller_tag"]:
            return False
        if "answered_at" in call and ksr.pv("$tt" if forward else "$ft") != call["callee_tag"]:
            return False
        if forward:
            old_tls = call["caller_old_tls"]
            seen_at = call["caller_source"]
            return self._peers.sent_this(call["caller_peer"], call["caller_home"], seen_at, old_tls=old_tls)
        seen_at = call.get("callee_source", "")
        return self._peers.sent_this(call["callee_peer"], call["callee_home"], seen_at, old_tls=False)

    def _send_ack(self, call: dict[str, Any], *, forward: bool) -> None:
        if self._reach.towards(call, forward=forward):
            ladder.sent(call["record_id"], ladder.SIDES[not forward], "ACK")
            ksr.relay()
        elif host := self._reach.dialled(call, forward=forward):
            # it cannot wait; the other side sends its 200 again, and so comes another ACK
            self._tls.dial(host)

    def _wait(self, host: str) -> None:
        """Lets a request wait for a verified connection to its peer."""
        if not host or not self._tls.may_wait(host):
            refusal.refuse(503, "Service Unavailable", "no-route-left")
            _not_sent("no-route-left")
            return
        held = self._suspended.hold()
        if not (held and self._tls.wait(host, held, "ksr_dialog_connected", self._group, "")):
            refusal.refuse(503, "Service Unavailable", "no-worker-free")
            _not_sent("no-worker-free")

    def connected(self, held: str, _text: str) -> None:
        """Goes on with it, when it is known whether there is one."""
        self._suspended.resume(held, self._send_waited)

    def _send_waited(self) -> None:
        forward, _, _ = state.in_dialog()
        ksr.set_final_response_timeout(_INVITE_MS, _REQUEST_MS)
        if self._reach.towards(state.call(), forward=forward):
            ladder.sent(state.record_id(), ladder.SIDES[not forward], ksr.method(), body=ksr.body())
            ksr.relay()
        else:
            refusal.refuse(503, "Service Unavailable", "no-route-left")
            _not_sent("no-route-left")

    def replied(self) -> None:
        """Every reply to a request of a running call."""
        forward, offered, (caller, callee) = state.in_dialog()
        if topos_fields.reply_cannot_be_kept():
            ksr.log_error("a reply in a dialog cannot be hidden")
            ladder.passed(state.record_id(), ladder.SIDES[not forward], str(ksr.status()))
            broken_answer.replace(hang_up=False)
            ladder.instead(ksr.status())
        else:
            ksr.keep_only_headers(headers.LATER)
            if ksr.status() >= 300:
                ksr.remove_header("Contact")
        if caller:
            (ksr.show_from if forward else ksr.show_to)(caller)
        if callee:
            (ksr.show_to if forward else ksr.show_from)(callee)
        received = ksr.body()
        ladder.passed(state.record_id(), ladder.SIDES[not forward], *_reply_in_hand(received))
        if not received:
            return
        if ksr.status() >= 300 or ksr.method() not in _OFFERS:
            ksr.remove_body()  # no place for an answer; what an OPTIONS or a 488 describes is the inside
            return
        call = state.call()
        call["callee_source" if forward else "caller_source"] = ksr.source_host()
        try:
            if offered:
                tag = call["callee_tag"]
                sent = self._media.answer(call, received, tag, forward=forward, again=True)
            else:
                sent = self._late_offer(call, received, forward=forward)
        except (AnswerRefused, OfferRefused, MediaRefused) as problem:
            ksr.log_error(f"call {call['record_id']}: {problem}")
            if ksr.status() < 200:
                ksr.remove_body()
            else:
                broken_answer.refuse(*refusal.of(problem), hang_up=False)
                ladder.instead(refusal.of(problem)[0])
            return
        ksr.set_body(sent, "application/sdp")

    def _late_offer(self, call: dict[str, Any], sdp: str, *, forward: bool) -> str:
        """The offer in a reply to a re-INVITE without one (RFC 3261 14.1); its answer comes in the ACK."""
        if ksr.method() != "INVITE":
            raise OfferRefused("an answer to no offer")
        sent = self._media.offer(call, sdp, forward=not forward, again=True)
        if text := self._running.text(call["record_id"]):
            late = {"cseq": ksr.pv("$cs"), "forward": forward}
            self._running.remember(call["record_id"], compact(expand(text) | {"late": late}))
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


def _reply_in_hand(body: str) -> tuple[str, str, str, str]:
    return str(ksr.status()), ksr.method(), body, ksr.header("Reason")


def _not_sent(reason: str) -> None:
    forward, _, _ = state.in_dialog()
    ladder.sent(state.record_id(), ladder.SIDES[forward], "503", ksr.method(), why=reason)
