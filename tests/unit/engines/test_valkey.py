"""Valkey's files: nobody but our users, no port, nothing evicted; passwords outlive a rendering."""

from hashlib import sha256
from pathlib import Path

import pytest

from trunkward.engines.valkey import (
    USERS,
    render_users_acl,
    render_valkey_conf,
    valkey_passwords,
)
from trunkward.live import library
from trunkward.settings import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(config=tmp_path / "n", state=tmp_path / "state", run=tmp_path / "run", log=tmp_path / "log")


def test_a_socket_and_no_port(paths: Paths) -> None:
    lines = render_valkey_conf(paths).splitlines()
    for line in (
        "port 0",
        "appendonly yes",
        "appendfsync everysec",
        "maxmemory-policy noeviction",
        'save ""',
    ):
        assert line in lines
    assert f"unixsocket {paths.valkey_socket}" in lines


def test_each_user_has_its_own_password_and_no_more_rights_than_it_needs() -> None:
    passwords = {user: user * 8 for user in USERS}
    lines = {line.split()[1]: line.split() for line in render_users_acl(passwords).splitlines()}
    assert set(lines) == {"default", "look", *USERS}
    assert lines["default"][2] == "off"
    assert "nopass" not in lines["default"]
    for user in USERS:
        assert f"#{sha256(passwords[user].encode()).hexdigest()}" in lines[user]
        assert "-@all" in lines[user]
        assert not [word for word in lines[user] if word.startswith("+@")], "commands are named one by one"
    assert "+fcall" in lines["gate"]
    assert not {"+function|load", "+eval", "+scan", "+config"} & set(lines["gate"])
    # the one without a password
    assert [word for word in lines["look"] if word.startswith("+")] == ["+ping", "+info", "+function|list"]


def test_a_gate_may_give_every_command_of_the_functions(paths: Paths) -> None:
    called = {
        line.split("redis.call('")[1].split("'")[0]
        for line in library.text().splitlines()
        if "redis.call('" in line
    }
    gate = render_users_acl(dict.fromkeys(USERS, "x")).split("user gate ")[1].split("\n")[0].split()
    assert {f"+{command.lower()}" for command in called} <= set(gate)


def test_passwords_stay_as_long_as_they_are_good(paths: Paths) -> None:
    paths.valkey_run.mkdir(parents=True)
    first = valkey_passwords(paths)
    assert len(set(first.values())) == len(USERS)
    for user, password in first.items():
        paths.valkey_secret(user).write_text(password)
    assert valkey_passwords(paths) == first
    paths.valkey_secret("gate").write_text("cut off")
    second = valkey_passwords(paths)
    assert second["gate"] != first["gate"]
    assert second["worker"] == first["worker"]
