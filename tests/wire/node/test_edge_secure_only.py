"""A node whose carriers all speak TLS."""

import socket

import pytest

from wire.conftest import EXAMPLE, start_node, stop_node
from wire.node.parties import SBC_PLAIN, SOUTH
from wire.node.probes import asked_from


def test_no_plain_listener_without_a_plain_carrier() -> None:
    """Summary: with no plain carrier declared nothing listens on 5060, neither UDP nor TCP."""
    config = EXAMPLE.read_text(encoding="utf-8")
    secure = config[: config.index("  - name: south")]
    node = start_node(secure)
    try:
        assert asked_from(SOUTH.host) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((SBC_PLAIN.host, SBC_PLAIN.port), 2)
        assert "127.0.0.10:5060" not in node.trunkward("status").stdout
    finally:
        stop_node(node)
