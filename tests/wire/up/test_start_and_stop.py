"""Starting, stopping, and being killed: nothing is lost and nothing is left running."""

import asyncio
import json
import os
import shutil
import signal
import socket
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest

from sipkit.call import Call
from wire.conftest import Node
from wire.records.parties import parties, running_call
from wire.up.conftest import Home, eventually

pytestmark = pytest.mark.long

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


def test_stopped_and_started_again_it_has_lost_nothing(home: Home) -> None:
    """Summary: `up` prints its listeners; each signal stops all, exit 0; the next start is quick and loses nothing."""
    first, later = home.start(), []
    # it is still writing them
    eventually(lambda: "deviation carrier south" in home.out, 20, "its listeners and deviations")
    for line in ("127.0.0.10:5061", "127.0.0.10:5060", "30000-39999"):
        assert line in home.out, home.out
    assert len(home.processes()) > 10
    kept, version = _kept(home), _version(home)
    assert len(kept) > 12, sorted(kept)
    for number in (signal.SIGINT, signal.SIGTERM):
        # but for the edge's word to the worker, which the next start replaces, and what is being written
        records = {
            name
            for name in home.files()
            if name.startswith("state/records/") and ".started" not in name and not name.endswith(".part")
        }
        assert home.stop(number) == 0, home.out
        assert "stopped" in home.out
        home.nothing_runs(0.5)
        later.append(home.start())
        assert _kept(home) == kept
        assert _version(home) == version
        assert records <= set(home.files())
    assert home.stop(signal.SIGHUP) == 0
    home.nothing_runs(0.5)
    # the first made everything: on a machine with other work, too, no later one waits for what that has left
    assert min(later) < first + 10, (first, later)  # what it takes alone stands in the README


def test_another_up_and_another_file(home: Home) -> None:
    """Summary: a second `up` is refused and names the first; a changed file is a new policy once the node is ready."""
    home.start()
    running = home.processes()
    second = home.run("up")
    assert second.returncode == 2
    assert f"process {home.up.pid}" in second.stderr
    assert home.processes() == running
    assert home.run("status", "--json").returncode == 0
    home.stop()
    config = home.path / "node.yaml"
    config.write_text(
        config.read_text().replace('"+12025550103"', '"+12025550103"\n          - "+12025550104"')
    )
    home.begin()
    eventually((home.path / "run" / "supervisor.pid").exists, 20, "a supervisor")
    # Ctrl-C before it is ready
    assert home.stop() == 0, home.out
    home.nothing_runs(0.5)
    home.start()
    assert _version(home) == 2
    assert os.readlink(home.path / "run" / "policy" / "current") == "000000000002.snapshot"


@pytest.mark.parametrize("after_s", [0.0, 0.1, 0.3, 0.6])
def test_stopped_before_it_is_ready_it_goes_at_once(home: Home, after_s: float) -> None:
    """Summary: Ctrl-C at any moment of a start ends everything within seconds, exit 0."""
    home.begin()
    eventually((home.path / "run" / "supervisor.pid").exists, 20, "a supervisor")
    time.sleep(after_s)
    began = time.monotonic()
    assert home.stop() == 0, home.out
    assert time.monotonic() - began < 8  # what stops by itself may take ten
    home.nothing_runs(0.5)


def test_a_changed_certificate_is_told_and_the_one_before_accepted(home: Home) -> None:
    """Summary: new names renew a trunk's certificate aloud, the old fingerprint stays; a new node name no authority."""
    home.start()
    assert "pki" not in home.out
    (first,) = _certificates(home)
    home.stop()
    authority = (home.path / "state/pki/sip-ca.pem").read_bytes()
    config = home.path / "node.yaml"
    text = config.read_text().replace("[pbx.acme.example.com]", "[new.acme.example.com]")
    config.write_text(text.replace("  name: sbc.example.com", "  name: other.example.com"))
    home.start()
    assert "pki/peers/acme-hq.pem: names-changed, issued anew; the one before is accepted until" in home.out
    assert "pki/node.pem: names-changed, issued anew" in home.out
    second, *before = _certificates(home)
    assert before == [first] != [second]
    assert (home.path / "state/pki/sip-ca.pem").read_bytes() == authority
    status = home.run("status", "--json")
    lasting = json.loads(status.stdout)["certificates"]
    assert set(lasting) == {
        *("node.pem", "shaken.pem", "sip-ca.pem", "shaken-ca.pem"),
        *("evidence", "customers (KYC)"),
        *("peers/acme-hq.pem", "peers/north.pem"),
    }
    assert "364 days left" in home.run("status").stdout


def _certificates(home: Home) -> list[str]:
    found = json.loads((home.path / "state/config/declared.json").read_bytes())["certificates"]["acme-hq"]
    return [str(fingerprint) for fingerprint in found]


def test_killed_it_leaves_nothing_and_the_next_heals(home: Home) -> None:
    """Summary: kill -9 of `up`, of the supervisor, of both, with frozen parts: no process is left, the next heals."""
    home.start()
    home.up.kill()
    home.up.wait()
    home.start()  # at once: the old node is still stopping
    for frozen in ("trunkward.gate --index 0", "/usr/sbin/kamailio"):
        for pid, command in home.processes().items():
            if frozen in command:
                with suppress(ProcessLookupError):  # it was stopping
                    os.kill(pid, signal.SIGSTOP)
    os.kill(_supervisord(home), signal.SIGKILL)
    assert home.up.wait(40) == 1
    home.nothing_runs(0.5)
    assert "supervisor was killed by signal 9" in home.out
    home.start()
    supervisor = _supervisord(home)
    home.up.kill()
    os.kill(supervisor, signal.SIGKILL)
    home.up.wait()
    home.nothing_runs()
    home.start()
    assert home.stop() == 0
    home.nothing_runs(0.5)


def test_a_reboot_closes_what_was_open(home: Home) -> None:
    """Summary: kill -9 of everything and an empty run directory: calls that were running or ringing are ended-unknown, once."""
    home.start()
    node = Node(home=home.path, process=home.up, environment=home.environment)

    async def open_calls() -> list[str]:
        async with parties(node) as lab:
            running = await running_call(lab)

            async def ring(call: Call) -> None:
                call.ring()

            lab.north.on_call = ring
            ringing = await lab.call()
            await ringing.received(180)
            for pid in home.processes():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return [running.invite.call_id, ringing.invite.call_id]

    call_ids = asyncio.run(open_calls())
    home.up.wait(40)
    home.nothing_runs()
    shutil.rmtree(home.path / "run")
    home.start()
    for call_id in call_ids:
        assert node.record(call_id, ended=True)["ending"] == "ended-unknown"
    assert len(node.calls()) == 2


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
    """Summary: a port somebody else has ends the start: port, part and holder named, exit 2, nothing left."""
    before = home.files()
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((host, port))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        refused = home.run("up")
    assert refused.returncode == 2
    protocol = "udp" if kind == socket.SOCK_DGRAM else "tcp"
    assert f"{part} cannot listen on {host}:{port}/{protocol}" in refused.stderr
    assert f"process {os.getpid()}" in refused.stderr
    home.nothing_runs(0.5)
    assert {name for name in home.files() if name != "run/up.lock"} == set(before)


def test_a_home_nobody_may_enter_is_named(home: Home) -> None:
    """Summary: a home closed to the node's users, or too long for a socket, is refused with what to do."""
    home.path.chmod(0o700)
    refused = home.run("up")
    assert refused.returncode == 2
    assert f"chmod o+x {home.path}" in refused.stderr
    home.path.chmod(0o755)
    deep = home.path / ("x" * 90)
    deep.mkdir()
    (deep / "node.yaml").write_bytes((home.path / "node.yaml").read_bytes())
    refused = Home(deep).run("up")
    assert refused.returncode == 2
    assert "too long for a unix socket" in refused.stderr
    assert not (deep / "state").exists()


def test_a_node_file_named_and_absent_is_not_made_up(home: Home) -> None:
    """Summary: without a node file the example stands there; one that was named must exist."""
    named = home.path / "typo.yaml"
    home.begin("--config", str(named))
    assert home.up.wait(40) == 2
    assert "there is no such file" in home.out
    assert not named.exists()
    (home.path / "node.yaml").unlink()
    home.start()
    assert "the example stands there now" in home.out
    example = (Path(__file__).parents[3] / "examples" / "node.yaml").read_bytes()
    assert (home.path / "node.yaml").read_bytes() == example
    # a node that is stopped says so, and nothing of parts that are all gone
    home.stop()
    stopped = home.run("status")
    assert stopped.returncode == 1
    assert "the node is not up; start it: ./trunkward up" in stopped.stdout
    for untrue in ("degraded", "refused", "127.0.0.10:5061", "127.0.0.1:9307"):
        assert untrue not in stopped.stdout
    assert json.loads(home.run("status", "--json").stdout)["up"] is False
    # and one whose node file is gone is not made another node
    (home.path / "node.yaml").unlink()
    home.begin()
    assert home.up.wait(40) == 2
    assert f"bring it back with ./trunkward export >{home.path}/node.yaml; not started" in home.out
    assert not (home.path / "node.yaml").exists()
    for command in ("plan", "apply"):
        assert "bring it back with ./trunkward export" in home.run(command).stderr
    (home.path / "node.yaml").write_text(home.run("export").stdout)
    assert home.run("plan").returncode == 0
    home.start()
