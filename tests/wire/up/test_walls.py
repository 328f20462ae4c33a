"""The walls between the processes, proved by trying as each user."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from trunkward.engines.users import USERS, gid, uid
from wire.conftest import Node
from wire.records.parties import eventually

_READ = "import sys; open(sys.argv[1], 'rb').read(1)"
_CONNECT = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
#: A user of this machine that is none of the node's.
STRANGER = 64_099


#: Who is started with a group beside its own.
MORE_GROUPS = dict.fromkeys(("tw-gate", "tw-worker", "tw-web"), "tw-live")


def _may(user: str, code: str, path: Path) -> bool:
    """Whether a user can do it; fails when it fails for any other reason than permission."""
    number, group = (STRANGER, STRANGER) if user == "stranger" else (uid(user), gid(user))
    more = f"--groups={gid(MORE_GROUPS[user])}" if user in MORE_GROUPS else "--clear-groups"
    become = ["setpriv", f"--reuid={number}", f"--regid={group}", more, "--inh-caps=-all", "--"]
    tried = subprocess.run(
        [*become, sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert tried.returncode == 0 or "PermissionError" in tried.stderr, tried.stderr
    return tried.returncode == 0


EVERYBODY = (*USERS, "stranger")


@pytest.mark.parametrize(
    ("file", "readers"),
    [
        ("state/pki/shaken.key", {"tw-signer"}),
        ("state/pki/node.key", {"tw-edge"}),
        ("state/pki/origid.secret", {"tw-gate"}),
        ("state/pki/authority/sip.key", set()),
        ("state/pki/authority/shaken.key", set()),
        ("state/pki/authority/evidence.key", set()),
        ("state/pki/peers/acme-hq.key", set()),
        ("state/call-id-mask.secret", set()),
        ("run/supervisord.conf", set()),
        ("run/edge/kamailio.cfg", {"tw-edge"}),
        ("run/edge/edge.json", {"tw-edge"}),
        ("state/config/declared.json", {"tw-worker"}),
        ("state/db/records.db", {"tw-worker"}),
        ("state/signer/journal/000000000001.jsonl", {"tw-signer"}),
        ("run/policy/current", {"tw-gate", "tw-worker"}),
        ("run/numbers/kamailio.json", {"tw-edge", "tw-web"}),
        ("run/shown/node.json", {"tw-worker", "tw-web"}),
        ("run/shown/authorities.json", {"tw-web"}),
        ("log/kamailio.log", set()),
        ("run/live/gate.secret", {"tw-gate"}),
        ("run/live/worker.secret", {"tw-worker"}),
        ("run/live/root.secret", set()),
        ("run/live/users.acl", {"tw-live", *MORE_GROUPS}),
        ("state/live/aof/appendonly.aof.manifest", {"tw-live"}),
    ],
)
def test_who_reads_what(node: Node, file: str, readers: set[str]) -> None:
    """Summary: each private file opens for its own user and for nobody else, tried as every user of the node."""
    eventually((node.home / file).exists, 20, file)
    assert {user for user in EVERYBODY if _may(user, _READ, node.home / file)} == readers


@pytest.mark.parametrize(
    ("name", "users"),
    [
        ("gate/0.sock", {"tw-edge", "tw-gate"}),
        ("signer/signer.sock", {"tw-gate", "tw-signer"}),
        ("supervisor.sock", set()),
        ("edge/ctl.sock", {"tw-edge"}),
        ("live/valkey.sock", {"tw-live", *MORE_GROUPS}),
    ],
)
def test_who_reaches_which_socket(node: Node, name: str, users: set[str]) -> None:
    """Summary: only the edge reaches the gate, only the gate the signer, a stranger nobody."""
    assert {user for user in EVERYBODY if _may(user, _CONNECT, node.run / name)} == users


@pytest.mark.parametrize(
    ("program", "user"),
    [
        ("kamailio", "tw-edge"),
        ("rtpengine", "tw-media"),
        ("gate-0", "tw-gate"),
        ("gate-1", "tw-gate"),
        ("signer", "tw-signer"),
        ("worker", "tw-worker"),
        ("web", "tw-web"),
        ("valkey", "tw-live"),
    ],
)
def test_each_process_is_its_user_with_no_capability(node: Node, program: str, user: str) -> None:
    """Summary: every process runs as its own user, in its own group, with no capability, no way to gain one, and no core dumps."""
    family = node.family(program)
    if program == "kamailio":
        # unshare, which only waits for the engine and takes it with it
        waiter = family.pop(0)
        assert Path(f"/proc/{waiter}/cmdline").read_bytes().startswith(b"/usr/bin/unshare\0")
        assert _status(waiter)["NoNewPrivs"] == "1"
    assert family
    for pid in family:
        status = _status(pid)
        assert status["Uid"].split() == [str(uid(user))] * 4
        assert status["Gid"].split() == [str(gid(user))] * 4
        assert status["Groups"].split() == [str(gid(MORE_GROUPS.get(user, user)))]
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[name], 16) == 0, (name, status[name])
        assert status["NoNewPrivs"] == "1"
        # keys and secrets would be in it
        assert re.search(r"(?m)^Max core file size +0 +0 ", Path(f"/proc/{pid}/limits").read_text())


def test_nothing_is_writable_by_everybody(node: Node) -> None:
    """Summary: no file of the node is writable for a stranger, and no secret readable, however it came about."""
    for path in node.home.rglob("*"):
        if path.name.endswith(".out") or path.is_symlink():
            continue
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:  # it was there for a moment
            continue
        assert not mode & stat.S_IWOTH or stat.S_ISSOCK(mode), path
        if path.suffix in (".key", ".secret", ".db", ".jsonl"):
            assert not mode & 0o007, path
    assert os.stat(node.run / "supervisor.sock").st_mode & 0o077 == 0


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
