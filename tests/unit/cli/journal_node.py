"""A node that is not up: a signer's journal with its signed heads, and records of calls."""

import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from trunkward.engines.journals import append_minute
from trunkward.engines.pki_files import PkiFiles
from trunkward.journal.chain import Entry
from trunkward.journal.heads import Head, signed_minute
from trunkward.records.model import AttestationRecord, DecisionRecord
from trunkward.settings import Paths
from trunkward.signer.journal import Journal, Line
from trunkward.store.database import migrate, open_database
from trunkward.store.records import RecordStore

KEY = Ed25519PrivateKey.generate()


class Node:
    """A signer's journal and its heads; the journal of acts is empty."""

    def __init__(self, home: Path) -> None:
        self.paths = Paths(
            config=home / "node.yaml", state=home / "state", run=home / "run", log=home / "log"
        )
        config = self.paths.configuration_db.parent
        made = (self.paths.run, self.paths.pki, self.paths.heads.parent, self.paths.signer_state(), config)
        for place in made:
            place.mkdir(parents=True, exist_ok=True)
        public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        PkiFiles(self.paths.pki).heads_public_key.write_bytes(public)
        self.paths.heads.touch()
        self.journals = {"node": Journal(self.paths.signer_journal())}
        self._last: Entry | None = None

    @property
    def journal(self) -> Journal:
        """The node's own."""
        return self.journals["node"]

    def write(self, ago_s: float, record_id: str = "", *, of: str = "node", **facts: object) -> int:
        """A line of so long ago in the journal of an identity: its number."""
        said = {"kind": "signed", "at": time.time() - ago_s, "record_id": record_id} | facts
        return self.journals[of].commit([Line(facts=said)])

    def write_private(self, ago_s: float, number: str) -> None:
        """One that commits to a number."""
        said = {"kind": "signed", "at": time.time() - ago_s}
        self.journal.commit([Line(facts=said, private={"number": number})])

    def sign(self, ago_s: float) -> None:
        """The heads of all journals, so long ago."""
        heads = [Head(journal=name, seq=its.seq, hash=its.head) for name, its in self.journals.items()]
        self._last, line = signed_minute(self._last, heads, time.time() - ago_s, KEY, lambda: bytes(16))
        append_minute(self.paths.heads, line)


class Calls:
    """Their records, in a real database; each signed call has a line unless the test takes it away."""

    def __init__(self, node: Node) -> None:
        self.node = node
        node.paths.records_db.parent.mkdir(parents=True)
        self.engine = open_database(node.paths.records_url)
        migrate(self.engine)
        self.store = RecordStore(self.engine)
        self._count = 0

    def signed(self, ago_s: float, *, line: bool = True, told: bool = True, **more: object) -> str:
        self._count += 1
        record_id = f"{self._count:032x}"
        number = self.node.write(ago_s, record_id) if line else None
        said = AttestationRecord(
            rule="A-own-inventory", identity="node", serial="1f2e", journal=number if told else None
        )
        facts = {"call_id": record_id, "verdict": "admit", "reason": "admitted", "attestation": said} | more
        record = DecisionRecord(record_id=record_id, at=time.time() - ago_s - 0.1, attempt_id="a", **facts)  # type: ignore[arg-type]
        self.store.ship([record], "gate-0/1", self._count)
        return record_id
