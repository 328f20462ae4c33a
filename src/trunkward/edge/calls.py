"""One call through the edge until it is answered: suspended, judged, routed.

What a call needs between its callbacks travels with its transaction (`state`; the callbacks run in
different processes), and from the first route on in `RunningCalls`.
"""

import time
from functools import partial
from typing import Any

from trunkward.edge import (
    attempt,
    broken_answer,
    emergency,
    headers,
    identified,
    ksr,
    ladder,
    next_route,
    refusal,
    session_timer,
    state,
    topos_fields,
)
from trunkward.edge.announcements import Announcements
from trunkward.edge.bindings import BindingTable
from trunkward.edge.compact import compact, expand
from trunkward.edge.endings import Endings
from trunkward.edge.gate import NOT_JUDGED, GateClient, GateUnavailable
from trunkward.edge.grants import Grants
from trunkward.edge.health import Health
from trunkward.edge.let_go import LetGo
from trunkward.edge.media import Media, MediaRefused
from trunkward.edge.outbound_tls import OutboundTls
from trunkward.edge.outcome import Outcomes
from trunkward.edge.reach import Reach
from trunkward.edge.request_uri import request_uri
from trunkward.edge.running import RunningCalls
from trunkward.edge.settings import EdgeSettings
from trunkward.edge.sides import route_parameters
from trunkward.edge.suspended import EMERGENCY_HELD_MS, HELD_MS, Suspended
from trunkward.edge.targets import Targets, family
from trunkward.media.answer import AnswerRefused

#: Hosts one call is sent to at most: each takes up to three branches of `max_branches` (`engines.kamailio`).
_MOST_TRIES = 9


class Calls:
    """Calls being set up, callback by callback."""

    def __init__(
        self,
        settings: EdgeSettings,
        *,
        running: RunningCalls,
        grants: Grants,
        media: Media,
        outcomes: Outcomes,
        endings: Endings,
        tls: OutboundTls,
        targets: Targets,
        health: Health,
        announcements: Announcements,
        suspended: Suspended,
        bindings: BindingTable,
        group: str,
        emergency_group: str,
    ) -> None:
        """Keeps its parts; nothing is opened before the first call in each process.

        `group`: the workers that wait with calls; `emergency_group`: with those for help.
        """
        self._running = running
        self._grants = grants
        self._outcomes = outcomes
        self._media = media
        self._endings = endings
        self._tls = tls
        self._targets = targets
        self._health = health
        self._announcements = announcements
        self._let_go = LetGo(running, grants)
        self._suspended = suspended
        self._bindings = bindings
        self._reach = Reach(tls, running, bindings)
        self._gate = GateClient(settings.gate_sockets, settings.gate_deadline_ms / 1000)
        self._emergency = settings.emergency
        #: Whatever is dialled for help on some trunk.
        self._help = frozenset(form for trunk in settings.emergency for form in trunk["numbers"])
        self._peers = settings.peers
        self._trunk_hosts = settings.trunk_hosts
        self._tls12_port = settings.tls12_port
        self._group = group
        self._emergency_group = emergency_group

    # ---- 1. in a SIP worker ------------------------------------------------------------------
    def suspend(self) -> None:
        """Lets an initial INVITE wait for its verdict without holding this worker."""
        ksr.add_contact_alias()
        if not ksr.new_transaction():
            return
        facts = attempt.read()
        facts["registered"] = self._bindings.trunk_on(ksr.connection_id())
        for_help = emergency.dialled(facts["ruri"]) in self._help
        # of whom it is not seen here whether they are somebody, others would have to wait for strangers
        urgent = for_help and emergency.admit(facts, self._emergency, identified.is_of) is not None
        held = self._suspended.hold(EMERGENCY_HELD_MS if for_help else HELD_MS)
        group = self._emergency_group if urgent else self._group
        if held and ksr.later("ksr_judge", f"{held} {compact(facts)}", group):
            return
        _note_arrival(facts, trying=bool(held))
        admitted = self._emergency_verdict(facts) if held else None
        if admitted is None:
            self._outcomes.refused(facts, "no-worker-free")
            _refuse_unjudged(facts, "no-worker-free")
        else:  # no lack of workers refuses one of these
            self._try_next(held, *self._admitted(facts, admitted))

    # ---- 2. in a worker of the group ---------------------------------------------------------
    def judge(self, held: str, text: str) -> None:
        """Asks the gate and applies its verdict; with no gate, the posture table's row."""
        facts = expand(text)
        if self._suspended.is_late(held):
            _note_arrival(facts)
            self._outcomes.refused(facts, "no-worker-free")  # as `Suspended.given_up` has told its caller
            return
        verdict = self._verdict(facts, text)
        if verdict["verdict"] == "challenge" or verdict.get("record_id") == "":
            # on no record, and so in no ladder (`gate.line`)
            self._suspended.resume(held, partial(refusal.as_judged, verdict))
            return
        _note_arrival(facts)
        match verdict["verdict"]:
            case "admit":
                self._try_next(held, *self._admitted(facts, verdict))
            case "reject":
                if verdict.get("reason") == "record-not-written":
                    self._outcomes.refused(
                        facts, "record-not-written"
                    )  # here is a place for it in memory, too
                self._announcements.begin(held, facts, verdict)
            case "discard":
                self._suspended.resume(held, ksr.release)
            case "unavailable":
                # before it is told, and also when its caller has given up meanwhile
                self._outcomes.refused(facts, "gate-unavailable")
                self._suspended.resume(held, partial(_refuse_unjudged, facts, "gate-unavailable"))

    def _verdict(self, facts: dict[str, Any], text: str) -> dict[str, Any]:
        try:
            verdict = self._gate.ask(facts["id"], text)
        except GateUnavailable as problem:
            ksr.log_error(f"no verdict on {facts['id']}: {problem}")
            verdict = {"verdict": "unavailable"}
        if verdict["verdict"] == "unavailable" or verdict.get("reason") in NOT_JUDGED:
            # a gate that could not judge is no gate: the emergency row holds here as well
            verdict = self._emergency_verdict(facts) or verdict
        return verdict

    def _emergency_verdict(self, facts: dict[str, Any]) -> dict[str, Any] | None:
        verdict = emergency.admit(facts, self._emergency, identified.is_of)
        if verdict is not None:
            self._outcomes.admitted(facts, verdict)
            called, caller = verdict["called"], facts["from_uri"][:128]
            ksr.log_error(f"emergency call of trunk {verdict['trunk']} to {called}, from {caller!a}: no gate")
        return verdict

    def _admitted(
        self, facts: dict[str, Any], verdict: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        outbound = verdict["direction"] == "outbound"
        if outbound and facts["transport"] == "tls":
            self._note_connection(facts["connection"], f"trunk:{verdict['source']}")
        call = {
            "record_id": verdict["record_id"],
            "call_id": facts["call_id"],
            "cseq": facts["cseq"],
            "trunk": verdict["trunk"],
            "grant": verdict["grant"],
            "counters": verdict.get("counters", []),  # a gate of the version before has none
            "reach": verdict.get("reach", ""),
            "money": verdict.get("money", ""),
            # of calls in: the trunk that has these places for it
            "places_of": verdict["routes"][0]["peer"],
            "admitted_s": time.monotonic(),
            "caller_tag": facts["from_tag"],
            "caller": _leg_facts("caller", facts["transport"], facts.get("tls")),
            "caller_peer": f"{'trunk' if outbound else 'carrier'}:{verdict['source']}",
            "caller_source": attempt.source_of(facts),
            "caller_old_tls": facts["local_port"] == self._tls12_port,
            "caller_home": self._home(verdict["source"]) if outbound else "",
            "from_inside": facts["from_uri"],
            "from_outside": verdict["from_uri"] or facts["from_uri"],
            "hide_name": verdict["hide_name"],
            "to_uri": facts["to_uri"],
            "hops": [],
            "tried": self._not_registered(verdict["routes"]),
        }
        way = {
            "routes": verdict["routes"],
            "tries": self._tries(verdict["routes"], "carrier" if outbound else "trunk"),
            "next": 0,
            "remove": verdict["remove_headers"],
            "to": "carrier" if outbound else "trunk",
            "emergency_body": facts["body"] if verdict["reason"] == "admitted-emergency" else None,
        }
        return call, way

    def _note_connection(self, connection: int, peer: str) -> None:
        if self._peers.get(peer, {}).get("by_connection"):
            identified.note(connection, peer)

    def _home(self, trunk: str) -> str:
        """Where a trunk is dialled, "" for one that only calls out."""
        host = self._trunk_hosts.get(trunk, "")
        return next(iter(self._targets.in_order(f"trunk:{trunk}", host)), "") if host else ""

    def _not_registered(self, routes: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Routes to trunks that are registered nowhere at this moment."""
        return [
            {"peer": route["peer"], "problem": "not-registered"}
            for route in routes
            if _is_registered(route) and not self._bindings.of(route["peer"])
        ]

    def _tries(self, routes: list[dict[str, Any]], kind: str) -> list[tuple[int, str]]:
        """Each route by its number with each address it leads to, in order; those that are down come last."""
        tries: list[tuple[int, str]] = []
        keys: list[str] = []
        for number, route in enumerate(routes):
            if _is_registered(route):
                for binding in self._bindings.of(route["peer"]):
                    tries.append((number, str(binding["connection"])))
                    keys.append("")
                continue
            host = route["next_hop"].partition(":")[2].partition(";")[0]
            for found in self._targets.in_order(f"{kind}:{route['peer']}", host):
                tries.append((number, found))
                keys.append(f"{route['transport']}:{found}")
        return self._health.last(tries, keys)[:_MOST_TRIES]

    def _try_next(self, held: str, call: dict[str, Any], way: dict[str, Any]) -> None:
        """Takes the first route there is a way to; with none, says so. The transaction is not in hand."""
        while way["next"] < len(way["tries"]):
            number, host = way["tries"][way["next"]]
            route = way["routes"][number]
            call.pop("flow", None)
            if way["to"] == "trunk" and not self._has_place(call, route):
                call["tried"].append({"peer": route["peer"], "problem": "no-place"})
                way["next"] += 1
                continue
            if _is_registered(route):
                connection = int(host)
                binding = self._bindings.at(route["peer"], connection)
                if binding is None:  # it was there a moment ago
                    call["tried"].append({"peer": route["peer"], "problem": "unreachable"})
                    way["next"] += 1
                    continue
                host, call["flow"] = binding["source"], connection
                user = route["ruri"].partition(":")[2].partition("@")[0]
                route = route | {"ruri": request_uri(binding, user)}
            elif route["transport"] == "tls" and self._tls.is_peer(host) and not self._tls.ready(host):
                if self._tls.may_wait(host):
                    self._go_on(held, call, partial(self._wait, call, way, host))
                    return
                ksr.log_warning(f"call {call['record_id']}: {route['peer']} at {host} cannot be reached")
                call["tried"].append({"peer": route["peer"], "problem": "unreachable"})
                way["next"] += 1
                continue
            call["media_id"] = f"{call['record_id']}x{way['next']}"
            call["hops"], call["called_suites"] = route["media"], route["called_suites"]
            call["peer"], call["callee_peer"] = route["peer"], f"{way['to']}:{route['peer']}"
            for name in ("suites", "protocols", "families", "callee_tag", "let_go", "reason"):
                call.pop(name, None)  # of the route before
            call["callee_transport"], call["callee_home"] = route["transport"], host
            call["called_family"] = family(host)
            way["next"] += 1
            try:
                sdp = self._media.offer(call, route["offer"], forward=True, again=False)
            except MediaRefused as problem:
                ksr.log_error(f"call {call['record_id']}: {problem}")
                self._endings.end_media(call)  # of two hops the first may stand
                if way["emergency_body"] is None:
                    self._go_on(held, call, partial(self._refuse, call, "media-unavailable"))
                    return
                # the posture table: it goes if both sides can talk without rtpengine
                sdp = way["emergency_body"]
                if "a=crypto" in sdp and route["transport"] != "tls":
                    call["tried"].append({"peer": route["peer"], "problem": "media-unavailable"})
                    continue
            self._go_on(held, call, partial(self._send, call, way, route, sdp))
            return
        if all(map(_is_registered, way["routes"])):
            self._go_on(held, call, partial(self._refuse_not_registered, call))
        else:
            self._go_on(held, call, partial(self._refuse, call, "no-route-left"))

    def _has_place(self, call: dict[str, Any], route: dict[str, Any]) -> bool:
        """Whether a call in may be sent to a trunk: it holds places of one alone, the one it is sent to."""
        trunk = route["peer"]
        if trunk == call["places_of"]:
            return True
        asked = {
            "kind": "place",
            "id": call["record_id"],
            "trunk": trunk,
            "instead_of": call["places_of"],
            "called": route["ruri"].partition(":")[2].partition("@")[0],
            "counters": call["counters"],
        }
        try:
            given = self._gate.place(call["record_id"], compact(asked))
        except GateUnavailable as problem:
            ksr.log_error(f"call {call['record_id']}: no place asked for at trunk {trunk}: {problem}")
            return False
        if given is None:
            ksr.log_warning(f"call {call['record_id']}: trunk {trunk} has no place for it")
            return False
        call["counters"], call["places_of"] = given, trunk
        return True

    def _go_on(self, held: str, call: dict[str, Any], then: partial[None]) -> None:
        """Does the next thing with the suspended transaction in hand, or ends a call whose caller gave up."""
        if self._suspended.resume(held, then):
            return
        if self._suspended.is_late(held):
            ladder.sent(call["record_id"], "caller", "503", "INVITE", why="no-worker-free")
            self._end(call | {"reason": "no-worker-free"}, "failed", 503, "us")
        else:
            self._end(call, "cancelled", 487, "caller")

    # ---- 3. with the transaction in hand, where nothing waits ----------------------------------
    def _wait(self, call: dict[str, Any], way: dict[str, Any], host: str) -> None:
        """Lets a call wait for a verified connection to the host of its next route."""
        held, group = self._hold(way)
        if not (held and self._tls.wait(host, held, "ksr_route", group, compact([call, way]))):
            self._refuse(call, "no-worker-free")

    def _hand_over(self, call: dict[str, Any], way: dict[str, Any]) -> None:
        """Leaves the next route to a worker: this process carries SIP, or is tm's timer."""
        self._endings.end_media(call)
        held, group = self._hold(way)
        if not (held and ksr.later("ksr_route", f"{held} {compact([call, way])}", group)):
            self._refuse(call, "no-worker-free")

    def _hold(self, way: dict[str, Any]) -> tuple[str, str]:
        """Suspends the transaction in hand: what to call it, and the workers that go on with it."""
        if way["emergency_body"] is None:
            return self._suspended.hold(), self._group
        return self._suspended.hold(EMERGENCY_HELD_MS), self._emergency_group

    def route(self, held: str, text: str) -> None:
        """Goes on with a call that waited, or was handed over; in a worker of the group."""
        self._try_next(held, *expand(text))

    def _refuse(self, call: dict[str, Any], reason: str) -> None:
        refusal.refuse(503, "Service Unavailable", reason)
        ladder.sent(call["record_id"], "caller", "503", "INVITE", why=reason)
        self._end(call | {"reason": reason}, "failed", 503, "us")

    def _refuse_not_registered(self, call: dict[str, Any]) -> None:
        """RFC 3261 section 21.4.18: "logged in" nowhere, at this moment."""
        refusal.refuse(480, "Temporarily Unavailable", "not-registered")
        ladder.sent(call["record_id"], "caller", "480", "INVITE", why="not-registered")
        self._end(call | {"reason": "not-registered"}, "failed", 480, "us")

    def _send(self, call: dict[str, Any], way: dict[str, Any], route: dict[str, Any], sdp: str) -> None:
        if ksr.is_cancelled():  # this very moment
            ksr.reply(487, "Request Terminated")
            self._end(call, "cancelled", 487, "caller")
            return
        ksr.keep_only_headers(headers.INITIAL)
        state.show_caller(call)
        for name in way["remove"]:
            ksr.remove_header(name)
        for name, value in route["headers"]:
            ksr.add_header(name, value)
        # a gate of the version before says nothing of it
        session_timer.offer(call, route.get("session_s", 0))
        if sdp and ksr.body_is_sdp():  # an emergency call's other bodies pass as they came
            ksr.set_body(sdp, "application/sdp")
        ksr.set_target(route["ruri"], f"sip:{call['callee_home']};transport={route['transport']}")
        ksr.record_route(route_parameters(call["record_id"], call["caller_tag"]))
        call["sent"] = True
        text = compact(call)
        state.set_call(text)
        state.set_way(way)
        self._running.remember(call["record_id"], text)
        self._grants.hold(call)
        ksr.set_final_response_timeout(route["ring_timeout_s"] * 1000, 4000)
        ksr.on_reply("ksr_reply")
        ksr.on_failure("ksr_failure")
        at = time.time()  # before an answer can come
        if "flow" in call:
            ksr.use_connection(call["flow"])  # and no other, whatever its Contact names
            sent = ksr.relay()
        elif route["transport"] == "tls" and not self._reach.on_verified_connection():
            sent = False
        else:
            sent = ksr.relay()
        if sent:
            ladder.sent(call["record_id"], "callee", "INVITE", body=sdp, why=route["peer"], at=at)
        else:
            call["tried"].append({"peer": route["peer"], "problem": "unreachable"})
            ksr.log_warning(f"call {call['record_id']}: route to {route['peer']} could not be sent")
            self._hand_over(call, way)

    def any_reply(self) -> None:
        """Every reply, before its transaction is looked at: a connection or a host may be judged by it."""
        method = ksr.method()
        if method == "OPTIONS":
            self._tls.replied()
            self._health.replied()
        elif method == "CANCEL":  # tm's own of a caller's
            ladder.got(ladder.cancel_key(ksr.call_id()), "callee", str(ksr.status()), "CANCEL")

    # ---- 4. answers --------------------------------------------------------------------------
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
            return
        ksr.keep_only_headers(headers.LATER)
        state.show(ksr.show_from, call, "from_inside")
        if code >= 300 and (cause := next_route.cause_of(ksr.headers("Reason"))):
            state.set_call(compact(call | {"cause": cause}))  # for `failed`, which has no reply in hand
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
            call["callee"] = _leg_facts("callee", transport, tls) | {"peer": call["peer"]}
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

    def failed(self) -> None:
        """The failure callback: the caller gave up, the next route, or the end."""
        call, way = state.call(), state.way()
        if "refused" in call:  # it was answered, and ends when its carrier's leg does
            ladder.sent(call["record_id"], "caller", str(ksr.final_status()), "INVITE", why=call["reason"])
            return
        if ksr.is_cancelled():
            self._end(call, "cancelled", 487, "caller")
            return
        code, silent = ksr.final_status(), ksr.is_unanswered()
        # of an answer that was refused it is our status; of no answer at all it is tm's
        problem = "no-reply" if silent else call.get("reason")
        more = next_route.may_follow(code, call.pop("cause", 0)) and way["next"] < len(way["tries"])
        if more or silent:
            said = {"problem": problem} if problem else {"status": code}
            call["tried"].append({"peer": call["peer"]} | said)
        if more:
            self._hand_over(call, way)
        elif silent:
            self._give_up(call | {"reason": "no-route-left"}, code)
        elif problem:
            self._give_up(call, code)
        else:
            self._end(call, "failed", code, "callee")

    def _give_up(self, call: dict[str, Any], code: int) -> None:
        """Ends a call whose last route came to nothing, its caller told by tm and not by the callee."""
        ladder.sent(call["record_id"], "caller", str(code), "INVITE", why=call["reason"])
        self._end(call, "failed", code, "us")

    def _end(self, call: dict[str, Any], ending: str, status: int, ended_by: str) -> None:
        if ended_by != "us":
            ladder.sent(call["record_id"], "caller", str(status), "INVITE")
        if "sent" in call:
            self._endings.end(call, ending, status, ended_by)
        else:  # nobody but us knows of it
            self._endings.end_unsent(call, ending, status, ended_by)


def _note_arrival(facts: dict[str, Any], *, trying: bool = True) -> None:
    ladder.got(facts["id"], "caller", "INVITE", body=facts["body"], at=facts["at"])
    if trying:
        ladder.sent(facts["id"], "caller", "100", "INVITE", at=facts["at"] + 1e-6)


def _is_registered(route: dict[str, Any]) -> bool:
    return route.get("registered") is True


def _refuse_unjudged(facts: dict[str, Any], reason: str) -> None:
    refusal.refuse(503, "Service Unavailable", reason)
    ladder.sent(facts["id"], "caller", "503", "INVITE", why=reason)


def reject(verdict: dict[str, Any]) -> None:
    """Answers the transaction in hand as a gate has said."""
    refusal.as_judged(verdict)
    ladder.sent(verdict["record_id"], "caller", str(verdict["status"]), "INVITE", why=verdict["reason"])


def _leg_facts(side: str, transport: str, tls: dict[str, Any] | None) -> dict[str, Any]:
    leg: dict[str, Any] = {"side": side, "transport": transport}
    if tls:
        leg |= {"tls_version": tls["version"], "cipher": tls["cipher"], "peer_cn": tls["peer_cn"]}
    return leg
