"""Seeing a node as it is: every part asked at once, and what came of it as the facts `control.health` judges.

Root's `status` and `web`, which may read nothing that is private, see with the same eyes. What only root may
see (the supervisor, records no worker counts) is given from outside.
"""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from trunkward.control.health_facts import (
    CertificateFacts,
    CertificateOf,
    ClockFacts,
    Facts,
    Part,
    PartFacts,
    RecordsFacts,
    RetentionFacts,
    SpaceFacts,
    VerifiedFacts,
)
from trunkward.control.shown import Shown, certificate_parts
from trunkward.engines.certificate_state import ProcessState, read_state
from trunkward.engines.denied_file import TAKEN
from trunkward.engines.drain import draining
from trunkward.engines.kernel_clock import read_clock
from trunkward.engines.part_numbers import (
    KamailioNumbers,
    PartNumbers,
    ports,
    read_kamailio,
    read_part,
    read_rtpengine,
)
from trunkward.engines.probes import get, lives, tls_pongs, valkey
from trunkward.engines.restored_mark import unconfirmed
from trunkward.engines.retention_state import read_look
from trunkward.engines.rtpengine import installed_version
from trunkward.engines.signers import read_ports
from trunkward.engines.signing_now import told as signing
from trunkward.engines.supervised import Supervised
from trunkward.engines.verified_state import Outcome, read_told
from trunkward.settings import WEB_PORT, Paths

#: Seconds after which a part that was asked is not waited for any more: its own question gives up before.
LOOKS_WITHIN_S = 2.0


#: A Valkey that was started anew, until it has been told of all calls.
FROZEN = "it may have lost what was spent, and grants nothing until it knows of all calls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the parts said of themselves."""

    #: Names of the signers there are.
    signers: Sequence[str] = ()
    #: By name, of those that answered.
    parts: Mapping[str, PartNumbers] = field(default_factory=dict)
    kamailio: KamailioNumbers | None = None
    rtpengine: Mapping[str, Any] = field(default_factory=dict)
    valkey: Mapping[str, str] = field(default_factory=dict)
    #: `web`'s version and start.
    web: Mapping[str, Any] = field(default_factory=dict)
    #: What `acme`, `certificates` and `identities` say of themselves.
    certificates: Mapping[str, ProcessState] = field(default_factory=dict)
    #: Why one did not answer, or should not be relied on.
    problems: Mapping[str, str] = field(default_factory=dict)
    #: Seconds each took to answer.
    took_s: Mapping[str, float] = field(default_factory=dict)


def see(shown: Shown | None, paths: Paths, threads: Executor, *, web: bool) -> Seen:
    """Asks every part at once. `web`: that one too (it does not ask itself)."""
    signers = read_ports(paths)
    told = ports(shown.gates if shown else 0, signers)
    asked: dict[str, Callable[[], Any]] = {
        "rtpengine": read_rtpengine,
        "valkey": partial(valkey, paths.valkey, paths.valkey_secret("look")),
        "kamailio-numbers": partial(read_kamailio, paths.edge_numbers),
        **{name: partial(read_part, port) for name, port in told.items()},
    }
    if shown is not None:
        asked["kamailio"] = partial(tls_pongs, shown.addresses, shown.tls_port)
        asked |= {
            part: partial(_alive, paths.sign_of_life(part))
            for part in certificate_parts(shown.certificates, shown.identities)
        }
    if web:
        asked["web"] = lambda: json.loads(get(WEB_PORT, "/healthz"))
    running = {name: threads.submit(_timed, ask) for name, ask in asked.items()}
    wait(running.values(), LOOKS_WITHIN_S)
    answers: dict[str, Any] = {}
    problems: dict[str, str] = {}
    took_s: dict[str, float] = {}
    for name, future in running.items():
        if not future.done():
            problems[name] = f"no answer within {LOOKS_WITHIN_S:.0f} s"
        elif (problem := future.exception()) is not None:
            problems[name] = str(problem) or type(problem).__name__
        else:
            answers[name], took_s[name] = future.result()
    if shown is None:
        problems["kamailio"] = f"nobody knows where it listens: there is no {paths.shown}"
    parts = {name: answer for name, answer in answers.items() if isinstance(answer, PartNumbers)}
    for name, numbers in parts.items():
        if why := numbers.problem or _unfit(name, numbers):
            problems[name] = why
    if any(numbers.value("trunkward_gate_money_frozen") for numbers in parts.values()):
        problems.setdefault("valkey", FROZEN)
    return Seen(
        signers=tuple(signers),
        parts=parts,
        kamailio=answers.get("kamailio-numbers"),
        rtpengine=answers.get("rtpengine", {}),
        valkey=answers.get("valkey", {}),
        web=answers.get("web", {}),
        certificates={name: answer for name, answer in answers.items() if isinstance(answer, ProcessState)},
        problems=problems,
        took_s=took_s,
    )


def new_threads(gates: int) -> ThreadPoolExecutor:
    """Enough to ask every part at once, and two others."""
    return ThreadPoolExecutor(gates + 11, thread_name_prefix="ask")


def _alive(state: Path) -> ProcessState | None:
    lives(state)
    return read_state(state, ProcessState)


def _timed[T](ask: Callable[[], T]) -> tuple[T, float]:
    began = time.monotonic()
    return ask(), time.monotonic() - began


def _unfit(name: str, numbers: PartNumbers) -> str:
    if name.partition("-")[0] == "signer" and numbers.value("trunkward_signer_fit") == 0:
        return signing(numbers).problem
    if name == "worker" and numbers.value("trunkward_worker_name_taken"):
        return "another node goes by this one's name in the same Valkey: write another node.id"
    if name.startswith("gate-") and not numbers.value("trunkward_gate_policy_version"):
        return "it has no policy yet"
    return ""


def part_facts(
    shown: Shown | None,
    seen: Seen,
    problems: Mapping[str, str],
    processes: Mapping[str, Supervised],
    now: float,
) -> tuple[PartFacts, ...]:
    """The node's processes, in the order a call meets them; `problems` come before what was seen."""
    gates = shown.gates if shown else 0
    kinds = {"kamailio": Part.KAMAILIO, **{f"gate-{index}": Part.GATE for index in range(gates)}}
    kinds |= {
        "valkey": Part.VALKEY,
        **dict.fromkeys(seen.signers, Part.SIGNER),
        "fetcher": Part.FETCHER,
        "rtpengine": Part.RTPENGINE,
        "worker": Part.WORKER,
    }
    kinds |= {
        part: Part(part)
        for part in (certificate_parts(shown.certificates, shown.identities) if shown else [])
    }
    kinds |= {"web": Part.WEB}
    return tuple(_part(name, kind, seen, problems, processes.get(name), now) for name, kind in kinds.items())


def _part(
    name: str, kind: Part, seen: Seen, problems: Mapping[str, str], process: Supervised | None, now: float
) -> PartFacts:
    version, since, policy = "", None, None
    numbers = seen.parts.get(name)
    if numbers is not None:
        version, since = numbers.version, numbers.value("process_start_time_seconds")
    match kind:
        case Part.KAMAILIO if seen.kamailio is not None:
            version, since = seen.kamailio.version, seen.kamailio.since
        case Part.RTPENGINE:
            version = installed_version()
            uptime = seen.rtpengine.get("totalstatistics", {}).get("uptime")
            since = now - float(uptime) if uptime is not None else None
        case Part.VALKEY if seen.valkey:
            version = seen.valkey.get("valkey_version") or seen.valkey.get("redis_version", "")
            since = now - float(seen.valkey.get("uptime_in_seconds", 0))
        case Part.WEB:
            version, since = str(seen.web.get("version", "")), seen.web.get("since")
        case Part.ACME | Part.CERTIFICATES | Part.IDENTITIES if (
            its := seen.certificates.get(name)
        ) is not None:
            version, since = its.version, its.since.timestamp() if its.since else None
        case Part.GATE if numbers is not None:
            policy = int(numbers.value("trunkward_gate_policy_version") or 0)
        case _:
            pass
    problem = problems.get(name) or seen.problems.get(name, "")
    if not problem and process is not None and process.state != "RUNNING":
        problem = f"the supervisor says {process.state}"
    return PartFacts(
        name=name,
        part=kind,
        problem=problem,
        version=version,
        since=(process.since or None) if process is not None else since,
        restarts=process.restarts if process is not None else None,
        policy_version=policy,
    )


def clock_facts(*, trusted: bool) -> ClockFacts:
    """What the kernel says of the clock."""
    reading = read_clock()
    if reading is None:
        return ClockFacts(synchronised=None, trusted=trusted)
    return ClockFacts(
        synchronised=reading.synchronised,
        trusted=trusted,
        offset_s=reading.offset_s,
        estimated_error_s=reading.estimated_error_s,
        maximum_error_s=reading.maximum_error_s,
    )


def space_facts(paths: Paths) -> tuple[SpaceFacts, ...]:
    """Room where the node writes."""
    found = []
    for what, path in (("state", paths.state), ("run", paths.run), ("log", paths.log)):
        try:
            disk = os.statvfs(path)
        except OSError:
            continue
        found.append(
            SpaceFacts(
                what=what,
                path=str(path),
                # what others than root may use
                free_bytes=disk.f_bavail * disk.f_frsize,
                size_bytes=disk.f_blocks * disk.f_frsize,
            )
        )
    return tuple(found)


def records_facts(worker: PartNumbers | None) -> RecordsFacts | None:
    """What waits to be shipped, as the worker counts it."""
    if worker is None:
        return None
    size = worker.value("trunkward_records_waiting_bytes")
    age_s = worker.value("trunkward_records_waiting_seconds")
    if size is None or age_s is None:
        return None
    return RecordsFacts(waiting_bytes=int(size), waiting_s=age_s)


def drain_facts(paths: Paths) -> str | None:
    """Since when the node is drained, and by whom; None when it takes calls."""
    found = draining(paths)
    if found is None:
        return None
    said = [found.since and f"since {found.since}", found.by and f"by {found.by}"]
    return " ".join(filter(None, said)) or "nobody can tell since when"


def restored_facts(paths: Paths) -> str | None:
    """Of which backup the node is, as long as nobody has confirmed its evidence."""
    found = unconfirmed(paths)
    return found.since if found is not None else None


def retention_facts(paths: Paths) -> RetentionFacts | None:
    """How the last look for evidence whose time is over went."""
    found = read_look(paths)
    return RetentionFacts(at=found.at, problem=found.problem) if found is not None else None


def verified_facts(paths: Paths) -> VerifiedFacts | None:
    """What came of verifying the journals."""
    found = read_told(paths)
    if found is None:
        return None
    return VerifiedFacts(
        at=found.at,
        changed=found.outcome is Outcome.CHANGED,
        silent=found.outcome is Outcome.SILENT,
        problem=found.problem,
        good_at=found.good_at,
        looked_at=found.looked_at,
        unrecorded=found.unrecorded,
    )


def denied_facts(seen: Seen) -> tuple[str, ...]:
    """Gates and signers that do not take the list of denied evidence as it is in its file."""
    return tuple(sorted(name for name, numbers in seen.parts.items() if numbers.value(TAKEN) == 0))


def forget_facts(seen: Seen) -> tuple[str, ...]:
    """Signers that cannot delete what is no longer kept of their journals."""
    failing = (
        name
        for name, numbers in seen.parts.items()
        if numbers.value("trunkward_signer_failing", what="forget")
    )
    return tuple(sorted(failing))


def evidence_facts(shown: Shown) -> list[CertificateFacts]:
    """When the first evidence token ends, and the first customer's KYC record is too old."""
    ends = {
        "evidence": (CertificateOf.EVIDENCE, shown.evidence_until),
        "customers (KYC)": (CertificateOf.CUSTOMER, shown.customers_until),
    }
    return [
        CertificateFacts(name=name, of=of, until=datetime.fromtimestamp(until, UTC))
        for name, (of, until) in ends.items()
        if until is not None
    ]


def node_facts(
    shown: Shown | None,
    parts: tuple[PartFacts, ...],
    *,
    now: float,
    space: tuple[SpaceFacts, ...],
    records: RecordsFacts | None,
    certificates: Sequence[CertificateFacts],
    drain: str | None,
    restored: str | None = None,
    retention: RetentionFacts | None = None,
    verified: VerifiedFacts | None = None,
    denied_left: tuple[str, ...] = (),
    unsound: tuple[str, ...] = (),
    forget_fails: tuple[str, ...] = (),
) -> Facts:
    """All of it."""
    if shown is None:
        return Facts(
            now=now,
            parts=parts,
            policy_version=0,
            policy_since=0.0,
            clock=clock_facts(trusted=False),
            drain=drain,
            records=records,
            space=space,
            retention=retention,
            verified=verified,
            denied_left=denied_left,
            unsound=unsound,
            forget_fails=forget_fails,
        )
    return Facts(
        now=now,
        parts=parts,
        policy_version=shown.version,
        policy_since=shown.since,
        clock=clock_facts(trusted=shown.clock_trusted),
        drain=drain,
        media_anchored=shown.media_anchored,
        certificates=(*certificates, *evidence_facts(shown)),
        records=records,
        space=space,
        deviations=tuple(shown.deviations_found()),
        restored=restored,
        retention=retention,
        verified=verified,
        denied_left=denied_left,
        unsound=unsound,
        forget_fails=forget_fails,
    )
