"""`trunkward spend alert-test`: whether whoever is to be told of caps would be."""

import json
import os
import time
from datetime import UTC, datetime
from uuid import uuid4

from trunkward.cli.said import complain, say
from trunkward.cli.status import read_in_force
from trunkward.engines.alert_secrets import USER
from trunkward.engines.users import gid, uid
from trunkward.fetch.channels import channels
from trunkward.fetch.webhook import NotDelivered
from trunkward.settings import SYSTEM_AUTHORITIES, Paths


def run(paths: Paths) -> int:
    """Sends each channel of `node.alerts` in force one message: 0 all took it, 1 not all, 2 there is none."""
    if os.geteuid() != 0:
        complain("this needs root, to send as the worker does. Use sudo.")
        return 2
    in_force = read_in_force(paths)
    if in_force is None:
        return 2
    node = in_force.declared().node
    found = channels(node.alerts, SYSTEM_AUTHORITIES)
    if not found:
        complain("node.alerts names nobody: alerts stand in worker.log alone")
        return 2
    # as whoever sends alerts: what that user cannot read is found out
    os.setgroups([])
    os.setgid(gid(USER))
    os.setuid(uid(USER))
    now, text = time.time(), f"{node.name}: a test of alerts; no cap is reached"
    when = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    body = {"type": "spend.test", "timestamp": when, "data": {"node": node.name, "text": text}}
    missed = 0
    for name, send in found.items():
        try:
            send(f"msg_{uuid4().hex}", f"[{node.name}] {text}", json.dumps(body), now)
        except (NotDelivered, OSError) as problem:
            missed += 1
            complain(f"{name}: not delivered: {problem}")
        else:
            say(f"{name}: delivered", "green")
    return 1 if missed else 0
