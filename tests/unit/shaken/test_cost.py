"""Property 28: what one core signs and verifies in a second. (Ratios to raw ECDSA: `./trunkward bench shaken`.)"""

import pytest
from bench.shaken import measured


@pytest.mark.alone
def test_rates_are_those_promised() -> None:
    for cost in measured(turns=20, acts=50):
        assert cost.rate >= cost.goal.rate, cost
