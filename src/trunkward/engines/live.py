"""Putting a configuration in force on a node that runs.

The edge first learns what is new and keeps what goes, then the gates change over, then the edge forgets. So
at no moment does a gate send a call where the edge knows no way, and whatever breaks this off leaves the old
or the new in force: the one document (`settings.Paths.declared`) says which, and the next change, or `up`,
goes on.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from trunkward.control.declared import InForce
from trunkward.control.effects import Effects
from trunkward.engines.certificate_files import put_certificates
from trunkward.engines.certificates import why_no_authority
from trunkward.engines.engine_files import File, rendered
from trunkward.engines.identity_files import put_identities
from trunkward.engines.identity_task import identities_task
from trunkward.engines.in_force import put_down
from trunkward.engines.installed import edge_followed
from trunkward.engines.kamailio import EdgeFiles, render_kamailio_cfg
from trunkward.engines.layout import Directory, directories, ensure_directory
from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.shown_pair import places
from trunkward.engines.signers import signer_programs
from trunkward.engines.signing_now import signing_now
from trunkward.engines.supervisor import Program, programs
from trunkward.engines.supervisor_rpc import Supervisor, SupervisorRefused
from trunkward.engines.whole_file import write_private
from trunkward.settings import Paths, identity_of
from trunkward.trunks.model import Carrier, Declared, Trunk

#: Seconds the supervisor may take to stop and start a part: its patience with one process, and some.
_SUPERVISOR_S = 30.0
_KAMCMD_S = 10.0
#: Seconds gates have to take the new policy before the edge forgets what only the old one uses. It is that
#: long only when the worker is gone: then gates go on with what they have.
_TAKEN_WITHIN_S = 5.0
_STEP_S = 0.05
#: Seconds a signer may take to answer. One whose certificate somebody else issues is not waited for any
#: longer: it starts by itself once there is one.
_SIGNER_S = 6.0
#: They read at their start, from files, what they are told: their command stays the same over a change.
_READ_AT_START = ("kamailio", "identities", "acme", "certificates")


class NotApplied(Exception):
    """A part did not do what it was told; the message says which, and what it said."""


def effects_of(old: Declared, new: Declared, paths: Paths) -> Effects:
    """What changing a running node from one to the other does to its processes: found by rendering both."""
    before, after = _programs(old, paths), _programs(new, paths)
    changed = [name for name in after if name in before and after[name] != before[name]]
    # the secret in it is the same in both
    if "kamailio" not in changed and render_kamailio_cfg(
        old, paths, mask_key="0" * 32
    ) != render_kamailio_cfg(new, paths, mask_key="0" * 32):
        changed.append("kamailio")
    if places(old, paths) != places(new, paths):  # what they are told at their start
        changed += [n for n in ("acme", "certificates") if n in before and n in after and n not in changed]
    if identities_task(old, paths) != identities_task(new, paths):
        changed += [n for n in ("identities",) if n in before and n in after and n not in changed]
    order = sorted(changed, key=lambda name: (after[name].priority, name))
    return Effects(
        reload=old != new,
        restart=tuple(order),
        start=tuple(name for name in after if name not in before),
        stop=tuple(name for name in before if name not in after),
    )


def is_running(paths: Paths) -> bool:
    """Whether a supervisor keeps a node here."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as supervisor:
        try:
            supervisor.connect(str(paths.supervisor_socket))
        except OSError:
            return False
    return True


def put_in_force(
    paths: Paths,
    held: tuple[InForce, Declared],
    wanted: tuple[InForce, Declared],
    effects: Effects,
    *,
    now: datetime,
    gate_policy: Callable[[int], int],
    tell: Callable[[str], None],
) -> None:
    """Brings a running node from one configuration to another. Raises `NotApplied`, `OSError`, `NotPrepared`.

    Each comes with what it declares, issued certificates filled in. Both may be the same: then only what was
    left undone is done.
    """
    (before, old), (after, new) = held, wanted
    for directory in _missing(paths, new):
        ensure_directory(directory)
    restarts = sorted({*effects.restart, *(unfinished(paths) or ())})
    write_private(paths.unfinished, "\n".join(restarts), "root", "root", 0o600)
    # what was broken off may have left the files of what is taken back now
    if places(old, paths) != places(new, paths) or {"acme", "certificates"} & {*restarts}:
        put_certificates(paths, new, now)
    if identities_task(old, paths) != identities_task(new, paths) or "identities" in restarts:
        put_identities(new, paths)
    # 1. the edge knows both
    both = _both(old, new)
    _write(paths, rendered(paths, new, after.version, now=now, sealed=after.secrets, beside=both))
    # 2. processes: who orders certificates, media, signer, fetcher and worker first, gates one after the
    # other, Kamailio last
    for part in (*effects.start, *_in_order(restarts)):
        if part in restarts:
            tell(f"starting {part} anew")
            _start_anew(paths, part)
        else:
            tell(f"starting {part}")
            _supervisorctl(paths, "update", part)
        if part.startswith("signer") and new.node.policy_administrator is not None:
            _tell_whether_it_signs(paths, part, tell)
            continue
        _is_up(paths, part)
        if part.startswith("gate-"):  # the next one goes only when this one decides
            number = int(part.removeprefix("gate-"))
            _wait(partial(_decides, gate_policy, number, None), _SUPERVISOR_S)
    # 3. it is in force
    if before != after:
        put_down(paths, after)
    # meanwhile the worker compiles
    alone = rendered(paths, new, after.version, now=now, sealed=after.secrets) if both is not None else []
    taken_by_gates(new, after.version, gate_policy)
    # 4. the edge forgets
    _write(paths, alone)
    # No more than what is no part any more: an `update` of all would also start rtpengine anew, and cut off
    # every call, where an upgrade has left it as it was.
    supervisor = Supervisor(paths.supervisor_socket)
    try:
        for part in supervisor.difference().removed:
            tell(f"stopping {part}")
            supervisor.remove(part)
    except SupervisorRefused as problem:
        raise NotApplied(str(problem)) from None
    edge_followed(paths)
    paths.unfinished.unlink(missing_ok=True)


def put_policy_in_force(
    paths: Paths,
    before: InForce,
    after: InForce,
    gate_policy: Callable[[int], int],
    *,
    now: datetime,
) -> None:
    """Has gates judge by a document that differs in secrets and findings alone.

    The edge has to know of secrets: what was registered with one that is gone takes no more calls. Raises
    `NotApplied`, `OSError`, `NotPrepared`.
    """
    declared = after.declared()
    put_down(paths, after)
    taken_by_gates(declared, after.version, gate_policy)
    if after.secrets != before.secrets:
        _write(paths, rendered(paths, declared, after.version, now=now, sealed=after.secrets))
        edge_followed(paths)


def taken_by_gates(declared: Declared, version: int, gate_policy: Callable[[int], int]) -> None:
    """Waits until every gate decides by a version. Raises `NotApplied`."""
    for index in range(declared.node.gates):
        if not _wait(partial(_decides, gate_policy, index, version), _TAKEN_WITHIN_S):
            # calls go on by what that gate has, and for those the edge must know what was
            raise NotApplied(
                f"gate-{index} has not taken policy {version} within {_TAKEN_WITHIN_S:.0f} s: does "
                "the worker run? ./trunkward status tells; when it does, ./trunkward apply finishes this"
            )


def unfinished(paths: Paths) -> list[str] | None:
    """Parts a change that was broken off has still to restart; None when none was broken off."""
    try:
        return paths.unfinished.read_text(encoding="ascii", errors="replace").split()
    except FileNotFoundError:
        return None


def reload_tls(paths: Paths) -> None:
    """New connections get the new certificates and authorities; those there are live on."""
    control = paths.run / "edge" / "ctl.sock"
    command = ["/usr/sbin/kamcmd", "-s", f"unix:{control}", "tls.reload"]
    try:
        answered = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_KAMCMD_S)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NotApplied(f"kamailio was not told to reload its TLS files: {problem}") from None
    said = f"{answered.stdout}{answered.stderr}".strip()
    # it exits with 0 whatever the answer is; Kamailio has then kept what it had
    if answered.returncode or "error" in said.lower():
        raise NotApplied(f"kamailio does not take the new TLS files and keeps the old ones: {said}")


def _write(paths: Paths, wanted: list[File]) -> None:
    files = EdgeFiles.under(paths)
    others: list[File] = []
    last: File | None = None
    for file in wanted:
        if file.path == files.edge_json:
            last = file
        else:
            others.append(file)
    held = {file.path: file.path.read_text(encoding="utf-8") for file in others if file.path.exists()}
    written = [file for file in others if file.write()]
    if _tls_read(paths) < max(_changed(path) for path in _tls_files(paths)):
        try:
            reload_tls(paths)
        except NotApplied:
            for file in written:  # a Kamailio that is started anew reads them, too
                if file.path in held:
                    replace(file, text=held[file.path]).write()
            raise
        tls_was_read(paths)
    # last: it names what the others must have
    if last is not None:
        last.write()


def tls_was_read(paths: Paths) -> None:
    """Notes that Kamailio has, or at its start will have, all TLS files as they are now."""
    write_private(_tls_mark(paths), "", "root", "root", 0o600)


def _tls_mark(paths: Paths) -> Path:
    return paths.run / "tls-read"


def _tls_read(paths: Paths) -> float:
    return _changed(_tls_mark(paths))


def _tls_files(paths: Paths) -> list[Path]:
    edge = paths.run / "edge"
    return [EdgeFiles.under(paths).tls_cfg, *edge.glob("*.pem"), PkiFiles(paths.pki).node]


def _changed(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return 0.0


def _both(old: Declared, new: Declared) -> Declared | None:
    """The new, and before it what is no more, or was otherwise; None when nothing is."""
    trunks = {t.name: t for t in new.trunks}
    carriers = {c.name: c for c in new.carriers}
    gone_trunks: list[Trunk] = [t for t in old.trunks if trunks.get(t.name) != t]
    gone_carriers: list[Carrier] = [
        c
        for c in old.carriers
        if carriers.get(c.name) != c and not (c.ca_file and why_no_authority(Path(c.ca_file)))
    ]
    if not gone_trunks and not gone_carriers:
        return None
    # of two with one name the later is known by it
    return replace(
        new,
        trunks=(*gone_trunks, *new.trunks),
        carriers=(*gone_carriers, *new.carriers),
    )


def _missing(paths: Paths, declared: Declared) -> list[Directory]:
    return [
        d
        for d in directories(paths, declared.node.gates, declared.reseller_identities)
        if not d.path.exists()
    ]


def _programs(declared: Declared, paths: Paths) -> dict[str, Program]:
    return {p.name: p for p in programs(declared, paths, signer_programs(declared, paths))}


def _in_order(parts: list[str]) -> list[str]:
    order = {"identities": 0, "rtpengine": 0, "signer": 1, "fetcher": 1, "worker": 2, "kamailio": 4}
    return sorted(parts, key=lambda part: (order.get(part.partition("-")[0], 3), part))


def _start_anew(paths: Paths, part: str) -> None:
    """Ends a process and starts it as it is configured by now.

    `update` alone does that only to one whose command has changed.
    """
    supervisor = Supervisor(paths.supervisor_socket)
    try:
        before = supervisor.process(part).pid
        _supervisorctl(paths, "update", part)
        if part in _READ_AT_START and supervisor.process(part).pid == before:
            supervisor.restart(part)
    except SupervisorRefused as problem:
        raise NotApplied(f"{part} was not started anew: {problem}") from None


def _tell_whether_it_signs(paths: Paths, part: str, tell: Callable[[str], None]) -> None:
    """A signer begins by itself once it has a certificate it may sign with; an order takes its time."""
    if not _wait(partial(_signs, paths, identity_of(part)), _SIGNER_S):
        tell(
            f"{part} does not sign: calls go unsigned until its certificate is there; "
            "./trunkward certs says how that stands"
        )


def _is_up(paths: Paths, part: str) -> None:
    until = time.monotonic() + _SUPERVISOR_S
    said = ""
    while time.monotonic() < until:
        with suppress(NotApplied):
            said = _supervisorctl(paths, "status", part, failing=True)
            if " RUNNING " in said:
                return
        time.sleep(_STEP_S)
    raise NotApplied(f"{part} does not come up: {said.strip()}; see {paths.log}/{part}.log")


def _signs(paths: Paths, identity: str) -> bool:
    return not signing_now(paths, [identity])[identity].why_not


def _decides(gate_policy: Callable[[int], int], index: int, version: int | None) -> bool:
    """Whether a gate decides by this version; None: by any."""
    held = gate_policy(index)
    return held == version if version is not None else held > 0


def _wait(done: Callable[[], bool], within_s: float) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        with suppress(OSError):
            if done():
                return True
        time.sleep(_STEP_S)
    return False


def _supervisorctl(paths: Paths, *arguments: str, failing: bool = False) -> str:
    program = str(Path(sys.executable).parent / "supervisorctl")
    command = [program, "-c", str(paths.run / "supervisord.conf"), *arguments]
    try:
        answered = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SUPERVISOR_S)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NotApplied(f"the supervisor does not answer: {problem}") from None
    said = f"{answered.stdout}{answered.stderr}".strip()
    if (answered.returncode or "ERROR" in said) and not failing:
        raise NotApplied(f"supervisorctl {' '.join(arguments)}: {said}")
    return said
