"""A node that grants five seconds at a time, and on whose one trunk no call may last longer than eight."""

from collections.abc import Iterator

import pytest

from wire.conftest import EXAMPLE, Node, start_node, stop_node

GRANT_S, MAX_CALL_S = 5, 8


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    config = EXAMPLE.read_text(encoding="utf-8")
    config = config.replace("  gates: 2\n", f"  gates: 2\n  grant_s: {GRANT_S}\n")
    config = config.replace(
        "        client_certificate: issued\n",
        f"        client_certificate: issued\n        max_call_s: {MAX_CALL_S}\n",
    )
    assert config.count(f"grant_s: {GRANT_S}\n") == config.count(f"max_call_s: {MAX_CALL_S}\n") == 1
    running = start_node(config)
    yield running
    stop_node(running)
