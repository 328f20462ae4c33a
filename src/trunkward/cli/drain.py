"""`trunkward drain` and `undrain`: no new calls, wait for the running ones; calls again."""

import os
import pwd
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime

from rich.console import Console

from trunkward.cli.said import complain, say
from trunkward.engines import drain
from trunkward.engines.running_calls import running_calls
from trunkward.engines.up_lock import holder
from trunkward.settings import METRICS_PORT, Paths

#: Seconds within which every gate has looked (`gate.__main__`: five times a second), with room for a busy
#: machine.
_TAKEN_WITHIN_S = 5.0
_STEP_S = 0.2
_LOOK_EVERY_S = 1.0


def run(paths: Paths, *, wait_s: float) -> int:
    """Begins, and waits `wait_s` seconds at most; 0 none left, or none waited for, 1 some are, 2 refused."""
    if not _may(paths, "drain"):
        return 2
    drain.begin(paths, by=by_whom(), now=datetime.now(UTC))
    if not holder(paths):
        say("the node is not up; once it is, it takes no new calls until: ./trunkward undrain")
        return 0
    told = _all_gates(paths, draining=True)
    say(
        "no new calls from now on but emergency calls of identified trunks; ./trunkward undrain takes it back"
    )
    left = wait_for_calls(paths, wait_s)
    say("no call is left" if not left else f"{left} call(s) are left", "green" if not left else "yellow")
    return 1 if not told or (left and wait_s) else 0


def undo(paths: Paths) -> int:
    """Takes calls again."""
    if not _may(paths, "undrain"):
        return 2
    if not drain.end(paths):
        say("this node takes calls; nothing was changed")
        return 0
    told = not holder(paths) or _all_gates(paths, draining=False)
    say("this node takes calls again", "green")
    return 0 if told else 1


def wait_for_calls(paths: Paths, wait_s: float) -> int:
    """Waits until no call is left, `wait_s` seconds at most; how many there still are."""
    until = time.monotonic() + wait_s
    console = Console(stderr=True)
    with console.status("") as shown:
        while (left := running_calls(paths)) and time.monotonic() < until:
            shown.update(f"{left} call(s) are left, waiting {until - time.monotonic():.0f} s more at most")
            time.sleep(min(_LOOK_EVERY_S, max(until - time.monotonic(), 0)))
    return left


def by_whom() -> str:
    """The person: who became root, not root."""
    return os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name


def _may(paths: Paths, command: str) -> bool:
    if os.geteuid() != 0:
        complain(f"trunkward {command} needs root. Use sudo.")
        return False
    # it would start without calls, when nobody remembers why
    if not paths.declared.exists() and not drain.is_draining(paths):
        complain(f"no node has been started here yet ({paths.declared}); start one: ./trunkward up")
        return False
    return True


def _all_gates(paths: Paths, *, draining: bool) -> bool:
    """Whether every gate has taken it; says which have not."""
    gates = sorted(int(path.stem) for path in paths.gate_socket(0).parent.glob("*.sock"))
    until = time.monotonic() + _TAKEN_WITHIN_S
    while late := [index for index in gates if _is(index) is not draining]:
        if time.monotonic() > until:
            names = ", ".join(f"gate-{index}" for index in late)
            complain(f"{names}: not seen to have taken it; a gate that is well looks by itself (status)")
            return False
        time.sleep(_STEP_S)
    return True


def _is(index: int) -> bool | None:
    """Whether a gate says that it refuses new calls; None when it says nothing."""
    try:
        said = _fetched(f"http://127.0.0.1:{METRICS_PORT + index}/metrics")
    except (OSError, ValueError):
        return None
    for line in said.splitlines():
        if line.startswith("trunkward_gate_draining "):
            return float(line.split()[1]) == 1.0
    return None


def _fetched(url: str) -> str:
    # no proxy of the environment: this machine's own loopback
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=1.0) as answer:
            return str(answer.read().decode())
    except urllib.error.URLError as problem:
        raise OSError(str(problem.reason)) from None
