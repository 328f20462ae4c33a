"""Waiting until every part of a starting node answers: each is asked in its own language."""

import fcntl
import re
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from trunkward.engines.kamailio import NG_PORT
from trunkward.settings import METRICS_PORT, Paths, snapshot_name
from trunkward.trunks.model import AcmeSettings, Declared

_STEP_S = 0.1
#: Seconds a part on this machine may take to answer.
_ANSWERS_S = 0.3
#: The same for a TLS handshake, which others may be having at the same time.
_HANDSHAKE_S = 1.0
#: Seconds after the worker's last sign of life; it gives one each second (`worker.__main__.ROUND_S`).
_SIGN_OF_LIFE_S = 3.0
#: Seconds a gate, or the worker, may be behind the configuration in force.
BEHIND_S = 5.0
_POLICY = re.compile(r"^trunkward_gate_policy_version ([0-9.e+]+)$", re.MULTILINE)
#: The same for those that see to certificates; they give one each second.
_STATE_S = 5.0
#: What gate and signer answer with the same.
_EMPTY_FRAME = bytes(4)


def wait_until_ready(
    paths: Paths, declared: Declared, version: int, within_s: float, give_up: Callable[[], bool]
) -> dict[str, str]:
    """Parts that do not answer in time, each with what was tried; {} when all do."""
    until = time.monotonic() + within_s
    while True:
        missing = not_ready(paths, declared, version)
        if not missing or give_up() or time.monotonic() > until:
            return missing
        time.sleep(_STEP_S)


def not_ready(paths: Paths, declared: Declared, version: int) -> dict[str, str]:
    """Parts that do not answer now; `version` is that of the configuration in force."""
    node = declared.node
    probes: dict[str, Callable[[], None]] = {
        "rtpengine": lambda: _ng_ping(NG_PORT),
        "signer": partial(_answers, paths.signer_socket),
        "worker": lambda: _works(paths, version),
        **{f"gate-{i}": partial(_decides, paths, i, version) for i in range(node.gates)},
        "kamailio": lambda: _pongs(str(node.address), node.tls_port),
        **{
            part: partial(_lives, state)
            for part, state in (("acme", paths.acme_state), ("certificates", paths.shown_state))
            if part in certificate_parts(declared)
        },
    }
    with ThreadPoolExecutor(len(probes)) as at_once:
        said = dict(zip(probes, at_once.map(_why_not, probes.values()), strict=True))
    return {part: why for part, why in said.items() if why}


def _why_not(probe: Callable[[], None]) -> str:
    try:
        probe()
    except OSError as problem:
        return str(problem) or type(problem).__name__
    return ""


def certificate_parts(declared: Declared) -> list[str]:
    """The processes that see to certificates from elsewhere; none where none comes from there."""
    node = declared.node
    acme = ["acme"] if isinstance(node.certificate, AcmeSettings) else []
    elsewhere = node.certificate or any(carrier.client_certificate for carrier in declared.carriers)
    return [*acme, "certificates"] if elsewhere else []


def _lives(state: Path) -> None:
    try:
        silent_s = abs(time.time() - state.stat().st_mtime)
    except FileNotFoundError:
        raise OSError(f"has not written {state} yet") from None
    if silent_s > _STATE_S:
        raise OSError(f"its last sign of life is {silent_s:.0f} s old")


def _ng_ping(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ng:
        ng.settimeout(_ANSWERS_S)
        ng.connect(("127.0.0.1", port))
        ng.send(b'ready {"command":"ping"}')
        if b"pong" not in ng.recv(4096):
            raise OSError("rtpengine answers, but not with pong")


def _answers(path: Path) -> None:
    # the kernel takes connections for a process that stands still, so it must say something
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as part:
        part.settimeout(_ANSWERS_S)
        try:
            part.connect(str(path))
            part.sendall(_EMPTY_FRAME)
            answer = part.recv(len(_EMPTY_FRAME))
        except OSError as problem:
            raise OSError(f"{path}: {problem.strerror or problem}") from None
        if answer != _EMPTY_FRAME:
            raise OSError(f"{path}: closed without an answer")


def _decides(paths: Paths, index: int, version: int) -> None:
    _answers(paths.gate_socket(index))
    if not _is_due(paths):
        return
    held = gate_policy(index)
    if held != version:
        # it goes on deciding, by what it has: no call is refused for it
        raise OSError(f"it decides by policy {held}, not by {version}, for more than {BEHIND_S:.0f} s")


def gate_policy(index: int) -> int:
    """The version of the policy a gate decides by, as it tells itself. Raises `OSError`."""
    port = METRICS_PORT + index
    told = HTTPConnection("127.0.0.1", port, timeout=_ANSWERS_S)
    try:
        told.request("GET", "/metrics")
        text = told.getresponse().read().decode(errors="replace")
    except HTTPException as problem:
        raise OSError(f"127.0.0.1:{port}: {problem!r}") from None
    finally:
        told.close()
    found = _POLICY.search(text)
    if found is None:
        raise OSError(f"127.0.0.1:{port}: tells no policy version")
    return int(float(found[1]))


def _is_due(paths: Paths) -> bool:
    """Whether what is in force has been so for long enough to have reached everybody."""
    return abs(time.time() - paths.declared.stat().st_mtime) > BEHIND_S


def _pongs(host: str, port: int) -> None:
    # only whether somebody is there: whose certificate that is, peers find out
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, port), timeout=_HANDSHAKE_S) as plain,
        context.wrap_socket(plain) as tls,
    ):
        # the keep-alive of RFC 5626 section 4.4.1, which SIP's own workers answer
        tls.sendall(b"\r\n\r\n")
        if tls.recv(2) != b"\r\n":
            raise OSError("Kamailio ends the connection instead of answering")


def _works(paths: Paths, version: int) -> None:
    current = paths.policy / "current"
    if not current.exists() or (current.readlink().name != snapshot_name(version) and _is_due(paths)):
        raise OSError(f"policy {version} is not compiled yet in {paths.policy}")
    if not paths.database and not paths.records_db.exists():
        raise OSError(f"no records database yet at {paths.records_db}")
    with paths.worker_lock.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            if not lock.read():
                raise OSError("the worker is still opening the records database") from None
            silent_s = abs(time.time() - paths.worker_lock.stat().st_mtime)
            if silent_s > _SIGN_OF_LIFE_S:
                raise OSError(f"the worker's last sign of life is {silent_s:.0f} s old") from None
            return
    raise OSError(f"no worker holds {paths.worker_lock}")
