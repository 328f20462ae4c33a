"""Whoever is told: an HTTPS server that takes webhooks, and a mail server, both on real sockets."""

import http.server
import socket
import ssl
import subprocess
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message

from sipkit.certificates import Credential

type Hook = tuple[dict[str, str], bytes]


@dataclass
class Hooks:
    """What a webhook was sent, and what it answers, one after the other (200 when nothing is left)."""

    url: str = ""
    received: list[Hook] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)


def context(credential: Credential) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(credential.certificate, credential.key)
    return made


@contextmanager
def https_server(credential: Credential, host: str = "127.0.0.1") -> Iterator[Hooks]:
    """Listens until the block ends."""
    hooks = Hooks()

    class Takes(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hooks.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(hooks.answers.pop(0) if hooks.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            hooks.arrived.set()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer((host, 0), Takes)
    server.daemon_threads = True
    server.socket = context(credential).wrap_socket(server.socket, server_side=True)
    hooks.url = f"https://{host}:{server.server_port}/hooks/money"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield hooks
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def openssl_signature(secret: str, hook: Hook) -> str:
    """What a receiver computes, by OpenSSL's own hands: `v1,` and HMAC-SHA256 over id, timestamp and body."""
    headers, body = hook
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = b64decode(secret.removeprefix("whsec_")).hex()
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key}", "-binary"],
        input=signed,
        capture_output=True,
        check=True,
    )
    return f"v1,{b64encode(done.stdout).decode()}"


@dataclass
class Mails:
    """What a mail server was told."""

    host: str = "127.0.0.1"
    port: int = 0
    #: Commands that came before TLS.
    in_clear: list[str] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    #: Answers to the first mails; then 250.
    answers: list[str] = field(default_factory=list)


@contextmanager
def smtp_server(credential: Credential, *, starttls: bool, offers_tls: bool = True) -> Iterator[Mails]:
    """As much of RFC 5321 as a client needs, with STARTTLS (RFC 3207) or TLS from the first byte."""
    mails, listener = Mails(), socket.create_server(("127.0.0.1", 0))
    mails.port = listener.getsockname()[1]

    def serve(connection: socket.socket, open_now: ExitStack) -> None:
        secure = not starttls
        if secure:
            connection = open_now.enter_context(context(credential).wrap_socket(connection, server_side=True))
        lines = open_now.enter_context(connection.makefile("rb"))

        def say(text: str) -> None:
            connection.sendall(f"{text}\r\n".encode())

        say("220 mail.example.com")
        while line := lines.readline().decode().strip():
            if not secure:
                mails.in_clear.append(line.split()[0])
            match line.upper().split(":")[0].split(" ")[0]:
                case "EHLO":
                    more = ["STARTTLS"] if offers_tls and not secure else ["AUTH PLAIN"] if secure else []
                    said = ["mail.example.com", *more]
                    for index, one in enumerate(said):
                        say(f"250{' ' if index == len(said) - 1 else '-'}{one}")
                case "STARTTLS":
                    say("220 go on")
                    connection = open_now.enter_context(
                        context(credential).wrap_socket(connection, server_side=True)
                    )
                    lines, secure = open_now.enter_context(connection.makefile("rb")), True
                case "AUTH":
                    mails.logins.append(b64decode(line.split()[-1]).decode())
                    say("235 yes")
                case "MAIL":
                    mails.senders.append(line)
                    say("250 yes")
                case "RCPT":
                    mails.recipients.append(line)
                    say("250 yes")
                case "DATA":
                    say("354 go on")
                    data = b""
                    while not data.endswith(b"\r\n.\r\n"):
                        if not (more_data := lines.readline()):
                            return  # it has gone in the middle
                        data += more_data
                    answer = mails.answers.pop(0) if mails.answers else "250 taken"
                    if answer.startswith("250"):
                        mails.messages.append(message_from_bytes(data[:-3]))
                    say(answer)
                case "QUIT":
                    say("221 bye")
                    return
                case _:
                    say("250 yes")

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=quietly, args=(connection,), daemon=True).start()

    def quietly(connection: socket.socket) -> None:
        with suppress(OSError), ExitStack() as open_now:
            serve(open_now.enter_context(connection), open_now)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield mails
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
