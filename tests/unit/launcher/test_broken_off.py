"""A set-up that was broken off anywhere: the machine is left whole, and the next run finishes."""

import subprocess
from pathlib import Path

import pytest

from .conftest import Machine

PACKAGES = "ensure_packages 'to run' openssl kamailio"
PLATFORM = 'ensure_platform "$PLATFORM/$SUITE"'
VENV = """
    fingerprint() { cat $D/version; }
    middle() { if [[ -e $D/break ]]; then touch $D/under-way; [[ $(<$D/break) != fail ]] || return 1; sleep 60; fi; }
    make_venv() { rm -rf "$1"; mkdir -p "$1"; echo parts >>$D/calls; BREAK_PARTS; }
    install_project() { rm -f "$1/.trunkward-project"; echo project >>$D/calls; BREAK_PROJECT; cp $D/version "$1/code"; }
    ensure_venv $PARTS/venv /dev/null
"""
WAYS = ["fail", "SIGTERM", "SIGINT", "SIGHUP", "SIGKILL"]


@pytest.mark.parametrize("how", WAYS)
def test_packages(machine: Machine, how: str) -> None:
    done = machine.break_off(PACKAGES, how)
    assert done.returncode != 0
    policy = machine.path / "policy-rc.d"
    if how != "SIGKILL":
        # with it in place the machine's own apt could start no service
        assert not policy.exists(), done.stderr
    (machine.path / "calls").write_text("")
    again = machine.run(PACKAGES)
    assert again.returncode == 0, again.stderr
    # what dpkg had in hand is finished first, and nothing of anybody's is removed for it
    assert machine.file("calls").splitlines()[0] == "dpkg --configure -a"
    assert all("--no-remove" in line for line in machine.file("calls").splitlines() if "install" in line)
    assert set(machine.file("installed").split()) == {"openssl", "kamailio"}
    assert not policy.exists()
    assert not (machine.path / "parts/packages-under-way").exists()
    assert (machine.path / "units/kamailio.service").readlink() == Path("/dev/null")
    (machine.path / "calls").write_text("")
    assert machine.run(PACKAGES).stderr == ""
    assert machine.file("calls") == ""


def test_a_policy_of_somebody_else_stays(machine: Machine) -> None:
    (machine.path / "policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    machine.break_off(PACKAGES, "SIGTERM")
    assert machine.run(PACKAGES).returncode == 0
    assert machine.file("policy-rc.d") == "#!/bin/sh\nexit 101\n"


@pytest.mark.parametrize("how", WAYS)
def test_the_platform(machine: Machine, how: str) -> None:
    assert machine.break_off(PLATFORM, how).returncode != 0
    assert not (machine.path / "platform/trixie").exists()
    again = machine.run(PLATFORM)
    assert again.returncode == 0, again.stderr + machine.file("setup.log")
    assert sorted(path.name for path in (machine.path / "platform").iterdir()) == ["lock", "trixie"]
    assert machine.run(PLATFORM).stderr == ""


@pytest.mark.parametrize("where", ["BREAK_PARTS", "BREAK_PROJECT"])
@pytest.mark.parametrize("how", WAYS)
def test_python_parts(machine: Machine, how: str, where: str) -> None:
    (machine.path / "version").write_text("1")
    script = VENV.replace(where, "middle").replace("BREAK_PARTS", ":").replace("BREAK_PROJECT", ":")
    assert machine.break_off(script, how).returncode != 0
    (machine.path / "calls").write_text("")
    again = machine.run(script)
    assert again.returncode == 0, again.stderr
    assert machine.file("calls").split() == ["parts", "project"][where == "BREAK_PROJECT" :]
    assert machine.file("parts/venv/code") == "1"
    assert machine.run(script).stderr == ""


def test_nothing_is_installed_under_a_running_node(machine: Machine) -> None:
    script = VENV.replace("BREAK_PARTS", ":").replace("BREAK_PROJECT", ":")
    (machine.path / "version").write_text("1")
    words, environment = machine.command(f"{script}\necho up; exec sleep 60")
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdout
        assert node.stdout.readline() == "up\n"
        # the same version: nothing to say
        assert machine.run(script).stderr == ""
        (machine.path / "version").write_text("2")
        (machine.path / "calls").write_text("")
        for _ in range(2):
            status = machine.run(f"{script}\necho goes on")
            assert (status.returncode, status.stdout) == (0, "goes on\n")
            assert "a node is up: this is the version it was started with" in status.stderr
        assert (machine.file("calls"), machine.file("parts/venv/code")) == ("", "1")
        node.kill()
    assert machine.run(script).returncode == 0
    assert machine.file("parts/venv/code") == "2"
