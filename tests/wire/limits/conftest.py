"""A node whose one trunk, tenant and reseller have few places, and a grant of four seconds."""

from collections.abc import Iterator

import pytest

from wire.conftest import EXAMPLE, Node, start_node, stop_node

GRANT_S = 4
#: By level: the trunk's are the fewest of calls in all, the tenant's of those abroad.
LIMITS = """resellers:
  - {name: west, limits: {calls: 5, classes: {toll-free: 1}}}

tenants:
  - name: acme
    reseller: west
    limits: {calls: 4, international: 1}
"""


def config(trunk: str) -> str:
    """The example with these levels; `trunk` are the limits of its one trunk."""
    text = EXAMPLE.read_text(encoding="utf-8")
    text = text.replace("tenants:\n  - name: acme\n", LIMITS, 1)
    text = text.replace("  gates: 2\n", f"  gates: 2\n  grant_s: {GRANT_S}\n", 1)
    # somebody who takes calls abroad, and to toll-free numbers
    text = text.replace('    prefixes: ["+1202"]', '    prefixes: ["+1202", "+44", "+1800"]', 1)
    issued = "        client_certificate: issued\n"
    more = f"        limits: {trunk}\n        destinations: {{allow: [US, GB]}}\n"
    assert text.count(issued) == text.count("- {name: west") == text.count('"+1800"') == 1
    return text.replace(issued, issued + more)


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """Three calls of the trunk, two of a number, and calls a second beyond what the tests place."""
    running = start_node(config("{calls: 3, per_second: 1000, number: {calls: 2}}"))
    yield running
    stop_node(running)
