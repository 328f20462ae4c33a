"""Outbound HTTPS stays within its limits, whatever the other side does; on a real connection."""

import http.server
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests

from sipkit.certificates import ThrowawayAuthority
from trunkward.fetch.guard import Guard, Guarded, guarded_session


class Answers(http.server.BaseHTTPRequestHandler):
    """One path for each way to misbehave."""

    def do_GET(self) -> None:
        match self.path:
            case "/large":
                self.answer(200, b"x" * 5000)
            case "/slow":
                self.send_response(200)
                self.end_headers()
                for _ in range(100):
                    try:
                        self.wfile.write(b"x" * 20_000)
                        time.sleep(0.02)
                    except OSError:
                        break
            case "/elsewhere":
                self.answer(302, b"", location="https://192.0.2.1/")
            case "/compressed":
                self.answer(200, b"", content_encoding="gzip")
            case "/chunked":
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"4\r\ngood\r\n0\r\n\r\n")
            case "/refused":
                self.answer(429, b"{}", retry_after="120")
            case _:
                self.answer(200, b"good")

    def answer(self, status: int, body: bytes, **fields: str) -> None:
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> ThrowawayAuthority:
    return ThrowawayAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def url(authority: ThrowawayAuthority) -> Iterator[str]:
    credential = authority.issue("127.0.0.1")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(credential.certificate, credential.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def dripping(authority: ThrowawayAuthority, at: str) -> Iterator[str]:
    """A URL whose server goes on for ever with a byte now and then: in the handshake, the head or a body."""
    credential, over = authority.issue("127.0.0.1"), threading.Event()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(credential.certificate, credential.key)
    door = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            said, _ = door.accept()
            with said:
                if at == "silence":
                    over.wait(30)
                    return
                if at == "handshake":  # a record of 16 kB begins
                    drip(said, b"\x16\x03\x03\x40\x00")
                    return
                with context.wrap_socket(said, server_side=True) as secured:
                    secured.recv(65536)
                    drip(secured, BEGINNINGS[at])

    def drip(said: socket.socket, beginning: bytes) -> None:
        said.sendall(beginning)
        while not over.wait(0.02):
            said.sendall(b"x")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"https://127.0.0.1:{door.getsockname()[1]}"
    finally:
        over.set()
        door.close()
        thread.join()


#: What is right so far, and goes on with a byte now and then.
BEGINNINGS = {
    "head": b"HTTP/1.1 200 OK\r\nX-A: ",
    "body": b"HTTP/1.1 200 OK\r\n\r\n",
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30D40\r\n",
}


@pytest.mark.parametrize("at", ["silence", "handshake", *BEGINNINGS])
def test_who_sends_a_byte_now_and_then_is_left_at_the_deadline(
    at: str, authority: ThrowawayAuthority
) -> None:
    """It would go on for ever: that this ends at all is what is shown."""
    with dripping(authority, at) as url, pytest.raises(Guarded, match=r"takes more than 0\.2 s"):
        get(Guard(url, answer_s=0.2), url, authority.trust)


def test_who_takes_a_byte_now_and_then_is_left_too(authority: ThrowawayAuthority) -> None:
    """Summary: What is sent counts as well: 64 MB, of which nobody reads but a buffer full."""
    body = bytes(64 * 1024 * 1024)
    with (
        dripping(authority, "head") as url,
        guarded_session(Guard(url, answer_s=0.5)) as session,
        pytest.raises(Guarded, match="takes more than"),
    ):
        session.post(url, data=body, verify=str(authority.trust))


def test_a_name_nobody_answers_for_is_left_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(30) and [])
    trust, url = ThrowawayAuthority(tmp_path).trust, "https://cert.example.com/"
    try:
        with pytest.raises(Guarded, match="takes more than"):
            get(Guard(url, answer_s=0.1), url, trust)
    finally:
        over.set()


def get(guard: Guard, url: str, trust: Path) -> requests.Response:
    with guarded_session(guard) as session:
        return session.get(url, verify=str(trust))


def test_what_is_within_the_limits(url: str, authority: ThrowawayAuthority) -> None:
    guard = Guard(url)
    answer = get(guard, f"{url}/", authority.trust)
    assert (answer.status_code, answer.text) == (200, "good")
    assert get(guard, f"{url}/chunked", authority.trust).text == "good"
    assert get(guard, f"{url}/refused", authority.trust).status_code == 429
    assert guard.retry_after == "120"


REFUSED = {
    "/large": "more than 1000 bytes",
    "/slow": "takes more than",
    "/elsewhere": "redirects to https://192.0.2.1/",
    "/compressed": "compressed",
}


@pytest.mark.parametrize("path", REFUSED)
def test_what_is_not(path: str, url: str, authority: ThrowawayAuthority) -> None:
    guard = Guard(url, max_bytes=1000 if path == "/large" else 10**9, answer_s=0.1 if path == "/slow" else 30)
    with pytest.raises(Guarded, match=REFUSED[path]):
        get(guard, url + path, authority.trust)


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://127.0.0.2/",
        "https://user@127.0.0.1/",
        "https://127.0.0.1:1/",
    ],
)
def test_nobody_sends_it_elsewhere(elsewhere: str, url: str, authority: ThrowawayAuthority) -> None:
    with pytest.raises(Guarded):
        get(Guard(url), elsewhere, authority.trust)


def test_it_has_no_way_out_without_tls(url: str, authority: ThrowawayAuthority) -> None:
    with pytest.raises(requests.exceptions.InvalidSchema):
        get(Guard(url), url.replace("https", "http"), authority.trust)
    with pytest.raises(Guarded):
        Guard("http://127.0.0.1/")


def test_a_chain_that_leads_elsewhere_ends_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        get(Guard(url), url, ThrowawayAuthority(tmp_path).trust)


def test_the_environment_has_no_say(
    url: str, authority: ThrowawayAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://192.0.2.1:3128")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    assert get(Guard(url), url, authority.trust).text == "good"
