"""Records as fast as they come, with retention and changes of configuration meanwhile: the short form of `bench records`."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.alone

ROOT = Path(__file__).parents[3]


def test_nothing_lags_is_lost_or_locked() -> None:
    """Summary: 100 calls/s for 8 s through the real worker, old calls deleted, a new configuration every 2 s: all there once."""
    ran = subprocess.run(
        [sys.executable, "-m", "bench", "records", "--rate", "100", "--seconds", "8", "--apply-every", "2"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    print(ran.stdout)
    assert ran.returncode == 0, ran.stdout + ran.stderr
