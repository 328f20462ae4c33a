"""A real PBX behind an address that changes: baresip by its certificate, from whatever network."""

import json

import pytest

from wire.conftest import EXAMPLE, start_node, stop_node


@pytest.mark.timeout(180)
def test_baresip_by_its_certificate_alone() -> None:
    """Summary: call-test's real calls (baresip, its certificate, no network demanded) pass, out and in."""
    text = EXAMPLE.read_text(encoding="utf-8").replace(
        "        networks: [127.0.0.1/32, 127.0.0.21/32]\n", "        identified_by: [certificate]\n"
    )
    node = start_node(text)
    try:
        # real talk, one call after the other: nearly a minute on a machine with nothing else to do
        done = node.trunkward("call-test", "--json", within_s=150)
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)
    finally:
        stop_node(node)
