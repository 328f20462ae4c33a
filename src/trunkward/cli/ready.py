"""Waiting until every part of a starting node answers: each is asked in its own language."""

import fcntl
import re
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from trunkward.cli.said import complain
from trunkward.control.shown import certificate_parts, certificate_sources, identity_sources
from trunkward.engines.node_facts import FROZEN
from trunkward.engines.probes import answers, get, lives, ng_pongs, tls_pongs, valkey
from trunkward.engines.signing_now import signing_now
from trunkward.settings import (
    METRICS_PORT,
    NG_PORT,
    WEB_PORT,
    WORKER_METRICS_PORT,
    Paths,
    signer_name,
    snapshot_name,
)
from trunkward.trunks.model import Declared
from trunkward.trunks.transit import OF_NODE

_STEP_S = 0.1
#: Seconds that parts a node starts without may take longer than the others.
_LITTLE_S = 5.0
#: Seconds after the worker's last sign of life; it gives one each second (`worker.__main__.ROUND_S`).
_SIGN_OF_LIFE_S = 3.0
#: Seconds a gate, or the worker, may be behind the configuration in force.
BEHIND_S = 5.0
_POLICY = re.compile(r"^trunkward_gate_policy_version ([0-9.e+]+)$", re.MULTILINE)
_FROZEN = re.compile(r"^trunkward_gate_money_frozen 1", re.MULTILINE)


def wait_until_ready(
    paths: Paths, declared: Declared, version: int, within_s: float, give_up: Callable[[], bool]
) -> dict[str, str]:
    """Parts that do not answer in time, each with what was tried; {} when all do.

    A node does not fail to start for want of `web`, which no call needs, of a Valkey that somebody else
    runs or that may have lost something, or of a signer whose certificate somebody else issues: they are
    waited for a little.
    """
    until = time.monotonic() + within_s
    #: Since when nothing else is missing; a part that is lost again meanwhile has all the time there is.
    only_little_since: float | None = None
    awaited: Collection[str] | None = None
    while True:
        missing = not_ready(paths, declared, version, awaited)
        if not missing and awaited is not None:
            awaited = None  # the last is there: are the first still?
            continue
        # those that have answered are busy enough with starting
        awaited = missing
        now = time.monotonic()
        if not all(means_without(part, declared, problem) for part, problem in missing.items()):
            only_little_since = None
        elif only_little_since is None:
            only_little_since = now
        waited_enough = only_little_since is not None and now - only_little_since > _LITTLE_S
        if not missing or give_up() or now > until or waited_enough:
            break
        time.sleep(_STEP_S)
    if all(means_without(part, declared, problem) for part, problem in missing.items()):
        for part, problem in missing.items():
            complain(f"{part} is not ready: {problem}; {means_without(part, declared, problem)}")
        return {}
    return missing


def means_without(part: str, declared: Declared, problem: str = "") -> str:
    """What it means that this part is not there, where a node starts all the same; else ""."""
    if part == "web":
        return "calls go without it"
    if part == "valkey" and problem == FROZEN:  # records that cannot be shipped may be what it waits for
        return "until then no call that counts under a cap goes; what else it waits for is in worker.log"
    if part == "valkey" and declared.node.live is not None:
        return "until then no call goes out"
    if part.startswith("signer") and declared.node.policy_administrator is not None:
        return "until then calls go unsigned; trunkward certs says how its certificate stands"
    return ""


def not_ready(
    paths: Paths, declared: Declared, version: int, asked: Collection[str] | None = None
) -> dict[str, str]:
    """Parts of those `asked` (None: of all) that do not answer now.

    `version` is that of the configuration in force.
    """
    node = declared.node
    certificates = certificate_parts(certificate_sources(declared), identity_sources(declared))
    probes: dict[str, Callable[[], object]] = {
        "rtpengine": partial(ng_pongs, NG_PORT),
        "valkey": partial(_counts_money, paths, node.gates),
        **{
            signer_name(identity): partial(_answers_and_has_a_certificate, paths, identity)
            for identity in (OF_NODE, *declared.reseller_identities)
        },
        "fetcher": partial(answers, paths.fetcher_socket),
        "worker": partial(_works, paths, version),
        **{f"gate-{i}": partial(_decides, paths, i, version) for i in range(node.gates)},
        "kamailio": partial(tls_pongs, [str(address) for address in node.addresses], node.tls_port),
        **{part: partial(lives, paths.sign_of_life(part)) for part in certificates},
        "web": partial(get, WEB_PORT, "/healthz"),
    }
    if asked is not None:
        probes = {part: probe for part, probe in probes.items() if part in asked}
    with ThreadPoolExecutor(len(probes) or 1) as at_once:
        said = dict(zip(probes, at_once.map(_why_not, probes.values()), strict=True))
    return {part: why for part, why in said.items() if why}


def _why_not(probe: Callable[[], object]) -> str:
    try:
        probe()
    except OSError as problem:
        return str(problem) or type(problem).__name__
    return ""


def _has_loaded(paths: Paths) -> None:
    """What a worker does at its start; Valkey itself is another part's matter."""
    try:
        valkey(paths.valkey, paths.valkey_secret("look"), functions=False)
    except OSError:
        return
    valkey(paths.valkey, paths.valkey_secret("look"))


def _counts_money(paths: Paths, gates: int) -> None:
    """Valkey, and that it knows of all calls: before, none that costs money goes."""
    valkey(paths.valkey, paths.valkey_secret("look"), functions=False)
    for index in range(gates):
        try:
            said = get(METRICS_PORT + index, "/metrics")
        except OSError:
            continue  # another part's matter
        if _FROZEN.search(said):
            raise OSError(FROZEN)


def _decides(paths: Paths, index: int, version: int) -> None:
    answers(paths.gate_socket(index))
    if not _is_due(paths):
        return
    held = gate_policy(index)
    if held != version:
        # it goes on deciding, by what it has: no call is refused for it
        raise OSError(f"it decides by policy {held}, not by {version}, for more than {BEHIND_S:.0f} s")


def gate_policy(index: int) -> int:
    """The version of the policy a gate decides by, as it tells itself. Raises `OSError`."""
    port = METRICS_PORT + index
    found = _POLICY.search(get(port, "/metrics"))
    if found is None:
        raise OSError(f"127.0.0.1:{port}: tells no policy version")
    return int(float(found[1]))


def _is_due(paths: Paths) -> bool:
    """Whether what is in force has been so for long enough to have reached everybody."""
    return abs(time.time() - paths.declared.stat().st_mtime) > BEHIND_S


def _answers_and_has_a_certificate(paths: Paths, identity: str) -> None:
    """Or waits for none: an authority that is quick is waited for a little."""
    try:
        answers(paths.signer_socket_of(identity))
    except OSError as problem:
        # why it did not start is what a person can do something about
        why = signing_now(paths, [identity])[identity].problem
        raise OSError(f"{problem}; {why}" if why else str(problem)) from None
    its = signing_now(paths, [identity])[identity]
    if its.waits:
        raise OSError(its.problem)


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
            # one that has just been frozen looks alive there for a while
            get(WORKER_METRICS_PORT, "/metrics")
            _has_loaded(paths)
            return
    raise OSError(f"no worker holds {paths.worker_lock}")
