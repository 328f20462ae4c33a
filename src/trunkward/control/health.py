"""The health of a node: one value, made of facts by one function. `status`, `/readyz` and `/metrics` show it.

What is lost has a row in the posture table, and what that means for calls is said in the table's own words. A
node is ready as long as no row it is in refuses outbound calls: a lost signer is degraded, lost gates are not
ready.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from trunkward.admission.posture import Lost
from trunkward.control.certificate_troubles import of_certificates
from trunkward.control.health_facts import ClockFacts, Facts, Part, PartFacts, RecordsFacts, SpaceFacts
from trunkward.control.trouble import Trouble, lost_trouble

#: Seconds a gate may judge by the policy before the one in force.
POLICY_LAG_S = 5.0
#: Seconds records may wait for the database; the worker ships once a second.
RECORDS_LAG_S = 30.0
#: Bytes left on a disk: about half a million calls' records, and what tmpfs needs for running calls.
DISK_LOW_BYTES = 1 << 30
MEMORY_LOW_BYTES = 64 << 20
#: `Trouble.what` of a node that is drained.
DRAIN = "drain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """A node's health."""

    #: The node can take calls.
    ready: bool
    #: Each process that is not ready, with the reason.
    not_ready: dict[str, str]
    troubles: tuple[Trouble, ...]
    facts: Facts
    #: The rows of the posture table the node is in.
    lost: frozenset[Lost] = field(default_factory=frozenset)

    @property
    def blocked(self) -> bool:
        """No new call can be taken, and nobody wanted it so: with or without a drain."""
        return any(trouble.blocks and trouble.what != DRAIN for trouble in self.troubles)


def health(facts: Facts) -> Health:
    """The health these facts make.

    1. Processes: those that do not answer, and gates that judge by an older policy than the one in force.
    2. A person's wish that it takes no calls, and the clock.
    3. What will be lost: records that wait, disks that fill, certificates that end.
    4. Evidence: of a backup, which nobody has looked through; revoked, and not told; changed without an act;
       kept for too long.
    5. Journals that are not as they were written, or that nobody verifies.
    """
    problems = {part.name: _problem(part, facts) for part in facts.parts}
    not_ready = {name: problem for name, problem in problems.items() if problem}
    troubles = (
        # 1.
        *_of_parts(facts, not_ready),
        # 2.
        *_of_drain(facts.drain),
        *_of_clock(facts.clock),
        # 3.
        *_of_records(facts.records),
        *_of_space(facts.space),
        *of_certificates(facts.certificates, datetime.fromtimestamp(facts.now, UTC)),
        # 4.
        *_of_evidence(facts),
        # 5.
        *_of_journals(facts),
    )
    return Health(
        ready=not any(trouble.blocks for trouble in troubles),
        not_ready=not_ready,
        troubles=troubles,
        facts=facts,
        lost=frozenset(trouble.lost for trouble in troubles if trouble.lost is not None),
    )


def _problem(part: PartFacts, facts: Facts) -> str:
    if part.problem or part.policy_version is None or not facts.policy_version:
        return part.problem
    behind_s = facts.now - facts.policy_since
    if part.policy_version != facts.policy_version and behind_s > POLICY_LAG_S:
        return (
            f"it decides by policy {part.policy_version}, not by {facts.policy_version}, for {behind_s:.0f} s"
        )
    return ""


def _of_parts(facts: Facts, not_ready: dict[str, str]) -> Iterable[Trouble]:
    gates = [part.name for part in facts.parts if part.part is Part.GATE]
    # one that answers, by whatever policy, takes calls
    answering = {part.name for part in facts.parts if part.part is Part.GATE and not part.problem}
    if not answering:
        why = "; ".join(f"{gate}: {not_ready[gate]}" for gate in gates) or "not known: the worker names them"
        yield lost_trouble("gates", why, Lost.GATES)
    for part in facts.parts:
        problem = not_ready.get(part.name)
        if problem is None:
            continue
        match part.part:
            case Part.KAMAILIO:
                words = "all calls: nobody answers; running calls: media goes on, signalling waits"
                yield Trouble(what=part.name, problem=problem, means=words, blocks=True)
            case Part.GATE if part.name in answering:
                # no call is refused for it, but who is to have a call by this node wants the policy in force
                words = "calls go on by the policy it has"
                all_behind = answering <= set(not_ready)
                yield Trouble(what=part.name, problem=problem, means=words, blocks=all_behind)
            case Part.GATE if answering:
                yield Trouble(what=part.name, problem=problem, means="calls go through the other gates")
            case Part.VALKEY:
                yield lost_trouble(part.name, problem, Lost.REDIS)
            case Part.SIGNER:
                yield lost_trouble(part.name, problem, Lost.SIGNER)
            case Part.FETCHER:
                yield lost_trouble(part.name, problem, Lost.FETCHER)
            case Part.WORKER:
                yield lost_trouble(part.name, problem, Lost.WORKER)
            case Part.RTPENGINE if facts.media_anchored:
                yield lost_trouble(part.name, problem, Lost.RTPENGINE)
            case Part.ACME | Part.CERTIFICATES:
                words = "calls go as ever; no certificate from elsewhere is renewed"
                yield Trouble(what=part.name, problem=problem, means=words)
            case Part.IDENTITIES:
                words = "calls go as ever; no signing certificate, trusted list or revocation list is renewed"
                yield Trouble(what=part.name, problem=problem, means=words)
            case Part.WEB:
                words = "calls go as ever; nobody hears of the node's health over HTTP"
                yield Trouble(what=part.name, problem=problem, means=words)
            case _:
                pass  # a gate, when all are lost, or media that is not anchored


def _of_drain(drain: str | None) -> Iterable[Trouble]:
    if drain is not None:
        words = "outbound, inbound: 503 (node-draining); trunkward undrain ends it"
        yield Trouble(what=DRAIN, problem=drain, means=words, blocks=True)


def _of_clock(clock: ClockFacts) -> Iterable[Trouble]:
    if clock.synchronised or clock.trusted:
        return
    why = "not synchronised" if clock.synchronised is False else "the kernel does not say whether it is right"
    yield lost_trouble("clock", why, Lost.CLOCK)


def _of_records(records: RecordsFacts | None) -> Iterable[Trouble]:
    if records is not None and records.waiting_s > RECORDS_LAG_S:
        problem = f"{records.waiting_bytes} bytes wait, the oldest for {records.waiting_s:.0f} s"
        words = "calls go as ever; records wait on disk"
        yield Trouble(what="records", problem=problem, means=words)


def _of_space(space: tuple[SpaceFacts, ...]) -> Iterable[Trouble]:
    for place in space:
        match place.what:
            case "state" if place.free_bytes < DISK_LOW_BYTES:
                words = "once it is full: outbound, inbound: 503 (record-not-written)"
            case "run" if place.free_bytes < MEMORY_LOW_BYTES:
                words = "once it is full: running calls are lost with Kamailio, policies cannot change"
            case "log" if place.free_bytes < DISK_LOW_BYTES:
                words = "calls go as ever; logs end"
            case _:
                continue
        problem = f"{place.path}: {place.free_bytes >> 20} MiB free"
        yield Trouble(what=f"space-{place.what}", problem=problem, means=words)


def _of_evidence(facts: Facts) -> Iterable[Trouble]:
    if facts.restored is not None:
        yield Trouble(
            what="restored",
            problem=f"of the backup of {facts.restored}: what evidence was revoked since is not known here",
            means="outbound: signed A by what it holds; look through trunkward evidence list, revoke what "
            "holds no more, then trunkward evidence confirm",
        )
    if facts.denied_left:
        left = ", ".join(facts.denied_left)
        yield Trouble(
            what="denied-evidence",
            problem=f"{left}: the list of denied evidence is not taken; their logs say why",
            means="outbound: what is revoked may still be signed A; trunkward apply writes the list anew, or "
            "start the node anew where that is not taken either",
        )
    for problem in facts.unsound:
        yield Trouble(
            what="unsound-evidence",
            problem=problem,
            means="outbound: no call is signed A, or goes, by it from the next apply on, or within the hour",
        )
    for signer in facts.forget_fails:
        yield Trouble(
            what="signature-retention",
            problem=f"{signer}: cannot delete what is over of its journal; its log says why",
            means="calls go as ever; numbers in its journal are kept for too long",
        )
    if facts.retention_fails:
        its = facts.retention
        since_s = facts.now - its.at if its is not None else facts.up_s
        hours = f"nobody has looked for {since_s / 3600:.0f} hours what is over"
        late = f"{hours}: end trunkward up, and start it anew"
        words = "calls go as ever; evidence is kept for too long"
        yield Trouble(what="retention", problem=(its and its.problem) or late, means=words)


def _of_journals(facts: Facts) -> Iterable[Trouble]:
    its = facts.verified
    if its is not None and its.changed:
        yield Trouble(
            what="journals",
            problem=its.problem,
            means="calls go as ever; what was signed or done is not proved: trunkward journal verify",
            nameless="journals",
        )
    elif its is not None and its.silent:
        yield Trouble(
            what="journals",
            problem=its.problem,
            means="calls go as ever; who changes what was written since is not found: worker.log",
            nameless="journals",
        )
    elif facts.verifying_fails:
        since_s = facts.now - its.good_at if its is not None and its.good_at else facts.up_s
        problem = f"not verified for {since_s / 3600:.0f} hours"
        yield Trouble(
            what="journals",
            problem=f"{problem}: {its.problem}" if its is not None and its.problem else problem,
            means="calls go as ever; who changes a journal is not found: trunkward journal verify",
            nameless="journals",
        )
