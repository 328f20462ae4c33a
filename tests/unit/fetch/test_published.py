"""A published chain is looked at as verifiers do: what they would refuse, or take for another, is not there."""

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sipkit.certificates import ThrowawayAuthority
from sipkit.hooks import context
from trunkward.fetch.published import MAX_BYTES, NotPublished, look_at

CHAIN = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
NAME = "cert.example.com"


@dataclass
class Web:
    """A web server for one name, at an address its certificate does not have."""

    port: int
    trust: Path
    status: int = 200
    body: bytes = CHAIN
    kind: str = "application/pem-certificate-chain"
    location: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)

    def url(self, name: str = NAME) -> str:
        return f"https://{name}:{self.port}/1.pem"

    def look(self, name: str = NAME) -> str:
        return look_at(self.url(name), CHAIN, self.trust, "127.0.0.1")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> ThrowawayAuthority:
    return ThrowawayAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def web(authority: ThrowawayAuthority) -> Iterator[Web]:
    class Gives(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append((self.headers["Host"], self.path))
            self.send_response(made.status)
            if made.location:
                self.send_header("Location", made.location)
            self.send_header("Content-Type", made.kind)
            self.send_header("Content-Length", str(len(made.body)))
            self.end_headers()
            self.wfile.write(made.body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gives)
    server.daemon_threads = True
    server.socket = context(authority.issue(NAME)).wrap_socket(server.socket, server_side=True)
    made = Web(port=server.server_port, trust=authority.trust)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_it_is_there(web: Web) -> None:
    assert web.look() == "application/pem-certificate-chain"
    assert web.asked == [(f"{NAME}:{web.port}", "/1.pem")]


def test_what_it_is_called_there_is_told(web: Web) -> None:
    web.kind = "Application/X-X509-CA-Cert; charset=utf-8"
    assert web.look() == "application/x-x509-ca-cert"


def test_the_name_of_the_url_is_looked_for_in_the_certificate_whatever_the_address(web: Web) -> None:
    with pytest.raises(NotPublished, match=r"other\.example\.com"):
        web.look("other.example.com")
    assert web.asked == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"status": 404}, "answers 404"),
        ({"status": 302, "location": "https://cert.example.com/2.pem"}, "redirects to"),
        ({"body": CHAIN + CHAIN}, "something else than this chain"),
        ({"body": b""}, "something else than this chain"),
        ({"body": b"x" * (MAX_BYTES + 1)}, f"more than {MAX_BYTES} bytes"),
    ],
)
def test_what_is_not_it(web: Web, changed: dict[str, object], said: str) -> None:
    for name, value in changed.items():
        setattr(web, name, value)
    with pytest.raises(NotPublished, match=said):
        web.look()


def test_another_authority_s_server(web: Web, tmp_path: Path) -> None:
    web.trust = ThrowawayAuthority(tmp_path).trust
    with pytest.raises(NotPublished, match="certificate verify failed"):
        web.look()
