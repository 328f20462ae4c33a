"""One call through the edge until it is answered (`edge.answers`): suspended, judged, routed (`edge.ways`).

What a call needs between its callbacks travels with its transaction (`state`; the callbacks run in
different processes), and from the first route on in `RunningCalls`.
"""

import time
from functools import partial
from typing import Any

from trunkward.edge import (
    attempt,
    emergency,
    headers,
    identified,
    ksr,
    ladder,
    next_route,
    refusal,
    session_timer,
    state,
)
from trunkward.edge.announcements import Announcements
from trunkward.edge.bindings import BindingTable
from trunkward.edge.certificate_wait import CertificateWait
from trunkward.edge.compact import compact, expand
from trunkward.edge.endings import Endings
from trunkward.edge.gate import NOT_JUDGED, GateClient, GateUnavailable
from trunkward.edge.grants import Grants
from trunkward.edge.health import Health
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
from trunkward.edge.ways import Ways, is_registered


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
        self._health = health
        self._announcements = announcements
        self._ways = Ways(settings, targets=targets, health=health, bindings=bindings)
        self._suspended = suspended
        self.certificates = CertificateWait(suspended, self._no_worker, group)
        self._bindings = bindings
        self._reach = Reach(tls, running, bindings)
        self._gate = GateClient(settings.gate_sockets, settings.gate_deadline_ms / 1000)
        self._emergency = settings.emergency
        #: Whatever is dialled for help on some trunk.
        self._help = frozenset(form for trunk in settings.emergency for form in trunk["numbers"])
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
            self._try_next(held, *self._ways.admitted(facts, admitted))

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
        if verdict["verdict"] == "wait":
            self.certificates.begin(held, facts, verdict["for_ms"])
            return
        _note_arrival(facts)
        match verdict["verdict"]:
            case "admit":
                self._try_next(held, *self._ways.admitted(facts, verdict))
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

    def _no_worker(self, facts: dict[str, Any]) -> None:
        """Refuses a call nobody takes up; with its transaction in hand."""
        _note_arrival(facts)
        self._outcomes.refused(facts, "no-worker-free")
        _refuse_unjudged(facts, "no-worker-free")

    def _emergency_verdict(self, facts: dict[str, Any]) -> dict[str, Any] | None:
        verdict = emergency.admit(facts, self._emergency, identified.is_of)
        if verdict is not None:
            self._outcomes.admitted(facts, verdict)
            called, caller = verdict["called"], facts["from_uri"][:128]
            ksr.log_error(f"emergency call of trunk {verdict['trunk']} to {called}, from {caller!a}: no gate")
        return verdict

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
            if is_registered(route):
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
                    self._go_on(held, call, partial(self._refuse, call, way, "media-unavailable"))
                    return
                # the posture table: it goes if both sides can talk without rtpengine
                sdp = way["emergency_body"]
                if "a=crypto" in sdp and route["transport"] != "tls":
                    call["tried"].append({"peer": route["peer"], "problem": "media-unavailable"})
                    continue
            self._go_on(held, call, partial(self._send, call, way, route, sdp))
            return
        if all(map(is_registered, way["routes"])):
            self._go_on(held, call, partial(self._refuse_not_registered, call, way))
        else:
            self._go_on(held, call, partial(self._refuse, call, way, "no-route-left"))

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
            self._refuse(call, way, "no-worker-free")

    def _hand_over(self, call: dict[str, Any], way: dict[str, Any]) -> None:
        """Leaves the next route to a worker: this process carries SIP, or is tm's timer."""
        self._endings.end_media(call)
        held, group = self._hold(way)
        if not (held and ksr.later("ksr_route", f"{held} {compact([call, way])}", group)):
            self._refuse(call, way, "no-worker-free")

    def _hold(self, way: dict[str, Any]) -> tuple[str, str]:
        """Suspends the transaction in hand: what to call it, and the workers that go on with it."""
        if way["emergency_body"] is None:
            return self._suspended.hold(), self._group
        return self._suspended.hold(EMERGENCY_HELD_MS), self._emergency_group

    def route(self, held: str, text: str) -> None:
        """Goes on with a call that waited, or was handed over; in a worker of the group."""
        self._try_next(held, *expand(text))

    def _refuse(self, call: dict[str, Any], way: dict[str, Any], reason: str) -> None:
        _tell_stir(call, way)
        refusal.refuse(503, "Service Unavailable", reason)
        ladder.sent(call["record_id"], "caller", "503", "INVITE", why=reason)
        self._end(call | {"reason": reason}, "failed", 503, "us")

    def _refuse_not_registered(self, call: dict[str, Any], way: dict[str, Any]) -> None:
        """RFC 3261 section 21.4.18: "logged in" nowhere, at this moment."""
        _tell_stir(call, way)
        refusal.refuse(480, "Temporarily Unavailable", "not-registered")
        ladder.sent(call["record_id"], "caller", "480", "INVITE", why="not-registered")
        self._end(call | {"reason": "not-registered"}, "failed", 480, "us")

    def _send(self, call: dict[str, Any], way: dict[str, Any], route: dict[str, Any], sdp: str) -> None:
        if ksr.is_cancelled():  # this very moment
            ksr.reply(487, "Request Terminated")
            self._end(call, "cancelled", 487, "caller")
            return
        ksr.keep_only_headers(headers.INITIAL)
        state.show_parties(call)
        # a gate of the version before says nothing of these two
        for name in (*way["remove"], *route.get("remove_headers", [])):
            ksr.remove_header(name)
        for name, value in route["headers"]:
            ksr.add_header(name, value)
        session_timer.offer(call, route.get("session_s", 0))
        if sdp and ksr.body_is_sdp():  # an emergency call's other bodies pass as they came
            ksr.set_body(sdp, "application/sdp")
        ksr.set_target(route["ruri"], f"sip:{call['callee_home']};transport={route['transport']}")
        ksr.record_route(route_parameters(call["record_id"], call["caller_tag"]))
        call["sent"] = True
        text = compact(call)
        state.set_call(text)
        state.set_way(way)
        state.set_stir(way["stir"])
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

    # ---- 4. when a route came to nothing -----------------------------------------------------
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


def _tell_stir(call: dict[str, Any], way: dict[str, Any]) -> None:
    """Puts what was wrong with the caller's signatures on the answer made for it, unless it was told."""
    for name, value in state.stir() if "sent" in call else way["stir"]:
        ksr.add_reply_header(name, value)


def _note_arrival(facts: dict[str, Any], *, trying: bool = True) -> None:
    ladder.got(facts["id"], "caller", "INVITE", body=facts["body"], at=facts["at"])
    if trying:
        ladder.sent(facts["id"], "caller", "100", "INVITE", at=facts["at"] + 1e-6)


def _refuse_unjudged(facts: dict[str, Any], reason: str) -> None:
    refusal.refuse(503, "Service Unavailable", reason)
    ladder.sent(facts["id"], "caller", "503", "INVITE", why=reason)


def reject(verdict: dict[str, Any]) -> None:
    """Answers the transaction in hand as a gate has said."""
    refusal.as_judged(verdict)
    ladder.sent(verdict["record_id"], "caller", str(verdict["status"]), "INVITE", why=verdict["reason"])
