"""`python -m bench.redis_node`: `trunkward up` with topology hiding's rows in Valkey, not in shared memory.

Only for comparing the two storages: the product has one way and no switch for it. What this node then lacks
is told in bench/README.md.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import time
from typing import Any

from trunkward.cli import up
from trunkward.engines import node
from trunkward.engines.kamailio import EdgeFiles
from trunkward.engines.users import ensure_users, gid, uid
from trunkward.settings import Paths

#: The edge reads topos' own rows from this table; it stays empty here, so no file per call is written.
_EMPTY_TABLE = 'modparam("htable", "htable", "topos_dialogs=>size=4;autoexpire=60;")\n'


def main() -> int:
    """Start Valkey on the socket Kamailio's configuration names, then the node; stop both with the node."""
    paths = Paths.from_environment()
    ensure_users()
    directory = paths.run / "redis"
    directory.mkdir(parents=True, exist_ok=True)
    os.chown(directory, uid("tw-edge"), gid("tw-edge"))
    socket = directory / "redis.sock"
    # as the node's own parts are started; no persistence: it outlives Kamailio, which is what counts here
    valkey = subprocess.Popen(
        [
            *("setpriv", "--reuid=tw-edge", "--regid=tw-edge", "--init-groups", "--pdeathsig=TERM", "--"),
            *("valkey-server", "--port", "0", "--unixsocket", str(socket), "--dir", str(directory)),
            *("--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning"),
        ],
        start_new_session=True,  # Ctrl-C ends the node first
    )
    try:
        until = time.monotonic() + 10
        while not socket.exists():
            if valkey.poll() is not None or time.monotonic() > until:
                print("valkey-server did not start", file=sys.stderr)
                return 1
            time.sleep(0.05)
        vars(up)["prepare"] = functools.partial(_prepare, paths)
        return up.run(paths)
    finally:
        valkey.terminate()
        valkey.wait()


def _prepare(paths: Paths, *arguments: Any, **named: Any) -> Any:
    in_force = node.prepare(*arguments, **named, topos_storage="redis")
    with EdgeFiles.under(paths).kamailio_cfg.open("a") as cfg:
        cfg.write(_EMPTY_TABLE)
    return in_force


if __name__ == "__main__":
    sys.exit(main())
