"""The systemd unit: systemd's own tools find nothing wrong with it, and a whole node runs behind its walls."""

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wire.conftest import EXAMPLE, new_home, start_node_in, stop_node
from wire.operations.versions import make_version
from wire.operations.walled import settings_of
from wire.records.parties import parties

#: What `systemd-analyze security` makes of the unit; lower is better. docs/operations.md tells where the rest comes from.
EXPOSURE_AT_MOST = 3.4
VERSION = "0.0.9"


@pytest.fixture(scope="module")
def parts() -> Iterator[Path]:
    """Where one version stands, as the launcher installs it, and nothing was started yet."""
    if os.geteuid() != 0:
        pytest.skip("units are written by root")
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze")
    directory = new_home()
    make_version(directory, VERSION)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def unit(parts: Path) -> Path:
    """The unit, as it is installed by that version."""
    directory = parts / "units"
    directory.mkdir()
    python = parts / "versions" / VERSION / "bin" / "python"
    done = subprocess.run(
        [python, "-c", _INSTALL, parts / "home", directory], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return directory / "trunkward.service"


#: The tests may themselves run in a Debian 13 that was brought along, where the command refuses.
_INSTALL = """
import sys
from pathlib import Path
from trunkward.cli import install_units
from trunkward.settings import Paths
install_units._STAMP = Path("/nowhere")
home = Path(sys.argv[1])
paths = Paths(config=home / "node.yaml", state=home / "state", run=home / "run", log=home / "log")
sys.exit(install_units.run(paths, Path(sys.argv[2])))
"""


def test_systemd_finds_nothing_wrong(unit: Path, parts: Path) -> None:
    """Summary: `systemd-analyze verify` says nothing of the unit, and its exposure is what the docs say."""
    assert settings_of(unit)["ExecStart"] == [f"{parts}/current/bin/trunkward up"]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in (done.stdout + done.stderr).splitlines() if "trunkward.service" in line]
    assert said == []
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", unit],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    print(told)
    found = re.search(r"Overall exposure level for trunkward.service: ([\d.]+)", told)
    assert found is not None
    assert float(found[1]) <= EXPOSURE_AT_MOST


def test_a_node_runs_behind_its_walls(unit: Path, parts: Path) -> None:
    """Summary: under the unit's capabilities, system calls, families and read-only system a node the launcher installed starts, calls, and says READY."""
    home = parts / "home"
    home.mkdir()
    (home / "node.yaml").write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    (started,) = settings_of(unit)["ExecStart"]
    command = started.removesuffix(" up")
    walled = [sys.executable, str(Path(__file__).with_name("walled.py")), str(unit), str(home), command]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(home / "notify"))
        manager.settimeout(30)
        os.environ["NOTIFY_SOCKET"] = str(home / "notify")
        try:
            node = start_node_in(home, walled)
        finally:
            del os.environ["NOTIFY_SOCKET"]
        try:
            assert manager.recv(1000).startswith(b"READY=1\n")
            assert "could not be noted" not in (home / "up.out").read_text()
            in_use = json.loads((node.run / "version.json").read_text())
            assert in_use["now"]["prefix"] == str(parts / "versions" / VERSION)

            async def call() -> None:
                async with parties(node) as lab:
                    await lab.whole_call()
                    await lab.inbound_call()

            asyncio.run(call())
            status = Path(f"/proc/{node.process.pid}/status").read_text()
            assert re.search(r"^Seccomp:\t2$", status, re.MULTILINE)
            assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
        finally:
            stop_node(node)
        assert manager.recv(1000) == b"STOPPING=1"
