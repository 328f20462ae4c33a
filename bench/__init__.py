"""Measurements of a node beside a bare Kamailio proxy: same machine, same load generator, one run after
another."""

import sys
from pathlib import Path

#: The test toolkit that makes the load lives with the tests.
TOOLKIT = Path(__file__).resolve().parent.parent / "tests"
if str(TOOLKIT) not in sys.path:
    sys.path.insert(0, str(TOOLKIT))
