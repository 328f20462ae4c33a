"""`./trunkward bench ledger`: what reserving money costs Valkey, and whether it keeps up.

A real Valkey with the node's users and functions, a gate's client, calls by the timetable (open loop: they
start in time, however slow the answers are). Each call asks as an ordinary one does: places, a rate, and
money of three owners (trunk, tenant, reseller) with four windows each, and two carriers' caps; it is renewed
once and settled. Beside them 2,000 legs run, and the windows are full of buckets.

1. Round trips: commands Valkey was given for an admission.
2. CPU: of Valkey's process, for each admission, without money and with it; for each renewal and settlement.
3. Latency at `--rate`: from the moment a call should have asked to its answer.

1 when the p99 of an admission is more than `--most-ms` over the generator's own lateness, or when it takes
more than one round trip.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import time
from collections.abc import Awaitable, Callable, Iterator

import uvloop

from sipkit.valkey import OwnValkey
from trunkward.admission.ports import (
    Asked,
    Charge,
    Counter,
    Held,
    Rate,
    RunningLeg,
    RunningShare,
    Settlement,
    Share,
    Unavailable,
)
from trunkward.live import money
from trunkward.live.client import LiveClient
from trunkward.trunks.spending import Spending

_TRUNKS, _TENANTS, _RUNNING = 200, 50, 2000
_TARIFF = "300000:0:60:6"
_CAPS = Spending(call_micro=5 * 10**6, hour_micro=10**12, day_micro=10**12, month_micro=10**12)
_LONGEST_S = 75.0


def main(arguments: list[str]) -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="trunkward bench ledger", description=__doc__)
    parser.add_argument("--rate", type=int, default=1000, help="admissions a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--most-ms", type=float, default=5.0, help="p99 of an admission")
    options = parser.parse_args(arguments)
    valkey = OwnValkey()
    try:
        return uvloop.run(_Measured(valkey, options.rate, options.seconds).table(options.most_ms))
    finally:
        valkey.close()


class _Measured:
    def __init__(self, valkey: OwnValkey, rate: int, seconds: float) -> None:
        self._valkey, self._rate, self._seconds = valkey, rate, seconds
        self._numbers = self._failed = 0

    async def table(self, most_ms: float) -> int:
        gate = self._valkey.gate(deadline_s=0.1)
        await self._prepare(gate)
        print(f"{self._rate} a second for {self._seconds:g} s; {_RUNNING} legs running\n")
        columns = [
            *("", "Valkey's CPU, us each", "of a core", "commands each"),
            *("p50 ms", "p99 ms", "most ms", "generator late, p99 ms", "failed"),
        ]
        print(f"| {' | '.join(columns)} |\n|---{'|---:' * (len(columns) - 1)}|")
        await self._row("admission without money", lambda: self._admitted(gate, with_money=False))
        p99_ms, commands = await self._row("admission", lambda: self._admitted(gate, with_money=True))
        await self._row("whole call", lambda: self._whole_call(gate))
        await gate.close()
        missed = p99_ms > most_ms or round(commands, 2) > 1
        kept = "missed" if missed else "kept"
        print(f"\n{kept}: p99 at most {most_ms:g} ms above the generator's own, one round trip")
        return int(missed)

    async def _prepare(self, gate: LiveClient) -> None:
        """All is known, legs run, and buckets have been filled through the last 30 days."""
        with self._valkey.asks("worker") as worker:
            epoch = money.watched(worker.ask(*money.watch(_LONGEST_S, time.time()))).epoch
            worker.ask(*money.restored("bench", "place", epoch, ["bench"]))
            assert worker.ask(*money.recalled("bench", epoch, ["bench"])) == 0
        now = time.time()
        ages = [*range(0, 3600, 60), *range(3600, 86_400, 1800), *range(86_400, 30 * 86_400, 43_200)]
        for trunk in range(_TRUNKS):
            costs = tuple((owner, 1000) for owner in _owners(trunk))
            gate.settle(
                [Settlement(record_id=f"old-{trunk}-{age}", costs=costs, ended_at=now - age) for age in ages]
            )
            await self._told(gate)
        for number in range(_RUNNING):
            assert isinstance(await gate.admit(self._asked(f"running-{number}", number)), Held)

    async def _row(self, what: str, one: Callable[[], Awaitable[None]]) -> tuple[float, float]:
        calls = round(self._rate * self._seconds)
        late_ms: list[float] = []
        generator_ms: list[float] = []
        self._failed = 0

        async def timed(due: float) -> None:
            generator_ms.append((time.perf_counter() - due) * 1000)
            await one()
            late_ms.append((time.perf_counter() - due) * 1000)

        gc.collect()
        gc.freeze()
        cpu_s, commands, began = self._cpu_s(), self._commands(), time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(calls):
                due = began + number / self._rate
                if (wait_s := due - time.perf_counter()) > 0:
                    await asyncio.sleep(wait_s)
                group.create_task(timed(due))
        took_s = time.perf_counter() - began
        cpu_s, commands = self._cpu_s() - cpu_s, self._commands() - commands
        late_ms.sort()
        generator_ms.sort()
        p99, generator_p99 = late_ms[int(calls * 0.99)], generator_ms[int(calls * 0.99)]
        print(
            f"| {what} | {cpu_s / calls * 1e6:.0f} | {cpu_s / took_s:.1%} | {commands / calls:.2f} "
            f"| {late_ms[calls // 2]:.2f} | {p99:.2f} | {late_ms[-1]:.2f} "
            f"| {generator_p99:.2f} | {self._failed} |"
        )
        return p99 - generator_p99, commands / calls

    # ---- what is asked -----------------------------------------------------------------------------
    async def _admitted(self, gate: LiveClient, *, with_money: bool) -> None:
        number = next(self._fresh())
        fact = await gate.admit(self._asked(f"r{number}", number, with_money=with_money))
        self._failed += not isinstance(fact, Held)

    async def _whole_call(self, gate: LiveClient) -> None:
        number = next(self._fresh())
        name = f"r{number}"
        asked = self._asked(name, number)
        fact = await gate.admit(asked)
        if not isinstance(fact, Held):
            self._failed += 1
            return
        assert asked.money is not None
        shares = tuple(
            RunningShare(
                owner=share.owner,
                tariff=share.tariff,
                used_micro=300_000,
                had_micro=share.slice_micro,
                next_micro=690_000,
                caps=share.caps,
            )
            for share in asked.money.shares[:-1]
        )
        leg = RunningLeg(record_id=name, lasted_s=40, shares=shares)
        renewed = await gate.renew_legs([leg], hold_s=62, node="bench", longest_s=_LONGEST_S)
        self._failed += any(isinstance(fact, Unavailable) for fact in renewed)
        gate.settle([Settlement(record_id=name, costs=tuple((share.owner, 360_000) for share in shares))])
        gate.ended([(name, fact.counters)])

    def _asked(self, name: str, number: int, *, with_money: bool = True) -> Asked:
        trunk = number % _TRUNKS
        owners = _owners(trunk)
        shares = tuple(
            Share(owner=owner, tariff=_TARIFF, slice_micro=390_000, caps=_CAPS, carrier="carrier" in owner)
            for owner in owners
        )
        return Asked(
            record_id=name,
            hold_s=62,
            counters=tuple(
                Counter(key=f"calls:{key}", most=10**6)
                for key in (f"trunk:t{trunk}", f"tenant:{trunk % _TENANTS}", "reseller:west")
            ),
            rates=(Rate(key=f"rate:trunk:t{trunk}", per_second=10**5, burst=10**5),),
            money=Charge(node="bench", currency="EUR", longest_s=_LONGEST_S, shares=shares)
            if with_money
            else None,
        )

    def _fresh(self) -> Iterator[int]:
        self._numbers += 1
        yield self._numbers

    async def _told(self, gate: LiveClient) -> None:
        await gate.admit(Asked(record_id="x", hold_s=1, counters=(Counter(key="calls:none", most=0),)))

    # ---- Valkey ------------------------------------------------------------------------------------
    def _cpu_s(self) -> float:
        with open(f"/proc/{self._valkey.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _commands(self) -> int:
        with self._valkey.asks("root") as root:
            said = root.ask("INFO", "commandstats").decode()
        line = next(line for line in said.splitlines() if line.startswith("cmdstat_fcall:"))
        return int(line.split("calls=")[1].split(",")[0])


def _owners(trunk: int) -> list[str]:
    return [
        f"money:trunk:t{trunk}",
        f"money:tenant:{trunk % _TENANTS}",
        "money:reseller:west",
        "money:carrier:north",
        "money:carrier:east",
    ]
