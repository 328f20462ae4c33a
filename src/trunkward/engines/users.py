"""The system users of a node: one for each process, so that none can read another's things."""

import grp
import pwd
import subprocess

#: Each process' user, in no particular order; each has a group of the same name.
USERS = ("tw-edge", "tw-media", "tw-gate", "tw-signer", "tw-worker")


class UserMissing(Exception):
    """A user of the node does not exist and could not be made."""


def ensure_users() -> None:
    """Makes the users that are missing. Needs root."""
    for name in USERS:
        try:
            pwd.getpwnam(name)
        except KeyError:
            command = ["/usr/sbin/useradd", "--system", "--user-group", "--no-create-home"]
            command += ["--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", name]
            made = subprocess.run(command, capture_output=True, text=True, check=False)
            if made.returncode not in (0, 9):  # 9: somebody made it meanwhile
                raise UserMissing(f"{' '.join(command)}: {made.stderr.strip()}") from None


def uid(name: str) -> int:
    """The user id of one of the node's users."""
    return pwd.getpwnam(name).pw_uid


def gid(name: str) -> int:
    """The group id of one of the node's users."""
    return grp.getgrnam(name).gr_gid
