"""Where a node keeps its things. One value, made once, handed down."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from trunkward.trunks.transit import OF_NODE

#: Metrics of gate 0 on 127.0.0.1; gate N has this + N. Like rtpengine's control port it is one a machine, or
#: network namespace: a node has it to itself.
METRICS_PORT = 9310
#: The signer's, beside them.
SIGNER_METRICS_PORT = METRICS_PORT - 1
#: The worker's.
WORKER_METRICS_PORT = METRICS_PORT - 2
#: The fetcher's.
FETCHER_METRICS_PORT = METRICS_PORT - 4
#: Of rtpengine, on 127.0.0.1.
NG_PORT = 2223
#: Where `web` answers, on 127.0.0.1: health, readiness, and everybody's metrics in one place.
WEB_PORT = METRICS_PORT - 3


#: Whom this system trusts (Debian's ca-certificates).
SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
#: Below `state`: what is of the moment, and in no backup.
VALKEY_DATA = "live"
#: The same of certificate chains.
CHAINS = "chains"
#: Beside the node file: one line that names the PostgreSQL to keep everything in, where there is one.
DATABASE_FILE = "database"


class SettingsRefused(Exception):
    """A setting that cannot be used; the message says which and what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a Valkey listens."""

    #: Absolute path of a unix socket, or `host:port`: over TLS, whose certificate must have that name.
    where: str
    #: PEM of the authorities such a certificate must come from.
    authorities: Path

    @property
    def is_socket(self) -> bool:
        """Whether it is on this machine."""
        return self.where.startswith("/")

    @property
    def host(self) -> tuple[str, int]:
        """Name or address, and port; of one that is no socket."""
        host, _, port = self.where.rpartition(":")
        return host.strip("[]"), int(port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """The directories of one node on this machine, and its database.

    `state` survives everything, `run` survives its processes but not a reboot, `log` can be
    deleted at any time.
    """

    config: Path
    state: Path
    run: Path
    log: Path
    #: `postgresql://...`; "": SQLite files below `state`.
    database: str = ""
    #: That is for records alone; the configuration is in a SQLite file all the same.
    records_only: bool = False
    #: The Valkey that somebody else runs for several nodes (`Place.where`); "": the node has its own.
    live: str = ""

    @classmethod
    def from_environment(cls) -> Self:
        """`TRUNKWARD_HOME=/dir` puts a whole node under one directory (tests, labs, a second node).

        Raises `SettingsRefused`.
        """
        home = os.environ.get("TRUNKWARD_HOME")
        if home:
            base = Path(home).absolute()
            database, records_only = read_database(base / DATABASE_FILE)
            return cls(
                config=base / "node.yaml",
                state=base / "state",
                run=base / "run",
                log=base / "log",
                database=database,
                records_only=records_only,
                live=_read_live(base / "run"),
            )
        database, records_only = read_database(Path("/etc/trunkward") / DATABASE_FILE)
        return cls(
            config=Path("/etc/trunkward/node.yaml"),
            state=Path("/var/lib/trunkward"),
            run=Path("/run/trunkward"),
            log=Path("/var/log/trunkward"),
            database=database,
            records_only=records_only,
            live=_read_live(Path("/run/trunkward")),
        )

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.state / "pki"

    @property
    def records(self) -> Path:
        """Append-only segments, one directory a writer."""
        return self.state / "records"

    def gate_records(self, index: int) -> Path:
        """Decisions of gate number `index`."""
        return self.records / f"gate-{index}"

    @property
    def edge_records(self) -> Path:
        """Outcomes of calls, written by the edge."""
        return self.records / "edge"

    @property
    def edge_ladder(self) -> Path:
        """Messages of calls until they are shipped; in memory, because SIP waits for no disk."""
        return self.run / "ladder"

    @property
    def edge_overflow(self) -> Path:
        """The same in memory, for when the disk is full; not below `records`, which is that disk."""
        return self.run / "overflow"

    def segment_directories(self) -> list[Path]:
        """Every directory with segments in it, those of gates that were before included.

        Decisions come before what becomes of their calls (`worker.ship`).
        """
        gates = sorted(path for path in self.records.iterdir() if path.is_dir() and path != self.edge_records)
        return [*gates, self.edge_records, self.edge_overflow, self.edge_ladder]

    @property
    def records_db(self) -> Path:
        """The records database (SQLite as it comes)."""
        return self.state / "db" / "records.db"

    @property
    def alerts(self) -> Path:
        """Which levels of caps were told, and messages about them that are not there yet."""
        return self.state / "db" / "alerts.json"

    @property
    def pseudonym_secret(self) -> Path:
        """What numbers are turned into pseudonyms with; root alone reads it, made at first use."""
        return self.state / "pseudonym.secret"

    @property
    def records_url(self) -> str:
        """The records database, for `store.database`."""
        return self.database or f"sqlite:///{self.records_db}"

    @property
    def configuration_db(self) -> Path:
        """Every version of the configuration (SQLite as it comes); root's alone."""
        return self.state / "config" / "config.db"

    @property
    def configuration_shared(self) -> bool:
        """Whether it is in a database that others than root can write to."""
        return bool(self.database) and not self.records_only

    @property
    def configuration_url(self) -> str:
        """The configuration database, for `store.database`."""
        return self.database if self.configuration_shared else f"sqlite:///{self.configuration_db}"

    @property
    def configuration_lock(self) -> Path:
        """Held by whoever changes the node; not below `state`, which a restore replaces."""
        return self.run / "change.lock"

    @property
    def unfinished(self) -> Path:
        """There while a change of configuration is not everywhere in force; parts it must still restart."""
        return self.run / "unfinished"

    @property
    def taken(self) -> Path:
        """Names the node file the running node was started with."""
        return self.run / "node-file"

    @property
    def worker_lock(self) -> Path:
        """Held by the worker, the only writer of the records database, as long as it lives."""
        return self.state / "db" / "worker.lock"

    @property
    def declared(self) -> Path:
        """The configuration in force, as `control` accepted it."""
        return self.state / "config" / "declared.json"

    @property
    def decks(self) -> Path:
        """Texts of the decks in force, by their SHA-256 (`trunkward.spend.deck.written`, zlib)."""
        return self.declared.with_name("decks")

    @property
    def draining(self) -> Path:
        """There when the node is to take no new calls (`trunkward.engines.drain`)."""
        return self.state / "draining"

    @property
    def retention_look(self) -> Path:
        """How the last look for evidence whose time is over went (`trunkward.engines.retention_state`)."""
        return self.run / "retention.json"

    @property
    def unsound(self) -> Path:
        """What is not as it was journaled (`trunkward.engines.unsound_state`)."""
        return self.run / "unsound.json"

    @property
    def verified(self) -> Path:
        """How far the journals were verified, and what came of it (`trunkward.engines.verified_state`)."""
        return self.declared.with_name("verified.json")

    @property
    def verified_told(self) -> Path:
        """What came of it, for whoever watches."""
        return self.run / "verified.json"

    @property
    def restored(self) -> Path:
        """There as long as nobody has confirmed a restore (`trunkward.engines.restored_mark`)."""
        return self.state / "restored.json"

    @property
    def policy(self) -> Path:
        """Compiled policy snapshots; `current` names the one in force."""
        return self.run / "policy"

    @property
    def bad_delegates(self) -> Path:
        """Evidence whose delegate certificate is not good now, found by the worker, for gates."""
        return self.policy / "bad-delegates.json"

    @property
    def targets(self) -> Path:
        """What DNS says of peers' names (`trunkward.routing.targets`); worker writes, edge reads."""
        return self.state / "targets" / "targets.json"

    @property
    def target_health(self) -> Path:
        """Which of carriers' hosts answer; written by the edge (`trunkward.edge.health`)."""
        return self.run / "health" / "targets.json"

    @property
    def dialogs(self) -> Path:
        """One small file for each running call, so that calls outlive Kamailio."""
        return self.run / "dialogs"

    @property
    def edge_numbers(self) -> Path:
        """What Kamailio counts, written by the edge each second for whoever watches the node."""
        return self.run / "numbers" / "kamailio.json"

    @property
    def registrations(self) -> Path:
        """Where trunks are registered, written by the edge for root."""
        return self.run / "edge" / "registrations.json"

    @property
    def shown(self) -> Path:
        """What `web` may know of the configuration in force, written by the worker."""
        return self.run / "shown" / "node.json"

    @property
    def shown_version(self) -> Path:
        """Which version is in force, and since when, for `web`: root's word, whatever the worker does."""
        return self.shown.with_name("in-force.json")

    @property
    def shown_authorities(self) -> Path:
        """When the authorities of carriers end, for `web`, which may not read where they stand."""
        return self.shown.with_name("authorities.json")

    @property
    def acme_chain(self) -> Path:
        """What a public authority issued last, written by the process that speaks ACME."""
        return self.state / "acme" / "chain.pem"

    @property
    def acme_state(self) -> Path:
        """How that process is getting on (`engines.certificate_state`)."""
        return self.run / "acme" / "state.json"

    @property
    def shown_state(self) -> Path:
        """Which certificates from elsewhere are in use, and what is wrong with those that are not."""
        return self.run / "certificates" / "state.json"

    @property
    def identities(self) -> Path:
        """Signing certificates by ACME, and whom to trust; written by who speaks with the authorities."""
        return self.state / "identities"

    @property
    def trusted_list(self) -> Path:
        """The list of trusted authorities as the policy administrator signed it; who reads it checks that."""
        return self.identities / "trusted-list.jwt"

    @property
    def revocations(self) -> Path:
        """Its revocation list, of which the same holds."""
        return self.identities / "crl.der"

    @property
    def held_lists(self) -> Path:
        """Both as each gate holds them (`trunkward.engines.held_lists`); what is wrong with those there."""
        return self.state / "trust"

    @property
    def policy_administrator(self) -> Path:
        """The certificates both are signed under, as root copied them."""
        return self.run / "identities" / "administrator.pem"

    def signing_chain(self, name: str) -> Path:
        """The chain an identity signs under, where it comes by ACME; its signer checks it."""
        return self.identities / f"{name}.pem"

    @property
    def published(self) -> Path:
        """Chains under names of their own, for a web server."""
        return self.state / "published"

    @property
    def identities_task(self) -> Path:
        """What that process is to do (`engines.identity_task`)."""
        return self.run / "identities" / "task.json"

    @property
    def identities_state(self) -> Path:
        """How that process is getting on (`engines.certificate_state`)."""
        return self.run / "identities" / "state.json"

    @property
    def identities_renew(self) -> Path:
        """A person's wish that certificates are asked for now (`trunkward certs renew`); each is another."""
        return self.run / "identities" / "renew"

    def sign_of_life(self, part: str) -> Path:
        """What `acme`, `certificates` or `identities` writes each second."""
        return {
            "acme": self.acme_state,
            "certificates": self.shown_state,
            "identities": self.identities_state,
        }[part]

    def gate_socket(self, index: int) -> Path:
        """Where gate number `index` takes attempts."""
        return self.run / "gate" / f"{index}.sock"

    @property
    def signers(self) -> Path:
        """Where each signer tells its numbers (`trunkward.engines.signers`); root's word."""
        return self.run / "signers.json"

    def signer_run(self, identity: str = OF_NODE) -> Path:
        """What the signer of an identity has for this moment: its socket, and the count of a gap."""
        return self.run / signer_name(identity)

    def signer_socket_of(self, identity: str) -> Path:
        """Where the signer of an identity takes claims; each has a user, and so a directory, of its own."""
        return self.signer_run(identity) / "signer.sock"

    def signer_state(self, identity: str = OF_NODE) -> Path:
        """What it keeps: its journal, and the values that commits to."""
        return self.state / signer_name(identity)

    def signer_journal(self, identity: str = OF_NODE) -> Path:
        """Its journal."""
        return self.signer_state(identity) / "journal"

    def signed_with(self, identity: str, serial: str) -> Path:
        """A certificate it signs with, or did; `serial` in lower-case hex."""
        return self.signer_state(identity) / "certificates" / f"{serial}.pem"

    def signer_head(self, identity: str = OF_NODE) -> Path:
        """How far that is, told by the signer for the worker."""
        return self.run / "heads" / signer_name(identity) / "head.json"

    @property
    def acts_head(self) -> Path:
        """How far the journal of acts is, told by whoever acts for the worker."""
        return self.declared.with_name("acts-head.json")

    @property
    def heads(self) -> Path:
        """The heads of all journals, signed each minute by the worker (`trunkward.journal.heads`)."""
        return self.state / "heads" / "heads.log"

    @property
    def fetcher_socket(self) -> Path:
        """Where the fetcher takes URLs."""
        return self.run / "fetcher" / "fetcher.sock"

    @property
    def fetcher_hosts(self) -> Path:
        """How long hosts of certificates took (`engines.fetcher_hosts`)."""
        return self.fetcher_socket.with_name("hosts.json")

    @property
    def fetcher_authorities(self) -> Path:
        """Whom certificate hosts' TLS certificates must lead to, where that is not whom the system trusts."""
        return self.fetcher_socket.with_name("authorities.pem")

    @property
    def chains(self) -> Path:
        """Certificate chains that were fetched: a cache, so no part of a backup."""
        return self.state / CHAINS

    @property
    def valkey_run(self) -> Path:
        """Valkey's socket and configuration, and the passwords of its users."""
        return self.run / "live"

    @property
    def valkey_socket(self) -> Path:
        """Where the node's own Valkey listens, and nowhere else."""
        return self.valkey_run / "valkey.sock"

    @property
    def valkey_authorities(self) -> Path:
        """Who must vouch for one that is reached over TLS."""
        return self.valkey_run / "authorities.pem"

    @property
    def valkey(self) -> Place:
        """Where the Valkey listens that this node counts in."""
        return Place(where=self.live or str(self.valkey_socket), authorities=self.valkey_authorities)

    def valkey_secret(self, user: str) -> Path:
        """The password of one of Valkey's users."""
        return self.valkey_run / f"{user}.secret"

    @property
    def valkey_data(self) -> Path:
        """Valkey's append-only file: calls of this moment, so no part of a backup."""
        return self.state / VALKEY_DATA

    @property
    def supervisor_socket(self) -> Path:
        """The supervisor's control socket, root only."""
        return self.run / "supervisor.sock"


def signer_name(identity: str) -> str:
    """The process that signs with an identity, and what its directories are called."""
    return "signer" if identity == OF_NODE else f"signer-{identity}"


def identity_of(signer: str) -> str:
    """Whose a signer is, by its `signer_name`."""
    return OF_NODE if signer == signer_name(OF_NODE) else signer.partition("-")[2]


def live_file(run: Path) -> Path:
    """Names the Valkey a running node counts in, for commands of a person."""
    return run / "live" / "where"


def _read_live(run: Path) -> str:
    try:
        return live_file(run).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def snapshot_name(version: int) -> str:
    """The file name of a compiled policy."""
    return f"{version:012d}.snapshot"


def read_database(file: Path) -> tuple[str, bool]:
    """The one setting: a PostgreSQL by its URL, and whether `records-only` stands before it.

    "" where the file is not there or says `sqlite`.

    Raises `SettingsRefused`.
    """
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return "", False
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingsRefused(f"{file}: cannot be read: {problem}") from None
    said = [line for line in lines if line and not line.startswith("#")]
    if said in ([], ["sqlite"]):
        return "", False
    how = (
        "write sqlite, or one URL such as postgresql://trunkward@/trunkward?host=/run/postgresql, with "
        "records-only before it for a database of several nodes"
    )
    written = re.fullmatch(r"(records-only +)?(postgresql://[!-~]*)", said[0])
    if len(said) > 1 or written is None:
        raise SettingsRefused(f"{file}: {how}")
    try:
        url = urlsplit(written[2])
        secret = url.password is not None
    except ValueError:
        raise SettingsRefused(f"{file}: {how}") from None
    # the worker's command line, and so everybody on the machine, sees it
    if secret or re.search(r"(^|&)(ssl)?password=", url.query.lower()):
        raise SettingsRefused(f"{file}: no password in it: use peer authentication, or ?passfile=/a/file")
    if len(url.path) < 2:
        raise SettingsRefused(f"{file}: it names no database: {how}")
    return written[2], written[1] is not None
