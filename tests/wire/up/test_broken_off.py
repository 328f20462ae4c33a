"""State that was broken off anywhere: the next `up` heals it, or says exactly what is wrong."""

import json
import os
import shutil
import socket
import stat
from datetime import datetime
from pathlib import Path

import pytest

from wire.up.conftest import Home

pytestmark = pytest.mark.long


def _torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_what_was_broken_off_is_healed(home: Home) -> None:
    """Summary: half files, lost files, stale sockets and links that were left: the next `up` is ready all the same."""
    home.start()
    home.stop()
    run, state = home.path / "run", home.path / "state"
    segment = next((state / "records" / "gate-0").glob("*.jsonl"))
    segment.write_bytes(segment.read_bytes() + b'{"kind":"decision","record_id":"torn')
    _torn(next((run / "policy").glob("*.snapshot")))
    (run / "policy" / "current").unlink()
    (run / "policy" / "current").symlink_to("000000000099.snapshot")
    _torn(state / "config" / "declared.json")
    (state / "config" / "declared.json.part").write_text("{")
    (home.path / "node.yaml.part").write_text("node:")
    _torn(state / "pki" / "node.key")
    (state / "pki" / "shaken.pem").unlink()
    _torn(state / "call-id-mask.secret")
    (state / "call-id-mask.secret").chmod(0o644)
    (run / "supervisor.pid").write_text("1")
    (run / "up.lock").write_text("1")
    for name in ("gate/0.sock", "signer/signer.sock", "supervisor.sock"):
        (run / name).unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(run / name))
    (run / "edge" / "kamailio.cfg.part").write_text("half")
    (run / "dialogs" / "0123.part").write_text("half")
    (run / "overflow" / "1.jsonl").write_bytes(b'{"record_id":"torn')
    for left in ("gate-0", "gate-1"):
        shutil.rmtree(state / "records" / left, ignore_errors=left == "gate-1")
    home.start()
    assert home.run("status", "--json").returncode == 0
    # a version nobody had before, though the document of the one before was lost
    assert json.loads((state / "config" / "declared.json").read_bytes())["version"] == 2
    mask = state / "call-id-mask.secret"
    assert len(mask.read_text()) == 32
    assert stat.S_IMODE(mask.stat().st_mode) == 0o600


def test_state_from_below_the_versions_there_were(home: Home) -> None:
    """Summary: with later policies left in memory, as when a backup was restored, the node starts on its own and no other."""
    home.start()
    home.stop()
    policy = home.path / "run" / "policy"
    for number in (10, 11, 12):
        shutil.copy(policy / "current", policy / f"{number:012d}.snapshot")
    (policy / "current").unlink()
    (policy / "current").symlink_to("000000000012.snapshot")
    home.start()
    assert home.run("status", "--json").returncode == 0
    assert [path.name for path in policy.glob("*.snapshot")] == [os.readlink(policy / "current")]
    assert os.readlink(policy / "current") == "000000000001.snapshot"


def test_links_left_by_a_part_are_not_followed(home: Home, tmp_path: Path) -> None:
    """Summary: a link that a less trusted user left in its directory gives it no file of somebody else's."""
    home.start()
    home.stop()
    secret = home.path / "secret"  # on the same file system: it is linked to
    secret.write_text("root's")
    secret.chmod(0o600)
    gate = home.path / "state" / "records" / "gate-0"
    (gate / "000000000000001.jsonl").symlink_to(secret)
    os.link(secret, gate / "000000000000002.jsonl")
    (home.path / "run" / "edge" / "kamailio.cfg.part").symlink_to(secret)
    home.start()
    assert (secret.stat().st_uid, secret.read_text()) == (0, "root's")
    home.stop()
    # a whole directory in the place of a gate's
    shutil.rmtree(gate)
    gate.symlink_to(tmp_path)
    refused = home.run("up")
    assert refused.returncode == 2
    assert f"{gate}: not a directory of this node" in refused.stderr
    assert tmp_path.stat().st_uid == 0


@pytest.mark.parametrize(
    ("named", "said"),
    [("/nowhere.pem", "No such file"), ("/etc/hostname", "no certificate"), ("/", "directory")],
)
def test_an_authority_that_cannot_be_read_is_named(home: Home, named: str, said: str) -> None:
    """Summary: a carrier's `ca` that is no certificate is refused with its line, and nothing has changed."""
    config = home.path / "node.yaml"
    line = config.read_text().splitlines().index("    ca: local") + 1
    config.write_text(config.read_text().replace("    ca: local", f"    ca: {named}"))
    before = home.files()
    for command in (("check-config", str(config)), ("up",)):
        refused = home.run(*command)
        assert refused.returncode == 2
        assert f"{config}:{line}:5: carriers[north].ca: {named}: " in refused.stderr
        assert said in refused.stderr
    assert {name: content for name, content in home.files().items() if name != "run/up.lock"} == before


def test_an_authority_only_root_may_read(home: Home, tmp_path: Path) -> None:
    """Summary: a carrier's `ca` may be root's alone: the edge has its own copy, and what trusts it starts."""
    home.start()
    home.stop()
    mine = tmp_path / "north.pem"
    mine.write_bytes((home.path / "state/pki/sip-ca.pem").read_bytes())
    mine.chmod(0o600)
    config = home.path / "node.yaml"
    config.write_text(config.read_text().replace("    ca: local", f"    ca: {mine}"))
    home.start()
    copy = home.path / "run/edge/ca-north.pem"
    assert copy.read_bytes() == mine.read_bytes()
    assert f"ca_list = {copy}" in (home.path / "run/edge/tls.cfg").read_text()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o640
    # when it ends is seen by root, and told to `web`, which may not read it
    status = json.loads(home.run("status", "--json").stdout)
    told = json.loads((home.path / "run/shown/authorities.json").read_text())
    assert status["certificates"]["carrier north: ca"].startswith("203")
    assert datetime.fromisoformat(told["north"]) == datetime.fromisoformat(
        status["certificates"]["carrier north: ca"]
    )


def test_a_database_that_is_none_is_named(home: Home) -> None:
    """Summary: a part that never becomes ready is named with its last words, the rest stopped, exit 1."""
    (home.path / "state" / "db").mkdir(parents=True)
    (home.path / "state" / "db" / "records.db").write_bytes(b"this is no database" * 100)
    refused = home.begin()
    assert refused.wait(80) == 1
    assert "worker is not ready" in home.out
    assert "file is not a database" in home.out
    home.nothing_runs(0.5)
