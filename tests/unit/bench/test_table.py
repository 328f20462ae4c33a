"""The bench's report compares round by round."""

from bench.measure import Measured, Run
from bench.record import load
from bench.table import tables

RATES = (50.0, 100.0)


def counted(cpu_ms: float, p99_ms: float) -> Run:
    spread = {"p50": 1.0, "p99": p99_ms}
    caller = {
        "answered": 100, "failures": 0, "refused": {}, "invite_timeouts": 0, "bye_timeouts": 0,
        "to_carrier_ms": spread, "to_answer_ms": spread, "bye_ms": spread, "lateness_ms": spread,
    }  # fmt: skip
    return Run(caller=caller, cpu_s={"kamailio": cpu_ms / 10}, processes_changed=False)


def system(title: str, *rounds: tuple[float, float]) -> Measured:
    runs = [counted(*one) for one in rounds]
    return Measured(title=title, tls="TLSv1.3", runs=dict.fromkeys(RATES, runs))


def test_a_machine_that_slows_down_does_not_change_the_ratio() -> None:
    # every round is slower than the one before, for both alike: 4 times, and 3 ms more
    bare = system("bare proxy", (1.0, 1.0), (2.0, 2.0), (3.0, 3.0))
    node = system("node", (4.0, 4.0), (8.0, 5.0), (12.0, 6.0))
    report = tables([bare, node], load(*RATES, rounds=3))
    assert report.count("| **ratio to the first** | **1.00** | **4.00** |") == len(RATES)
    assert report.count("| INVITE to the carrier, p99 ms | 2.00 | 5.00 (+3.00) |") == len(RATES)
    assert "at 50 calls/s" in report
    assert "at 100 calls/s" in report


def test_what_went_wrong_is_remarked() -> None:
    bare, node = system("bare proxy", (1.0, 1.0)), system("node", (4.0, 4.0))
    node.carrier = [{"invites": 3, "acks": 3}, {"invites": 3, "acks": 2}]
    node.idle = [{"alive": 999}]
    node.highest_rate = 120.4
    report = tables([bare, node], load(*RATES))
    assert "Highest clean rate, calls/s: node 120." in report
    assert report.count("the carrier missed acknowledgements") == 1
    assert "'alive': 999" in report
