"""The system users of a node: one for each process, so that none can read another's things.

The launcher makes them, on the machine itself: only there is known which numbers are free.
"""

import grp
import pwd

#: Each process' user, in no particular order; each has a group of the same name.
USERS = ("tw-edge", "tw-media", "tw-gate", "tw-signer", "tw-worker", "tw-cert", "tw-web")


class UserMissing(Exception):
    """A user of the node does not exist, or is not the only one of its number."""


def check_users() -> None:
    """Raises `UserMissing` unless each user and group of the node is there, with a number of its own."""
    for kind, names in (("user", _numbers()), ("group", _group_numbers())):
        for name in USERS:
            number = names.get(name)
            if number is None:
                raise UserMissing(f"there is no {kind} {name}; `./trunkward up` makes it")
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
