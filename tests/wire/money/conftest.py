"""A node whose one trunk may spend little, by a deck that charges each second begun, and a grant of eight seconds."""

from collections.abc import Iterator
from contextlib import contextmanager

from wire.conftest import EXAMPLE, Node, start_node, stop_node

GRANT_S = 8
#: Seconds a grant pays for beyond its own (`admission.money.RELEASE_S`).
RELEASE_S = 15
#: Ten cents a second: what a call's first slice costs, and what two of them and one second more may.
SECOND = 100_000
SLICE = (GRANT_S + RELEASE_S) * SECOND
CAP = 2 * SLICE + SECOND
DECK = "prefix,rate,increments\n1202,6.00,1/1\n"


def config(spend: str, more: str = "") -> str:
    """The example with these caps of its one trunk, its tenant's calls sold by a deck; `more` lines of `node`."""
    text = EXAMPLE.read_text(encoding="utf-8")
    text = text.replace("  - name: acme\n", "  - name: acme\n    deck: retail\n", 1)
    text = text.replace("  gates: 2\n", f"  gates: 2\n  grant_s: {GRANT_S}\n{more}", 1)
    issued = "        client_certificate: issued\n"
    caps = f"        spend: {spend}\n"
    assert text.count(issued) == text.count("deck: retail") == 1
    return text.replace(issued, issued + caps)


@contextmanager
def node_with(spend: str, more: str = "") -> Iterator[Node]:
    """Such a node, with its deck in force."""
    running = start_node(config(spend, more))
    try:
        file = running.home / "deck.csv"
        file.write_text(DECK, encoding="utf-8")
        done = running.trunkward("deck", "import", "retail", str(file), "--currency", "EUR")
        assert done.returncode == 0, done.stdout + done.stderr
        running.wait_ready()
        yield running
    finally:
        stop_node(running)
