"""In which order an upgrade moves parts: no signer is ever of a later version than a gate."""

import pytest

from trunkward.cli.upgrade import _in_order
from trunkward.engines.supervisor import Program

PROGRAMS = [
    Program(name=name, user="root", command=[], priority=priority)
    for name, priority in (
        ("signer", 20),
        ("kamailio", 50),
        ("signer-resale", 20),
        ("gate-0", 40),
        ("worker", 30),
        ("gate-1", 40),
    )
]
OTHERS = ["worker", "gate-0", "gate-1", "kamailio"]
SIGNERS = ["signer", "signer-resale"]


@pytest.mark.parametrize(("back", "order"), [(False, OTHERS + SIGNERS), (True, SIGNERS + OTHERS)])
def test_signers_go_last_and_come_back_first(*, back: bool, order: list[str]) -> None:
    assert [program.name for program in _in_order(PROGRAMS, back=back)] == order
