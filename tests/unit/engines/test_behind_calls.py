"""What takes seconds stands back behind calls, and what waits for it does not."""

import os
import threading

import pytest

from trunkward.engines.behind_calls import NICE, done_behind


def _nice() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_it_runs_behind_and_gives_what_it_found() -> None:
    before = _nice()
    assert done_behind(_nice) == min(before + NICE, 19)
    assert _nice() == before


def test_what_it_raises_is_raised_to_who_waits() -> None:
    def work() -> None:
        raise ValueError("not a deck")

    with pytest.raises(ValueError, match="not a deck"):
        done_behind(work)
