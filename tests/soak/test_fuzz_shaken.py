"""Property 26: a million inputs for every parser of STIR/SHAKEN; none crashes, hangs, or takes over 10 ms of CPU.

The short form runs with every test; the long one is `./trunkward soak tests/soak/test_fuzz_shaken.py`.
"""

import os
from pathlib import Path

import pytest

from stirkit.fuzz import HEAD, PARSERS, fuzz

#: Inputs of the long form, for each parser; a shorter try-out says so here.
INPUTS = int(os.environ.get("TRUNKWARD_FUZZ_INPUTS", "1000000"))
#: A file that gets the line of each run, for keeping.
REPORT = os.environ.get("TRUNKWARD_SOAK_REPORT")


@pytest.mark.parametrize("name", PARSERS)
def test_thousands_of_inputs(name: str) -> None:
    found = fuzz(PARSERS[name], 3_000)
    assert not found.slow, f"over 10 ms of CPU three times: {found.slow[:3]}"
    assert found.taken, "no input at all was good enough to get through"


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", PARSERS)
def test_a_million_inputs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = fuzz(PARSERS[name], INPUTS, seed=2)
    with capsys.disabled():
        print(f"\n{HEAD}\n{found.line(name)}")
    if REPORT:
        with Path(REPORT).open("a") as file:
            file.write(found.line(name) + "\n")
    assert not found.slow, f"over 10 ms of CPU three times: {found.slow[:3]}"
