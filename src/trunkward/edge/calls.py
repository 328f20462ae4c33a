"""A call until it has a verdict: suspended, asked about, and refused, or sent (`edge.route_advance`)."""

from functools import partial
from typing import Any

from trunkward.edge import attempt, emergency, identified, ksr, ladder, refusal
from trunkward.edge.announcements import Announcements
from trunkward.edge.bindings import BindingTable
from trunkward.edge.certificate_wait import CertificateWait
from trunkward.edge.compact import compact, expand
from trunkward.edge.gate import NOT_JUDGED, GateClient, GateUnavailable
from trunkward.edge.health import Health
from trunkward.edge.outcome import Outcomes
from trunkward.edge.route_advance import RouteAdvance
from trunkward.edge.settings import EdgeSettings
from trunkward.edge.suspended import EMERGENCY_HELD_MS, HELD_MS, Suspended
from trunkward.edge.targets import Targets
from trunkward.edge.ways import Ways


class Calls:
    """Calls being judged, callback by callback."""

    def __init__(
        self,
        settings: EdgeSettings,
        *,
        gate: GateClient,
        routes: RouteAdvance,
        outcomes: Outcomes,
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
        self._gate = gate
        self._routes = routes
        self._outcomes = outcomes
        self._announcements = announcements
        self._ways = Ways(settings, targets=targets, health=health, bindings=bindings)
        self._suspended = suspended
        self.certificates = CertificateWait(suspended, self._no_worker, group)
        self._bindings = bindings
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
            self._routes.begin(held, *self._ways.admitted(facts, admitted))

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
                self._routes.begin(held, *self._ways.admitted(facts, verdict))
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
