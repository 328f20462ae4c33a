"""`./trunkward bench shaken`: what a signature and a verification cost besides the arithmetic of P-256.

In one process, in turns: the same message signed by `cryptography` alone, and a whole Identity header (claims
built and checked, serialised, signed, encoded); the same signature verified by `cryptography` alone, and a
whole verification with a kept credential (grammar, JSON, claims, time, parties, signature, outcome). CPU of
this process alone; each number is the median of all turns, each ratio that of the two medians.

1 when a ratio or a rate is worse than its goal.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from trunkward.shaken.attest import Attestation
from trunkward.shaken.credential import credential_of
from trunkward.shaken.crl import NO_LIST
from trunkward.shaken.passport import PassportSigner, ShakenClaims
from trunkward.shaken.testauthority import build_signing_certificate, build_test_authority
from trunkward.shaken.trusted_list import TrustedList
from trunkward.shaken.verify import CalledAs, Verstat, verify

X5U = "https://certificates.example.com/709J/3f2a77c0-1.pem"
ORIGID = "8f3a0f5e-7c0b-8d55-9f0e-1c2d3e4f5a6b"
CALLER, CALLED = "12025550100", "12025550110"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a whole act may cost: as a multiple of the raw one, and in acts a second on one core."""

    ratio: float
    rate: int


SIGNING = Goal(ratio=1.4, rate=10_000)
VERIFYING = Goal(ratio=1.25, rate=5_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one act took, in microseconds of CPU: the arithmetic alone, and all of it."""

    act: str
    raw_us: float
    whole_us: float
    goal: Goal

    @property
    def ratio(self) -> float:
        return self.whole_us / self.raw_us

    @property
    def rate(self) -> float:
        """Whole acts a second of one core."""
        return 1e6 / self.whole_us

    def met(self) -> bool:
        return self.ratio <= self.goal.ratio and self.rate >= self.goal.rate

    def line(self) -> str:
        return (
            f"| {self.act} | {self.raw_us:.1f} µs | {self.whole_us:.1f} µs | {self.ratio:.2f} "
            f"| {self.goal.ratio} | {self.rate:,.0f} | {self.goal.rate:,} |"
        )


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(prog="./trunkward bench shaken", description=__doc__)
    parser.add_argument("--turns", type=int, default=400)
    parser.add_argument("--acts", type=int, default=100, help="acts in one turn")
    options = parser.parse_args(arguments)
    print("| act | raw | whole | ratio | allowed | a second | wanted |\n|---|---:|---:|---:|---:|---:|---:|")
    costs = measured(options.turns, options.acts)
    print("\n".join(cost.line() for cost in costs))
    return 0 if all(cost.met() for cost in costs) else 1


def measured(turns: int, acts: int) -> list[Cost]:
    """The cost of a signature and of a warm verification."""
    found: list[Cost] = []
    for act, raw, whole, goal in _acts():
        raw_us, whole_us = _in_turns(raw, whole, turns, acts)
        found.append(Cost(act=act, raw_us=raw_us, whole_us=whole_us, goal=goal))
    return found


def _acts() -> list[tuple[str, Callable[[], object], Callable[[], object], Goal]]:
    now = datetime.now(UTC)
    now_s = now.timestamp()
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = build_test_authority(authority_key, serial=1 << 99, now=now, lifetime=timedelta(days=2))
    certificate = build_signing_certificate(
        key.public_key(),
        authority=authority,
        authority_key=authority_key,
        spc="709J",
        serial=1 << 100,
        now=now,
        lifetime=timedelta(days=1),
    )
    signer = PassportSigner.create(key, X5U)
    credential = credential_of(
        certificate.public_bytes(Encoding.PEM), TrustedList.of(authority), NO_LIST, now_s
    )
    call = CalledAs(orig=(CALLER,), to=CALLED, request_uri=CALLED, date_s=now_s, call_id="bench")
    algorithm = ec.ECDSA(SHA256())

    def sign() -> str:
        return signer.identity(
            ShakenClaims(
                orig_tn=CALLER, dest_tns=(CALLED,), attest=Attestation.A, iat=int(now_s), origid=ORIGID
            )
        )

    value = sign()
    message = value.partition(";")[0].rpartition(".")[0].encode()
    public, signature = key.public_key(), key.sign(message, algorithm)

    def check() -> None:
        found = verify([value], call=call, credentials={X5U: credential}, now_s=now_s)
        assert found.outcome is Verstat.PASSED

    return [
        ("signature", lambda: key.sign(message, algorithm), sign, SIGNING),
        ("warm verification", lambda: public.verify(signature, message, algorithm), check, VERIFYING),
    ]


def _in_turns(
    raw: Callable[[], object], whole: Callable[[], object], turns: int, acts: int
) -> tuple[float, float]:
    """Median microseconds of CPU of one act of each."""
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(turns):
        for act, times in zip((raw, whole), took, strict=True):
            began = time.process_time()
            for _ in range(acts):
                act()
            times.append((time.process_time() - began) / acts * 1e6)
    return statistics.median(took[0]), statistics.median(took[1])
