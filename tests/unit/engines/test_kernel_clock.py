"""The kernel's word on the clock, and that the gate takes it as it is."""

import pytest

from trunkward.admission.ports import Unavailable
from trunkward.engines import kernel_clock
from trunkward.engines.kernel_clock import ClockReading, read_clock
from trunkward.gate import clock


def test_this_machine_answers() -> None:
    reading = read_clock()
    assert reading is None or reading.maximum_error_s >= 0


@pytest.mark.parametrize(
    ("answered", "status", "offset", "synchronised", "offset_s"),
    [
        (0, 0x2001, 1_500_000, True, 0.0015),  # STA_PLL, STA_NANO: nanoseconds
        (0, 0x0001, 1_500_000, True, 1.5),  # microseconds
        (5, 0x2001, 0, False, 0.0),  # TIME_ERROR
        (0, 0x2040, 0, False, 0.0),  # STA_UNSYNC
    ],
)
def test_what_the_kernel_says(
    monkeypatch: pytest.MonkeyPatch,
    answered: int,
    status: int,
    offset: int,
    synchronised: bool,
    offset_s: float,
) -> None:
    class Libc:
        @staticmethod
        def adjtimex(pointer: object) -> int:
            state = pointer._obj  # type: ignore[attr-defined]
            state.status, state.offset, state.maxerror, state.esterror = status, offset, 2_000_000, 3_000
            return answered

    monkeypatch.setattr(kernel_clock, "_libc", Libc)
    assert read_clock() == ClockReading(
        synchronised=synchronised, offset_s=offset_s, estimated_error_s=0.003, maximum_error_s=2.0
    )


def test_a_kernel_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "read_clock", lambda: None)
    assert clock.KernelClock(trusted=False).synchronised() == Unavailable(
        what="clock", why="clock-state-unknown"
    )
    assert clock.KernelClock(trusted=True).synchronised() is True
