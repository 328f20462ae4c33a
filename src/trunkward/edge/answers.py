"""Replies to an initial INVITE: what of them goes on to the caller, and what a call is from then on."""

import time
from typing import Any

from trunkward.edge import (
    attempt,
    broken_answer,
    headers,
    ksr,
    ladder,
    next_route,
    session_timer,
    state,
    topos_fields,
)
from trunkward.edge.compact import compact
from trunkward.edge.grants import Grants
from trunkward.edge.let_go import LetGo
from trunkward.edge.media import Media, MediaRefused
from trunkward.edge.running import RunningCalls
from trunkward.edge.ways import leg_facts
from trunkward.media.answer import AnswerRefused


class Answers:
    """Replies, each with its transaction in hand."""

    def __init__(self, *, running: RunningCalls, grants: Grants, media: Media) -> None:
        """Keeps its parts."""
        self._running = running
        self._grants = grants
        self._media = media
        self._let_go = LetGo(running, grants)

    def replied(self) -> None:
        """Every reply to an initial INVITE."""
        code, came = ksr.status(), (time.time(), time.monotonic())
        if code == 100:
            ladder.got(state.record_id(), "callee", "100", "INVITE")
            return  # goes no further (RFC 3261 16.7, step 3)
        call = state.call()
        if topos_fields.reply_cannot_be_kept():
            ksr.log_error(f"call {call['record_id']}: a reply of {call['peer']} cannot be hidden")
            ladder.got(call["record_id"], "callee", str(code), "INVITE")
            self._let_go.malformed(call, came)
            state.show(ksr.show_from, call, "from_inside")
            state.show(ksr.show_to, call, "to_inside")
            return
        ksr.keep_only_headers(headers.LATER)
        state.show(ksr.show_from, call, "from_inside")
        state.show(ksr.show_to, call, "to_inside")
        if code >= 300 and (cause := next_route.cause_of(ksr.headers("Reason"))):
            state.set_call(compact(call | {"cause": cause}))  # for `failed`, which has no reply in hand
        if stir := state.stir():
            # RFC 9410: with the next provisional or the final answer. One of 300 and more may go no further,
            # when the next route is tried
            for name, value in stir:
                ksr.add_header(name, value)
            if code < 300:
                state.set_stir([])
        if code >= 300:
            ksr.remove_header("Contact")  # topos leaves that of a redirection as it is
        received = ksr.body()
        ladder.got(call["record_id"], "callee", str(code), "INVITE", received, ksr.header("Reason"))
        if code >= 300 and received:
            ksr.remove_body()  # what could be taken instead (RFC 3261 21.4.26) names the inside
            received = ""
        tag = ksr.pv("$tt")
        answered = state.answered()
        if answered and tag != answered:
            # a second callee behind the carrier has answered (RFC 3261 13.2.2.4): the caller has the first
            ksr.log_error(f"call {call['record_id']}: a second answer of {call['peer']} is hung up")
            broken_answer.refuse(502, "Bad Gateway", "second-answer", hang_up=True)
            return
        if 200 <= code < 300 and not answered and not self._running.text(call["record_id"]):
            ksr.log_error(f"call {call['record_id']}: a late answer of {call['peer']} is hung up")
            self._let_go.late(call, came)
            return
        sent = ""
        if received and (call["hops"] or ksr.body_is_sdp()):
            try:
                sent = self._media.answer(call, received, tag, forward=True, again=False)
            except (AnswerRefused, MediaRefused) as problem:
                self._without_answer(call, code, problem, came)
                return
        elif 200 <= code < 300 and call["hops"] and "suites" not in call:
            silent = AnswerRefused("media-malformed", "a 2xx and never an answer")
            self._without_answer(call, code, silent, came)
            return
        if 180 <= code < 200 and "ringing_at" not in call:
            call["ringing_at"] = time.time()
            state.set_call(compact(call))
        if 200 <= code < 300:
            session_timer.answered(call)
        # a repeated 2xx says nothing new, and what has happened since must not be undone
        if not answered and (received or code >= 200) and code < 300:
            self._remember_answer(call, code, tag, came)
        if code < 300:
            ladder.sent(call["record_id"], "caller", str(code), "INVITE", sent)
        if sent:
            ksr.set_body(sent, "application/sdp")  # last: a body put in cannot be taken out by the guard

    def _remember_answer(self, call: dict[str, Any], code: int, tag: str, came: tuple[float, float]) -> None:
        """From its first description on a call may have PRACK and UPDATE, from its 2xx on everything.

        `came`: when, in seconds since the epoch, and in monotonic ones: from then on it is charged.
        """
        if not self._running.text(call["record_id"]):
            return  # ended meanwhile
        call["callee_tag"] = tag
        if code >= 200:
            call["answered_at"], call["answered_s"] = came
            call["mark"] = broken_answer.dialog_mark()
            transport = ksr.pv("$proto")
            tls = attempt.tls_facts() if transport == "tls" else None
            call["callee"] = leg_facts("callee", transport, tls) | {"peer": call["peer"]}
            call["callee_source"] = ksr.source_host()
            state.set_answered(tag)
        text = compact(call)
        if code < 200:
            state.set_call(text)
        self._running.remember(call["record_id"], text)
        if code >= 200:
            self._grants.begin(call)

    def _without_answer(
        self,
        call: dict[str, Any],
        code: int,
        problem: AnswerRefused | MediaRefused,
        came: tuple[float, float],
    ) -> None:
        """No call stands on an answer that cannot be used: the callee is let go, the next route may."""
        ksr.log_error(f"call {call['record_id']}: answer of {call['peer']} refused: {problem}")
        if code < 200:
            ksr.remove_body()
            ladder.sent(call["record_id"], "caller", str(code), "INVITE")
            return
        reason = problem.code if isinstance(problem, AnswerRefused) else "media-unavailable"
        status, phrase = (
            (503, "Service Unavailable") if reason == "media-unavailable" else (502, "Bad Gateway")
        )
        self._let_go.refuse(call | {"reason": reason}, status, phrase, came)
