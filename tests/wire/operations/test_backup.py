"""A backup of a node under calls makes the same node elsewhere: same keys, every record once, calls go."""

import asyncio
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sipkit.certificates import ThrowawayAuthority
from sipkit.load.caller import Plan
from trunkward.engines.users import gid
from wire.commands import run_command
from wire.conftest import EXAMPLE, Node, new_home, start_node, start_node_in, stop_node
from wire.records.conftest import segment_lines
from wire.records.parties import eventually, load, parties

#: A carrier that nobody calls, with everything that can stand elsewhere on the machine.
EAST = """
  - name: east
    hosts: [127.0.0.42:25061]
    transport: tls
    prefixes: ["+1999"]
    networks: [127.0.0.42/32]
    tls_names: [east.example.net]
    ca: {ca}
    client_certificate:
      files: {{chain: {chain}, key: {key}}}
"""


@contextmanager
def _home() -> Iterator[Path]:
    home = new_home()
    try:
        yield home
    finally:
        shutil.rmtree(home)


def _trunkward(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run_command(words, os.environ | {"TRUNKWARD_HOME": str(home)}, 60)


def _ids(state: Path) -> set[str]:
    return {line["record_id"] for line in segment_lines(state) if line["kind"] == "decision"}


def test_restored_elsewhere(tmp_path: Path) -> None:
    """Summary: a backup under 20 calls/s, restored into a fresh home: same keys, all records, none doubled, a call goes.

    The certificate a carrier is shown, and its key, stand elsewhere, and are gone from there.
    """
    with _home() as elsewhere:
        authority = ThrowawayAuthority(elsewhere / "keys")
        issued = authority.issue("trunkward.example.com")
        shown = {file: file.read_bytes() for file in (issued.certificate, issued.key)}
        for file in shown:
            file.chmod(0o640)
            os.chown(file, 0, gid("tw-edge"))
        east = EAST.format(ca=authority.trust, chain=issued.certificate, key=issued.key)
        node = start_node(EXAMPLE.read_text(encoding="utf-8") + east)
        _backed_up_and_restored(node, tmp_path / "node.backup", elsewhere / "keys")
        assert {file: file.read_bytes() for file in shown} == shown
        assert {(file.stat().st_gid, file.stat().st_mode & 0o777) for file in shown} == {
            (gid("tw-edge"), 0o640)
        }
        assert authority.trust.exists()


def _backed_up_and_restored(node: Node, archive: Path, elsewhere: Path) -> None:
    stopped = False
    try:

        async def backed_up() -> set[str]:
            async with load(node) as caller:
                calls = asyncio.create_task(caller.run(Plan(rate=20, seconds=3, held_s=0.2)))
                await asyncio.to_thread(eventually, lambda: len(_ids(node.state)) > 10, 20, "some calls")
                before = await asyncio.to_thread(_ids, node.state)
                done = await asyncio.to_thread(node.trunkward, "backup", str(archive))
                assert done.returncode == 0, done.stderr
                tally = await calls
                assert tally.completed == tally.attempts, tally.report()
                return before

        before = asyncio.run(backed_up())
        assert archive.stat().st_mode & 0o777 == 0o600
        assert node.trunkward("backup", str(archive)).returncode == 2  # replaces nothing
        # not under a running node, whatever is asked
        refused = node.trunkward("restore", str(archive), "--replace")
        assert (refused.returncode, "is up" in refused.stderr) == (2, True), refused.stderr
        keys = {
            name: (node.state / name).read_bytes() for name in ("pki/shaken.key", "pki/peers/acme-hq.pem")
        }
        fresh = {file.relative_to(node.state) for file in node.state.rglob("*") if file.is_file()}
        stopped = True
        stop_node(node)
        shutil.rmtree(elsewhere)
        _restored(archive, before, keys)
        with tarfile.open(archive) as tar:
            names = set(tar.getnames())
        for file in fresh:
            if file.suffix in (".key", ".pem", ".secret", ".db"):
                assert f"state/{file}" in names
        assert not [name for name in names if name.endswith(("-wal", "-shm", ".lock"))]
    finally:
        if not stopped:
            stop_node(node)


def _restored(archive: Path, before: set[str], keys: dict[str, bytes]) -> None:
    with _home() as home:
        done = _trunkward(home, "restore", str(archive))
        assert done.returncode == 0, done.stderr
        # the journal of acts says so, and a person is told what to compare
        assert "journaled as version 2: restored from the backup of " in done.stdout
        assert "journal verify --heads COPY" in done.stdout
        assert {name: (home / "state" / name).read_bytes() for name in keys} == keys
        in_segments = _ids(home / "state")
        assert before <= in_segments
        again = start_node_in(home)
        try:

            async def call() -> str:
                async with parties(again) as lab:
                    placed, _ = await lab.whole_call()
                    return placed.invite.call_id

            call_id = asyncio.run(call())
            assert again.record(call_id, ended=True)["attest"] == "A"
            eventually(lambda: in_segments <= {c["record_id"] for c in again.calls()}, 30, "every record")
            ids = [call["record_id"] for call in again.calls()]
            assert len(ids) == len(set(ids)) == len(in_segments) + 1
            assert json.loads(again.trunkward("status", "--json").stdout)["ready"] is True
            # taken while calls were signed: its lines, their values and its heads fit one another
            journals = again.trunkward("journal", "verify")
            assert journals.returncode == 0, journals.stdout + journals.stderr
        finally:
            stop_node(again, keep=True)
        # onto an existing node only when asked, and nothing is lost by it
        refused = _trunkward(home, "restore", str(archive))
        assert (refused.returncode, "--replace" in refused.stderr) == (2, True), refused.stderr
        damaged = home / "damaged"
        damaged.write_bytes(archive.read_bytes()[:-2000])
        state = sorted(file for file in (home / "state").rglob("*"))
        refused = _trunkward(home, "restore", str(damaged), "--replace")
        assert (refused.returncode, "nothing was changed" in refused.stderr) == (2, True), refused.stderr
        assert sorted(file for file in (home / "state").rglob("*")) == state
        assert _trunkward(home, "restore", str(archive), "--replace").returncode == 0
        assert list((home / "state").glob("before-restore-*/pki/shaken.key"))
