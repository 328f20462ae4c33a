"""The node's users must be there, each with a number of its own."""

import grp
import pwd
import re
from pathlib import Path

import pytest

from trunkward.engines import users

LAUNCHER = Path(__file__).parents[3] / "trunkward"


def fake(monkeypatch: pytest.MonkeyPatch, **changed: int | None) -> None:
    """A machine with the node's users, numbers from 900, and one of somebody else's."""
    numbers = {name: 900 + index for index, name in enumerate(users.USERS)} | {"polkitd": 996}
    numbers |= {name.replace("_", "-"): number for name, number in changed.items() if number}
    for name in [name.replace("_", "-") for name, number in changed.items() if number is None]:
        del numbers[name]
    entries = [pwd.struct_passwd((n, "x", i, i, "", "/", "/")) for n, i in numbers.items()]
    groups = [grp.struct_group((n, "x", i, [])) for n, i in numbers.items()]
    monkeypatch.setattr(pwd, "getpwall", lambda: entries)
    monkeypatch.setattr(grp, "getgrall", lambda: groups)


def test_good_users(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch)
    users.check_users()


def test_a_missing_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, tw_gate=None)
    with pytest.raises(users.UserMissing, match=r"no user tw-gate"):
        users.check_users()


def test_a_number_of_somebody_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, tw_media=996)
    with pytest.raises(users.UserMissing, match=r"user tw-media has the number of polkitd, 996"):
        users.check_users()


def test_the_launcher_makes_the_same_users() -> None:
    found = re.search(r"^USERS=\((.*?)\)", LAUNCHER.read_text(), re.MULTILINE)
    assert found
    assert tuple(found[1].split()) == users.USERS
