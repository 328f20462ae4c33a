"""`./trunkward bench signer`: how long an answer of a real signer takes whose journal is on a disk.

Two signers take turns: one with its journal below `--place`, one with it in memory (`/dev/shm`). Each is
asked by the gate's own client, over one connection, for level A with its tokens:

1. By the timetable, at each of `--rates`: an answer is timed from when its request was due, so that up to a
   millisecond of it is the driver's own timer.
2. As fast as it answers, `AT_ONCE` requests on their way: signatures a second.

Beside them what the disk itself takes: lines appended and forced to it (fdatasync) one at a time, twice for
each, as a journal line and what it commits to are. What a signer does more than that it does by writing the
lines of many requests at once.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from trunkward.control.pki import SipNames
from trunkward.engines.pki_files import PkiFacts, PkiFiles, PkiOwners, ensure_pki, read_evidence_key
from trunkward.engines.signer_client import SignerClient
from trunkward.engines.signer_wire import SignRequest
from trunkward.shaken import relationship as relationships
from trunkward.shaken.evidence import Evidence, Kind, issue
from trunkward.shaken.relationship import Relationship
from trunkward.trunks.transit import OF_NODE

#: Requests on their way while it is asked as fast as it answers.
AT_ONCE = 64
_SPC, _CALLER, _CUSTOMER, _TRUNK = "709J", "12025550100", "KYC-2026-17", "acme-hq"
_READY_S = 20.0
#: As long as a journal line with its values is, half each.
_LINE = b"x" * 550 + b"\n"


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(prog="./trunkward bench signer", description=__doc__)
    parser.add_argument("--rates", type=int, nargs="+", default=[50, 200, 500], help="requests a second")
    parser.add_argument("--seconds", type=float, default=5.0, help="each, in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--place", type=Path, default=Path("/var/tmp"), help="directory on the disk")
    options = parser.parse_args(arguments)
    with ExitStack() as keep:
        pki = PkiFiles(_keys(Path(keep.enter_context(tempfile.TemporaryDirectory()))))
        request = _request(pki)
        places = {"on disk": options.place, "in memory": Path("/dev/shm")}
        sockets = {name: keep.enter_context(_signer(pki, place)) for name, place in places.items()}
        found = asyncio.run(_measured(sockets, request, options.rates, options.seconds, options.rounds))
    print("| requests a second | journal | median | p99 | longest |\n|---|---|---:|---:|---:|")
    for rate in options.rates:
        for name in sockets:
            took = sorted(found[name, rate])
            p99 = took[int(len(took) * 0.99)]
            print(
                f"| {rate} | {name} | {statistics.median(took):.2f} ms | {p99:.2f} ms | {took[-1]:.1f} ms |"
            )
    for name in sockets:
        print(f"| as fast as it answers | {name} | {statistics.median(found[name, 0]):,.0f} a second | | |")
    print(f"\nThe disk by itself: {_forced(options.place):,.0f} lines a second, one after the other.")
    return 0


async def _measured(
    sockets: dict[str, Path], request: SignRequest, rates: list[int], seconds: float, rounds: int
) -> dict[tuple[str, int], list[float]]:
    """By journal and rate milliseconds of each answer; at rate 0 signatures a second of each round."""
    clients = {name: SignerClient(socket) for name, socket in sockets.items()}
    found: dict[tuple[str, int], list[float]] = {}
    for client in clients.values():  # warm
        await _fast(client, request, 0.5)
    for _ in range(rounds):
        for rate in rates:
            for name, client in clients.items():
                found.setdefault((name, rate), []).extend(await _timed(client, request, rate, seconds))
        for name, client in clients.items():
            found.setdefault((name, 0), []).append(await _fast(client, request, seconds))
    for client in clients.values():
        await client.close()
    return found


async def _timed(client: SignerClient, request: SignRequest, rate: int, seconds: float) -> list[float]:
    began = time.perf_counter()

    async def one(due: float) -> float:
        await asyncio.sleep(due - time.perf_counter())
        await client.sign(request, 10)
        return (time.perf_counter() - due) * 1000

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(began + n / rate)) for n in range(int(rate * seconds))]
    return [task.result() for task in tasks]


async def _fast(client: SignerClient, request: SignRequest, seconds: float) -> float:
    began = time.perf_counter()

    async def asks() -> int:
        count = 0
        while time.perf_counter() - began < seconds:
            await client.sign(request, 10)
            count += 1
        return count

    counts = await asyncio.gather(*(asks() for _ in range(AT_ONCE)))
    return sum(counts) / (time.perf_counter() - began)


def _forced(place: Path, seconds: float = 2.0) -> float:
    count, began = 0, time.perf_counter()
    with tempfile.TemporaryFile(dir=place, buffering=0) as file:
        while time.perf_counter() - began < seconds:
            for _ in range(2):
                file.write(_LINE)
                os.fdatasync(file.fileno())
            count += 1
    return count / (time.perf_counter() - began)


def _keys(home: Path) -> Path:
    facts = PkiFacts(
        node="sbc.example.com",
        node_names=SipNames(common_name="sbc.example.com", dns=("sbc.example.com",)),
        spc=_SPC,
    )
    owners = PkiOwners(edge_uid=0, gate_uid=0, signer_uid=0, worker_uid=0, cert_uid=0, identities_uid=0)
    ensure_pki(home / "pki", facts, owners, now=datetime.now(UTC))
    return home / "pki"


def _request(pki: PkiFiles) -> SignRequest:
    evidence = Evidence(
        kind=Kind.OWN_INVENTORY,
        identity=OF_NODE,
        customer=_CUSTOMER,
        trunk=_TRUNK,
        first=_CALLER,
        last=_CALLER,
        not_after=int(time.time()) + 3600,
        version=1,
        id="num-1",
        spc=_SPC,
    )
    relationship = Relationship(
        identity=OF_NODE,
        trunk=_TRUNK,
        customer=_CUSTOMER,
        since=int(time.time()) - 3600,
        until=int(time.time()) + 3600,
        supplies_levels=False,
        nam="",
        crn="",
        not_after=int(time.time()) + 3600,
        version=1,
    )
    key = read_evidence_key(pki.evidence_key)
    return SignRequest(
        trunk=_TRUNK,
        tenant="acme",
        customer=_CUSTOMER,
        orig=_CALLER,
        dest=["12025550110"],
        level="A",
        rule="A-own-inventory",
        relationship=relationships.issue(key, relationship),
        evidence=issue(key, evidence),
        origid="123e4567-e89b-82d3-a456-426655440000",
        record_id="rec-1",
    )


@contextmanager
def _signer(pki: PkiFiles, place: Path) -> Iterator[Path]:
    """The socket of one whose journal is below `place`."""
    with tempfile.TemporaryDirectory(dir=place) as directory:
        home = Path(directory)
        command = [
            *(sys.executable, "-m", "trunkward.signer", "--name", "node", "--socket", home / "s.sock"),
            *("--key", pki.shaken_key, "--certificate-chain", pki.shaken),
            *("--authorities", pki.shaken_authority, "--evidence-key", pki.evidence_public_key),
            *("--denied-evidence", pki.denied_evidence),
            *("--x5u", "https://cert.example.com/709J/1.pem", "--spc", _SPC, "--allow-uid", "0"),
            *("--journal", home / "journal", "--head", home / "head.json", "--gap", home / "gap.json"),
            *("--keep-days", "730", "--heads", home / "heads.log"),
        ]
        process = subprocess.Popen([str(word) for word in command], stderr=subprocess.DEVNULL)
        try:
            until = time.monotonic() + _READY_S
            while not (home / "s.sock").exists():
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit("no signer: run as root")
                time.sleep(0.02)
            yield home / "s.sock"
        finally:
            process.terminate()
            process.wait()
