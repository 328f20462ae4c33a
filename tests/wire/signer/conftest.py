"""A real signer process under its own user, in a directory other users can reach. Needs root."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import trunkward
from trunkward.control.pki import SipNames
from trunkward.engines.journals import read_private_key, segments_of, values_beside
from trunkward.engines.pki_files import (
    IdentityFacts,
    PkiFacts,
    PkiFiles,
    PkiOwners,
    ensure_pki,
    read_evidence_key,
)
from trunkward.engines.signer_wire import SignRequest
from trunkward.journal.examine import Report, examine
from trunkward.journal.heads import Head, signed_minute
from trunkward.shaken import relationship as relationships
from trunkward.shaken.evidence import Evidence, Kind, issue
from trunkward.shaken.relationship import Relationship
from trunkward.trunks.transit import OF_NODE

#: Ordinary ids stand for tw-edge, tw-gate and tw-signer: what is tested is that they differ.
EDGE, GATE, SIGNER, WORKER, RESOLD = 64011, 64012, 64013, 64015, 64017
SPC = "709J"
X5U = "https://cert.example.com/709J/1.pem"
SOURCE = str(Path(next(iter(trunkward.__path__))).parent)

#: The signer's program; and with patience: a machine that is busy for a moment is no slow disk, and an answer then
#: says of its line what the test has made. Of a slow disk: `tests/unit/signer/test_committing.py`.
PROGRAM = ("-m", "trunkward.signer")
PATIENT = (
    "-c",
    "import sys; from trunkward.signer import __main__ as it, committing; committing.PATIENCE_S = 4.0; sys.exit(it.main(sys.argv[1:]))",
)


@dataclass
class Node:
    """Keys in files, a signer to start and stop, and hands of other users."""

    home: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    #: Directories of signers beside it.
    more: list[Path] = field(default_factory=list)

    @property
    def files(self) -> PkiFiles:
        """Keys and certificates."""
        return PkiFiles(self.home / "pki")

    @property
    def socket(self) -> Path:
        """The signer's socket."""
        return self.home / "signer" / "s.sock"

    @property
    def journal(self) -> Path:
        """The only segment of the signer's journal."""
        return self.home / "signer" / "journal" / "000000000001.jsonl"

    @property
    def head(self) -> Path:
        """How far it is, as the signer tells."""
        return self.home / "signer" / "head.json"

    def report(self) -> Report:
        """What becomes of the journal when it is followed."""
        journal = self.journal.parent
        return examine("node", segments_of(journal), [], values_beside(journal))

    def token(self, trunk: str = "alpha", tn: str = "12025550100") -> str:
        """Evidence for an hour."""
        evidence = Evidence(
            kind=Kind.OWN_INVENTORY,
            identity=OF_NODE,
            customer="KYC-2026-17",
            trunk=trunk,
            first=tn,
            last=tn,
            not_after=int(time.time()) + 3600,
            version=1,
            id="num-1",
            spc=SPC,
        )
        return issue(read_evidence_key(self.files.evidence_key), evidence)

    def relationship(self, trunk: str = "alpha", until: int | None = None) -> str:
        """Whose a trunk is, for an hour."""
        now = int(time.time())
        said = Relationship(
            identity=OF_NODE,
            trunk=trunk,
            customer="KYC-2026-17",
            since=now - 3600,
            until=until or now + 3600,
            supplies_levels=False,
            nam="",
            crn="",
            not_after=now + 3600,
            version=now,
        )
        return relationships.issue(read_evidence_key(self.files.evidence_key), said)

    def request(
        self, level: str = "B", orig: str = "12025550100", evidence: str | None = None
    ) -> SignRequest:
        """A request as the gate makes it."""
        return SignRequest(
            trunk="alpha",
            tenant="acme",
            customer="KYC-2026-17",
            orig=orig,
            dest=["12025550110"],
            level=level,  # type: ignore[arg-type]
            rule="A-own-inventory" if level == "A" else "B-known-customer",
            relationship=self.relationship(),
            evidence=evidence,
            origid="123e4567-e89b-82d3-a456-426655440000",
            record_id="rec-1",
        )

    def start(
        self,
        *,
        allow_uid: int = 0,
        spc: str = SPC,
        wait: bool = True,
        metrics_port: int | None = None,
        key: str = "",
        environment: Mapping[str, str] = MappingProxyType({}),
        more: Sequence[str] = (),
    ) -> subprocess.Popen[bytes]:
        """Start a signer as its user, with `more` options. `wait`: until it answers at its socket."""
        return self._start(
            self.home / "signer", allow_uid=allow_uid, spc=spc, wait=wait, metrics_port=metrics_port, key=key,
            environment=environment, more=more, program=PATIENT,
        )  # fmt: skip

    def beside(self, place: Path) -> Path:
        """The socket of one more signer, as it is, whose journal is below `place`."""
        directory = Path(tempfile.mkdtemp(prefix="tw-signer-", dir=place))
        self.more.append(directory)
        os.chown(directory, SIGNER, SIGNER)
        directory.chmod(0o755)
        self._start(directory, allow_uid=0, spc=SPC, wait=True, metrics_port=None, key="", environment={})
        return directory / "s.sock"

    def _start(
        self,
        place: Path,
        *,
        allow_uid: int,
        spc: str,
        wait: bool,
        metrics_port: int | None,
        key: str,
        environment: Mapping[str, str],
        more: Sequence[str] = (),
        program: Sequence[str] = PROGRAM,
    ) -> subprocess.Popen[bytes]:
        command = [
            "setpriv", f"--reuid={SIGNER}", f"--regid={SIGNER}", "--clear-groups",
            sys.executable, *program,
            "--socket", str(place / "s.sock"), "--journal", str(place / "journal"),
            "--key", key or str(self.files.shaken_key), "--certificate-chain", str(self.files.shaken),
            "--authorities", str(self.files.shaken_authority), "--x5u", X5U, "--spc", spc,
            "--evidence-key", str(self.files.evidence_public_key),
            "--denied-evidence", str(self.files.denied_evidence), "--allow-uid", str(allow_uid),
            "--name", "node", "--head", str(place / "head.json"),
            "--gap", str(place / "gap.json"), "--keep-days", "730",
            "--heads", str(self.home / "heads.log"), "--unsafe-trusted-clock", *more,
        ]  # fmt: skip
        if metrics_port is not None:
            command += ["--metrics-port", str(metrics_port)]
        before = _made(place / "s.sock")  # one that was killed has left it
        process = subprocess.Popen(command, env=_environment() | dict(environment), stderr=subprocess.PIPE)
        self.processes.append(process)
        deadline = time.monotonic() + 20
        # whoever sees it is taken in; without connecting: the signer counts strangers
        while wait and _made(place / "s.sock") in (None, before):
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"no signer: {process.communicate()[1].decode()}")
            time.sleep(0.02)
        return process

    def run_as(
        self, uid: int, code: str, *arguments: str, environment: Mapping[str, str] = MappingProxyType({})
    ) -> subprocess.CompletedProcess[str]:
        """Run Python as another user."""
        return subprocess.run(
            [
                "setpriv",
                f"--reuid={uid}",
                f"--regid={uid}",
                "--clear-groups",
                sys.executable,
                "-c",
                code,
                *arguments,
            ],
            env=_environment() | dict(environment),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def end(self) -> None:
        """Stop what still runs."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.communicate()
        for directory in self.more:
            shutil.rmtree(directory)
        self.processes.clear()
        self.more.clear()


@pytest.fixture
def node() -> Iterator[Node]:
    """Fresh keys, no signer yet."""
    if os.geteuid() != 0:
        pytest.skip("users can be changed by root only")
    # in memory: what others write to the disk is not to make a signer's journal late
    home = Path(tempfile.mkdtemp(prefix="tw-signer-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    try:
        home.chmod(0o755)
        (home / "signer").mkdir(mode=0o755)
        os.chown(home / "signer", SIGNER, SIGNER)
        facts = PkiFacts(
            node="sbc.example.com",
            node_names=SipNames(common_name="sbc.example.com", dns=("sbc.example.com",)),
            spc=SPC,
            tested={"resold": IdentityFacts(spc="001T", signer_uid=RESOLD)},
        )
        owners = PkiOwners(
            edge_uid=EDGE,
            gate_uid=GATE,
            signer_uid=SIGNER,
            worker_uid=WORKER,
            cert_uid=EDGE,
            identities_uid=EDGE,
        )
        ensure_pki(home / "pki", facts, owners, now=datetime.now(UTC))
        # by which a signer sees that the clock was the same two hours ago
        key = read_private_key(PkiFiles(home / "pki").heads_key)
        _, line = signed_minute(None, [Head(journal=OF_NODE)], time.time() - 7200, key, lambda: bytes(16))
        (home / "heads.log").write_text(f"{line}\n")
        made = Node(home)
        yield made
        made.end()
    finally:
        shutil.rmtree(home)


def lines_below(journal: Path) -> list[dict[str, Any]]:
    """A journal's lines, but for one that is being written."""
    texts = [path.read_text() for path in sorted(journal.glob("*.jsonl"))]
    return [json.loads(line) for text in texts for line in text.rpartition("\n")[0].splitlines()]


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": SOURCE, "PYTHONDONTWRITEBYTECODE": "1"}


def _made(path: Path) -> tuple[int, int] | None:
    """Which one it is; None: there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_ctime_ns
