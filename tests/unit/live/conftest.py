"""A real Valkey for the room that speaks to it: a process of the tests, on a unix socket."""

from collections.abc import Iterator

import pytest

from sipkit.valkey import OwnValkey


@pytest.fixture(scope="module")
def valkey() -> Iterator[OwnValkey]:
    """One for each module."""
    running = OwnValkey()
    yield running
    running.close()


@pytest.fixture
def own() -> Iterator[OwnValkey]:
    """One for each test, which may do with it what it likes."""
    running = OwnValkey()
    yield running
    running.close()
