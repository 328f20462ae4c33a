"""Whether what was revoked has come to whoever signs by it: a file that is written is not yet taken."""

import time

import msgspec

from trunkward.engines.denied_file import TAKEN, read_own
from trunkward.engines.live import is_running
from trunkward.engines.part_numbers import ports, read_part
from trunkward.engines.signers import read_ports
from trunkward.engines.whole_file import read_plain
from trunkward.settings import Paths

#: Seconds in which they look several times (`engines.denied_file.LOOK_S`), and between two questions.
_WITHIN_S, _STEP_S = 3.0, 0.2
_MOST_BYTES = 64 << 20


class _Shown(msgspec.Struct):
    """Of `control.shown.Shown`."""

    gates: int


def behind(paths: Paths, within_s: float = _WITHIN_S) -> dict[str, str]:
    """Gates and signers of the running node that have not the list as it is now, each with why."""
    if not is_running(paths):
        return {}
    try:
        gates = msgspec.json.decode(read_plain(paths.shown, _MOST_BYTES), type=_Shown).gates
    except (OSError, msgspec.MsgspecError) as problem:
        return {"gates": f"nobody knows how many there are: {problem}"}
    sequence, until = read_own(paths).sequence, time.monotonic() + within_s
    told = ports(gates, read_ports(paths))
    asked = {name: port for name, port in told.items() if name.startswith(("gate", "signer"))}
    while True:
        left = {name: why for name, port in asked.items() if (why := _why_not(port, sequence))}
        if not left or time.monotonic() > until:
            return left
        asked = {name: asked[name] for name in left}
        time.sleep(_STEP_S)


def _why_not(port: int, sequence: int) -> str:
    try:
        taken = read_part(port).value(TAKEN)
    except OSError as problem:
        return str(problem)
    if taken is None or taken < sequence:
        return "it does not take the list; its log says why" if not taken else f"it has list {taken:.0f}"
    return ""
