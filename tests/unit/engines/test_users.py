"""The node's users are made where they are missing, and each has a number of its own."""

import grp
import pwd
import subprocess
from pathlib import Path

import pytest

from trunkward.engines import users
from trunkward.engines.packages import PACKAGES

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
    monkeypatch.setattr(subprocess, "run", None)  # nothing is made
    users.ensure_users()


def test_a_missing_one_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, tw_gate=None)
    made = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        made.append((command[0], command[-1]))
        if command[0] == "useradd":
            fake(monkeypatch)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    users.ensure_users()
    assert made == [("groupadd", "tw-gate"), ("useradd", "tw-gate")]


def test_one_that_cannot_be_made_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, tw_gate=None)
    refused = subprocess.CompletedProcess([], 10, "", "groupadd: cannot lock /etc/group")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: refused)
    with pytest.raises(users.UserMissing, match=r"no user tw-gate.*cannot lock /etc/group.*install-units"):
        users.ensure_users()


def test_a_number_of_somebody_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, tw_media=996)
    with pytest.raises(users.UserMissing, match=r"user tw-media has the number of polkitd, 996"):
        users.ensure_users()


def test_the_launcher_goes_by_the_same_lists() -> None:
    told = subprocess.run(
        ["bash", "-c", '. "$1"; echo "${USERS[@]}"; echo "${RUN_PACKAGES[@]}"', "bash", LAUNCHER],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert tuple(told[0].split()) == users.USERS
    assert set(PACKAGES) <= set(told[1].split())
