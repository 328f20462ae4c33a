"""The measurements of record: what is measured, of which systems, in which order."""

from __future__ import annotations

from dataclasses import dataclass

from bench.measure import Load

USUAL = ("bare", "no-media", "node")
"""The yardstick first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One table, or one for each rate."""

    title: str
    systems: tuple[str, ...]
    load: Load
    find_max: bool = False


def load(
    *rates: float,
    seconds: float = 8.0,
    rounds: int = 1,
    held_s: float = 0.0,
    trunks: int = 20,
    idle_connections: int = 0,
) -> Load:
    """A load of 20 trunks; 5 % of the idle connections are renewed a minute."""
    return Load(
        rates=rates,
        seconds=seconds,
        rounds=rounds,
        held_s=held_s,
        trunks=trunks,
        idle_connections=idle_connections,
        reconnecting=0.05,
        ring_s=None,
    )


RECORD = (
    Measurement(
        title="CPU and set-up time, and the highest clean rate",
        systems=USUAL,
        load=load(50.0, 100.0, rounds=5),
        find_max=True,
    ),
    Measurement(title="Calls held for 10 s", systems=USUAL, load=load(50.0, held_s=10.0)),
    Measurement(
        title="Beside 1,000 idle TLS connections",
        systems=USUAL,
        load=load(50.0, seconds=15.0, idle_connections=1000),
    ),
)
"""In all under a quarter of an hour."""
