"""rtpengine's command line, rendered from what a node declares."""

import re
import subprocess
from functools import lru_cache
from pathlib import Path

from trunkward.settings import NG_PORT, Paths
from trunkward.trunks.model import Declared

_PROGRAM = Path("/usr/bin/rtpengine")


def installed_version() -> str:
    """The version that is installed; it tells nobody which one runs. "" when it cannot be asked."""
    try:
        return _version_of(_PROGRAM.stat().st_mtime_ns)
    except (OSError, subprocess.TimeoutExpired):
        return ""


@lru_cache(maxsize=1)
def _version_of(_changed_ns: int) -> str:
    said = subprocess.run(
        [str(_PROGRAM), "--version"], capture_output=True, text=True, check=False, timeout=2
    )
    found = re.search(r"\d+(?:\.\d+)+", said.stdout + said.stderr)
    return found[0] if found else ""


def rtpengine_command(declared: Declared, paths: Paths) -> list[str]:
    """User space, in the foreground, three interfaces: customers', carriers', and between two hops.

    On a node with two addresses the outer ones have one of each IP version; which a leg gets is a flag
    (`address-family`, `trunkward.media.plan`).

    Endpoint learning is off: a peer's media address is the one in its SDP, or that of its signalling
    (`media.plan`), and no packet, well or badly authenticated, moves it (the cure for CVE-2025-53399 that
    12.5.1.31 can be given).
    """
    node = declared.node
    return [
        str(_PROGRAM),
        # not the packaged example configuration and its open control ports
        "--config-file=none",
        "--foreground",
        "--log-stderr",
        "--log-level=4",
        "--table=-1",
        *(f"--interface={side}/{address}" for side in ("cust", "carr") for address in node.media_addresses),
        "--interface=core/127.0.0.1",
        f"--listen-ng=127.0.0.1:{NG_PORT}",
        f"--port-min={node.media_port_min}",
        f"--port-max={node.media_port_max}",
        "--endpoint-learning=off",
        # its DTLS certificate, which peers see in clear, is named by it
        "--software-id=media",
        "--measure-rtp",
        "--mos=CQ",
        "--delete-delay=0",
        # seconds without media before a call is given up here: held calls send none
        "--timeout=60",
        "--silent-timeout=3600",
        "--num-threads=2",
        f"--pidfile={paths.run}/media/rtpengine.pid",
    ]
