"""How many calls a node has, as the edge counts them."""

import re
import subprocess

from trunkward.settings import Paths

#: Seconds Kamailio may take to answer on its control socket.
_ANSWERS_S = 2.0
_CALLS = re.compile(r"name:\s*calls\s.*?\ball:\s*(\d+)", re.DOTALL)


def running_calls(paths: Paths) -> int:
    """Calls with a route, from ringing on; when Kamailio does not say, those answered (each has a file)."""
    command = ["kamcmd", "-s", f"unix:{paths.run}/edge/ctl.sock", "htable.stats"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_ANSWERS_S).stdout
    except (OSError, subprocess.TimeoutExpired):
        told = ""
    if found := _CALLS.search(told):
        return int(found[1])
    # a call that has ended and waits for its outcome has the name of who ended it behind a dot
    return sum("." not in file.name for file in paths.dialogs.glob("*"))
