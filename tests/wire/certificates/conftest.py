"""A node whose certificate comes from an ACME authority, and one carrier that issued us a client certificate."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sipkit.certificates import ThrowawayAuthority
from trunkward.engines.users import gid
from wire.certificates import pebble
from wire.certificates.pebble import Pebble
from wire.conftest import EXAMPLE, Node, start_node, stop_node

#: Seconds a certificate lives here: renewed after two thirds, with time to spare on a busy machine.
LIFETIME_S = 36

CERTIFICATE = """\
  certificate:
    acme:
      directory: {directory}
      terms_agreed: true
      contact: noc@example.com
      ca: {ca}
      external_account:
        key_id: {key_id}
        hmac_file: {hmac}
  tls_port: 5061
"""
CLIENT = """\
    ca: local
    client_certificate:
      files:
        chain: {chain}
        key: {key}
"""


class CarriersAuthority(ThrowawayAuthority):
    """What a carrier issues to its customers, and where a person keeps it."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "carrier's authority")
        self.chain, self.key = directory / "ours.pem", directory / "ours.key"
        self.renew()

    def renew(self) -> None:
        """A new pair in the place of the one before, as a person would: one file, then the other."""
        issued = self.issue("trunkward.carrier.example.net")
        for source, target in ((issued.certificate, self.chain), (issued.key, self.key)):
            part = target.with_name(target.name + ".new")
            shutil.copyfile(source, part)
            part.chmod(0o640)
            os.chown(part, 0, gid("tw-edge"))
            part.rename(target)


@pytest.fixture(scope="module")
def authority() -> Iterator[Pebble]:
    running = Pebble(lifetime_s=LIFETIME_S, node_address="127.0.0.10")
    try:
        running.start()
        yield running
    finally:
        running.close()
        shutil.rmtree(running.directory, ignore_errors=True)


@pytest.fixture(scope="module")
def carriers(authority: Pebble) -> CarriersAuthority:
    return CarriersAuthority(authority.directory / "carrier")


@pytest.fixture(scope="module")
def node(authority: Pebble, carriers: CarriersAuthority) -> Iterator[Node]:
    text = EXAMPLE.read_text(encoding="utf-8")
    for old, new in (
        ("  tls_port: 5061\n", certificate_from(authority)),
        ("    ca: local\n", CLIENT.format(chain=carriers.chain, key=carriers.key)),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    running = start_node(text)
    yield running
    stop_node(running)


def certificate_from(authority: Pebble) -> str:
    """Of a node file: the certificate by this authority, and the port."""
    hmac = authority.directory / "hmac"
    hmac.write_text(pebble.MAC_KEY + "\n")
    hmac.chmod(0o600)
    return CERTIFICATE.format(directory=pebble.DIRECTORY, ca=authority.trust, key_id=pebble.KEY_ID, hmac=hmac)


def shown(node: Node) -> dict[str, Any]:
    """What status says of the certificates peers see."""
    answer = node.trunkward("status", "--json")
    document: dict[str, Any] = json.loads(answer.stdout)["shown_certificates"]
    return document


def wait_until[T](found: Callable[[], T], what: str, within_s: float = 40.0) -> T:
    """Waits for something to become true."""
    end = time.monotonic() + within_s
    while not (value := found()):
        assert time.monotonic() < end, f"not within {within_s} s: {what}"
        time.sleep(0.1)
    return value
