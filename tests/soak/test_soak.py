"""A node under load for minutes: no failed call, no process that grows.

The short form runs with every test, at a rate any machine holds; the long one is `./trunkward soak`.
"""

import asyncio
import os
import tempfile
from pathlib import Path

import pytest
from bench.soak import HEAD, Soaked, soak

#: Seconds of the long form; a shorter try-out says so here.
LONG_S = float(os.environ.get("TRUNKWARD_SOAK_SECONDS", "600"))
#: A file that gets the line of each run, for keeping.
REPORT = os.environ.get("TRUNKWARD_SOAK_REPORT")
#: Of the short form. What is kept for a while was measured as 5 kB a call and process.
MOST_BYTES_A_CALL = 20_000

pytestmark = [
    pytest.mark.wire,
    pytest.mark.skipif(os.geteuid() != 0, reason="a node gives each process its own user: needs root"),
]


def _soaked(seconds: float, rate: float | None, level_s: float | None = None) -> Soaked:
    with tempfile.TemporaryDirectory(prefix="tws-", dir="/tmp") as directory:
        soaked = asyncio.run(soak(Path(directory), seconds=seconds, rate=rate, level_s=level_s))
    if REPORT:
        with Path(REPORT).open("a") as file:
            file.write(soaked.line() + "\n")
    return soaked


def _told(soaked: Soaked) -> str:
    sizes = "".join(
        f"\n{name}: {growth.start / 1e6:.2f} MB {growth.grown / 1e6:+.2f}"
        for name, growth in soaked.growth.items()
    )
    return f"\n{HEAD}\n{soaked.line()}\n{soaked.counted.caller}{sizes}"


@pytest.mark.timeout(240)
def test_a_minute_of_calls_without_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    soaked = _soaked(60, rate=10, level_s=5)
    with capsys.disabled():
        print(_told(soaked))
    assert soaked.counted.caller["failures"] == 0, _told(soaked)
    assert not soaked.changed, f"started or ended meanwhile: {soaked.changed}"
    # a minute is less than topos keeps its rows (3 min) and rtpengine its answers (1 min; 4 kB a call):
    # memory cannot be level yet, and only a leak of another order shows
    calls = soaked.counted.caller["attempts"]
    assert max(growth.grown / calls for growth in soaked.growth.values()) < MOST_BYTES_A_CALL, _told(soaked)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_ten_minutes_at_seventy_percent(capsys: pytest.CaptureFixture[str]) -> None:
    soaked = _soaked(LONG_S, rate=None)
    with capsys.disabled():
        print(_told(soaked))
    assert soaked.highest_rate is not None, "no rate at all was clean"
    assert soaked.counted.caller["failures"] == 0, _told(soaked)
    assert not soaked.changed, f"started or ended meanwhile: {soaked.changed}"
    assert max(growth.share for growth in soaked.growth.values()) <= 0.02, _told(soaked)
