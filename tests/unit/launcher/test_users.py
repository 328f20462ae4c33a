"""A number in a platform is a number of the machine: the node's users are the same on both sides."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from .conftest import Machine

ROOT = "$PLATFORM/trixie"
ENSURE = f'ensure_users "{ROOT}"'
NAMES = [
    "tw-edge",
    "tw-media",
    "tw-gate",
    "tw-signer",
    "tw-fetcher",
    "tw-worker",
    "tw-cert",
    "tw-web",
    "tw-live",
    "tw-identity",
    *(f"tw-signer-{number}" for number in range(1, 9)),
]


@pytest.fixture
def both(machine: Machine) -> Machine:
    """A machine whose polkitd has 996, with a platform where a package's user has 999."""
    (machine.path / "etc/passwd").write_text("root:x:0:0::/root:/bin/bash\npolkitd:x:996:996::/:/bin/false\n")
    (machine.path / "etc/group").write_text("root:x:0:\npolkitd:x:996:\nssh:x:998:\n")
    inside = machine.path / "platform/trixie/etc"
    inside.mkdir(parents=True)
    (inside / "passwd").write_text("root:x:0:0::/root:/bin/bash\nkamailio:x:999:999::/:/bin/false\n")
    (inside / "group").write_text("root:x:0:\nkamailio:x:999:\n")
    return machine


def numbers(machine: Machine, file: str) -> dict[str, int]:
    """Name to number of every line."""
    lines = [line.split(":") for line in machine.file(file).splitlines()]
    assert len({line[0] for line in lines}) == len(lines)
    return {line[0]: int(line[2]) for line in lines}


def same(machine: Machine) -> None:
    """The node's users are there, the same on both sides, and share numbers with nobody."""
    for kind in ("passwd", "group"):
        outside, inside = (
            numbers(machine, f"etc/{kind}"),
            numbers(machine, f"platform/trixie/etc/{kind}"),
        )
        for name in NAMES:
            assert outside[name] == inside[name]
            assert list(outside.values()).count(outside[name]) == 1
            assert list(inside.values()).count(inside[name]) == 1


def test_they_are_made_on_the_machine_first(both: Machine) -> None:
    done = both.run(ENSURE)
    assert done.returncode == 0, done.stderr + both.file("setup.log")
    same(both)
    assert both.run(ENSURE).stderr == ""


def wrong_inside(machine: Machine) -> None:
    for kind in ("passwd", "group"):
        path = machine.path / "platform/trixie/etc" / kind
        wrong = "".join(f"{name}:x:{998 - index}:\n" for index, name in enumerate(NAMES))
        path.write_text(path.read_text() + wrong)  # the third is the machine's polkitd


def test_wrong_numbers_inside_are_put_right(both: Machine) -> None:
    wrong_inside(both)
    done = both.run(ENSURE)
    assert done.returncode == 0, done.stderr + both.file("setup.log")
    same(both)


@contextmanager
def inhabited(machine: Machine) -> Iterator[int]:
    """A process that runs in the platform."""
    tells, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.chroot(machine.path / "platform/trixie")
        os.write(told, b"in")
        while True:
            signal.pause()
    try:
        os.close(told)
        with open(tells, "rb", buffering=0) as heard:
            assert heard.read(2) == b"in"
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_not_while_something_runs_in_there(both: Machine) -> None:
    if os.geteuid() != 0:
        pytest.skip("chroot is root's")
    wrong_inside(both)
    before = both.file("platform/trixie/etc/passwd")
    with inhabited(both) as child:
        done = both.run(ENSURE)
    assert done.returncode == 1
    assert f"the node's users get other numbers inside, but process {child} runs in" in done.stderr
    assert both.file("platform/trixie/etc/passwd") == before
    assert both.run(ENSURE).returncode == 0


def test_one_that_is_new_is_added_while_a_node_runs_in_there(both: Machine) -> None:
    if os.geteuid() != 0:
        pytest.skip("chroot is root's")
    assert both.run(ENSURE).returncode == 0
    for side in ("etc", "platform/trixie/etc"):
        for kind in ("passwd", "group"):
            path = both.path / side / kind
            path.write_text(
                "".join(f"{line}\n" for line in path.read_text().splitlines() if "tw-cert" not in line)
            )
    with inhabited(both):
        done = both.run(ENSURE)
    assert done.returncode == 0, done.stderr
    same(both)


def test_a_machine_that_is_the_platform(both: Machine) -> None:
    assert both.run("ensure_users ''").returncode == 0
    assert len(set(numbers(both, "etc/passwd").values())) == len(NAMES) + 2


@pytest.mark.parametrize(("kind", "other"), [("passwd", "polkitd"), ("group", "ssh")])
def test_a_number_of_somebody_else_is_refused(both: Machine, kind: str, other: str) -> None:
    assert both.run(ENSURE).returncode == 0
    path = both.path / "etc" / kind
    number = numbers(both, f"etc/{kind}")["tw-media"]
    lines = [line for line in path.read_text().splitlines() if not line.startswith(f"{other}:")]
    path.write_text("\n".join([*lines, f"{other}:x:{number}:"]) + "\n")
    done = both.run(ENSURE)
    assert done.returncode == 1
    assert f"the {kind} number {number} of the node's tw-media is also that of {other}" in done.stderr


def test_a_number_taken_inside_is_refused(both: Machine) -> None:
    both.run(ENSURE)
    number = numbers(both, "etc/passwd")["tw-gate"]
    path = both.path / "platform/trixie/etc/passwd"
    path.write_text(f"valkey:x:{number}:5::/:/bin/false\n")
    done = both.run(ENSURE)
    assert done.returncode == 1
    assert f"the passwd number {number} of the node's tw-gate is that of valkey" in done.stderr


def test_broken_off_between_group_and_user_it_goes_on(both: Machine) -> None:
    (both.path / "bin/useradd").rename(both.path / "bin/kept")
    (both.path / "bin/useradd").write_text("#!/bin/sh\nexit 1\n")
    (both.path / "bin/useradd").chmod(0o755)
    assert both.run(ENSURE).returncode == 1
    (both.path / "bin/kept").replace(both.path / "bin/useradd")
    assert both.run(ENSURE).returncode == 0
    same(both)
