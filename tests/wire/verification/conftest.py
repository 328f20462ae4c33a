"""A node whose carriers sign their calls, with certificate hosts at addresses of the documentation range.

They listen on port 443 of addresses of their own, as in life: the namespace is the tests' own. The carriers'
certificates come from the node's own test authority, which is whom a laboratory trusts.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sipkit.certificate_host import CertificateHost
from sipkit.certificates import Credential, ThrowawayAuthority
from sipkit.nameserver import NameServer
from sipkit.provider import Provider
from sipkit.transport import Address
from wire.conftest import EXAMPLE, Node, start_node, stop_node

DNS = Address(host="127.0.0.53", port=5353)
#: One that answers, one that takes connections and says nothing, one where nobody is. They stay on the loopback of
#: whoever runs these tests, so no other tests may have nodes there.
HOST, SILENT, NOBODY = "192.0.2.10", "192.0.2.11", "192.0.2.12"
NAMES = {"certificates.example.net": HOST, "silent.example.net": SILENT, "nobody.example.net": NOBODY}
#: Names that lead where no certificate is to be fetched from, by what they are called.
INSIDE = {
    "loopback.example.net": ("A", "127.0.0.1"),
    "six.example.net": ("AAAA", "::1"),
    "mapped.example.net": ("AAAA", "::ffff:192.0.2.10"),
    "private.example.net": ("A", "10.0.0.1"),
    "metadata.example.net": ("A", "169.254.169.254"),
}
#: Names of one who has as many as he likes, all of a host that never answers.
EVIL = tuple(f"evil{number}.example.net" for number in range(80))
WEST = Address(host="127.0.0.1", port=25071)
#: Where the connections of each trunk in transit leave from.
FROM = {"upstream": "127.0.0.4", "strict": "127.0.0.6", "abroad": "127.0.0.5"}
TRUNKS = f"""\
  - name: carriers-in-transit
    trunks:
      - name: upstream
        networks: [{FROM["upstream"]}/32]
        client_certificate: issued
        role: intermediate
        verification: {{failed: mark}}
      - name: strict
        networks: [{FROM["strict"]}/32]
        client_certificate: issued
        role: intermediate
        verification: {{missing: refuse, failed: refuse}}
      - name: abroad
        networks: [{FROM["abroad"]}/32]
        client_certificate: issued
        role: gateway

carriers:
"""
CARRIERS = """
  - name: west
    hosts: [127.0.0.1:25071]
    transport: tls
    prefixes: ["+1404"]
    networks: [127.0.0.1/32]
    tls_names: [west.example.net]
    trusted: false
    verification: {missing: refuse, failed: refuse}

  - name: hasty
    hosts: [127.0.0.1:25072]
    transport: tls
    prefixes: ["+1505"]
    networks: [127.0.0.1/32]
    tls_names: [hasty.example.net]
    verification: {failed: pass, wait_ms: 0}
"""


def put_on_loopback() -> None:
    """Idempotent; the namespace goes with the tests."""
    for address in (HOST, SILENT, NOBODY):
        subprocess.run(
            ["ip", "addr", "replace", f"{address}/32", "dev", "lo"], check=True, capture_output=True
        )


@dataclass
class Verified:
    """The node, and what stands around it."""

    node: Node
    dns: NameServer
    web: ThrowawayAuthority
    credential: Credential
    authority: tuple[ec.EllipticCurvePrivateKey, x509.Certificate]
    _count: int = field(default=0)

    def provider(self, host: str = "certificates.example.net", spc: str = "709J") -> Provider:
        """A provider of its own, with a URL nobody has asked for."""
        self._count += 1
        return Provider(spc, url=f"https://{host}/{self._count}.pem", authority=self.authority)

    def host(self) -> CertificateHost:
        """The certificate host, to be entered."""
        return CertificateHost(Address(host=HOST, port=443), self.credential)


def path_of(provider: Provider) -> str:
    """Where its chain is on its host."""
    return "/" + provider.url.rsplit("/", 1)[1]


def config(ca: Path, more: str = "") -> str:
    """The node file."""
    added = (
        f"  gates: 2\n  resolvers: ['{DNS}']\n"
        f"  verification: {{ca: {ca}, unsafe_networks: ['192.0.2.0/24']}}\n{more}"
    )
    text = EXAMPLE.read_text(encoding="utf-8").replace("  gates: 2\n", added)
    return text.replace("\ncarriers:\n", TRUNKS, 1) + CARRIERS


@pytest.fixture(scope="module")
def dns() -> Iterator[NameServer]:
    records = [(name, "A", address) for name, address in NAMES.items()]
    records += [(name, kind, address) for name, (kind, address) in INSIDE.items()]
    records += [(name, "A", SILENT) for name in EVIL]
    with NameServer(DNS, records) as server:
        yield server


@pytest.fixture(scope="module")
def verified(dns: NameServer) -> Iterator[Verified]:
    put_on_loopback()
    with tempfile.TemporaryDirectory(prefix="tw-web-", dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        web = ThrowawayAuthority(Path(directory))
        credential = web.issue("certificates.example.net", hosts=tuple({**NAMES, **INSIDE}))
        running = start_node(config(web.trust))
        try:
            yield Verified(running, dns, web, credential, authority_of(running))
        finally:
            stop_node(running)


def authority_of(node: Node) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """The node's own test authority: key and certificate."""
    pki = node.state / "pki"
    key = load_pem_private_key((pki / "authority" / "shaken.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key, x509.load_pem_x509_certificate((pki / "shaken-ca.pem").read_bytes())
