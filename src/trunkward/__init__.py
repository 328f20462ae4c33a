"""Trunkward: the session border, identity service and evidence room of a voice provider."""

import gc

__version__ = "0.1.0"

# What a process loads at its start stays, and judging or signing a call makes no cycles. Python would look
# for garbage again and again, which takes a twelfth of the start; looking seldom, a process keeps what some
# tens of thousands of objects in cycles take.
gc.set_threshold(50_000)
