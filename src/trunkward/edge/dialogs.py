"""A running call: its requests and their replies, from either side, until the BYE.

Nothing here asks a gate, and nothing waits for a connection in a SIP worker. For rtpengine it does, no longer
than its deadline (`engines.kamailio.MEDIA_DEADLINE_MS`), as replies are not suspended.
"""

import time
from typing import Any

from trunkward.edge import (
    broken_answer,
    headers,
    ksr,
    ladder,
    leaving,
    left,
    numbering,
    refusal,
    session_timer,
    state,
    topos_fields,
)
from trunkward.edge.bindings import BindingTable
from trunkward.edge.compact import compact, expand
from trunkward.edge.endings import Endings
from trunkward.edge.gate import GateClient
from trunkward.edge.media import Media, MediaRefused, OfferRefused
from trunkward.edge.others import answer_known
from trunkward.edge.outbound_tls import OutboundTls
from trunkward.edge.peers import Peers
from trunkward.edge.reach import Reach
from trunkward.edge.running import TOPOS_DIALOGS, RunningCalls
from trunkward.edge.sides import Sides
from trunkward.edge.suspended import Suspended
from trunkward.media.answer import AnswerRefused

#: Methods whose body may be an offer (RFC 3261 13.2.1, 3262 5, 3311).
_OFFERS = frozenset({"INVITE", "UPDATE", "PRACK"})
#: What refreshes a session (RFC 4028).
_REFRESHES = frozenset({"INVITE", "UPDATE"})
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

        1. The call is known, and the request comes from the side whose dialog it is; and may stand in a call.
        2. It is in order, and the call has not been hung up.
        3. At its ACK the call gets its file.
        4. A body that is no session description, or stands where none may, goes no further.
        5. The other side sees its own From, To and Call-ID.
        6. An offer goes through the media engine.
        7. It is sent to the peer. The BYE of an answered call ends it: at once, or, where its carrier has to
           say first that its leg is over, with the answer (`_may_be_alive`).
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
        # 2.
        if method != "ACK" and not self._is_in_order(call, method, forward=forward):
            return
        # 3.
        if method == "ACK":
            row = self._running.keep(record_id, text)
            if call.get("money") and left.is_whole(row):
                self._leave(call, row)
        # 4.
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
        if forward and method in _REFRESHES and "session_most" in call:
            session_timer.offer(call, call["session_most"])
            text = compact(call)
        if method == "BYE":
            ksr.remove_header("Require")  # nothing is needed to hang up, and who needs it unknown says 420
        # 5.
        if forward:
            state.show_parties(call)
        else:
            state.show(ksr.show_to, call, "from_inside")
            state.show(ksr.show_from, call, "to_inside")
            ksr.set_call_id(call["call_id"], at_once=False)
        # 6.
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
        # 7.
        if method == "ACK":
            self._send_ack(call, forward=forward)
            return
        if method == "BYE" and forward and leaving.costs(call):
            leaving.begin(call, "caller", within_s=leaving.ANSWERED_S)  # before its answer can come
        state.set_call(text)
        state.set_in_dialog(call, forward=forward, offered=bool(sdp))
        ksr.on_reply("ksr_dialog_reply")
        if self._reach.towards(call, forward=forward):
            ladder.sent(record_id, ladder.SIDES[not forward], method, body=sdp)
            ksr.relay()
        elif ksr.new_transaction():
            self._wait(self._reach.dialled(call, forward=forward))
        if method == "BYE" and "answered_at" in call and not (forward and leaving.costs(call)):
            # a carrier's own BYE says that its leg is over (RFC 3261 15.1.1)
            self._endings.end(call, "bye", 200, "caller" if forward else "callee")

    def _is_in_order(self, call: dict[str, Any], method: str, *, forward: bool) -> bool:
        """Whether a request may go on; it is answered here where not."""
        record_id = call["record_id"]
        if leaving.is_leaving(record_id):
            # it has been hung up; what its carrier says of that is to be known
            if method == "BYE" and not forward:
                ksr.stateless_reply(200, "OK")
                self._endings.end(call, "bye", 200, "callee")
            else:
                ksr.stateless_reply(481, "Call/Transaction Does Not Exist")
            return False
        if self._running.note_cseq(call, forward=forward):
            return True
        ksr.log_error(f"call {record_id}: a {method} of its {ladder.SIDES[forward]} is out of order")
        if method != "BYE" or "answered_at" not in call:
            ksr.stateless_reply(500, "CSeq Is Lower Than Before")  # RFC 3261 12.2.2
            return False
        # the other side would have to refuse it, but whoever sends a BYE is gone (15.1.1)
        ksr.stateless_reply(200, "OK")
        leaving.begin(call, "caller" if forward else "callee")
        return False

    def _leave(self, call: dict[str, Any], row: list[str]) -> None:
        """What a node that stands in for this one needs goes to where the call's money is; nobody waits."""
        masked = self._sides.masked(call["call_id"])
        told = {
            "kind": "left",
            "record_id": call["record_id"],
            "carrier": call["peer"],
            "lasted_ms": max(round((time.monotonic() - call["answered_s"]) * 1000), 0),
            "session_s": call.get("session_s", 0),
            "call_id": call["call_id"],
            "text": left.text_of(call, row, self._running.cseqs(call), masked),
        }
        self._gate.tell(compact(told))

    def _is_of(self, call: dict[str, Any], *, forward: bool) -> bool:
        """Whether dialog (RFC 3261 12) and sender are the call's."""
        call_id = call["call_id"]
        if ksr.call_id() != (call_id if forward else self._sides.masked(call_id)):
            return False
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
        if ksr.method() == "BYE" and forward and ksr.status() >= 200 and self._may_be_alive(state.call()):
            ladder.passed(state.record_id(), "callee", *_reply_in_hand(""))
            broken_answer.take_as_ok()  # who has hung up has done its part
            ladder.instead(200)
            _show(forward, caller, callee)
            return
        if topos_fields.reply_cannot_be_kept():
            ksr.log_error("a reply in a dialog cannot be hidden")
            ladder.passed(state.record_id(), ladder.SIDES[not forward], str(ksr.status()))
            broken_answer.replace()
            ladder.instead(ksr.status())
        else:
            ksr.keep_only_headers(headers.LATER)
            if ksr.status() >= 300:
                ksr.remove_header("Contact")
        _show(forward, caller, callee)
        if 200 <= ksr.status() < 300 and ksr.method() in _REFRESHES:
            self._refreshed(state.call(), forward=forward)
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

    def _may_be_alive(self, call: dict[str, Any]) -> bool:
        """Whether the carrier's leg may go on after this answer to its caller's BYE; else the call ends."""
        text = self._running.text(call["record_id"])
        now: dict[str, Any] = expand(text) if text else {}
        # also one that was answered while its BYE was on its way; not by a BYE in another dialog of it
        if "answered_at" not in now or ksr.pv("$tt") != now["callee_tag"]:
            return False
        seen_at = now.get("callee_source", "")
        if leaving.costs(now) and not (
            numbering.is_over(ksr.status())
            and self._peers.sent_this(now["callee_peer"], now["callee_home"], seen_at, old_tls=False)
        ):
            ksr.log_warning(f"call {now['record_id']}: its BYE is answered with {ksr.status()}")
            if not leaving.begin(now, "caller"):
                leaving.is_due_now(now["record_id"])
            return True
        self._endings.end(now, "bye", 200, "caller")
        return False

    def _refreshed(self, call: dict[str, Any], *, forward: bool) -> None:
        """How long the session lasts from now on is remembered here, and left to other nodes."""
        if forward:
            session_timer.answered(call)
        text = self._running.text(call["record_id"])
        now: dict[str, Any] = expand(text) if text else {}
        if "answered_at" not in now or now.get("session_s", 0) == (agreed_s := session_timer.agreed_s()):
            return
        now["session_s"] = agreed_s
        self._running.remember(now["record_id"], compact(now))
        row = ksr.table_get(TOPOS_DIALOGS, now["mark"]).split("|")
        if now.get("money") and left.is_whole(row):
            self._leave(now, row)

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


def _show(forward: bool, caller: str, callee: str) -> None:
    """Puts what a reply shows into it: nobody writes himself into what the other side sees."""
    (ksr.show_from if forward else ksr.show_to)(caller)
    (ksr.show_to if forward else ksr.show_from)(callee)


def _reply_in_hand(body: str) -> tuple[str, str, str, str]:
    return str(ksr.status()), ksr.method(), body, ksr.header("Reason")


def _not_sent(reason: str) -> None:
    forward, _, _ = state.in_dialog()
    ladder.sent(state.record_id(), ladder.SIDES[forward], "503", ksr.method(), why=reason)
