"""A node that is not up: its keys, its configuration database, and evidence in it."""

import io
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from trunkward import __version__
from trunkward.access.actor import Actor, Source
from trunkward.cli.changing import configuration_store
from trunkward.control import configuration
from trunkward.control.acts import put_down
from trunkward.control.effects import Effects
from trunkward.control.evidence import added, reviewed, revoked
from trunkward.control.node_file import accept_node_file
from trunkward.control.pki import SipNames
from trunkward.engines.backup import back_up
from trunkward.engines.pki_files import PkiFacts, PkiOwners, ensure_pki
from trunkward.settings import Paths
from trunkward.store.configuration import SqlConfiguration
from trunkward.store.database import open_database
from trunkward.store.sqlite_copy import copy_sqlite, is_sqlite

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
ACCEPTED = accept_node_file(EXAMPLE, "node.yaml")
ALICE = Actor(name="alice", uid=1000, source=Source.LOGIN)
BOB = Actor(name="bob", uid=1001, source=Source.LOGIN)
DAY = 86_400.0


class EvidenceNode:
    """One below a directory, with the example as its first version."""

    def __init__(self, home: Path, now: float, database: str = "") -> None:
        self.paths = Paths(
            config=home / "node.yaml",
            state=home / "state",
            run=home / "run",
            log=home / "log",
            database=database,
        )
        for place in (self.paths.pki, self.paths.configuration_db.parent, self.paths.run, self.paths.records):
            place.mkdir(parents=True, exist_ok=True)
        self.paths.config.write_text(EXAMPLE, encoding="utf-8")
        if database:
            (home / "database").write_text(database)
        self.now = now
        names = SipNames(common_name="sbc.example.com", dns=("sbc.example.com",))
        facts = PkiFacts(node="sbc.example.com", node_names=names, spc="709J")
        owners = PkiOwners(edge_uid=0, gate_uid=0, signer_uid=0, worker_uid=0, cert_uid=0, identities_uid=0)
        ensure_pki(self.paths.pki, facts, owners, now=datetime.fromtimestamp(now, UTC))
        with configuration_store(self.paths, make=True) as store:
            planned = configuration.plan(store, ACCEPTED, Effects())
            configuration.accept(store, planned, actor=ALICE, command="apply", at=now)

    def accepted(
        self,
        numbers: str,
        *,
        days: int = 300,
        at: float | None = None,
        kind: str = "loa",
        document: bytes = b"letter",
    ) -> int:
        """Enters a document and accepts it: the record's number. `days` it holds from then on."""
        now = self.now if at is None else at
        with configuration_store(self.paths, make=True) as store:
            return _accepted(store, numbers, kind, document, now, days)

    def forged(self, numbers: str, *, kind: str = "loa", document: bytes = b"letter") -> int:
        """The same by whoever can write to the database: versions, chain and records hold."""
        engine = open_database(self.paths.configuration_url)
        number = _accepted(SqlConfiguration(engine), numbers, kind, document, self.now, 300)
        engine.dispose()
        return number

    def changed(self, statement: sa.Executable) -> None:
        """One row is changed by whoever can write to the database."""
        engine = open_database(self.paths.configuration_url)
        with engine.begin() as connection:
            assert connection.execute(statement).rowcount == 1
        engine.dispose()

    def revoke(self, number: int) -> None:
        """Writes its end down; nobody is told."""
        with configuration_store(self.paths, make=True) as store:
            change = revoked(store.evidence(), number, why="ported out", now=self.now)
            put_down(store, change, actor=ALICE, command="evidence", at=self.now, beyond=0)

    def numbers(self) -> list[int]:
        """Of the records there are."""
        with configuration_store(self.paths, make=False) as store:
            return sorted(one.version for one in store.evidence())

    def entries(self) -> list[str]:
        """Its journal of acts."""
        with configuration_store(self.paths, make=False) as store:
            return [entry.text for entry in store.history()[1]]

    def backed_up(self) -> io.BytesIO:
        """A backup of now."""
        out = io.BytesIO()
        back_up(
            *(self.paths, out),
            node="sbc.example.com",
            version=__version__,
            now=datetime.fromtimestamp(self.now, UTC),
            elsewhere=[],
            not_in_it=[],
            copy_database=lambda source, copy, _, __: copy_sqlite(source, copy),
            is_database=is_sqlite,
        )
        return io.BytesIO(out.getvalue())


def _accepted(
    store: SqlConfiguration, numbers: str, kind: str, document: bytes, now: float, days: int
) -> int:
    entering = added(
        *(ACCEPTED.declared, store.evidence()),
        numbers=numbers,
        trunk="acme-hq",
        kind=kind,
        file_name="letter.pdf",
        document=document,
        until=now + days * DAY,
        why="folder 7",
        actor=ALICE,
        now=now,
        salt="5a" * 16,
    )
    number = put_down(store, entering, actor=ALICE, command="evidence", at=now, beyond=0).number
    accepting = reviewed(
        *(ACCEPTED.declared, store.evidence(), number),
        accept=True,
        why="called them",
        entered_by=ALICE,
        actor=BOB,
        now=now,
    )
    put_down(store, accepting, actor=BOB, command="evidence", at=now, beyond=0)
    return number
