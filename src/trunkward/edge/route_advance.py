"""An admitted call along its routes (`edge.ways`), one after the other, until one answers (`edge.answers`).

What a call needs between its callbacks travels with its transaction (`state`; the callbacks run in
different processes), and from the first route on in `RunningCalls`.
"""

import time
from functools import partial
from typing import Any

from trunkward.edge import headers, ksr, ladder, next_route, refusal, session_timer, state
from trunkward.edge.bindings import BindingTable
from trunkward.edge.compact import compact, expand
from trunkward.edge.endings import Endings
from trunkward.edge.gate import GateClient, GateUnavailable
from trunkward.edge.grants import Grants
from trunkward.edge.media import Media, MediaRefused
from trunkward.edge.outbound_tls import OutboundTls
from trunkward.edge.reach import Reach
from trunkward.edge.request_uri import request_uri
from trunkward.edge.running import RunningCalls
from trunkward.edge.sides import route_parameters
from trunkward.edge.suspended import EMERGENCY_HELD_MS, Suspended
from trunkward.edge.targets import family
from trunkward.edge.ways import is_registered


class RouteAdvance:
    """Takes calls from route to route, callback by callback."""

    def __init__(
        self,
        gate: GateClient,
        *,
        running: RunningCalls,
        grants: Grants,
        media: Media,
        endings: Endings,
        tls: OutboundTls,
        reach: Reach,
        suspended: Suspended,
        bindings: BindingTable,
        group: str,
        emergency_group: str,
    ) -> None:
        """Keeps its parts; nothing is opened before the first call in each process.

        `gate` is asked for places at trunks. `group`: the workers that wait with calls; `emergency_group`:
        with those for help.
        """
        self._gate = gate
        self._running = running
        self._grants = grants
        self._media = media
        self._endings = endings
        self._tls = tls
        self._reach = reach
        self._suspended = suspended
        self._bindings = bindings
        self._group = group
        self._emergency_group = emergency_group

    # ---- 1. in a worker of a group, which may wait ---------------------------------------------
    def begin(self, held: str, call: dict[str, Any], way: dict[str, Any]) -> None:
        """Takes up a call that was admitted: what it holds is in its row from now on, until its end."""
        self._running.remember(call["record_id"], compact(call))
        self._grants.hold(call)
        self.try_next(held, call, way)

    def route(self, held: str, text: str) -> None:
        """Goes on with a call that waited, or was handed over; in a worker of the group."""
        self.try_next(held, *expand(text))

    def try_next(self, held: str, call: dict[str, Any], way: dict[str, Any]) -> None:
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
            _take(call, way, route, host)
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
        self._grants.hold(call)
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

    # ---- 2. with the transaction in hand, where nothing waits ----------------------------------
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

    # ---- 3. when a route came to nothing -------------------------------------------------------
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
        self._endings.end(call, ending, status, ended_by)


def _take(call: dict[str, Any], way: dict[str, Any], route: dict[str, Any], host: str) -> None:
    """Makes the call one on this route, to this host."""
    call["media_id"] = f"{call['record_id']}x{way['next']}"
    call["hops"], call["called_suites"] = route["media"], route["called_suites"]
    call["peer"], call["callee_peer"] = route["peer"], f"{way['to']}:{route['peer']}"
    for name in ("suites", "protocols", "families", "callee_tag", "let_go", "reason"):
        call.pop(name, None)  # of the route before
    call["callee_transport"], call["callee_home"] = route["transport"], host
    call["called_family"] = family(host)


def _tell_stir(call: dict[str, Any], way: dict[str, Any]) -> None:
    """Puts what was wrong with the caller's signatures on the answer made for it, unless it was told."""
    for name, value in state.stir() if "sent" in call else way["stir"]:
        ksr.add_reply_header(name, value)
