"""The worker as a process: what it does also where the records' database does not answer."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from trunkward.engines.pki_files import PkiFiles
from trunkward.journal.heads import Head
from trunkward.settings import Paths

_WORKER = """
import sqlalchemy.exc, trunkward.worker.library
import trunkward.worker.__main__ as worker
# no policy, and nobody to be waited for
worker.PolicyCompiler.round = lambda _: False
trunkward.worker.library._FIRST_WITHIN_S = 0
"""
_LOST_MEANWHILE = """
def ship(*_):
    raise sqlalchemy.exc.OperationalError("SELECT", {}, Exception("the server closed the connection"))
worker.ship = ship
"""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A node with a signer that has written a line."""
    paths = Paths(config=tmp_path / "node.yaml", state=tmp_path / "state", run=tmp_path / "run", log=tmp_path)
    places = (paths.pki, paths.heads.parent, paths.records_db.parent, paths.signer_head().parent)
    for place in (*places, paths.edge_records, paths.edge_overflow):
        place.mkdir(parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    PkiFiles(paths.pki).heads_key.write_bytes(pem)
    _tell_head(paths, 7)
    return paths


def test_heads_are_signed_while_the_records_database_is_lost(paths: Paths, tmp_path: Path) -> None:
    with _running(paths, tmp_path / "said", _LOST_MEANWHILE) as until:
        until(lambda: _is_signed(paths, 7))
        until(lambda: "round failed" in _said(tmp_path))
    assert "the server closed the connection" in _said(tmp_path)


def test_heads_are_signed_by_a_worker_that_starts_while_it_is_lost(paths: Paths, tmp_path: Path) -> None:
    """Summary: no database at the start: each minute's heads are signed, and when it is back, it works."""
    paths.records_db.mkdir()  # no database is opened there
    with _running(paths, tmp_path / "said", "import trunkward.worker.heads as h; h.EVERY_S = 0.5") as until:
        until(lambda: _is_signed(paths, 7))
        _tell_head(paths, 8)
        until(lambda: _is_signed(paths, 8))
        assert not paths.worker_lock.read_bytes()
        paths.records_db.rmdir()
        until(lambda: bool(paths.worker_lock.read_bytes()))
    assert _said(tmp_path).count("database cannot be used") == 1


def test_a_worker_that_waits_for_its_database_stops_when_it_is_told(paths: Paths, tmp_path: Path) -> None:
    paths.records_db.mkdir()
    with _running(paths, tmp_path / "said", "") as until:
        until(lambda: _is_signed(paths, 7))


def _tell_head(paths: Paths, seq: int) -> None:
    paths.signer_head().write_bytes(msgspec.json.encode(Head(journal="node", seq=seq)))


def _is_signed(paths: Paths, seq: int) -> bool:
    signed = paths.heads.read_bytes() if paths.heads.exists() else b""
    return b'"seq":%d' % seq in signed.replace(b"\\", b"").partition(b" ")[2].partition(b" ")[2]


def _said(tmp_path: Path) -> str:
    return (tmp_path / "said").read_text()


@contextmanager
def _running(paths: Paths, log: Path, changed: str) -> Iterator[Callable[[Callable[[], bool]], None]]:
    """A worker until it is told to stop, which it does; what is given waits until something is so."""
    arguments = [f"--{name}={getattr(paths, name)}" for name in ("config", "state", "run", "log")]
    program = f"{_WORKER}{changed}\nworker.main()"
    with log.open("wb") as out:
        worker = subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=out, stderr=out)

    def until(is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not is_so():
            assert worker.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)

    try:
        yield until
    finally:
        worker.terminate()
        code = worker.wait(timeout=30)
    assert code == 0, log.read_text()
