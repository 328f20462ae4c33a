"""`./trunkward bench admission`: what one call costs a gate, from the attempt it reads to the verdict it has.

1. The pure line, screen to judge, in this process: CPU per call, by kinds of calls from all trunks in turn.
   The policy is as large as that of a provider of some size: as many prefixes of carriers, and as many
   destinations, as a carrier's rate deck has.
2. How large that policy is, and how long it takes to compile and to map.

3. The whole gate (`bench.whole_gate`): a node, and a driver that asks its one gate as the edge would.

1 when the median of some kind, or the gate's CPU per call under some load, is over what is allowed.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import msgspec

from bench import whole_gate
from bench.large import (
    attempt_of,
    called_of,
    certificate_of_nobody,
    destinations,
    large_declared,
    own_number,
)
from trunkward.admission.checks import checked, screened
from trunkward.admission.judge import Judgement, judge
from trunkward.admission.limits import asked_of
from trunkward.admission.ports import NO_FACTS, Facts, Held, PeerIdentity, Signature
from trunkward.admission.screen import screen
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.verdict import Reason
from trunkward.engines.number_plans import shipped_destinations
from trunkward.shaken.attest import Attestation
from trunkward.trunks.destinations import (
    DestinationPolicies,
    DestinationPolicy,
    Level,
    Outside,
    allowed,
    hours,
)
from trunkward.trunks.model import Declared, Host

#: As long as a signature with its info parameter is.
_IDENTITY = "x" * 460
#: By kind of call: its called number by the call's own, what else is changed, and the reason it must get.
_KINDS: Mapping[str, tuple[Callable[[int, int], dict[str, Any]], Reason]] = {
    "out, at home": (lambda number, prefixes: {"called": called_of(number, prefixes)}, Reason.ADMITTED),
    "out, abroad": (lambda number, _: {"called": f"+3319900{number % 10_000:04d}"}, Reason.ADMITTED),
    "out, premium, opened": (lambda number, _: {"called": f"+3389900{number % 10_000:04d}"}, Reason.ADMITTED),
    "out, emergency": (lambda _number, _prefixes: {"called": "911"}, Reason.ADMITTED_EMERGENCY),
    "out, country not opened": (
        lambda number, _: {"called": f"+442079460{number % 1_000:03d}"},
        Reason.DESTINATION_NOT_ALLOWED,
    ),
    "out, unknown beginning": (
        lambda number, _: {"called": f"+21055{number % 10_000:06d}"},
        Reason.DESTINATION_UNKNOWN,
    ),
    "in": (lambda number, _: {"inbound": True, "called": own_number(number % 100)}, Reason.ADMITTED),
    "from a stranger": (lambda _number, _prefixes: {"source_ip": "198.51.100.9"}, Reason.UNKNOWN_SOURCE),
}


def main(arguments: list[str]) -> int:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(prog="trunkward bench admission", description=__doc__)
    parser.add_argument("--prefixes", type=int, default=250_000)
    parser.add_argument("--trunks", type=int, default=2_000)
    parser.add_argument("--calls", type=int, default=4_000, help="of each kind")
    parser.add_argument("--most-line", type=float, default=150.0, help="us the median of a kind may take")
    parser.add_argument(
        "--rates",
        type=float,
        nargs="*",
        default=[50.0, 200.0, 500.0],
        help="calls a second the whole gate is asked",
    )
    parser.add_argument(
        "--at-once",
        type=int,
        nargs="*",
        default=[1, 8],
        help="askers at once, each with one call after the other",
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="of each of these")
    parser.add_argument("--most-gate", type=float, default=350.0, help="us of CPU the gate may take per call")
    parser.add_argument("--without-gate", action="store_true", help="the pure line alone")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="twb-") as directory:
        policy = _policy(Path(directory), options)
        medians = _line(policy, options)
    allowed_us = dict.fromkeys(medians, options.most_line)
    if not options.without_gate:
        del policy
        took_us = whole_gate.measure(options)
        medians |= took_us
        allowed_us |= dict.fromkeys(took_us, options.most_gate)
    missed = [what for what, took in medians.items() if took > allowed_us[what]]
    for what in missed:
        print(f"\nmissed: {what} is to take {allowed_us[what]:g} us of CPU at most")
    return int(bool(missed))


def _policy(directory: Path, options: argparse.Namespace) -> Snapshot:
    declared = _with_destinations(large_declared(options.prefixes, options.trunks, certificate_of_nobody()))
    # as much as there is beside the deck: the shipped table
    table = {**shipped_destinations().prefixes, **destinations(options.prefixes)}
    began = time.process_time()
    compiled = compile_snapshot(declared, {}, 1, table)
    compile_s = time.process_time() - began
    file = directory / "policy"
    file.write_bytes(compiled)
    size = len(compiled)
    del compiled
    gc.collect()
    began = time.process_time()
    with file.open("rb") as opened:
        policy = Snapshot(memoryview(mmap(opened.fileno(), 0, access=ACCESS_READ)))
    map_s = time.process_time() - began
    print(
        f"{options.prefixes:,} prefixes of carriers, {len(table):,} destinations, {options.trunks:,} trunks\n"
    )
    print("| snapshot | |\n|---|---:|")
    print(f"| size, MB | {size / 1e6:.1f} |")
    print(f"| compiled in, s of CPU | {compile_s:.2f} |")
    print(f"| mapped and checked in, s of CPU | {map_s:.3f} |\n")
    return policy


def _with_destinations(declared: Declared) -> Declared:
    """Three levels for each trunk: of few resellers, some more tenants, and trunks that say twenty things."""
    office = hours("America/New_York", ["mon-sun 00:00-24:00"], Outside.DOMESTIC)
    reseller = DestinationPolicy(allow=allowed(("US", "CA", "FR", "FR/premium", "DE", "+88216")))
    tenant = DestinationPolicy(allow=allowed(("US", "CA", "FR", "FR/premium")), max_rate_micro=300_000)

    def levels(index: int) -> DestinationPolicies:
        own = DestinationPolicy(
            allow=allowed(("US", "FR", f"+33899{index % 20:02d}", "+33899")),
            max_rate_micro=200_000 + index % 20,
            hours=office,
        )
        return (Level.RESELLER, reseller), (Level.TENANT, tenant), (Level.TRUNK, own)

    host = Host(host="192.0.2.1", port=5061)
    trunks = tuple(
        replace(trunk, reseller="west", destinations=levels(index), host=host, tls_names=("pbx.example.com",))
        for index, trunk in enumerate(declared.trunks)
    )
    first, *others = declared.carriers
    # one of them takes all the world, and emergency calls
    world = (f"+{digit}" for digit in range(1, 10))
    first = replace(first, prefixes=(*first.prefixes, *world), emergency=True)
    return replace(declared, trunks=trunks, carriers=(first, *others))


def _line(policy: Snapshot, options: argparse.Namespace) -> dict[str, float]:
    print("| pure line, us of CPU per call | calls | median | p99 |\n|---|---:|---:|---:|")
    medians = {}
    signed = Facts(
        signature=Signature(identities=(_IDENTITY,), date="d", iat=int(time.time()), attest=Attestation.B),
        clock_synchronised=True,
        live=Held(record_id="r"),
    )
    gc.collect()
    gc.freeze()
    for kind, (_, reason) in _KINDS.items():
        took = []
        # made beforehand: reading frames is no part of the line
        for attempt, peer in list(_calls(kind, options)):
            facts = signed if reason is Reason.ADMITTED else NO_FACTS
            began = time.process_time_ns()
            judgement = _judged(attempt, peer, policy, facts)
            took.append((time.process_time_ns() - began) / 1000)
            if judgement.verdict.reason is not reason:
                raise SystemExit(f"{kind}: {judgement.verdict}, {judgement.findings[-1]}")
        # what is looked up again is remembered, as in a gate that has run for a while
        warm = sorted(took[len(took) // 2 :])
        medians[kind] = statistics.median(warm)
        print(f"| {kind} | {len(warm)} | {medians[kind]:.0f} | {warm[int(len(warm) * 0.99)]:.0f} |")
    return medians


def _judged(attempt: CallAttempt, peer: PeerIdentity, policy: Snapshot, facts: Facts) -> Judgement:
    """As `gate.line` does it, without what is asked."""
    case = screen(attempt, peer, policy)
    findings = screened(case)
    if findings[-1].refusal is None:
        asked_of(case, policy, "r")
        findings += checked(case, facts, attempt.at)
    return judge(case, findings, facts, "r", attempt.at)


def _calls(kind: str, options: argparse.Namespace) -> Iterator[tuple[CallAttempt, PeerIdentity]]:
    make, _ = _KINDS[kind]
    # each trunk has been asked for once before the half that counts
    for number in range(max(options.calls, 2 * options.trunks)):
        trunk = 1 + number * 7919 % (options.trunks - 1)
        changed = make(number, options.prefixes)
        values = attempt_of(trunk, changed.pop("called", "+12025550199"))
        peer = PeerIdentity(certificate_sha256=f"{trunk:064x}")
        if changed.pop("inbound", False):
            peer = PeerIdentity(
                certificate_sha256="cd" * 32, dns_names=("north.example.net",), chain_verified=True
            )
        yield msgspec.convert(values | changed, CallAttempt), peer
