"""A node whose one trunk may spend little, by a deck that charges each second begun, and a grant of eight seconds."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from trunkward.live import money
from trunkward.live.ask import NotAnswered, Valkey
from wire.conftest import EXAMPLE, Node, start_node, stop_node

GRANT_S = 8
#: Seconds a grant pays for beyond its own (`admission.money.RELEASE_S`).
RELEASE_S = 15
#: Ten cents a second: what a call's first slice costs, and what two of them and one second more may.
SECOND = 100_000
SLICE = (GRANT_S + RELEASE_S) * SECOND
CAP = 2 * SLICE + SECOND
#: Seconds in which a settlement is in the ledger: long before anybody takes its call for lost.
SETTLED_S = 15.0
#: The host of the example's first carrier.
NORTH = "127.0.0.31:25061"
DECK = "prefix,rate,increments\n1202,6.00,1/1\n"


def config(spend: str, more: str = "", hosts: str = NORTH) -> str:
    """The example with these caps of its one trunk, its tenant's calls sold by a deck.

    `more` lines of `node`; `hosts` of its first carrier.
    """
    text = EXAMPLE.read_text(encoding="utf-8")
    text = text.replace("  - name: acme\n", "  - name: acme\n    deck: retail\n", 1)
    text = text.replace("  gates: 2\n", f"  gates: 2\n  grant_s: {GRANT_S}\n{more}", 1)
    issued = "        client_certificate: issued\n"
    caps = f"        spend: {spend}\n"
    text = text.replace(f"hosts: [{NORTH}]", f"hosts: [{hosts}]")
    assert text.count(issued) == text.count("deck: retail") == 1
    return text.replace(issued, issued + caps)


@contextmanager
def node_with(spend: str, more: str = "", hosts: str = NORTH) -> Iterator[Node]:
    """Such a node, with its deck in force."""
    running = start_node(config(spend, more, hosts))
    try:
        file = running.home / "deck.csv"
        file.write_text(DECK, encoding="utf-8")
        done = running.trunkward("deck", "import", "retail", str(file), "--currency", "EUR")
        assert done.returncode == 0, done.stdout + done.stderr
        running.wait_ready()
        yield running
    finally:
        stop_node(running)


def grants(node: Node) -> bool:
    """Whether its ledger is not frozen."""
    who = "worker"
    with suppress(NotAnswered), Valkey(node.paths.valkey, who, node.paths.valkey_secret(who)) as valkey:
        return money.watched(valkey.ask(*money.watch(GRANT_S + RELEASE_S, None))).frozen_ms == 0
    return False


def lose_the_ledger(node: Node) -> None:
    """Valkey is killed, and comes back without its file."""
    supervisor, valkey = int((node.run / "supervisor.pid").read_text()), node.pid("valkey")
    os.kill(supervisor, signal.SIGSTOP)
    try:
        os.kill(valkey, signal.SIGKILL)
        shutil.rmtree(node.paths.valkey_data / "aof")
    finally:
        os.kill(supervisor, signal.SIGCONT)
