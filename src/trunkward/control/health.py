"""The health of a node: one value, made of facts by one function. `status`, `/readyz` and `/metrics` show it.

What is lost has a row in the posture table, and what that means for calls is said in the table's own words. A
node is ready as long as no row it is in refuses outbound calls: a lost signer is degraded, lost gates are not
ready.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from trunkward.admission.posture import POSTURE, Calls, Effect, Lost, effect
from trunkward.control.deviations import Deviation

#: Seconds a gate may judge by the policy before the one in force.
POLICY_LAG_S = 5.0
#: Seconds records may wait for the database; the worker ships once a second.
RECORDS_LAG_S = 30.0
#: Certificates of the node's own are renewed when 30 days are left (`control.pki.RENEW_BEFORE`): with less
#: than this, nobody has.
CERTIFICATE_SOON = timedelta(days=15)
#: Bytes left on a disk: about half a million calls' records, and what tmpfs needs for running calls.
DISK_LOW_BYTES = 1 << 30
MEMORY_LOW_BYTES = 64 << 20
#: Seconds after which somebody should have looked for what is no longer kept: that is done each hour.
LOOK_LATE_S = 2 * 86_400.0
#: Seconds that a node is up after which somebody should have looked once.
FIRST_LOOK_LATE_S = 3600.0
#: `Trouble.what` of a node that is drained.
DRAIN = "drain"


class Part(StrEnum):
    """What a process of the node is."""

    KAMAILIO = "kamailio"
    GATE = "gate"
    VALKEY = "valkey"
    SIGNER = "signer"
    FETCHER = "fetcher"
    RTPENGINE = "rtpengine"
    WORKER = "worker"
    ACME = "acme"
    CERTIFICATES = "certificates"
    IDENTITIES = "identities"
    WEB = "web"


class CertificateOf(StrEnum):
    """Whose a certificate is, and so what its end means."""

    NODE = "node"
    #: From elsewhere: what peers see instead of the node's own.
    SHOWN = "shown"
    SIP_AUTHORITY = "sip-authority"
    SHAKEN = "shaken"
    SHAKEN_AUTHORITY = "shaken-authority"
    #: From elsewhere: what calls are signed under instead of the TEST authority's.
    SIGNING = "signing"
    #: No certificates either: the policy administrator's two lists.
    TRUSTED_LIST = "trusted-list"
    REVOCATIONS = "revocation-list"
    PEER = "peer"
    CARRIER_AUTHORITY = "carrier-authority"
    #: No certificate, but ends in the same way: what levels A and B stand on.
    EVIDENCE = "evidence"
    #: The KYC records of customers, without which neither A nor B is signed.
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFacts:
    """One process, as it was seen."""

    name: str
    part: Part
    #: Why it is not ready; "" when it answers as it should.
    problem: str
    #: "" where it does not say.
    version: str = ""
    #: Seconds since the epoch; None where nobody knows.
    since: float | None = None
    #: How often it was started anew since the node is up.
    restarts: int | None = None
    #: A gate's: the policy it judges by; 0 for none.
    policy_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFacts:
    """What the kernel says of the clock, in seconds; `synchronised` is None when it says nothing."""

    synchronised: bool | None
    #: The configuration takes it as right whatever the kernel says.
    trusted: bool
    offset_s: float | None = None
    estimated_error_s: float | None = None
    maximum_error_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """A certificate by the name of its file; `until` is None when it cannot be read."""

    name: str
    of: CertificateOf
    until: datetime | None
    #: What is wrong with it, or with its renewal; "": nothing.
    problem: str = ""
    #: Whether its renewal is late, its end near; None: it is when less than `CERTIFICATE_SOON` is left.
    late: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsFacts:
    """Records that are not in the database yet."""

    waiting_bytes: int
    #: Age of the oldest.
    waiting_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceFacts:
    """Room where something is written: `what` is `state` (records, database), `run` (memory) or `log`."""

    what: str
    path: str
    free_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionFacts:
    """How the last look for evidence whose time is over went."""

    #: Seconds since the epoch.
    at: float
    #: Why it is not deleted; "": none is over, or it is.
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that was seen of a node at one moment."""

    #: Seconds since the epoch.
    now: float
    parts: tuple[PartFacts, ...]
    #: The policy in force, and since when (seconds since the epoch); 0 when nobody could say.
    policy_version: int
    policy_since: float
    clock: ClockFacts
    #: Since when, and by whom, the node is drained; None: it takes calls.
    drain: str | None = None
    #: Media passes by rtpengine: without it nobody misses it.
    media_anchored: bool = True
    certificates: tuple[CertificateFacts, ...] = ()
    #: None when nobody could say.
    records: RecordsFacts | None = None
    space: tuple[SpaceFacts, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    #: When the backup was made that the node is of, as long as nobody has confirmed its evidence; None:
    #: somebody has, or it is of none.
    restored: str | None = None
    #: None when nobody has looked yet.
    retention: RetentionFacts | None = None
    #: Gates and signers that do not take the list of denied evidence.
    denied_left: tuple[str, ...] = ()
    #: Signers that cannot delete what is no longer kept of their journals.
    forget_fails: tuple[str, ...] = ()

    @property
    def retention_fails(self) -> bool:
        """Whether evidence whose time is over is not deleted, or nobody looks for it."""
        its = self.retention
        if its is None:
            return self.up_s > FIRST_LOOK_LATE_S
        return bool(its.problem) or self.now - its.at > LOOK_LATE_S

    @property
    def up_s(self) -> float:
        """Seconds since the process that was started first was; 0 when nobody could say."""
        return max((self.now - part.since for part in self.parts if part.since is not None), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that is not as it should be, and what that means for calls."""

    what: str
    problem: str
    means: str
    #: The row of the posture table it is in.
    lost: Lost | None = None
    #: No new call can be taken.
    blocks: bool = False
    #: Instead of `what` and `problem`, where names of trunks and carriers are in them, for whoever may not
    #: know those; "": none is.
    nameless: str = ""


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
    4. Evidence: of a backup, which nobody has looked through; revoked, and not told; kept for too long.
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
        *_of_certificates(facts.certificates, datetime.fromtimestamp(facts.now, UTC)),
        # 4.
        *_of_evidence(facts),
    )
    return Health(
        ready=not any(trouble.blocks for trouble in troubles),
        not_ready=not_ready,
        troubles=troubles,
        facts=facts,
        lost=frozenset(trouble.lost for trouble in troubles if trouble.lost is not None),
    )


def means(lost: Lost) -> str:
    """What a lost dependency does to calls, in the posture table's words; where it does nothing, nothing."""
    kinds: dict[Effect, list[Calls]] = {}
    row = next(row for row in POSTURE if row.lost is lost)
    for calls, its in row.effects.items():
        if its not in (Effect.GOES, Effect.UNAFFECTED):
            kinds.setdefault(its, []).append(calls)
    return "; ".join(f"{', '.join(calls)}: {its}" for its, calls in kinds.items()) or "calls go as ever"


def refuses(lost: Lost) -> bool:
    """Whether a node that lost this takes no new calls (an emergency may still go)."""
    return effect(lost, Calls.OUTBOUND) is Effect.REFUSED


def _lost(what: str, problem: str, lost: Lost) -> Trouble:
    return Trouble(what=what, problem=problem, means=means(lost), lost=lost, blocks=refuses(lost))


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
        yield _lost("gates", why, Lost.GATES)
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
                yield _lost(part.name, problem, Lost.REDIS)
            case Part.SIGNER:
                yield _lost(part.name, problem, Lost.SIGNER)
            case Part.FETCHER:
                yield _lost(part.name, problem, Lost.FETCHER)
            case Part.WORKER:
                yield _lost(part.name, problem, Lost.WORKER)
            case Part.RTPENGINE if facts.media_anchored:
                yield _lost(part.name, problem, Lost.RTPENGINE)
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
    yield _lost("clock", why, Lost.CLOCK)


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


_AFTER_ITS_END = {
    CertificateOf.NODE: "peers that check it refuse the node's TLS connections",
    CertificateOf.SHOWN: "peers that check it refuse the node's TLS connections",
    CertificateOf.SIP_AUTHORITY: "peers refuse every certificate it issued",
    CertificateOf.SHAKEN: means(Lost.SIGNER),
    CertificateOf.SHAKEN_AUTHORITY: means(Lost.SIGNER),
    CertificateOf.SIGNING: means(Lost.SIGNER),
    CertificateOf.TRUSTED_LIST: "no signing certificate is trusted, ours or a caller's",
    CertificateOf.REVOCATIONS: "nobody knows which signing certificates are revoked; what then is policy",
    CertificateOf.PEER: "no call reaches this peer over TLS",
    CertificateOf.CARRIER_AUTHORITY: "no call reaches this carrier over TLS",
    CertificateOf.EVIDENCE: "outbound: signed B or C, not A",
    CertificateOf.CUSTOMER: "outbound: signed C",
}


#: From elsewhere: they have lives of their own length, and lines of their own where they are told of.
FROM_ELSEWHERE = frozenset(
    (CertificateOf.SHOWN, CertificateOf.SIGNING, CertificateOf.TRUSTED_LIST, CertificateOf.REVOCATIONS)
)


def after_its_end(of: CertificateOf) -> str:
    """What the end of such a certificate means for calls."""
    return _AFTER_ITS_END[of]


def _of_certificates(certificates: tuple[CertificateFacts, ...], now: datetime) -> Iterable[Trouble]:
    # thousands of trunks may have been issued theirs on one day: one line for all that have the same to say
    alike: dict[tuple[str, str], list[CertificateFacts]] = {}
    for certificate in certificates:
        after = _AFTER_ITS_END[certificate.of]
        if certificate.until is None:
            said = certificate.problem or "cannot be read", after
        elif certificate.until <= now:
            said = f"ended {_day(certificate.until, now)}", after
        elif certificate.problem:
            said = certificate.problem, f"from {_day(certificate.until, now)} on: {after}"
        elif certificate.until - now < CERTIFICATE_SOON if certificate.late is None else certificate.late:
            said = f"ends {_day(certificate.until, now)}", f"from then on: {after}"
        else:
            continue
        alike.setdefault(said, []).append(certificate)
    for (problem, words), those in alike.items():
        what = those[0].name if len(those) == 1 else f"{those[0].name} and {len(those) - 1} more"
        kinds = ", ".join(sorted({one.of for one in those}))
        yield Trouble(
            what=what, problem=problem, means=words, nameless=f"certificates ({kinds}): {len(those)}"
        )


def _day(at: datetime, now: datetime) -> str:
    """A day; on that very day with the time."""
    return f"{at:%Y-%m-%d %H:%M} UTC" if at.date() == now.date() else f"{at:%Y-%m-%d}"


def as_document(found: Health, *, names: bool) -> dict[str, Any]:
    """The same for programs: what `status --json` and `/readyz` begin with.

    `names`: those of trunks and carriers are in it; not for `/readyz`, which tells anybody.
    """
    facts = found.facts
    clock = facts.clock
    return {
        "ready": found.ready,
        "draining": facts.drain is not None,
        "troubles": [
            {
                **_told(trouble, names=names),
                "means": trouble.means,
                "lost": trouble.lost,
                "blocks": trouble.blocks,
            }
            for trouble in found.troubles
        ],
        "configuration": facts.policy_version,
        "parts": {
            part.name: {
                "ready": part.name not in found.not_ready,
                "problem": found.not_ready.get(part.name, ""),
                "version": part.version,
                "since": _iso(part.since),
                "restarts": part.restarts,
                **({} if part.part is not Part.GATE else {"policy_version": part.policy_version}),
            }
            for part in facts.parts
        },
        "clock": {
            "synchronised": clock.synchronised,
            "trusted": clock.trusted,
            "offset_s": clock.offset_s,
            "estimated_error_s": clock.estimated_error_s,
            "maximum_error_s": clock.maximum_error_s,
        },
        "records": facts.records
        and {
            "waiting_bytes": facts.records.waiting_bytes,
            "waiting_s": round(facts.records.waiting_s, 3),
        },
        "space": {
            place.what: {"path": place.path, "free_bytes": place.free_bytes, "size_bytes": place.size_bytes}
            for place in facts.space
        },
    }


def _told(trouble: Trouble, *, names: bool) -> dict[str, str]:
    if names or not trouble.nameless:
        return {"what": trouble.what, "problem": trouble.problem}
    return {"what": trouble.nameless, "problem": "trunkward status names them, and what is wrong"}


def _iso(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
