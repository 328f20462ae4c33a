"""The limit of open files: what is wanted where it can be had, else what there is."""

import resource

import pytest

from trunkward.engines.kamailio import MAX_CONNECTIONS
from trunkward.engines.open_files import WANTED, open_files


@pytest.mark.parametrize(
    ("hard", "may_raise", "limit"),
    [
        (1_048_576, True, WANTED),
        (resource.RLIM_INFINITY, False, WANTED),
        (WANTED, False, WANTED),
        (4096, True, WANTED),
        (4096, False, 4096),
    ],
)
def test_the_limit(monkeypatch: pytest.MonkeyPatch, hard: int, may_raise: bool, limit: int) -> None:
    asked: list[tuple[int, int]] = []

    def setrlimit(_: int, limits: tuple[int, int]) -> None:
        if not may_raise:
            raise ValueError("not allowed to raise maximum limit")
        asked.append(limits)

    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, hard))
    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    assert open_files() == limit
    # the soft limit stays: the supervisor raises it for what it starts
    assert asked == ([(1024, WANTED)] if hard == 4096 and may_raise else [])


def test_it_holds_every_connection() -> None:
    assert WANTED >= MAX_CONNECTIONS + 1024
