"""`./trunkward bench [signalling|record|configuration|swap] OPTIONS` and `python -m bench`."""

import sys

from bench import configuration, swap
from bench.run import main

_OTHERS = {"configuration": configuration.main, "swap": swap.main}

other = _OTHERS.get(sys.argv[1]) if len(sys.argv) > 1 else None
sys.exit(other(sys.argv[2:]) if other else main())
