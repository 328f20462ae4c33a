"""`./trunkward bench verification`: what verifying a carrier's calls adds to their set-up, on a whole node.

1. Calls with a signature, of a known certificate, beside the same calls without one: both kinds run at once,
   each on a connection of its own, so that whatever drifts meets both.
2. Calls beside others whose certificate host never answers (each names a URL nobody has asked for), and
   beside as many others with a good one.

Times are from the caller's INVITE to its arrival at the customer's PBX.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bench import TOOLKIT
from bench.process import stop, tail
from bench.system import SystemFailedError
from sipkit.certificate_host import CertificateHost
from sipkit.certificates import Credential, ThrowawayAuthority
from sipkit.load.caller import Caller, Plan, TrunkNumbers
from sipkit.load.carrier import Carrier
from sipkit.load.tally import Tally, percentile
from sipkit.nameserver import NameServer
from sipkit.provider import Provider
from sipkit.transport import Address, client_context, listen_stream, open_stream, server_context

_SBC, _PBX = Address(host="127.0.0.10", port=5061), Address(host="127.0.0.21", port=15061)
_DNS = Address(host="127.0.0.53", port=5353)
_HOST, _SILENT = "198.51.100.10", "198.51.100.11"
_CALLING, _CALLED = "+12125550142", "+12025550101"
_READY_S = 60.0
#: Of the calls whose certificate host is silent: a second.
_DEAD_RATE = 5.0


@dataclass
class _Stand:
    """A node that is up, and how its carrier calls."""

    home: Path
    authority: Path
    carrier: Credential
    provider: Provider
    #: URLs on the host that never answers, no two the same.
    numbers: itertools.count[int]

    def signed(self) -> bytes:
        """An Identity header of the known certificate."""
        return f"Identity: {self.provider.identity(_CALLING, _CALLED)}\r\n".encode()

    def dead(self) -> bytes:
        """The same, of one behind a host that never answers."""
        url = f"https://silent.example.net/{next(self.numbers)}.pem"
        return f"Identity: {self.provider.at(url).identity(_CALLING, _CALLED)}\r\n".encode()


def main(arguments: list[str]) -> int:
    """Measures and prints. 1 when a call failed or the node did not start."""
    parser = argparse.ArgumentParser(prog="trunkward bench verification", description=__doc__)
    parser.add_argument("--rate", type=float, default=25.0, help="calls a second of each kind")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of a run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="every number, as JSON")
    options = parser.parse_args(arguments)
    for address in (_HOST, _SILENT):  # the namespace is the bench's own
        subprocess.run(["ip", "addr", "replace", f"{address}/32", "dev", "lo"], check=True)
    with tempfile.TemporaryDirectory(prefix="twb-") as directory:
        Path(directory).chmod(0o755)
        try:
            found = asyncio.run(_measured(Path(directory), options))
        except SystemFailedError as problem:
            print(f"bench: {problem}", file=sys.stderr)
            return 1
    print(_report(found, options))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    return int(any(one["failures"] for one in found))


async def _measured(directory: Path, options: argparse.Namespace) -> list[dict[str, object]]:
    web = ThrowawayAuthority(directory / "web")
    records = [("certificates.example.net", "A", _HOST), ("silent.example.net", "A", _SILENT)]
    found: list[dict[str, object]] = []
    async with AsyncExitStack() as stack:
        stack.enter_context(NameServer(_DNS, records))
        (directory / "node").mkdir(mode=0o755)
        node = await _started(directory / "node", web.trust)
        stack.push_async_callback(stop, node, signal.SIGINT)
        stand = _stand(directory / "node")
        credential = web.issue("certificates.example.net")
        host = await stack.enter_async_context(CertificateHost(Address(host=_HOST, port=443), credential))
        host.publish("/709J.pem", stand.provider.chain)
        silent = await asyncio.start_server(_never, _SILENT, 443)
        stack.callback(silent.close)
        pbx = Carrier(_PBX.host)
        credential = _credential(directory / "node", "acme-hq")
        listener = await listen_stream(_PBX, pbx.receive, tls=server_context(credential, stand.authority))
        stack.push_async_callback(listener.close)
        pbx.listen_on(listener.local)
        plan = Plan(rate=options.rate, seconds=options.seconds)
        both = (("unverified", bytes), ("verified", stand.signed))
        await _side_by_side(stand, Plan(rate=10, seconds=2), both)
        for number in range(options.rounds):
            _progress(f"round {number + 1} of {options.rounds}: verified beside unverified")
            found += _told("beside", number, await _side_by_side(stand, plan, both))
            for name, more in (("beside good", stand.signed), ("beside dead", stand.dead)):
                _progress(f"round {number + 1} of {options.rounds}: calls {name}")
                others = Plan(rate=_DEAD_RATE, seconds=options.seconds)
                kinds = (("calls", stand.signed), ("others", more))
                found += _told(name, number, await _side_by_side(stand, plan, kinds, others))
    return found


async def _side_by_side(
    stand: _Stand, plan: Plan, kinds: Sequence[tuple[str, Callable[[], bytes]]], second: Plan | None = None
) -> dict[str, Tally]:
    async with AsyncExitStack() as stack:
        callers = []
        for _, more in kinds:
            caller = Caller()
            flow = await open_stream(
                _SBC,
                caller.receive,
                tls=client_context(stand.authority, stand.carrier),
                server_name="sbc.example.com",
            )
            stack.push_async_callback(flow.close)
            numbers = TrunkNumbers(
                caller=f"sip:{_CALLING}@north.example.net", called=f"sip:{_CALLED}@sbc.example.com", more=more
            )
            caller.trunks.append((flow, numbers))
            callers.append(caller)
        tallies = await asyncio.gather(callers[0].run(plan), callers[1].run(second or plan))
    return {name: tally for (name, _), tally in zip(kinds, tallies, strict=True)}


def _told(what: str, number: int, tallies: dict[str, Tally]) -> list[dict[str, object]]:
    return [
        {
            "what": what,
            "round": number,
            "kind": kind,
            "attempts": tally.attempts,
            "failures": tally.failures,
            "p50_ms": percentile(tally.to_carrier_s, 0.5) * 1000,
            "p99_ms": percentile(tally.to_carrier_s, 0.99) * 1000,
            "late_p99_ms": percentile(tally.lateness_s, 0.99) * 1000,
        }
        for kind, tally in tallies.items()
    ]


def _report(found: list[dict[str, object]], options: argparse.Namespace) -> str:
    def of(what: str, kind: str, name: str) -> list[float]:
        return [float(str(one[name])) for one in found if (one["what"], one["kind"]) == (what, kind)]

    def differences(first: tuple[str, str], second: tuple[str, str], name: str) -> list[float]:
        return [b - a for a, b in zip(of(*first, name), of(*second, name), strict=True)]

    how = f"{options.rounds} rounds of {options.seconds:g} s at {options.rate:g} calls/s of each kind"
    lines = [
        f"{how}, media anchored; INVITE to its arrival at the PBX, medians over the rounds.",
        "",
        "| calls | p50 ms | p99 ms | added p50 ms | added p99 ms |",
        "|---|---:|---:|---:|---:|",
    ]
    rows = (
        ("unverified", ("beside", "unverified"), None),
        ("verified, beside them", ("beside", "verified"), ("beside", "unverified")),
        (f"beside {_DEAD_RATE:g}/s with a good host", ("beside good", "calls"), None),
        (
            f"beside {_DEAD_RATE:g}/s with a host that never answers",
            ("beside dead", "calls"),
            ("beside good", "calls"),
        ),
    )
    for title, this, other in rows:
        cells = [f"{statistics.median(of(*this, name)):.2f}" for name in ("p50_ms", "p99_ms")]
        cells += [
            f"{statistics.median(differences(other, this, name)):+.2f}" if other else ""
            for name in ("p50_ms", "p99_ms")
        ]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    failed = sum(int(str(one["failures"])) for one in found)
    return "\n".join([*lines, "", f"Failed calls: {failed}."])


async def _never(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)
    writer.close()


async def _started(home: Path, trust: Path) -> asyncio.subprocess.Process:
    example = (TOOLKIT.parent / "examples" / "node.yaml").read_text(encoding="utf-8")
    rich = (
        "        limits: {calls: 100000, international: 100000, per_second: 10000}\n"
        "        spend: {call: 100000, hour: 1000000, day: 1000000, month: 1000000}\n"
    )
    issued = "        client_certificate: issued\n"
    gates = (
        f"  gates: 2\n  resolvers: ['{_DNS}']\n  probes: {{every_s: 0}}\n"
        f"  verification: {{ca: {trust}, unsafe_networks: ['198.51.100.0/24']}}\n"
    )
    text = example.replace(issued, issued + rich, 1).replace("  gates: 2\n", gates, 1)
    (home / "node.yaml").write_text(text, encoding="utf-8")
    log = home / "up.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *("trunkward", "up"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=os.environ | {"TRUNKWARD_HOME": str(home)},
        )
    for _ in range(int(_READY_S / 0.1)):
        if re.search("ready after", log.read_text(errors="replace")):
            return process
        if process.returncode is not None:
            break
        await asyncio.sleep(0.1)
    raise SystemFailedError(f"the node did not start:\n{tail(log)}")


def _stand(home: Path) -> _Stand:
    pki = home / "state" / "pki"
    key = load_pem_private_key((pki / "authority" / "shaken.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    root = x509.load_pem_x509_certificate((pki / "shaken-ca.pem").read_bytes())
    return _Stand(
        home=home,
        authority=pki / "sip-ca.pem",
        carrier=_credential(home, "north"),
        provider=Provider(authority=(key, root)),
        numbers=itertools.count(),
    )


def _credential(home: Path, name: str) -> Credential:
    peers = home / "state" / "pki" / "peers"
    return Credential(certificate=peers / f"{name}.pem", key=peers / f"{name}.key")


def _progress(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)
