"""A node with an address of each IP version, whose name has in DNS that of version 6 alone."""

import shutil
from collections.abc import Iterator

import pytest

from wire.certificates.conftest import LIFETIME_S, certificate_from, shown, wait_until
from wire.certificates.pebble import Pebble
from wire.certificates.test_acme import NAME, issued_last, shows
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.network.addresses import SBC6, put_on_loopback


@pytest.fixture(scope="module")
def authority() -> Iterator[Pebble]:
    put_on_loopback()
    running = Pebble(lifetime_s=LIFETIME_S, node_address6=SBC6.host)
    try:
        running.start()
        yield running
    finally:
        running.close()
        shutil.rmtree(running.directory, ignore_errors=True)


@pytest.fixture(scope="module")
def node(authority: Pebble) -> Iterator[Node]:
    both = f'[127.0.0.10, "{SBC6.host}"]'
    text = EXAMPLE.read_text(encoding="utf-8")
    for old, new in (
        # Pebble looks at several addresses in one order, and then finds them in no request
        ("  contact_host: 127.0.0.10\n", f"  contact_host: {NAME}\n"),
        (
            "  address: 127.0.0.10\n  tls_port: 5061\n",
            f"  address: {both}\n{certificate_from(authority)}",
        ),
        ("    address: 127.0.0.10\n    ports", "    ports"),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    running = start_node(text)
    yield running
    stop_node(running)


def test_an_authority_that_looks_over_ipv6_is_answered(node: Node, authority: Pebble) -> None:
    """Summary: the node's name proved by HTTP-01 over IPv6, which is all DNS has of it: peers see the certificate."""
    try:
        wait_until(lambda: shown(node)["server"]["until"], "a certificate")
    finally:
        print(f"{node.log('acme')[-3000:]}\n{authority.log.read_text(errors='replace')[-3000:]}")
    wait_until(lambda: shows(authority.root, issued_last(node)), "the certificate to be shown")
