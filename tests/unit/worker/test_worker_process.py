"""The worker as a process: what its rounds do also where the records' database does not answer."""

import subprocess
import sys
import time
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from trunkward.engines.pki_files import PkiFiles
from trunkward.journal.heads import Head
from trunkward.settings import Paths

_WITHOUT_DATABASE = """
import sqlalchemy.exc, trunkward.worker.library
import trunkward.worker.__main__ as worker
def ship(*_):
    raise sqlalchemy.exc.OperationalError("SELECT", {}, Exception("the server closed the connection"))
worker.ship = ship
# no policy, and nobody to be waited for
worker.PolicyCompiler.round = lambda _: False
trunkward.worker.library._FIRST_WITHIN_S = 0
worker.main()
"""


def test_heads_are_signed_while_the_records_database_is_lost(tmp_path: Path) -> None:
    paths = Paths(config=tmp_path / "node.yaml", state=tmp_path / "state", run=tmp_path / "run", log=tmp_path)
    places = (paths.pki, paths.heads.parent, paths.records_db.parent, paths.signer_head().parent)
    for place in (*places, paths.edge_records, paths.edge_overflow):
        place.mkdir(parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    PkiFiles(paths.pki).heads_key.write_bytes(pem)
    paths.signer_head().write_bytes(msgspec.json.encode(Head(journal="node", seq=7)))
    arguments = [f"--{name}={getattr(paths, name)}" for name in ("config", "state", "run", "log")]
    worker = subprocess.Popen(
        [sys.executable, "-c", _WITHOUT_DATABASE, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        end = time.monotonic() + 20
        while not (paths.heads.exists() and b'"seq":7' in paths.heads.read_bytes().replace(b"\\", b"")):
            assert worker.poll() is None, worker.communicate()[0]
            assert time.monotonic() < end, "no head was signed"
            time.sleep(0.05)
        time.sleep(1.5)
    finally:
        worker.terminate()
        said = worker.communicate(timeout=20)[0]
    assert "round failed" in said
    assert "the server closed the connection" in said
