"""A node whose trunk registers, for a file of tests."""

from collections.abc import Iterator

import pytest

from wire.conftest import Node, start_node, stop_node
from wire.registration.pbx import CONFIG


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    running = start_node(CONFIG)
    yield running
    stop_node(running)
