"""Starting, stopping, and being killed: nothing is lost and nothing is left running."""

import json
import os
import signal
import socket
from hashlib import sha256
from pathlib import Path

import pytest

from wire.up.conftest import Home, eventually

#: What a second start must find as the first one left it.
KEPT = ("state/pki/", "state/call-id-mask.secret", "state/config/declared.json", "node.yaml")


def _kept(home: Home) -> dict[str, str]:
    return {
        name: sha256(content).hexdigest()
        for name, content in home.files().items()
        if name.startswith(KEPT) and "/." not in name
    }


def _supervisord(home: Home) -> int:
    return int((home.path / "run" / "supervisor.pid").read_text())


def _version(home: Home) -> int:
    return int(json.loads(home.run("status", "--json").stdout)["configuration"])


def test_a_second_start_keeps_everything_and_is_quick(home: Home) -> None:
    """Summary: a first `up` prints every listener; a second is ready in seconds, and has lost nothing."""
    home.start()
    for line in ("127.0.0.10:5061", "127.0.0.10:5060", "30000-39999", "deviation carrier south"):
        assert line in home.out, home.out
    kept, version = _kept(home), _version(home)
    assert len(kept) > 12, sorted(kept)
    assert home.stop() == 0, home.out
    home.nothing_runs(0.5)
    records = {name for name in home.files() if name.startswith("state/records/")}
    took = home.start()
    assert took < 5, f"{took:.1f} s\n{home.out}"
    assert _kept(home) == kept
    assert _version(home) == version
    assert records <= set(home.files())


def test_a_changed_file_is_a_new_version(home: Home) -> None:
    """Summary: a changed node file counts the policy's version up, and is what the gates have when ready."""
    home.start()
    home.stop()
    config = home.path / "node.yaml"
    config.write_text(config.read_text().replace('"+12025550103"', '"+12025550104"'))
    home.start()
    assert _version(home) == 2
    assert os.readlink(home.path / "run" / "policy" / "current") == "000000000002.snapshot"


def test_a_second_up_is_refused_and_names_the_first(home: Home) -> None:
    """Summary: a second `up` on the same home is refused with the first one's process id, and harms nothing."""
    home.start()
    running = home.processes()
    second = home.run("up")
    assert second.returncode == 2
    assert f"process {home.up.pid}" in second.stderr
    assert home.processes() == running
    assert home.run("status", "--json").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(home: Home, number: int) -> None:
    """Summary: Ctrl-C, SIGTERM and a closed terminal end every process, with exit 0."""
    home.start()
    assert len(home.processes()) > 10
    assert home.stop(number) == 0, home.out
    home.nothing_runs(0.5)
    assert "stopped" in home.out


def test_a_signal_while_starting_stops_everything(home: Home) -> None:
    """Summary: Ctrl-C before the node is ready ends what had been started, and the next `up` heals."""
    home.begin()
    eventually(lambda: (home.path / "run" / "supervisor.pid").exists(), 20, "a supervisor")
    assert home.stop() == 0, home.out
    home.nothing_runs(0.5)
    home.start()


def test_killing_up_ends_the_node(home: Home) -> None:
    """Summary: kill -9 of `up` leaves nothing running, and an `up` right after it waits and heals."""
    home.start()
    home.up.kill()
    home.up.wait()
    home.begin()  # at once: the old node is still stopping
    eventually(lambda: "ready after" in home.out or home.up.poll() is not None, 40, "ready")
    assert home.up.poll() is None, home.out
    assert home.stop() == 0
    home.nothing_runs(0.5)


@pytest.mark.parametrize("frozen", ["", "gate-0", "kamailio"])
def test_killing_the_supervisor_ends_the_node(home: Home, frozen: str) -> None:
    """Summary: kill -9 of the supervisor leaves nothing running, not even what was frozen; `up` says so, exits 1."""
    home.start()
    if frozen:
        wanted = "trunkward.gate --index 0" if frozen == "gate-0" else "/usr/sbin/kamailio"
        for pid, command in home.processes().items():
            if wanted in command:
                os.kill(pid, signal.SIGSTOP)
    os.kill(_supervisord(home), signal.SIGKILL)
    assert home.up.wait(20) == 1
    home.nothing_runs(0.5)
    assert "supervisor was killed by signal 9" in home.out
    home.start()


def test_killing_both_ends_the_node(home: Home) -> None:
    """Summary: kill -9 of `up` and supervisor together leaves nothing running, and the next `up` heals."""
    home.start()
    supervisor = _supervisord(home)
    home.up.kill()
    os.kill(supervisor, signal.SIGKILL)
    home.up.wait()
    home.nothing_runs()
    home.start()


@pytest.mark.parametrize(
    ("host", "port", "kind", "part"),
    [
        ("127.0.0.10", 5061, socket.SOCK_STREAM, "kamailio"),
        ("127.0.0.10", 5060, socket.SOCK_DGRAM, "kamailio"),
        ("127.0.0.1", 2223, socket.SOCK_DGRAM, "rtpengine"),
        ("127.0.0.1", 9311, socket.SOCK_STREAM, "gate-1"),
    ],
)
def test_a_port_that_is_taken_is_named(home: Home, host: str, port: int, kind: int, part: str) -> None:
    """Summary: a port somebody else has ends the start: port, part and holder named, exit 1, nothing left."""
    before = home.files()
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((host, port))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        refused = home.run("up")
    assert refused.returncode == 1
    protocol = "udp" if kind == socket.SOCK_DGRAM else "tcp"
    assert f"{part} cannot listen on {host}:{port}/{protocol}" in refused.stderr
    assert f"process {os.getpid()}" in refused.stderr
    home.nothing_runs(0.5)
    assert {name for name in home.files() if name != "run/up.lock"} == set(before)


def test_a_part_that_never_becomes_ready_ends_the_start(home: Home) -> None:
    """Summary: a part that cannot start is named with its last words, the rest is stopped, exit 1."""
    config = home.path / "node.yaml"
    config.write_text(config.read_text().replace("    ca: local", "    ca: /etc/hostname"))
    refused = home.begin()
    assert refused.wait(60) != 0
    assert "north" in home.out or "kamailio" in home.out, home.out
    home.nothing_runs(0.5)


def test_a_home_nobody_may_enter_is_named(home: Home) -> None:
    """Summary: a home closed to the node's users, or too long for a socket, is refused with what to do."""
    home.path.chmod(0o700)
    refused = home.run("up")
    assert refused.returncode == 1
    assert f"chmod o+x {home.path}" in refused.stderr
    home.path.chmod(0o755)
    deep = home.path / ("x" * 90)
    deep.mkdir()
    (deep / "node.yaml").write_bytes((home.path / "node.yaml").read_bytes())
    refused = Home(deep).run("up")
    assert refused.returncode == 1
    assert "too long for a unix socket" in refused.stderr
    assert not (deep / "state").exists()


def test_a_node_file_named_and_absent_is_not_made_up(home: Home) -> None:
    """Summary: without a node file the example stands there; one that was named must exist."""
    named = home.path / "typo.yaml"
    home.begin("--config", str(named))
    assert home.up.wait(20) == 2
    assert "there is no such file" in home.out
    assert not named.exists()
    (home.path / "node.yaml").unlink()
    home.start()
    assert "the example stands there now" in home.out
    assert (home.path / "node.yaml").read_bytes() == Path(
        Path(__file__).parents[3] / "examples" / "node.yaml"
    ).read_bytes()
