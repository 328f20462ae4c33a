"""A node with two trunks of one tenant that stand in for each other, and a TLS carrier that is not trusted."""

from collections.abc import Iterator

import pytest

from sipkit.transport import Address
from wire.conftest import EXAMPLE, Node, start_node, stop_node

BRANCH = Address(host="127.0.0.22", port=15062)
WEST = Address(host="127.0.0.1", port=25071)
WEST_NUMBER, BRANCH_NUMBER, SHARED_NUMBER = "+14045550177", "+12025550111", "+12025550103"

BRANCH_TRUNK = f"""\
      - name: acme-branch
        networks: [127.0.0.2/32]
        client_certificate: issued
        numbers: ["{BRANCH_NUMBER}"]
        host: {BRANCH}
        tls_names: [branch.acme.example.com]
        dial_plan: {{country: "39", tech_prefix: "9"}}
        caller: {{forwarded: true}}
        diversion: own
        failover: [acme-hq]
        limits: {{calls: 2}}

carriers:
"""
WEST_CARRIER = f"""
  - name: west
    hosts: [{WEST}]
    transport: tls
    prefixes: ["+1404"]
    networks: [127.0.0.1/32]
    tls_names: [west.example.net]
    trusted: false
"""


def numbers_node() -> str:
    """The node file."""
    text = EXAMPLE.read_text(encoding="utf-8").replace("\ncarriers:\n", BRANCH_TRUNK, 1) + WEST_CARRIER
    shared = f'          - {{number: "{SHARED_NUMBER}", failover: [acme-branch]}}\n'
    return text.replace(f'          - "{SHARED_NUMBER}"\n', shared, 1)


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """Such a node."""
    running = start_node(numbers_node())
    yield running
    stop_node(running)
