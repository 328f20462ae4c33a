"""The wheel is all there is: installed into an environment of its own, far from the checkout, it makes a node."""

import os
import re
import shutil
import site
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from trunkward import __version__
from trunkward.engines.users import USERS
from wire.conftest import EXAMPLE, new_home, start_node_in, stop_node

CHECKOUT = Path(__file__).parents[3]
PIP = [sys.executable, "-I", "-m", "pip", "--disable-pip-version-check", "--no-input"]
ALONE = ["--no-index", "--no-deps"]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """An empty home that the node's users can reach."""
    if os.geteuid() != 0:
        pytest.skip("a node gives each process its own user: needs root")
    made = new_home()
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def wheel(home: Path) -> Path:
    """The wheel, made from a copy: nothing is written into the checkout."""
    copy = home / "checkout"
    for name in ("src", "examples"):
        shutil.copytree(CHECKOUT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(CHECKOUT / name, copy / name)
    build = [*PIP, "wheel", *ALONE, "--no-build-isolation", "-w", str(home), str(copy)]
    subprocess.run(build, check=True, capture_output=True, timeout=100)
    shutil.rmtree(copy)
    (made,) = home.glob("trunkward-*.whl")
    return made


def test_it_holds_all_that_is_not_python(wheel: Path) -> None:
    """Summary: migrations, the example, the systemd unit and every module are in the wheel, and no cache is."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    source = CHECKOUT / "src"
    for file in source.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            assert str(file.relative_to(source)) in names
    assert "trunkward/examples/node.yaml" in names
    assert not [name for name in names if "__pycache__" in name]


def test_the_lock_has_what_it_requires() -> None:
    """Summary: every requirement of the wheel is in requirements/runtime.lock, with a hash, in a version it takes."""
    lock = (CHECKOUT / "requirements" / "runtime.lock").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([a-z0-9._-]+)==(\S+) \\\n    --hash=sha256:", lock, re.MULTILINE))
    for line in requires("trunkward") or []:
        requirement = Requirement(line)
        assert requirement.specifier.contains(pinned[requirement.name.lower()]), line


def test_it_makes_a_node(wheel: Path, home: Path) -> None:
    """Summary: `--version`, `check-config`, `up` and `status` from the wheel alone; the first `up` makes the users and brings the example."""
    prefix = home / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True, timeout=60)
    subprocess.run(
        [*PIP, "--python", prefix / "bin" / "python", "install", *ALONE, wheel],
        check=True,
        capture_output=True,
        timeout=100,
    )
    (packages,) = prefix.glob("lib/python3*/site-packages")
    # third parties are those of this run (the lock's, which no registry is needed for a second time)
    (packages / "third-parties.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    shutil.copy(Path(sys.executable).parent / "supervisorctl", prefix / "bin")
    command = str(prefix / "bin" / "trunkward")
    node_home = home / "node"
    node_home.mkdir()

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "TRUNKWARD_HOME": str(node_home), "LANG": "C.UTF-8"}
        return subprocess.run(
            [command, *words],
            env=environment,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert run("--version").stdout == f"trunkward {__version__}\n"
    assert "good" in run("check-config", EXAMPLE).stdout
    etc = home / "etc"
    shutil.copytree("/etc", etc, symlinks=True)
    for kind in ("passwd", "group", "shadow", "gshadow"):
        lines = (etc / kind).read_text().splitlines(keepends=True)
        (etc / kind).write_text("".join(line for line in lines if not line.startswith("tw-")))
    code = "import sys; sys.path.insert(0, sys.argv[1]); import walled; walled.with_other_etc(*sys.argv[2:])"
    elsewhere = [sys.executable, "-c", code, str(Path(__file__).parent), str(etc)]
    node = start_node_in(node_home, [*elsewhere, command])
    try:
        made = {
            name: number
            for name, _, number, *rest in (
                line.split(":") for line in (etc / "passwd").read_text().splitlines()
            )
            if name.startswith("tw-") and rest[2:] == ["/nonexistent", "/usr/sbin/nologin"]
        }
        assert set(made) == set(USERS)
        assert len(set(made.values())) == len(USERS)
        for part, user in (("worker", "tw-worker"), ("signer", "tw-signer"), ("gate-0", "tw-gate")):
            status = Path(f"/proc/{node.pid(part)}/status").read_text()
            assert f"\nUid:\t{made[user]}\t" in status
        assert (node_home / "node.yaml").read_bytes() == EXAMPLE.read_bytes()
        for part in ("worker", "signer", "gate-0"):
            assert str(prefix) in Path(f"/proc/{node.pid(part)}/cmdline").read_text()
        assert f'"load", "{prefix}' in (node.run / "edge" / "kamailio.cfg").read_text()
        assert run("status", "--json").returncode == 0
    finally:
        stop_node(node)
