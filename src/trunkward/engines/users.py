"""The system users of a node: one for each process, so that none can read another's things.

On a machine that is not Debian 13 the launcher has made them before, on the machine itself: only there is
known which numbers are free.
"""

import grp
import pwd
import shutil
import subprocess
from pathlib import Path

#: Each process' user, in no particular order; each has a group of the same name. The launcher reads it, too.
USERS = tuple((Path(__file__).parents[1] / "debian" / "users").read_text(encoding="ascii").split())
#: A user who never logs in.
_NOBODY = ("--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin")


class UserMissing(Exception):
    """A user of the node does not exist, or is not the only one of its number."""


def ensure_users() -> None:
    """Makes each user and group of the node that is missing. Needs root.

    Raises `UserMissing` when one cannot be made, or does not have a number of its own.
    """
    for name in USERS:
        if name not in _group_numbers():
            _make("groupadd", "--system", name)
        if name not in _numbers():
            _make("useradd", "--system", "--gid", name, *_NOBODY, name)
    _check()


def _make(program: str, *arguments: str) -> None:
    name = arguments[-1]
    try:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise UserMissing(f"there is no user {name}, and no {program} to make it: install passwd") from None
    if done.returncode:
        raise UserMissing(
            f"there is no user {name}, and it cannot be made: {done.stderr.strip()}. Where the system is "
            "read-only, as in the systemd unit, have `trunkward install-units` make it first"
        )


def _check() -> None:
    for kind, names in (("user", _numbers()), ("group", _group_numbers())):
        for name in USERS:
            number = names.get(name)
            if number is None:
                raise UserMissing(f"there is no {kind} {name}, though it was made: look at nsswitch.conf")
            others = [other for other, its in names.items() if its == number and other != name]
            if others:
                raise UserMissing(f"{kind} {name} has the number of {others[0]}, {number}: give it its own")


def _numbers() -> dict[str, int]:
    return {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}


def _group_numbers() -> dict[str, int]:
    return {entry.gr_name: entry.gr_gid for entry in grp.getgrall()}


def uid(name: str) -> int:
    """The user id of one of the node's users."""
    return pwd.getpwnam(name).pw_uid


def gid(name: str) -> int:
    """The group id of one of the node's users."""
    return grp.getgrnam(name).gr_gid


def may(user: str, what: str, file: str) -> bool:
    """Whether a user may read (`-r`) or write (`-w`) a file, by whatever way leads there. Needs root."""
    setpriv = shutil.which("setpriv") or "/usr/bin/setpriv"
    bounds = ["--inh-caps=-all", "--bounding-set=-all"]
    become = [setpriv, f"--reuid={user}", f"--regid={user}", "--init-groups", *bounds]
    return subprocess.run([*become, "--", "/usr/bin/test", what, file], check=False).returncode == 0
