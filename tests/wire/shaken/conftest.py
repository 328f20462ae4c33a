"""A node with a provider in transit, one from abroad, a customer who diverts, and a second carrier over UDP."""

from collections.abc import Iterator

import pytest

from sipkit.transport import Address
from wire.conftest import EXAMPLE, Node, start_node, stop_node

BRANCH = Address(host="127.0.0.22", port=15062)
SPARE = Address(host="127.0.0.42", port=35061)
#: Where the connections of each trunk leave from.
FROM_BRANCH, FROM_UPSTREAM, FROM_ABROAD = "127.0.0.2", "127.0.0.4", "127.0.0.5"
#: Numbers of the trunk that diverts, in the order in which a call goes through them.
DIVERTING = tuple(f"+1202555011{digit}" for digit in range(1, 7))
FOREIGN = "+12125550150"

_TRUNKS = f"""\
      - name: acme-branch
        networks: [{FROM_BRANCH}/32]
        client_certificate: issued
        numbers: {list(DIVERTING)}
        host: {BRANCH}
        tls_names: [branch.acme.example.com]
        caller: {{forwarded: true}}
        rcd: {{name: Example Corp, reason: Deliveries, reviewed: 2026-11-20}}
  - name: carriers-in-transit
    trunks:
      - name: upstream
        networks: [{FROM_UPSTREAM}/32]
        client_certificate: issued
        role: intermediate
      - name: abroad
        networks: [{FROM_ABROAD}/32]
        client_certificate: issued
        role: gateway

carriers:
"""
#: Takes what north does not, and the foreign numbers alone; not trusted.
_SPARE = f"""
  - name: spare
    hosts: [{SPARE}]
    transport: udp
    media: rtp
    prefixes: ["+1202", "+1404"]
    networks: [{SPARE.host}/32]
    trusted: false
"""


def signing_node() -> str:
    """The node file."""
    text = EXAMPLE.read_text(encoding="utf-8").replace("\ncarriers:\n", _TRUNKS, 1) + _SPARE
    # the main trunk's calls go to the branch when it does not take them
    return text.replace(
        "        tls_names: [pbx.acme", "        failover: [acme-branch]\n        tls_names: [pbx.acme", 1
    )


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """Such a node."""
    running = start_node(signing_node())
    yield running
    stop_node(running)
