"""`./trunkward bench swap`: decisions of a real gate while it changes from one large policy to another.

One gate process, started as the supervisor would, decides calls at an even rate: each admitted, its record
on the disk, unsigned (there is no signer). The link to its policy is turned to and fro between two compiled
ones. Reported: the time of every decision, those begun in the second after a change beside all others, and
the worst of them. 1 when one beside a change was delayed by more than is allowed.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from sipkit.places import TABLE
from trunkward.admission.snapshot import compile_snapshot
from trunkward.calls.attempt import Transport
from trunkward.control.node_file import read_node_file
from trunkward.settings import Paths, snapshot_name
from trunkward.trunks.model import Carrier, Declared, Host, MediaPolicy, Trunk

_EXAMPLE = Path(__file__).parents[1] / "examples" / "node.yaml"
_SDP = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 40000 RTP/SAVP 8\r\n"
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\r\n"
)
#: Seconds after a change in which a decision counts as one beside it.
_BESIDE_S = 1.0


def main(arguments: list[str]) -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="trunkward bench swap", description=__doc__)
    parser.add_argument("--prefixes", type=int, default=250_000)
    parser.add_argument("--trunks", type=int, default=2_000)
    parser.add_argument("--rate", type=float, default=200.0, help="decisions a second")
    parser.add_argument("--swaps", type=int, default=20)
    parser.add_argument(
        "--most", type=float, default=20.0, help="ms by which a change may delay a decision, the worst"
    )
    options = parser.parse_args(arguments)
    # not on a memory file system only because it is at hand: the records' disk is part of a decision
    with tempfile.TemporaryDirectory(prefix="twb-") as directory:
        return asyncio.run(_measure(Path(directory), options))


async def _measure(home: Path, options: argparse.Namespace) -> int:
    paths = Paths(config=home / "node.yaml", state=home / "state", run=home / "run", log=home / "log")
    for place in (paths.policy, paths.gate_records(0), paths.gate_socket(0).parent, paths.pki, paths.log):
        place.mkdir(parents=True)
    (paths.pki / "origid.secret").write_text("00" * 32)
    certificate = _certificate()
    declared = _declared(options.prefixes, options.trunks, certificate)
    began = time.perf_counter()
    sizes = []
    for version in (1, 2):
        snapshot = compile_snapshot(declared, {}, version, TABLE)
        (paths.policy / snapshot_name(version)).write_bytes(snapshot)
        sizes.append(len(snapshot))
    compiled_s = (time.perf_counter() - began) / 2
    _turn_to(paths, 1)
    where = [f"--{name}={getattr(paths, name)}" for name in ("config", "state", "run", "log")]
    with (paths.log / "gate.log").open("wb") as log:
        gate = subprocess.Popen(  # noqa: ASYNC220  # before there is anything to measure
            [sys.executable, "-m", "trunkward.gate", "--index=0", *where], stdout=log, stderr=log
        )
        try:
            while not paths.gate_socket(0).exists():
                if gate.poll() is not None:
                    print((paths.log / "gate.log").read_text(), file=sys.stderr)
                    return 1
                await asyncio.sleep(0.05)
            beside, others = await _decide(paths, certificate, options)
        finally:
            gate.terminate()
            gate.wait()
    print(f"{options.prefixes:,} prefixes, {options.trunks:,} trunks: {sizes[0] / 1e6:.0f} MB,")
    print(f"compiled in {compiled_s:.1f} s; {options.swaps} changes, {options.rate:.0f} decisions/s\n")
    print("| ms | decisions | p50 | p99 | worst |\n|---|---:|---:|---:|---:|")
    for name, took in (("in the second after a change", beside), ("all others", others)):
        ms = sorted(t * 1000 for t in took)
        p99 = ms[int(len(ms) * 0.99)]
        print(f"| {name} | {len(ms)} | {statistics.median(ms):.2f} | {p99:.2f} | {ms[-1]:.2f} |")
    delayed = (max(beside) - statistics.median(others)) * 1000
    print(f"\nworst delay beside a change: {delayed:.1f} ms over the median of the others")
    if delayed > options.most:
        print(f"missed: {options.most:g} ms at most")
    return int(delayed > options.most)


async def _decide(
    paths: Paths, certificate: x509.Certificate, options: argparse.Namespace
) -> tuple[list[float], list[float]]:
    free = asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]()
    for _ in range(8):  # as many workers as the edge has for calls being set up
        free.put_nowait(await asyncio.open_unix_connection(paths.gate_socket(0)))
    pem = certificate.public_bytes(Encoding.PEM).decode()
    took: list[tuple[float, float]] = []
    changed: list[float] = []
    refused: list[str] = []

    async def call(number: int) -> None:
        frame = json.dumps(_attempt(number, pem, options.trunks, options.prefixes)).encode()
        began = time.perf_counter()
        reader, writer = await free.get()
        writer.write(len(frame).to_bytes(4, "big") + frame)
        verdict = await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
        took.append((began, time.perf_counter() - began))
        free.put_nowait((reader, writer))
        if b'"admit"' not in verdict:
            refused.append(verdict.decode())

    async def swap() -> None:
        for number in range(options.swaps):
            await asyncio.sleep(2 * _BESIDE_S)
            changed.append(time.perf_counter())
            _turn_to(paths, 2 - number % 2)
        await asyncio.sleep(2 * _BESIDE_S)

    swapping = asyncio.create_task(swap())
    number, start, calls = 0, time.perf_counter(), set[asyncio.Task[None]]()
    while not swapping.done():
        number += 1
        await asyncio.sleep(max(0.0, start + number / options.rate - time.perf_counter()))
        task = asyncio.create_task(call(number))
        calls.add(task)
        task.add_done_callback(calls.discard)
    await asyncio.gather(*calls)
    if refused:
        raise SystemExit(f"not admitted: {refused[0]}\n{(paths.log / 'gate.log').read_text()[-2000:]}")
    warm = [t for t in took if t[0] > start + _BESIDE_S]
    is_beside = [any(0 <= at - change < _BESIDE_S for change in changed) for at, _ in warm]
    return (
        [took_s for (_, took_s), beside in zip(warm, is_beside, strict=True) if beside],
        [took_s for (_, took_s), beside in zip(warm, is_beside, strict=True) if not beside],
    )


def _attempt(number: int, pem: str, trunks: int, prefixes: int) -> dict[str, object]:
    called = f"{_prefix((number * 7919) % prefixes)}000"
    return {
        "kind": "attempt",
        "id": os.urandom(16).hex(),
        "at": time.time(),
        "source_ip": "192.0.2.1",
        "source_port": 5061,
        "transport": "tls",
        "local_ip": "192.0.2.254",
        "local_port": 5061,
        "tls": {"version": "TLSv1.3", "cipher": "x", "peer_certificate": pem, "peer_verified": False},
        "ruri": f"sip:{called}@sbc.example.com",
        "from_uri": f"sip:+1303555{number % trunks:04d}@pbx.example.com",
        "to_uri": f"sip:{called}@sbc.example.com",
        "call_id": f"c{number}",
        "from_tag": "t",
        "content_type": "application/sdp",
        "body": _SDP,
    }


def _declared(prefixes: int, trunks: int, certificate: x509.Certificate) -> Declared:
    """Test data: numbers of nobody; the first trunk shows the certificate of the calls."""
    example = read_node_file(_EXAMPLE.read_text(encoding="utf-8"), "node.yaml")
    network = ipaddress.ip_network("192.0.2.0/24")
    shown = certificate.fingerprint(SHA256()).hex()
    return replace(
        example,
        trunks=tuple(
            Trunk(
                name=f"pbx-{index}",
                tenant=f"tenant-{index % 100}",
                networks=(network,),
                certificate_sha256=shown if not index else f"{index:064x}",
                certificate_issued_here=False,
                numbers=(f"+1303555{index:04d}",),
                host=None,
            )
            for index in range(trunks)
        ),
        carriers=tuple(
            Carrier(
                name=f"carrier-{part}",
                hosts=(Host(host="203.0.113.1", port=5061),),
                transport=Transport.TLS,
                media=MediaPolicy.SRTP,
                prefixes=tuple(_prefix(index) for index in range(part, prefixes, 10)),
                networks=(network,),
                tls_names=("north.example.net",),
            )
            for part in range(10)
        ),
    )


def _prefix(index: int) -> str:
    """An area code, an exchange and one digit: as fine as rate tables are."""
    area, rest = divmod(index, 8_000)
    return f"+1{202 + area}{200 + rest // 10}{rest % 10}"


def _certificate() -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pbx-0")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return builder.sign(key, SHA256())


def _turn_to(paths: Paths, version: int) -> None:
    part = paths.policy / "current.part"
    part.symlink_to(snapshot_name(version))
    part.rename(paths.policy / "current")
